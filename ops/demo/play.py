"""Sends the scenes and follows them: their events from Kafka, their calls from the journal."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from events.messages.command_status import CommandIdReused
from events.wire.event_reader import PublishedEvent
from ops.demo.scenes import SOURCE, Scene
from ops.demo.stage import TOPICS, Stage
from worker.broker.admin import KafkaAdmin
from worker.broker.kafka_clients import KafkaConfig
from worker.broker.port import Ack
from worker.broker.sink import KafkaSink
from worker.clock import Clock
from worker.journal.database.sqlite.engine import SqliteEngine
from worker.journal.database.transactions import Transactions
from worker.journal.operator_journal import OperatorJournal
from worker.operators.sending.follow_events import events_after
from worker.operators.sending.genuine_events import PublishedEvents
from worker.operators.wording.message_types import short

COMMANDS, EVENTS, DEAD_LETTERS = TOPICS
PATIENCE: Final = 45.0
"""Limit in seconds for all scenes together."""
LOOK_EVERY: Final = 0.3


@dataclass(slots=True)
class Performance:
    """The progress of a scene."""

    number: int
    scene: Scene
    ack: Ack
    began: float
    events: list[PublishedEvent] = field(default_factory=list)
    seconds: float | None = None
    """How long the scene took; None while it runs."""
    calls: int = 0

    @property
    def ended(self) -> bool:
        """Whether the answer is there. A repeated record gets no answer of its own."""
        return self.seconds is not None or not self.scene.ends

    @property
    def as_expected(self) -> bool:
        """Whether the scene ended as expected, and only once."""
        answers = [outcome(event) for event in self.events if _is_answer(event)]
        return answers == ([self.scene.ends] if self.scene.ends else [])


def outcome(event: PublishedEvent) -> str:
    """The type of an event, with its code if it has one."""
    code = getattr(event.event, "code", None)
    name = short(event.event.wire_type())
    return f"{name} {code}" if code else name


def _is_answer(event: PublishedEvent) -> bool:
    return event.event.terminal or isinstance(event.event, CommandIdReused)


@dataclass(frozen=True, slots=True)
class Watcher:
    """The audience: gets each event, and now and then the progress of all scenes."""

    told: Callable[[Performance, PublishedEvent], None]
    refreshed: Callable[[Sequence[Performance]], None]


async def play(stage: Stage, scenes: Sequence[Scene], watcher: Watcher) -> tuple[list[Performance], int]:
    """Play all scenes. Returns their progress and the number of dead letters, after `PATIENCE` seconds at the latest.

    Raises ChildEnded if a process of the stage ends.
    """
    config = KafkaConfig(stage.settings["AZPLAN_KAFKA__BOOTSTRAP_SERVERS"])
    clock = Clock()
    admin, sink = KafkaAdmin(config), KafkaSink(config)
    await admin.start()
    await sink.start()
    try:
        starts = await admin.ends(EVENTS)
        performances = [
            Performance(number, scene, await sink.send(COMMANDS, scene.record(clock.now())), clock.monotonic())
            for number, scene in enumerate(scenes, 1)
        ]
        async with _counted(stage, performances, watcher):
            events = events_after(admin, EVENTS, starts, PublishedEvents(admin, COMMANDS))
            await _until_ended(events, performances, watcher, clock)
        letters = await admin.ends(DEAD_LETTERS)
        return performances, sum(letters.values())
    finally:
        await sink.stop()
        await admin.stop()


async def _until_ended(
    events: AsyncIterator[PublishedEvent], performances: Sequence[Performance], watcher: Watcher, clock: Clock
) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            async for event in events:
                performance = _scene_of(event, performances)
                if performance is None:
                    continue
                performance.events.append(event)
                if _is_answer(event):
                    performance.seconds = clock.monotonic() - performance.began
                watcher.told(performance, event)
                if all(each.ended for each in performances):
                    return
    except TimeoutError:
        return


def _scene_of(event: PublishedEvent, performances: Sequence[Performance]) -> Performance | None:
    """The scene of an event. A refused record is found by its position, because another scene has its id."""
    told = event.event
    if isinstance(told, CommandIdReused):
        place = (told.topic, told.partition, told.offset)
        return next((each for each in performances if (*each.ack.partition, each.ack.offset) == place), None)
    ours = (each for each in performances if (each.scene.id, SOURCE) == (told.command_id, told.command_source))
    return next(ours, None)


@asynccontextmanager
async def _counted(stage: Stage, performances: Sequence[Performance], watcher: Watcher) -> AsyncIterator[None]:
    """As long as the context lasts, count the calls of each command and show the numbers."""
    clock = Clock()
    path = stage.settings["AZPLAN_JOURNAL__URL"].removeprefix("sqlite:///")
    journal = OperatorJournal(Transactions(SqliteEngine(Path(path), clock=clock), clock))
    await journal.open()
    counting = asyncio.create_task(_repeat(lambda: _count(stage, journal, performances, watcher)))
    try:
        yield
        await _count(stage, journal, performances, watcher)
    finally:
        counting.cancel()
        await asyncio.gather(counting, return_exceptions=True)
        await journal.close()


async def _repeat(look: Callable[[], Awaitable[None]]) -> None:
    while True:
        await look()
        await asyncio.sleep(LOOK_EVERY)


async def _count(stage: Stage, journal: OperatorJournal, performances: Sequence[Performance], watcher: Watcher) -> None:
    stage.insist()
    first = {performance.scene.id: performance for performance in reversed(performances)}
    for id_, performance in first.items():
        performance.calls = await _calls(journal, id_)
    watcher.refreshed(performances)


async def _calls(journal: OperatorJournal, id_: str) -> int:
    found = await journal.commands.find(id_, SOURCE)
    story = await journal.commands.story(found[0].uid) if found else None
    return len(story.calls) if story else 0
