"""Which lanes a worker owns, and until when: by every clock, from the start of the last confirmed heartbeat."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from events.messages.plans import SuspendPlan
from tests.runtime.bench import Bench, desk, record
from tests.support.callers_thread import CallersThread
from tests.support.virtual_time import LoopClock
from worker.errors import JournalUnavailable
from worker.journal.database.sqlite.engine import SqliteEngine
from worker.journal.database.transactions import Transactions
from worker.journal.journal import Journal
from worker.journal.records import Conclusion, State
from worker.runtime.intake_rules import intake
from worker.runtime.lane_heartbeat import Lease, Ownership

LEASE = Lease(lease=60.0, heartbeat=5.0, call_timeout=40.0)
MARGIN = LEASE.lease - LEASE.call_timeout


@dataclass
class Skews:
    """How far each clock of the machine is ahead of the true time."""

    monotonic: float = 0.0
    boot: float = 0.0
    wall: float = 0.0


class SkewedClock(LoopClock):
    """The clocks of a machine. Each may go its own way."""

    def __init__(self, skews: Skews) -> None:
        super().__init__()
        self._skews = skews

    def now(self) -> datetime:
        """The wall clock."""
        return super().now() + timedelta(seconds=self._skews.wall)

    def monotonic(self) -> float:
        """This clock stands still in a suspended machine."""
        return LoopClock.monotonic(self) + self._skews.monotonic

    def boot(self) -> float:
        """This clock goes on in a suspended machine."""
        return LoopClock.monotonic(self) + self._skews.boot


@dataclass
class Owner:
    """A worker of the bench's journal file."""

    journal: Journal
    ownership: Ownership
    skews: Skews
    events: list[str] = field(default_factory=list)

    def may_send(self) -> bool:
        """Whether a request of a command that this worker claimed may leave now."""
        return self.ownership.may_send(self.journal.worker)

    async def lanes(self) -> int:
        """The number of lanes that the worker owns."""
        rows = await self.journal.transactions.read(
            lambda tx: tx.rows("SELECT count(*) AS n FROM lane WHERE owner = ?", self.journal.worker)
        )
        return int(rows[0]["n"])


Hire = Callable[[], Any]


@pytest.fixture
async def hire(bench: Bench) -> AsyncIterator[Hire]:
    """Gives workers that have begun. Their heart beats only when the test says so."""
    journals: list[Journal] = []

    async def hired() -> Owner:
        skews = Skews()
        clock = SkewedClock(skews)
        journal = Journal(Transactions(SqliteEngine(bench.path, clock=bench.clock, threads=CallersThread()), clock))
        await journal.open()
        journals.append(journal)
        ownership = Ownership(journal, clock, LEASE, "host", "1.2.3")
        owner = Owner(journal, ownership, skews)
        ownership.taken = lambda: owner.events.append("taken")
        await ownership.start()
        return owner

    yield hired
    for journal in journals:
        await journal.close()


# ---- the gate


async def test_a_request_may_leave_while_the_row_outlives_its_time_out(hire: Hire) -> None:
    """The limit is exact to the second: the lease less the longest write (rule GateAtSend, promises G2, G4)."""
    owner = await hire()
    await asyncio.sleep(MARGIN - 0.001)
    assert owner.may_send()
    await asyncio.sleep(0.001)
    assert not owner.may_send()
    assert owner.ownership.alive()
    await asyncio.sleep(LEASE.call_timeout)
    assert not owner.ownership.alive()


@pytest.mark.parametrize("clock", ["monotonic", "boot", "wall"])
async def test_any_clock_can_close_the_gate(hire: Hire, clock: str) -> None:
    """After a suspension or a clock set forward, the strictest clock counts."""
    owner = await hire()
    setattr(owner.skews, clock, MARGIN)
    assert not owner.may_send()


@pytest.mark.parametrize("clock", ["monotonic", "boot", "wall"])
async def test_no_clock_alone_can_open_the_gate(hire: Hire, clock: str) -> None:
    """A clock that was set back changes nothing: the other clocks count."""
    owner = await hire()
    await asyncio.sleep(MARGIN)
    setattr(owner.skews, clock, -3600.0)
    assert not owner.may_send()


async def test_a_heartbeat_opens_the_gate_again_from_its_beginning(hire: Hire) -> None:
    """The lease loses the time that the database took to confirm the heartbeat."""
    owner = await hire()
    await asyncio.sleep(MARGIN)
    beat = owner.journal.heartbeat

    async def slow(lease: float) -> bool:
        confirmed = await beat(lease)
        await asyncio.sleep(15)
        return confirmed

    owner.journal.heartbeat = slow
    await owner.ownership._beat()
    assert owner.may_send()
    await asyncio.sleep(MARGIN - 15)
    assert not owner.may_send()


async def test_a_command_that_was_claimed_by_an_earlier_self_sends_nothing(hire: Hire) -> None:
    """Each registration makes another worker."""
    owner = await hire()
    before = owner.journal.worker
    await asyncio.sleep(LEASE.lease + 1)
    await owner.ownership._beat()
    assert owner.may_send()
    assert not owner.ownership.may_send(before)


# ---- lapses


async def test_a_worker_whose_row_has_lapsed_ends_everything_before_it_is_a_worker_again(hire: Hire) -> None:
    """The worker sends nothing meanwhile."""
    owner = await hire()
    first = owner.journal.worker

    async def lapsed() -> None:
        owner.events.append("ending")
        await asyncio.sleep(3)
        assert (owner.journal.worker, owner.may_send()) == (first, False)
        owner.events.append("ended")

    owner.ownership.lapsed = lapsed
    await asyncio.sleep(LEASE.lease + 1)
    await owner.ownership._beat()
    assert owner.events == ["ending", "ended"]
    assert owner.journal.worker != first
    assert owner.may_send()


async def test_a_silent_database_ends_neither_the_heartbeat_nor_running_commands(
    hire: Hire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No loss is certain until the lease is over. Afterwards the row has lapsed."""
    owner = await hire()
    task = asyncio.create_task(owner.ownership.run())
    await asyncio.sleep(1)
    ended: list[float] = []

    async def lapsed() -> None:
        ended.append(1.0)

    owner.ownership.lapsed = lapsed
    with monkeypatch.context() as silence:
        silence.setattr(owner.journal, "heartbeat", _silent)
        await asyncio.sleep(30)
        assert (owner.ownership.alive(), ended, task.done()) == (True, [], False)
        await asyncio.sleep(60)
        assert (owner.ownership.alive(), ended, task.done()) == (False, [], False)
    await asyncio.sleep(6)
    assert (owner.ownership.alive(), ended) == (True, [1.0])
    task.cancel()


# ---- lanes


async def test_lanes_of_a_dead_worker_are_taken_over(bench: Bench, hire: Hire) -> None:
    """The row of the dead worker must have expired first."""
    dead, heir = await hire(), await hire()
    await _accept_as(dead, bench)
    await heir.ownership._beat()
    assert (await dead.lanes(), await heir.lanes()) == (1, 0)
    await asyncio.sleep(50)
    await heir.ownership._beat()
    assert await heir.lanes() == 0
    await asyncio.sleep(11)
    await heir.ownership._beat()
    assert (await heir.lanes(), heir.events) == (1, ["taken"])


async def test_a_worker_that_died_with_many_lanes_leaves_none_of_them_waiting(bench: Bench, hire: Hire) -> None:
    """One heartbeat of the next owner takes all of them."""
    dead, heir = await hire(), await hire()
    commands = [SuspendPlan(customer_id=f"c0ffee00-0000-4000-8000-{number:012d}") for number in range(450)]
    await dead.journal.accept(
        [intake(record(each, id=f"c{n}"), bench.journal.now(), desk()) for n, each in enumerate(commands)], _raise
    )
    await dead.ownership.stop()
    await heir.ownership._beat()
    assert await heir.lanes() == 450


async def test_a_worker_that_stops_gives_its_lanes_back_at_once(bench: Bench, hire: Hire) -> None:
    """The worker sends nothing more."""
    leaving, heir = await hire(), await hire()
    await _accept_as(leaving, bench)
    await leaving.ownership.stop()
    assert not leaving.may_send()
    await heir.ownership._beat()
    assert await heir.lanes() == 1


async def test_what_cannot_be_given_back_now_is_free_when_the_row_expires(
    hire: Hire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopping never fails."""
    owner = await hire()
    monkeypatch.setattr(owner.journal, "retire", _silent)
    await owner.ownership.stop()
    assert not owner.ownership.alive()


async def test_a_lane_is_let_go_when_nothing_of_it_is_left(bench: Bench, hire: Hire) -> None:
    """Its command is over and its events are acknowledged."""
    owner = await hire()
    await _accept_as(owner, bench)
    (work,) = (await owner.journal.claim(["contoso"], 10, ())).work
    await owner.ownership._beat()
    await owner.journal.conclude(work, Conclusion(state=State.SUCCEEDED))
    await owner.ownership._beat()
    assert await owner.lanes() == 1
    await owner.journal.sent(await owner.journal.unsent(10))
    await owner.ownership._beat()
    assert await owner.lanes() == 0


async def _accept_as(owner: Owner, bench: Bench) -> None:
    """Let a worker accept a command. The worker then owns the command's new lane."""
    await owner.journal.accept([intake(record(), bench.journal.now(), desk())], _raise)


def _raise(_item: object, error: Exception) -> Any:
    raise error


async def _silent(*_: object) -> Any:
    raise JournalUnavailable("gone")
