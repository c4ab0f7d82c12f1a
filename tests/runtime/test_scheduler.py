"""Which command has the next turn: one of a lane at a time, partners in turn, the longest due first, up to a limit."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from events.codes import WaitingReason
from events.messages.plans import ReactivatePlan, SuspendPlan
from tests.runtime.bench import Bench, desk, record
from worker.errors import JournalUnavailable, LaneLost, Wait
from worker.journal.records import Claim, Conclusion, State, Waits, Work
from worker.runtime.scheduler import LaneLimits, Lanes

ACCOUNTS = ("contoso", "fabrikam")
TURN_SECONDS = 0.001


def customer(number: int) -> str:
    """The id of a customer."""
    return f"c0ffee00-0000-4000-8000-{number:012d}"


class Turns:
    """Stands for dispatch: notes which commands have a turn, and ends a turn when the test says so."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._ends: dict[str, asyncio.Event] = {}
        self.begun: list[str] = []
        self.told: list[str] = []
        self.times: list[float] = []
        self.running: list[str] = []
        self.most = 0
        self.conclusion: Callable[[Work], Conclusion] = lambda _: Conclusion(state=State.SUCCEEDED)
        self.at_once = False

    async def __call__(self, work: Work, wait: Wait | None = None) -> None:
        """Have a turn, or say the wait."""
        if wait is not None:
            self.told.append(work.id)
            waits = Waits(said=str(wait.reason))
            await self._bench.journal.conclude(work, Conclusion(State.WAITING, due_in=wait.delay, waits=waits))
            return
        self.begun.append(work.id)
        self.times.append(self._bench.clock.monotonic())
        self.running.append(work.id)
        self.most = max(self.most, len(self.running))
        try:
            if self.at_once:
                await asyncio.sleep(TURN_SECONDS)
            else:
                await self._end(work.id).wait()
            await self._bench.journal.conclude(work, self.conclusion(work))
        except LaneLost:
            return
        finally:
            self.running.remove(work.id)

    async def end(self, *ids: str) -> None:
        """Let these turns end."""
        for each in ids:
            self._end(each).set()
        await asyncio.sleep(0.01)

    def _end(self, command_id: str) -> asyncio.Event:
        return self._ends.setdefault(command_id, asyncio.Event())


@pytest.fixture
def turns(bench: Bench) -> Turns:
    """The commands that have a turn now."""
    return Turns(bench)


class Room:
    """Stands for the ceilings: `full` names kinds of commands for which there is no room."""

    def __init__(self) -> None:
        self.full: set[str] = set()
        self.seconds = 1.0
        self.looks = 0
        self.under_way: list[str] = []

    def wait_for(self, work: Work, lacking: dict[str, Wait]) -> Wait | None:
        """The same seconds for all commands while there is no room."""
        if work.type not in self.full:
            return None
        self.looks += 1
        assert self.looks < 10_000, "the scheduler looks without a pause"
        return lacking.setdefault(work.type, Wait(WaitingReason.THROTTLED, "no room", delay=self.seconds))

    def begin(self, work: Work) -> None:
        """Note the run."""
        self.under_way.append(work.id)

    def end(self, work: Work) -> None:
        """Forget the run."""
        self.under_way.remove(work.id)


class Served:
    """Running lanes."""

    def __init__(self, bench: Bench, turns: Turns) -> None:
        self._bench = bench
        self._turns = turns
        self._task: asyncio.Task[None] | None = None
        self.rooms = Room()

    def begin(self, *, concurrency: int = 64, max_pending: int = 2000, journal: Any = None) -> Lanes:
        """Begin to give turns."""
        limits = LaneLimits(concurrency, max_pending)
        lanes = Lanes(journal or self._bench.journal, self._turns, [*ACCOUNTS, ""], limits, self.rooms)
        self._task = asyncio.create_task(lanes.run())
        return lanes

    async def end(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
async def serve(bench: Bench, turns: Turns) -> AsyncIterator[Served]:
    """Gives running lanes until the test ends."""
    served = Served(bench, turns)
    yield served
    await served.end()


async def accept(bench: Bench, *ids: str, customer_id: str, partner: str = "contoso") -> None:
    """Commands of one customer, in this order."""
    given = [
        record(SuspendPlan(customer_id=customer_id), id=each, partner=partner, offset=n) for n, each in enumerate(ids)
    ]
    await bench.accept(*given, among=desk(ACCOUNTS))


async def soon() -> None:
    """Let every task do its present work."""
    await asyncio.sleep(0.01)


async def test_one_command_of_a_lane_runs_at_a_time_and_in_order(bench: Bench, turns: Turns, serve: Served) -> None:
    """The next command begins when the one before it is over (promise G4)."""
    await accept(bench, "a", "b", "c", customer_id=customer(1))
    serve.begin()
    for running in ("a", "b", "c"):
        await soon()
        assert turns.running == [running]
        await turns.end(running)
    assert turns.begun == ["a", "b", "c"]


async def test_different_customers_do_not_wait_for_each_other(bench: Bench, turns: Turns, serve: Served) -> None:
    """Their commands run side by side."""
    for number in range(5):
        await accept(bench, f"c{number}", customer_id=customer(number))
    serve.begin()
    await soon()
    assert sorted(turns.running) == ["c0", "c1", "c2", "c3", "c4"]


async def test_no_more_run_at_once_than_the_limit(bench: Bench, turns: Turns, serve: Served) -> None:
    """In the end every command has its turn."""
    for number in range(20):
        await accept(bench, f"c{number}", customer_id=customer(number))
    serve.begin(concurrency=3)
    await soon()
    assert len(turns.running) == 3
    while turns.running:
        await turns.end(*turns.running)
    assert len(turns.begun) == 20
    assert turns.most == 3


async def test_the_longest_due_come_first(bench: Bench, turns: Turns, serve: Served) -> None:
    """This order counts if more commands are due than may run."""
    for number in range(6):
        await accept(bench, f"c{number}", customer_id=customer(number))
        await asyncio.sleep(1)
    serve.begin(concurrency=1)
    for number in range(6):
        await soon()
        await turns.end(f"c{number}")
    assert turns.begun == [f"c{number}" for number in range(6)]


async def test_a_flood_of_one_partner_leaves_the_others_their_share(bench: Bench, turns: Turns, serve: Served) -> None:
    """Partners take turns."""
    for number in range(100):
        await accept(bench, f"flood{number}", customer_id=customer(number), partner="contoso")
    await accept(bench, "lone1", customer_id=customer(1001), partner="fabrikam")
    await accept(bench, "lone2", customer_id=customer(1002), partner="fabrikam")
    turns.at_once = True
    serve.begin(concurrency=2)
    await asyncio.sleep(1)
    assert len(turns.begun) == 102
    assert turns.begun.index("lone1") <= 2
    assert turns.begun.index("lone2") <= 4


async def test_a_flood_of_one_customer_leaves_the_others_their_turns(bench: Bench, turns: Turns, serve: Served) -> None:
    """A lane has one place in the queue, however many commands wait in it."""
    await accept(bench, *(f"flood{n}" for n in range(100)), customer_id=customer(1))
    await accept(bench, "lone", customer_id=customer(2))
    turns.at_once = True
    serve.begin(concurrency=1)
    await asyncio.sleep(1)
    assert turns.begun.index("lone") <= 1


async def test_a_command_runs_when_it_is_due_and_not_before(bench: Bench, turns: Turns, serve: Served) -> None:
    """The turn begins at the exact moment, without polling."""
    turns.at_once = True
    waits = iter([Conclusion(state=State.WAITING, due_in=123.5), Conclusion(state=State.SUCCEEDED)])
    turns.conclusion = lambda _: next(waits)
    await accept(bench, "a", customer_id=customer(1))
    begun = bench.clock.monotonic()
    serve.begin()
    await asyncio.sleep(200)
    assert [at - begun for at in turns.times] == [0.0, pytest.approx(TURN_SECONDS + 123.5, abs=0.001)]


async def test_a_new_command_runs_at_once_after_a_call(bench: Bench, turns: Turns, serve: Served) -> None:
    """Without a call it runs within seconds."""
    lanes = serve.begin()
    await soon()
    await accept(bench, "called", customer_id=customer(1))
    lanes.wake()
    await soon()
    assert turns.running == ["called"]
    await accept(bench, "quiet", customer_id=customer(2))
    await soon()
    assert turns.running == ["called"]
    await asyncio.sleep(5)
    assert turns.running == ["called", "quiet"]


async def test_commands_of_a_partner_that_is_not_configured_any_more_run_too(
    bench: Bench, turns: Turns, serve: Served
) -> None:
    """Their senders must learn that no account serves them."""
    await bench.accept(record(partner="gone"), among=desk((*ACCOUNTS, "gone")))
    serve.begin()
    await soon()
    assert turns.running == ["c-1"]


async def test_partners_that_came_with_lanes_of_another_worker_are_met(
    bench: Bench, turns: Turns, serve: Served
) -> None:
    """This matters after lanes were taken over."""
    lanes = serve.begin()
    await soon()
    await bench.accept(record(partner="gone"), among=desk((*ACCOUNTS, "gone")))
    lanes.wake()
    await soon()
    assert turns.running == []
    lanes.meet()
    await soon()
    assert turns.running == ["c-1"]


async def test_pressure_counts_commands_that_could_run_and_not_waiting_ones(
    bench: Bench, turns: Turns, serve: Served
) -> None:
    """A command behind another one of its lane costs nothing."""
    lanes = serve.begin(concurrency=1, max_pending=3)
    await accept(bench, *(f"a{n}" for n in range(50)), customer_id=customer(1))
    await accept(bench, "b", customer_id=customer(2))
    assert not await lanes.pressure()
    await accept(bench, "c", customer_id=customer(3))
    assert await lanes.pressure()


async def test_draining_gives_no_more_turns_and_waits_for_those_under_way(
    bench: Bench, turns: Turns, serve: Served
) -> None:
    """The result is True if all turns have ended in time."""
    for number in range(4):
        await accept(bench, f"c{number}", customer_id=customer(number))
    lanes = serve.begin(concurrency=2)
    await soon()
    draining = asyncio.create_task(lanes.drain(10))
    await asyncio.sleep(1)
    assert not draining.done()
    await turns.end("c0", "c1", "c2", "c3")
    assert await draining
    assert turns.begun == ["c0", "c1"]


async def test_draining_ends_when_its_time_is_up(bench: Bench, turns: Turns, serve: Served) -> None:
    """The result is False, and the turns go on."""
    await accept(bench, "a", customer_id=customer(1))
    lanes = serve.begin()
    await soon()
    begun = bench.clock.monotonic()
    assert not await lanes.drain(10)
    assert bench.clock.monotonic() - begun == 10
    assert turns.running == ["a"]
    await lanes.abandon()


async def test_turns_are_abandoned_at_once(bench: Bench, turns: Turns, serve: Served) -> None:
    """The lanes belong to another worker. Nothing is concluded here, and the owner runs the command again."""
    await accept(bench, "a", customer_id=customer(1))
    lanes = serve.begin()
    await soon()
    await lanes.abandon()
    assert turns.running == []
    assert (await bench.command("a"))["state"] == "accepted"
    await soon()
    assert turns.begun == ["a", "a"]


async def test_commands_without_room_cost_nothing_until_there_is_room(
    bench: Bench, turns: Turns, serve: Served
) -> None:
    """They have no turn, hold no slot, and say nothing. When there is room they begin at once, in their order."""
    for number in range(100):
        await accept(bench, f"c{number}", customer_id=customer(number))
        await asyncio.sleep(0.01)
    serve.rooms.full = {SuspendPlan.wire_type()}
    turns.at_once = True
    lanes = serve.begin(concurrency=4)
    await asyncio.sleep(60)
    assert (turns.begun, lanes.running) == ([], 0)
    assert {row["n"] for row in await bench.rows("SELECT count(*) AS n FROM event WHERE type LIKE '%Waiting%'")} == {0}
    serve.rooms.full = set()
    lanes.ease()
    await asyncio.sleep(1)
    assert turns.begun == [f"c{number}" for number in range(100)]
    assert serve.rooms.under_way == []


async def test_a_command_that_waits_for_room_for_long_says_so_once(bench: Bench, turns: Turns, serve: Served) -> None:
    """The turn in which it says so runs no handler. Then it costs nothing until there is room."""
    for number in range(10):
        await accept(bench, f"c{number}", customer_id=customer(number))
        await asyncio.sleep(0.01)
    serve.rooms.full, serve.rooms.seconds = {SuspendPlan.wire_type()}, 30.0
    turns.at_once = True
    lanes = serve.begin(concurrency=4)
    await asyncio.sleep(300)
    assert sorted(turns.told) == sorted(f"c{number}" for number in range(10))
    assert turns.begun == []
    serve.rooms.full = set()
    lanes.ease()
    await asyncio.sleep(1)
    assert sorted(turns.begun) == sorted(turns.told)
    assert serve.rooms.under_way == []


async def test_a_wait_shorter_than_a_clock_can_show_is_waited_for(bench: Bench, turns: Turns, serve: Served) -> None:
    """What is left of a wait may be a rounding error of its instants. The scheduler looks again after a pause."""
    await accept(bench, "a", customer_id=customer(1))
    serve.rooms.full, serve.rooms.seconds = {SuspendPlan.wire_type()}, 1e-14
    serve.begin(concurrency=4)
    await asyncio.sleep(1)
    assert 10 < serve.rooms.looks < 500


async def test_a_command_that_needs_nothing_of_what_is_spent_runs(bench: Bench, turns: Turns, serve: Served) -> None:
    """It stands behind more commands than are claimed at a time, and begins within seconds all the same."""
    for number in range(100):
        await accept(bench, f"c{number}", customer_id=customer(number))
    serve.rooms.full = {SuspendPlan.wire_type()}
    turns.at_once = True
    serve.begin(concurrency=4)
    await asyncio.sleep(10)
    given = record(ReactivatePlan(customer_id=customer(1001)), id="other", partner="contoso", offset=0)
    await bench.accept(given, among=desk(ACCOUNTS))
    await asyncio.sleep(7)
    assert turns.begun == ["other"]


async def test_a_partner_that_floods_leaves_turns_for_partners_that_had_some(
    bench: Bench, turns: Turns, serve: Served
) -> None:
    """A part of the turns is kept for them, so that their next command waits for no turn of the flood."""
    await accept(bench, "lone1", customer_id=customer(1001), partner="fabrikam")
    lanes = serve.begin(concurrency=16)
    await soon()
    await turns.end("lone1")
    for number in range(40):
        await accept(bench, f"flood{number}", customer_id=customer(number))
    lanes.wake()
    await soon()
    assert len(turns.running) == 14
    await accept(bench, "lone2", customer_id=customer(1001), partner="fabrikam")
    lanes.wake()
    await soon()
    assert "lone2" in turns.running
    await asyncio.sleep(700)
    await turns.end("lone2")
    await asyncio.sleep(700)
    lanes.wake()
    await soon()
    assert len(turns.running) == 16, "a partner without commands keeps nothing for long"


class Silent:
    """A journal that does not answer for a while."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.silent = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bench.journal, name)

    async def claim(self, *arguments: Any) -> Claim:
        """Nothing while silent, then the commands that can run."""
        if self.silent:
            raise JournalUnavailable("gone")
        return await self._bench.journal.claim(*arguments)


async def test_a_silent_journal_is_asked_again(bench: Bench, turns: Turns, serve: Served) -> None:
    """The lanes ask once a second until the journal answers."""
    await accept(bench, "a", customer_id=customer(1))
    silent = Silent(bench)
    serve.begin(journal=silent)
    await asyncio.sleep(30)
    assert turns.begun == []
    silent.silent = False
    await asyncio.sleep(1.01)
    assert turns.begun == ["a"]
