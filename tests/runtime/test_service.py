"""A worker from start to stop: in which order its parts begin and end, and what happens to what is under way."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from events.base import Event
from events.plans import PlanSuspended, SuspendPlan
from tests.support.boundaries import Life, Script
from tests.support.harness import COMMANDS, GROUP, LiveWorker, World, settings_of, world_on
from worker.broker.port import BrokerUnavailable
from worker.handling import Context
from worker.partner_center import subscriptions
from worker.runtime.consumer import Progress
from worker.runtime.readiness import Readiness
from worker.runtime.service import Parts, Service


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
        """Finish what is under way."""
        self._notes.append("lanes drain")
        return True

    async def abandon(self) -> None:
        """End what is under way."""

    async def flush(self) -> bool:
        """Send what was said."""
        self._notes.append("publisher flushes")
        return False

    def alive(self) -> bool:
        """Whether its row lives."""
        return True

    def poisoned(self) -> list[str]:
        """No partition is."""
        return []

    async def run(self) -> None:
        """Run until cancelled."""
        try:
            await asyncio.Event().wait()
        finally:
            self._notes.append(f"{self._name} ends")


class Intake(Part):
    """The consumer, which is never cancelled: it ends when it is told to."""

    def __init__(self, notes: list[str]) -> None:
        super().__init__("consumer", notes)
        self._over = asyncio.Event()

    def stop(self) -> None:  # type: ignore[override]
        """Take nothing more in."""
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
        self.service = Service(Parts(clock=clock, **made), drain_timeout=45, host="127.0.0.1", port=0)
        self.service.health = self.parts["health"]


@pytest.fixture
async def assembly(bench: Any) -> Assembly:
    """A service that has not begun."""
    return Assembly(bench.clock)


async def test_what_remembers_begins_before_what_speaks_and_what_takes_in_begins_last(assembly: Assembly) -> None:
    """So that nothing is taken in that could not be answered."""
    await assembly.service.start()
    assert assembly.notes == ["health starts", "ownership starts", "sink starts", "source starts"]
    await assembly.service.stop()


async def test_intake_ends_first_and_the_lanes_are_given_back_last(assembly: Assembly) -> None:
    """Between them: turns under way, what they said, the group, the heartbeat."""
    await assembly.service.start()
    await asyncio.sleep(0)
    assembly.notes.clear()
    await assembly.service.stop()
    order = [
        "consumer is told to stop",
        "lanes drain",
        "consumer ends",
        "publisher flushes",
        "source stops",
        "ownership ends",
        "sink stops",
        "ownership stops",
        "health stops",
    ]
    assert [note for note in assembly.notes if note in order] == order


async def test_a_worker_that_could_not_begin_is_stopped(assembly: Assembly) -> None:
    """And says why; nothing of it is left behind."""
    assembly.parts["source"].fails = BrokerUnavailable("nobody there")
    with pytest.raises(BrokerUnavailable, match="nobody there"):
        await assembly.service.run(asyncio.Event())
    assert assembly.notes[-2:] == ["ownership stops", "health stops"]


async def test_a_loop_that_breaks_is_begun_again_and_logged_once(assembly: Assembly) -> None:
    """A worker that ended for one odd row would end again wherever it begins."""
    begun = []

    async def breaks() -> None:
        begun.append(assembly.parts["clock"].monotonic())
        if len(begun) < 100:
            raise ValueError("an odd row")
        await asyncio.Event().wait()

    assembly.parts["publisher"].run = breaks
    stop = asyncio.Event()
    steady = assembly.service.steady
    running = asyncio.create_task(assembly.service.run(stop))
    await asyncio.sleep(50)
    assert any("breaks broke and was begun again" in each for each in steady.complaints())
    await asyncio.sleep(250)
    assert (len(begun), steady.complaints(), [str(error) for error in steady.errors]) == (100, [], ["an odd row"])
    stop.set()
    await running
    assert begun[-1] - begun[0] == 99


async def test_a_worker_whose_intake_breaks_stops_and_says_why(assembly: Assembly) -> None:
    """What it had read and not committed would be passed over if it went on."""

    async def breaks() -> None:
        await asyncio.sleep(5)
        raise ValueError("broken")

    assembly.parts["consumer"].run = breaks
    with pytest.raises(ValueError, match="broken"):
        await assembly.service.run(asyncio.Event())
    assert assembly.notes[-1] == "health stops"


async def test_a_worker_works_until_it_is_told_to_stop(assembly: Assembly) -> None:
    """Then it returns."""
    stop = asyncio.Event()
    running = asyncio.create_task(assembly.service.run(stop))
    await asyncio.sleep(3600)
    assert not running.done()
    stop.set()
    await running


# ---- a whole worker


class Slow(Script):
    """Lets the answers of an operation take so many seconds."""

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


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A world whose commands ask twice."""
    async with world_on(
        tmp_path, handlers={SuspendPlan: reading_twice}, settings=settings_of(worker={"drain_timeout": 45})
    ) as made:
        yield made


async def under_way(world: World, seconds: float) -> LiveWorker:
    """A worker in the middle of a command, whose answer takes so long."""
    worker = await world.begin(Slow(ANSWER, seconds))
    await world.send(SuspendPlan(customer_id=world.simulator.customer("plan").id))
    await world.until(lambda: ANSWER in worker.life.points, "a request is under way")
    return worker


async def test_a_request_under_way_is_finished_and_no_other_is_begun(world: World) -> None:
    """The command goes on where somebody takes its lane over."""
    worker = await under_way(world, 20)
    await worker.stop()
    assert len(world.simulator.books.requests) == 1
    (row,) = await world.rows("SELECT * FROM command")
    assert (row["state"], row["attempts"]) == ("accepted", 0)
    assert await world.rows("SELECT * FROM call WHERE operation = 'subscriptions.list'") != []
    await world.begin()
    await world.until(lambda: bool(world.answers("c-1")), "the command is answered", within=10)


async def test_a_turn_that_does_not_end_in_time_is_ended(world: World) -> None:
    """The whole stop takes no longer than the drain time-out and a little."""
    worker = await under_way(world, 10_000)
    begun = world.clock.monotonic()
    await worker.stop()
    assert world.clock.monotonic() - begun < 50
    await world.begin()
    await world.until(lambda: bool(world.answers("c-1")), "the command is answered", within=10)


async def test_what_was_said_is_sent_before_the_worker_is_gone(world: World) -> None:
    """Nothing waits for the next worker that this one could say."""
    worker = await world.begin()
    await world.send(SuspendPlan(customer_id=world.simulator.customer("plan").id))
    await world.until(
        lambda: bool(worker.journal.worker) and "offsets: after the commit" in worker.life.points, "taken"
    )
    await worker.stop()
    (unsent,) = await world.rows("SELECT count(*) AS n FROM event WHERE sent_at IS NULL")
    assert unsent["n"] == 0
    assert world.said("c-1") != []


async def test_a_stopped_worker_leaves_nothing_uncommitted_and_nothing_owned(world: World) -> None:
    """Its lanes are free at once, and so are its partitions."""
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
    """It does not wait for the next look at the outbox."""
    await world.begin(Slow(ANSWER, 0.3))
    command = await world.send(SuspendPlan(customer_id=world.simulator.customer("plan").id))
    await world.answer(command)
    (answer,) = world.answers(command)
    assert answer.record.timestamp == int(answer.at.timestamp() * 1000)


async def test_a_worker_tells_what_keeps_it_from_its_work(world: World) -> None:
    """Readiness is what is missing, in sentences."""
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
    """The gate says so to whoever asks."""
    worker = await world.begin()
    worker.service.stopping = True
    await world.send(SuspendPlan(customer_id=world.simulator.customer("plan").id))
    await asyncio.sleep(30)
    assert list(world.simulator.books.requests) == []
