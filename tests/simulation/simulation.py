"""Runs the story of a seed and says which promises were broken."""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any
from unittest.mock import patch

from ops.simulator.faults import Fault, Kind
from ops.simulator.simulator import build
from tests.crash.enumeration import SETTINGS as SOONER
from tests.crash.enumeration import scratch
from tests.simulation.chaos import Chaos, Sky
from tests.simulation.happened import happened, refused_by_quota
from tests.simulation.reproducible import reproducible
from tests.simulation.story import LASTS, Braking, Event, Poisoning, Sending, Story, tell
from tests.support.harness import COMMANDS, DEAD_LETTERS, EVENTS, GROUP, LiveWorker, MakeEngine, World, through
from tests.support.invariants import Findings, check, check_committed, check_forgotten
from tests.support.topic_invariants import Replay, check_topic
from tests.support.virtual_loop import run_virtual
from tests.support.virtual_time import START, LoopClock
from worker.broker.port import BrokerUnavailable
from worker.errors import JournalUnavailable
from worker.journal.database.transactions import Transactions
from worker.journal.journal import Journal
from worker.journal.operating.pauses import Pauses
from worker.settings.model import Settings

SETTINGS = SOONER.model_copy(
    update={
        "journal": SOONER.journal.model_copy(update={"detail_retention": timedelta(seconds=240)}),
        "waits": SOONER.waits.model_copy(
            update={"data_first": timedelta(seconds=20), "data_max": timedelta(seconds=60)}
        ),
    }
)
"""Details are deleted as early as any settings allow. Incomplete usage is soon asked for again."""
PATIENCE = 1800.0
"""Virtual seconds of good weather within which every command must have its answer."""
REST = 60.0
"""Virtual seconds after that, until no request can arrive any more and every lane has been let go."""
REPLAY = 12.0
"""Virtual seconds in which every record is read once more."""
NOBODY_ASKS = 30.0
"""Virtual seconds between two looks at the requests of people."""
FORGETS = 40.0
"""Virtual seconds between two looks at rows that are old enough to be deleted."""
LOOK_EVERY = 5.0
APART = 7.0
"""Seconds by which the wall clock of each worker is ahead of that of the worker before."""
RESTART = 5.0
"""Virtual seconds until a dead worker is started again."""


def knowing(ceiling: int | None) -> Settings:
    """The settings of the workers: with this number of requests a minute for each family, if it is known."""
    if ceiling is None:
        return SETTINGS
    partners = {
        name: partner.model_copy(update={"requests_per_minute": ceiling}) for name, partner in SETTINGS.partners.items()
    }
    return SETTINGS.model_copy(update={"partners": partners})


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a seed."""

    seed: int
    findings: Sequence[str]
    happened: Counter[str] = field(default_factory=Counter)
    """How often each thing happened."""
    notes: Sequence[tuple[float, str]] = ()
    """The same events one by one, each with its virtual second."""
    trace: str = ""
    """A digest of every request to Partner Center, every effect there and every event: the same for the same seed."""


def simulate(seed: int) -> Report:
    """Run a seed, on a journal of its own."""
    with scratch() as fresh, reproducible(seed):
        return run_virtual(_Run(tell(seed)).run(fresh()))


@dataclass(slots=True)
class _Living:
    """A worker that is started again whenever it dies."""

    worker: LiveWorker
    script: Chaos
    clock: LoopClock


class _Run:
    """One story under way."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._rng = Random(f"chaos of {story.seed}")
        self._sky = Sky(story.weather)
        self._living: dict[int, _Living] = {}
        self._findings: list[str] = []

    async def run(self, make_engine: MakeEngine) -> Report:
        story = self._story
        simulator = build(now=asyncio.get_running_loop().time, origin=START, seed=story.seed)
        simulator.change(**story.knobs)
        self._customers = [
            simulator.customer(profile) if isinstance(profile, str) else simulator.customer(**profile)
            for profile in story.profiles
        ]
        for invoice in story.invoices:
            simulator.invoice(**invoice)
        for fault in story.faults:
            simulator.faults.add(**fault)
        self._world = world = World(
            make_engine,
            simulator=simulator,
            settings=through(knowing(story.ceiling), story.through),
            partitions=2,
            attention=NOBODY_ASKS,
            rest=FORGETS,
        )
        try:
            await self._live()
            await self._end()
            await self._judge()
            return Report(
                seed=story.seed,
                findings=tuple(self._findings),
                happened=self._sky.happened + await happened(world),
                notes=self._sky.notes,
                trace=self._trace(),
            )
        finally:
            await world.close()

    # ---- bad weather

    async def _live(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(self._story.workers):
                group.create_task(self._keep_alive(number))
            for sending in self._story.sendings:
                group.create_task(self._send(sending))
            for number, poisoning in enumerate(self._story.poisonings):
                group.create_task(self._poison(poisoning, number))
            for event in self._story.events:
                group.create_task(self._happen(event))
            for braking in self._story.brakings:
                group.create_task(self._brake(braking))

    async def _keep_alive(self, number: int) -> None:
        """Restart dead workers, and check that every committed offset is durable."""
        while (left := LASTS - self._world.clock.monotonic()) > 0:
            if number not in self._living or self._living[number].worker.life.dead:
                await self._begin(number)
            worker = self._living[number].worker
            try:
                async with asyncio.timeout(left):
                    await worker.life.died.wait()
            except TimeoutError:
                return
            await worker.kill()
            await self._note_slots(worker)
            await self._look(check_committed)
            await asyncio.sleep(RESTART)

    async def _note_slots(self, dead: LiveWorker) -> None:
        """Note a death that leaves slots of a shared ceiling behind: more processes hold slots than are alive."""
        rows = await self._world.rows("SELECT held FROM ceiling")
        holders = [json.loads(row["held"])["holders"].values() for row in rows]
        alive = sum(not living.worker.life.dead for living in self._living.values())
        if self._story.ceiling and any(sum(bool(each["held"]) for each in some) > alive for some in holders):
            self._sky.note("deaths of holders of slots under a ceiling", dead.life.name)

    async def _begin(self, number: int) -> None:
        name = f"worker {len(self._world.workers) + 1}"
        script = Chaos(self._sky, Random(self._rng.random()), name)
        clock = LoopClock(self._world.clock.now() + timedelta(seconds=APART * number))
        worker = self._world.hire(script, clock=clock)
        self._living[number] = _Living(worker, script, clock)
        try:
            await worker.start()
        except (BrokerUnavailable, JournalUnavailable):
            self._sky.note("workers that could not begin", name)
            worker.life.end()  # a process that cannot begin ends and is started again

    async def _send(self, sending: Sending) -> None:
        await asyncio.sleep(sending.at)
        customer = self._customers[sending.customer]
        about = customer.partner if sending.command.subject_of(sending.asks) == "partner_account" else customer.id
        command = sending.command(customer_id=about, **sending.asks)
        with self._producing():
            await self._world.send(command, id=sending.id, partition=sending.partition)
        self._sky.note("records sent", f"{sending.id} {sending.command.__name__} {dict(sending.asks)}")

    async def _poison(self, poisoning: Poisoning, number: int) -> None:
        await asyncio.sleep(poisoning.at)
        record = poisoning.poison.record(self._customers[poisoning.customer].id, number)
        with self._producing():
            ack = await self._world.broker.write(COMMANDS, record, partition=poisoning.partition)
        self._world.poisoned[ack.partition.number, ack.offset] = poisoning.poison.becomes
        self._sky.note("poison sent", poisoning.poison.name)

    async def _brake(self, braking: Braking) -> None:
        """Pause and resume commands as a person does. Faults spare the person, but the person's process may die."""
        await asyncio.sleep(braking.at)
        await self._on_the_journal(lambda brake: brake.pause("ada", "why", braking.which))
        self._sky.note("pauses by a person", str(braking.which))
        await asyncio.sleep(braking.seconds)
        if braking.dies:
            self._sky.note("resumptions whose person died")
            with patch.object(Pauses, "release", _nothing):
                await self._on_the_journal(lambda brake: brake.resume("ada", "over", braking.which))
        else:
            self._sky.note("resumptions by a person")
            await self._on_the_journal(lambda brake: brake.resume("ada", "over", braking.which))

    async def _on_the_journal(self, act: Callable[[Pauses], Awaitable[Any]]) -> None:
        journal = Journal(Transactions(self._world._make_engine(self._world.clock), self._world.clock))
        await journal.open()
        try:
            await act(Pauses(journal.transactions))
        finally:
            await journal.close()

    def _producing(self) -> Any:
        """Send the commands. Faults spare the senders: their records always get through."""
        return self._world.broker.reachable()

    async def _happen(self, event: Event) -> None:
        await asyncio.sleep(event.at)
        sky, world = self._sky, self._world
        match event.what:
            case "rebalance":
                sky.note("rebalances")
                world.broker.rebalance(GROUP)
            case "rewind":
                sky.note("replays of the topic while it runs")
                world.broker.rewind(GROUP, COMMANDS)
            case "broker down":
                await self._for_a_while(event, lambda down: setattr(world.broker, "down", down))
            case "database down":
                await self._for_a_while(event, lambda down: setattr(sky, "database_down", down))
            case "authority down":
                await self._for_a_while(event, lambda down: setattr(world.authority, "down", down))
            case "Microsoft down":
                await self._for_a_while(event, self._turn_microsoft_down)
            case _ if event.worker in self._living:
                await self._hit(event, self._living[event.worker])

    def _turn_microsoft_down(self, down: bool) -> None:
        """Turn Partner Center down for everybody. Faults of single requests happen before and after."""
        faults = self._world.simulator.faults
        if down:
            ways = ((Kind.REFUSED, 0), (Kind.ERROR_BEFORE, 503), (Kind.RESET_BEFORE, 0), (Kind.GATEWAY, 404))
            kind, status = self._rng.choice(ways)
            faults.waiting.insert(0, Fault(kind, status=status, count=None))
        else:
            faults.waiting.pop(0)

    async def _for_a_while(self, event: Event, turn: Callable[[bool], None]) -> None:
        self._sky.note(f"{event.what.removesuffix(' down')} down for a while", f"({event.seconds:.0f} s)")
        turn(True)
        await asyncio.sleep(event.seconds)
        turn(False)

    async def _hit(self, event: Event, hit: _Living) -> None:
        if hit.worker.life.dead:
            return
        name, seconds = hit.worker.life.name, event.seconds
        match event.what:
            case "kill":
                self._sky.note("deaths at some instant", name)
                hit.worker.life.end()
            case "pause":
                longer = "longer" if seconds > SETTINGS.worker.lease.total_seconds() else "shorter"
                self._sky.note(f"pauses {longer} than the lease", f"{name}, {seconds:.0f} s")
                hit.script.pause()
                await asyncio.sleep(seconds)
                hit.script.go_on()
            case "jump forward" | "jump back":
                by = seconds * 30 * (1 if event.what == "jump forward" else -1)
                self._sky.note(f"clock {event.what}s", f"{name}, {by:.0f} s")
                hit.clock.jump(timedelta(seconds=by))
            case "stop":
                self._sky.note("stops in good order", f"{name} has {seconds:.0f} s")
                hit.script.spare()
                await asyncio.wait([asyncio.ensure_future(hit.worker.stop())], timeout=seconds)
                hit.worker.life.end()

    # ---- good weather

    async def _end(self) -> None:
        """Let everything work, with time for every command to end."""
        self._sky.calm = True
        self._sky.database_down = self._world.broker.down = self._world.authority.down = False
        self._sky.note("good weather")
        self._world.simulator.faults.clear()
        for living in self._living.values():
            living.script.go_on()
            if living.worker.life.dead:
                await living.worker.kill()
        if all(living.worker.life.dead for living in self._living.values()):
            await self._begin(0)
        if await self._all_answered():
            await asyncio.sleep(REST)

    async def _all_answered(self) -> bool:
        """Wait for the answers. False if some do not come: the verdict names the missing ones."""
        end = self._world.clock.monotonic() + PATIENCE
        while self._world.clock.monotonic() < end and not self._world.broken():
            answered = {each.command_id for each in self._world.said() if each.event.terminal}
            if answered >= set(self._world.sent):
                return True
            await asyncio.sleep(LOOK_EVERY)
        self._findings.append(f"not every command has its answer after {PATIENCE:g} s of good weather")
        return False

    # ---- the verdict

    async def _judge(self) -> None:
        world = self._world
        self._findings += [f"a part of {each.life.name} broke: {error!r}" for each, error in world.broken()]
        await world.learn_contents()
        await self._look(check_committed)
        await self._look(check)
        await self._look(check_topic)
        await self._look(check_forgotten)
        if self._story.ceiling is not None:
            self._sky.note("ceilings that all workers share", f"{self._story.ceiling} requests a minute")
            if refused := refused_by_quota(world.simulator.books.requests):
                self._findings.append(f"the ceiling was passed: Partner Center refused {refused} requests")
        if not self._findings:
            before = Replay.of(world)
            world.broker.rewind(GROUP, COMMANDS)
            await asyncio.sleep(REPLAY)
            self._findings += before.differences(world)
        if self._findings:
            self._findings = list(dict.fromkeys(self._findings))

    async def _look(self, checked: Callable[[World], Any]) -> None:
        try:
            await checked(self._world)
        except Findings as found:
            self._findings += found.sentences

    def _trace(self) -> str:
        world, digest = self._world, hashlib.sha256()
        for topic in (COMMANDS, EVENTS, DEAD_LETTERS):
            for record in world.broker.records(topic):
                digest.update(repr(record).encode())
        for request in world.simulator.books.requests:
            digest.update(repr((request.at, request.operation, request.status, request.fault)).encode())
        for effect in world.simulator.books.effects:
            digest.update(repr((effect.at, effect.kind, effect.target)).encode())
        for worker in world.workers:
            digest.update(repr(worker.life.points).encode())
        return digest.hexdigest()[:16]


async def _nothing(_brake: Pauses, _worker: str | None = None) -> int:
    """Do nothing, as a person who died."""
    return 0
