"""A worker from start to stop: the order in which its parts begin and end, and the end of running work."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from events.messages.base import Event
from events.messages.plans import PlanSuspended, SuspendPlan
from tests.support.boundaries import Life, Script
from tests.support.harness import COMMANDS, GROUP, LiveWorker, World, settings_of, world_on
from worker import app
from worker.broker.port import BrokerUnavailable
from worker.handling import Context
from worker.journal.database.postgres import engine as postgres
from worker.journal.database.sqlite import engine as sqlite
from worker.journal.database.transactions import CLOSE_SECONDS
from worker.partner_center.resources import subscriptions
from worker.runtime.consumer import Progress
from worker.runtime.lifecycle import stop_limit
from worker.runtime.lifecycle.service import STOP_SECONDS, Service, ServiceParts
from worker.runtime.observability.readiness import Readiness


class Part:
    """Any part of a worker: notes when it begins and ends."""

    def __init__(self, name: str, notes: list[str]) -> None:
        self._name = name
        self._notes = notes
        self.fails: Exception | None = None
        self.running = 0
        self.worker = "w-1"
        self.port = 0
        self.trouble = None
        self.progress = Progress()

    async def start(self) -> None:
        """Begin."""
        self._notes.append(f"{self._name} starts")
        if self.fails is not None:
            raise self.fails

    async def stop(self) -> None:
        """End."""
        self._notes.append(f"{self._name} stops")

    async def drain(self, _seconds: float) -> bool:
        """Finish the running work."""
        self._notes.append("lanes drain")
        return True

    async def abandon(self) -> None:
        """End the running work."""

    async def flush(self) -> bool:
        """Send the events."""
        self._notes.append("publisher flushes")
        return False

    def end(self) -> None:
        """Send nothing more."""
        self._notes.append("publisher is told to end")

    def alive(self) -> bool:
        """Whether the worker's row is alive."""
        return True

    def poisoned(self) -> list[str]:
        """No partition is poisoned."""
        return []

    async def run(self) -> None:
        """Run until cancelled."""
        try:
            await asyncio.Event().wait()
        finally:
            self._notes.append(f"{self._name} ends")


class Intake(Part):
    """The consumer. Nobody cancels the consumer: it ends when told to."""

    def __init__(self, notes: list[str]) -> None:
        super().__init__("consumer", notes)
        self._over = asyncio.Event()

    def stop(self) -> None:  # type: ignore[override]
        """Take in nothing more."""
        self._notes.append("consumer is told to stop")
        self._over.set()

    async def run(self) -> None:
        """Run until told to stop."""
        await self._over.wait()
        self._notes.append("consumer ends")


class Assembly:
    """A service of noting parts."""

    def __init__(self, clock: Any) -> None:
        self.notes: list[str] = []
        names = ("journal", "source", "sink", "ownership", "lanes", "publisher", "health")
        self.parts: dict[str, Any] = {name: Part(name, self.notes) for name in names}
        self.parts["consumer"] = Intake(self.notes)
        made = {name: part for name, part in self.parts.items() if name != "health"}
        self.parts["clock"] = clock
        self.service = Service(
            ServiceParts(clock=clock, **made), drain_timeout=45, pages=lambda _: self.parts["health"]
        )


@pytest.fixture
async def assembly(bench: Any) -> Assembly:
    """A service that has not begun."""
    return Assembly(bench.clock)


async def test_ownership_begins_before_the_sink_and_the_source_begins_last(assembly: Assembly) -> None:
    """No record is taken in that could not be answered."""
    await assembly.service.start()
    assert assembly.notes == ["health starts", "ownership starts", "sink starts", "source starts"]
    await assembly.service.stop()


async def test_intake_ends_first_and_the_publisher_ends_last(assembly: Assembly) -> None:
    """In between end the turns, the heartbeat, the turns' events, the lanes and the group, in this order."""
    await assembly.service.start()
    await asyncio.sleep(0)
    assembly.notes.clear()
    await assembly.service.stop()
    order = [
        "consumer is told to stop",
        "lanes drain",
        "consumer ends",
        "ownership ends",
        "publisher flushes",
        "ownership stops",
        "source stops",
        "publisher is told to end",
        "sink stops",
        "health stops",
        "publisher ends",
    ]
    assert [note for note in assembly.notes if note in order] == order


async def test_a_worker_that_could_not_begin_is_stopped(assembly: Assembly) -> None:
    """The worker says why. No part of it is left."""
    assembly.parts["source"].fails = BrokerUnavailable("nobody there")
    with pytest.raises(BrokerUnavailable, match="nobody there"):
        await assembly.service.run(asyncio.Event())
    assert {"ownership stops", "health stops"} < set(assembly.notes)


async def test_a_loop_that_breaks_is_begun_again_and_logged_once(assembly: Assembly) -> None:
    """A worker that ends because of one odd row would end again wherever it begins."""
    begun = []

    async def breaks() -> None:
        begun.append(assembly.parts["clock"].monotonic())
        if len(begun) < 100:
            raise ValueError("an odd row")
        await asyncio.Event().wait()

    assembly.parts["publisher"].run = breaks
    stop = asyncio.Event()
    steady = assembly.service.supervision
    running = asyncio.create_task(assembly.service.run(stop))
    await asyncio.sleep(50)
    assert any("breaks broke and was begun again" in each for each in steady.complaints())
    await asyncio.sleep(250)
    assert (len(begun), steady.complaints(), [str(error) for error in steady.errors]) == (100, [], ["an odd row"])
    stop.set()
    await running
    assert begun[-1] - begun[0] == 99


async def test_a_worker_whose_intake_breaks_stops_and_says_why(assembly: Assembly) -> None:
    """The records that the worker had read and not committed would be passed over if it went on."""

    async def breaks() -> None:
        await asyncio.sleep(5)
        raise ValueError("broken")

    assembly.parts["consumer"].run = breaks
    with pytest.raises(ValueError, match="broken"):
        await assembly.service.run(asyncio.Event())
    assert "health stops" in assembly.notes


async def test_a_worker_works_until_it_is_told_to_stop(assembly: Assembly) -> None:
    """Then the worker returns."""
    stop = asyncio.Event()
    running = asyncio.create_task(assembly.service.run(stop))
    await asyncio.sleep(3600)
    assert not running.done()
    stop.set()
    await running


# ---- a stop with hanging parts


async def waits(*_: Any) -> Any:
    """Never answer."""
    await asyncio.Event().wait()


MOST = STOP_SECONDS - (2 * CLOSE_SECONDS + max(postgres.CLOSE_SECONDS, sqlite.CLOSE_SECONDS))
"""The seconds that the journal's close leaves to the service."""

SILENT = {
    "the broker": [("publisher", "flush"), ("sink", "stop"), ("source", "stop")],
    "the database": [("ownership", "stop"), ("publisher", "flush"), ("ownership", "run"), ("consumer", "run")],
    "a turn": [("lanes", "abandon")],
    "a reader of the health pages": [("health", "stop")],
}
SILENT["everything"] = [each for parts in SILENT.values() for each in parts]


@pytest.mark.parametrize("stubborn", [True, False])
@pytest.mark.parametrize("silent", SILENT)
async def test_a_stop_is_over_in_time_whatever_is_silent(assembly: Assembly, silent: str, stubborn: bool) -> None:
    """A stop takes the drain time-out and a little more, even if a part outlives its cancellation.

    All other parts stop.
    """
    over = asyncio.Event()

    async def hangs(*_: Any) -> Any:
        while not over.is_set():
            with suppress(asyncio.CancelledError):
                await over.wait()

    async def not_drained(seconds: float) -> bool:
        await asyncio.sleep(seconds)
        return False

    assembly.parts["lanes"].drain = not_drained
    for part, verb in SILENT[silent]:
        setattr(assembly.parts[part], verb, hangs if stubborn else waits)
    await assembly.service.start()
    await asyncio.sleep(10)
    assembly.notes.clear()
    begun = assembly.parts["clock"].monotonic()
    await assembly.service.stop()
    took = assembly.parts["clock"].monotonic() - begun
    over.set()
    assert 45 <= took <= 45 + MOST
    able = [part for part in ("source", "ownership", "sink", "health") if (part, "stop") not in SILENT[silent]]
    assert {f"{part} stops" for part in able} <= set(assembly.notes)


async def test_the_lanes_are_free_a_second_after_the_drain_though_the_last_flush_hangs(assembly: Assembly) -> None:
    """Other workers take the lanes while this worker still waits for the broker."""
    freed = []

    async def free() -> None:
        freed.append(assembly.parts["clock"].monotonic())

    assembly.parts["publisher"].flush = waits
    assembly.parts["ownership"].stop = free
    await assembly.service.start()
    begun = assembly.parts["clock"].monotonic()
    await assembly.service.stop()
    assert freed == [begun + 1]


async def test_a_part_that_breaks_while_it_stops_keeps_no_other_from_stopping(assembly: Assembly) -> None:
    """The error is in the log, and the stop goes on."""

    async def breaks() -> None:
        raise ValueError("odd")

    for part in ("source", "sink"):
        assembly.parts[part].stop = breaks
    await assembly.service.start()
    await assembly.service.stop()
    assert {"ownership stops", "health stops"} < set(assembly.notes)


async def test_the_word_to_stop_is_heard_while_the_worker_begins(assembly: Assembly) -> None:
    """A silent broker holds up the start, and not the stop."""
    assembly.parts["source"].start = waits
    stop = asyncio.Event()
    running = asyncio.create_task(assembly.service.run(stop))
    await asyncio.sleep(10)
    begun = assembly.parts["clock"].monotonic()
    stop.set()
    await running
    assert assembly.parts["clock"].monotonic() - begun < MOST
    assert {"ownership stops", "health stops"} < set(assembly.notes)


async def test_a_stop_that_is_not_over_in_time_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the platform would kill the process, perhaps in the middle of a log line."""
    ended: list[tuple[str, float]] = []
    over = threading.Event()

    def end(number: signal.Signals, seconds: float) -> None:
        ended.append((number.name, seconds))
        over.set()

    monkeypatch.setattr(stop_limit, "STOP_SECONDS", 0.01)
    monkeypatch.setattr(stop_limit, "cut_short", end)
    app.Worker(settings_of(worker={"drain_timeout": 0.01}))._signalled(signal.SIGTERM)
    assert over.wait(30)
    assert ended == [("SIGTERM", 0.02)]


# ---- a whole worker


class Slow(Script):
    """Delays the answers of one operation by this many seconds."""

    def __init__(self, point: str, seconds: float) -> None:
        self._point = point
        self._seconds = seconds

    async def at(self, _life: Life, point: str) -> None:
        """Wait."""
        if point == self._point:
            await asyncio.sleep(self._seconds)


async def reading_twice(ctx: Context, command: SuspendPlan) -> Event:
    """A handler that asks Partner Center twice."""
    for _ in range(2):
        await subscriptions.list_all(ctx.center, command.customer_id)
    return ctx.answer(PlanSuspended, subscription_id="s-1", already_suspended=True)


ANSWER = "subscriptions.list: acted, not answered"
SENDING = "event: before it is sent"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A world whose commands ask twice."""
    async with world_on(
        tmp_path, handlers={SuspendPlan: reading_twice}, settings=settings_of(worker={"drain_timeout": 45})
    ) as made:
        yield made


async def under_way(world: World, seconds: float) -> LiveWorker:
    """A worker in the middle of a command whose answer takes this long."""
    worker = await world.begin(Slow(ANSWER, seconds))
    await world.send(SuspendPlan(customer_id=world.simulator.customer("plan").id))
    await world.until(lambda: ANSWER in worker.life.points, "a request is under way")
    return worker


async def test_a_request_under_way_is_finished_and_no_other_is_begun(world: World) -> None:
    """The command goes on where its lane is taken over."""
    worker = await under_way(world, 20)
    await worker.stop()
    assert len(world.simulator.books.requests) == 1
    (row,) = await world.rows("SELECT * FROM command")
    assert (row["state"], row["attempts"]) == ("accepted", 0)
    assert await world.rows("SELECT * FROM call WHERE operation = 'subscriptions.list'") != []
    await world.begin()
    await world.until(lambda: bool(world.answers("c-1")), "the command is answered", within=10)


async def test_a_turn_that_does_not_end_in_time_is_ended(world: World) -> None:
    """The whole stop takes the drain time-out and a little more."""
    worker = await under_way(world, 10_000)
    begun = world.clock.monotonic()
    await worker.stop()
    assert world.clock.monotonic() - begun < 50
    await world.begin()
    await world.until(lambda: bool(world.answers("c-1")), "the command is answered", within=10)


async def test_what_was_said_is_sent_before_the_worker_is_gone(world: World) -> None:
    """No event that this worker could send waits for the next worker."""
    worker = await world.begin()
    await world.send(SuspendPlan(customer_id=world.simulator.customer("plan").id))
    await world.until(
        lambda: bool(worker.journal.worker) and "offsets: after the commit" in worker.life.points, "taken"
    )
    await worker.stop()
    (unsent,) = await world.rows("SELECT count(*) AS n FROM event WHERE sent_at IS NULL")
    assert unsent["n"] == 0
    assert world.said("c-1") != []


async def test_events_that_a_silent_broker_did_not_take_are_sent_by_the_next_owner_at_once(world: World) -> None:
    """G3: the stop ends in time, the lanes are taken over meanwhile, and no event is lost."""
    silent = await world.begin(Slow(SENDING, 10_000))
    command = await world.send(SuspendPlan(customer_id=world.simulator.customer("plan").id))
    await world.until(lambda: SENDING in silent.life.points, "something is to be said")
    await world.begin()
    begun = world.clock.monotonic()
    await asyncio.gather(silent.stop(), world.until(lambda: bool(world.answers(command)), "it is answered", within=9))
    assert world.clock.monotonic() - begun < STOP_SECONDS
    (unsent,) = await world.rows("SELECT count(*) AS n FROM event WHERE sent_at IS NULL")
    assert unsent["n"] == 0


async def test_what_a_retired_worker_still_sends_is_a_repeat_and_no_other_order(world: World) -> None:
    """G3, G4: behind newer events of the lane, only an old event with the same id and bytes may come, never a new one.

    The first copies of all events are read in the order of the lane.
    """
    slow = await world.begin(Slow(SENDING, 5))
    command = await world.send(SuspendPlan(customer_id=world.simulator.customer("plan").id))
    await world.until(lambda: SENDING in slow.life.points, "something is to be said")
    stopping = slow.life.start(slow.stop())
    await asyncio.sleep(2.5)
    await world.begin()
    await world.until(lambda: bool(world.answers(command)), "the next owner has said it all", within=1)
    assert not stopping.done()
    await stopping
    said = world.said(command)
    first = list(dict.fromkeys(each.id for each in said))
    assert [type(each.event).__name__ for each in said][-1] == "CommandAccepted", "the slow one came last"
    assert len(said) == len(first) + 1
    assert len({each.record.value for each in said}) == len(first)
    assert first == [UUID(row["id"]) for row in await world.rows("SELECT id FROM event ORDER BY seq")]


async def test_a_silent_database_does_not_hold_up_the_stop(world: World) -> None:
    """The lanes are free when the row has expired, as after `kill -9`."""
    worker = await world.begin(Slow("journal: before a write", 10_000))
    begun = world.clock.monotonic()
    await worker.stop()
    assert world.clock.monotonic() - begun < 45 + STOP_SECONDS


async def test_a_stopped_worker_leaves_nothing_uncommitted_and_nothing_owned(world: World) -> None:
    """Its lanes and its partitions are free at once."""
    worker = await world.begin()
    customer = world.simulator.customer("plan").id
    await world.do(SuspendPlan(customer_id=customer))
    await worker.stop()
    assert sum(world.broker.committed(GROUP).values()) == len(world.broker.records(COMMANDS)) == 1
    assert world.broker.group(GROUP).members == []
    await world.begin()
    second = await world.send(SuspendPlan(customer_id=customer))
    await world.until(lambda: bool(world.answers(second)), "the next worker answers", within=3)


async def test_an_answer_leaves_as_soon_as_its_command_has_ended(world: World) -> None:
    """The answer does not wait for the next look at the outbox."""
    await world.begin(Slow(ANSWER, 0.3))
    command = await world.send(SuspendPlan(customer_id=world.simulator.customer("plan").id))
    await world.answer(command)
    (answer,) = world.answers(command)
    assert answer.record.timestamp == int(answer.at.timestamp() * 1000)


async def test_readiness_names_the_parts_that_keep_a_worker_from_its_work(world: World) -> None:
    """Readiness lists the missing parts in sentences."""
    worker = await world.begin()
    assert worker.service.readiness() == Readiness()
    assert worker.service.shows_ready()
    world.broker.down = True
    await asyncio.sleep(10)
    assert worker.service.readiness() == Readiness(("Kafka does not answer",))
    assert not worker.service.shows_ready()
    assert worker.service.stuck() == []
    world.broker.down = False
    await asyncio.sleep(10)
    assert worker.service.readiness() == Readiness()
    assert worker.service.shows_ready()
    worker.service._parts.consumer.progress.at = worker.service._parts.clock.monotonic() - 1000
    assert worker.service.stuck() == ["the consumer's loop has not come round for 1000 s"]
    worker.service.stopping = True
    assert worker.service.readiness() == Readiness(("the worker is stopping",))
    assert not worker.service.shows_ready()


async def test_nothing_leaves_for_a_worker_that_is_stopping(world: World) -> None:
    """The gate says so to every caller."""
    worker = await world.begin()
    worker.service.stopping = True
    await world.send(SuspendPlan(customer_id=world.simulator.customer("plan").id))
    await asyncio.sleep(30)
    assert list(world.simulator.books.requests) == []
