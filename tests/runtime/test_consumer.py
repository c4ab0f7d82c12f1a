"""From Kafka to the journal: no offset is committed before its record is durable, and no trouble ends the loop."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from events.messages.plans import PlanSuspended, SuspendPlan
from events.wire.record import Outgoing, Record
from tests.runtime.bench import Bench, desk, record
from tests.runtime.test_scheduler import Room
from tests.support.memory_broker import MemoryBroker, MemorySource
from worker.broker.port import BrokerUnavailable, Partition
from worker.errors import JournalUnavailable
from worker.journal.intake_records import Intake, Taken
from worker.metrics import REGISTRY
from worker.runtime.consumer import Consumer
from worker.runtime.scheduler import LaneLimits, Lanes

TOPIC, GROUP = "azplan.commands.v1", "azplan-worker"


class Journal:
    """The bench's journal. It may fall silent before or after it has written a batch."""

    def __init__(self, bench: Bench) -> None:
        self._journal = bench.journal
        self.silent = False
        self.silent_after = False
        self.batches: list[int] = []
        self.dies_at = float("inf")
        """A batch with a dead letter of so many bytes ends the connection."""
        self.full = False
        """Nothing at all is written."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def runnable(self, limit: int) -> int:
        """The number of commands that could run."""
        if self.silent:
            raise JournalUnavailable("the database does not answer")
        return await self._journal.runnable(limit)

    async def accept(self, items: list[Intake], instead: Any) -> list[Taken]:
        """Write a batch."""
        letters = [item.letter.source.value for item in items if item.letter is not None]
        if self.silent or self.full or any(len(value or b"") >= self.dies_at for value in letters):
            raise JournalUnavailable("the database does not answer")
        taken = await self._journal.accept(items, instead)
        self.batches.append(len(items))
        if self.silent_after:
            self.silent_after = False
            raise JournalUnavailable("the answer was lost")
        return taken

    async def touch(self) -> None:
        """Write something else."""
        if self.full:
            raise JournalUnavailable("the disk is full")
        await self._journal.touch()


class Source(MemorySource):
    """A source that may refuse to commit."""

    refuses = 0

    async def commit(self, offsets: Mapping[Partition, int], epoch: int) -> None:
        """Commit, or refuse to."""
        if self.refuses:
            self.refuses -= 1
            raise BrokerUnavailable("the coordinator has moved")
        await super().commit(offsets, epoch)


@dataclass
class Reading:
    """A running consumer."""

    bench: Bench
    broker: MemoryBroker
    source: Source
    journal: Journal
    consumer: Consumer
    task: "asyncio.Task[None]"

    async def write(self, *records: Record) -> None:
        """Write records as senders do."""
        for each in records:
            await self.broker.write(TOPIC, Outgoing(each.key, each.value, each.headers))

    @property
    def committed(self) -> int:
        """The number of records that the group has committed."""
        return sum(self.broker.committed(GROUP).values())

    async def known(self) -> list[str]:
        """The ids of the commands in the journal."""
        return [row["id"] for row in await self.bench.rows("SELECT id FROM command ORDER BY seq")]


@pytest.fixture
async def reading(bench: Bench) -> AsyncIterator[Reading]:
    """The consumer takes in everything on the topic. More than three commands that could run hold the intake back."""
    broker = MemoryBroker(bench.clock, {TOPIC: 2}, largest=2_000_000)
    source = Source(broker, TOPIC, GROUP)
    await source.start()
    journal = Journal(bench)
    lanes = Lanes(journal, _nothing, ["contoso"], LaneLimits(64, 3), Room())
    consumer = Consumer(source, journal, lanes, desk(), bench.clock)
    task = asyncio.create_task(consumer.run())
    yield Reading(bench, broker, source, journal, consumer, task)
    consumer.stop()
    await task


async def _nothing(_work: object) -> None:
    """No command of these tests has a turn."""


def of(number: int) -> SuspendPlan:
    """A command of this customer."""
    return SuspendPlan(customer_id=f"c0ffee00-0000-4000-8000-{number:012d}")


async def test_records_are_committed_when_they_are_durable(reading: Reading) -> None:
    """A batch is one write and one commit (promise G1)."""
    await reading.write(record(id="a"), record(id="b"))
    await asyncio.sleep(2)
    assert await reading.known() == ["a", "b"]
    assert (reading.committed, reading.journal.batches) == (2, [2])


async def test_lanes_and_publisher_are_called(reading: Reading) -> None:
    """Lanes and publisher are called: both have work now."""
    calls: list[int] = []
    reading.consumer.accepted = lambda: calls.append(1)
    await reading.write(record())
    await asyncio.sleep(2)
    assert calls == [1]


async def test_nothing_is_committed_while_the_journal_is_silent(reading: Reading) -> None:
    """Intake stops, readiness says why, and intake goes on by itself (promise G1)."""
    reading.journal.silent = True
    await reading.write(record())
    await asyncio.sleep(600)
    assert (await reading.known(), reading.committed) == ([], 0)
    assert str(reading.consumer.progress.trouble) == "the database does not answer"
    reading.journal.silent = False
    await asyncio.sleep(3)
    assert (await reading.known(), reading.committed) == (["c-1"], 1)
    assert reading.consumer.progress.trouble is None


async def test_a_batch_is_kept_while_the_journal_is_silent(reading: Reading) -> None:
    """The batch has been read, so the broker would not bring it again."""
    accept = reading.journal._journal.accept
    tries: list[int] = []

    async def refuse(items: list[Intake], instead: Any) -> list[Taken]:
        tries.append(len(items))
        if len(tries) < 5:
            raise JournalUnavailable("gone")
        return await accept(items, instead)

    reading.journal.accept = refuse  # type: ignore[method-assign]
    await reading.write(record())
    await asyncio.sleep(10)
    assert (tries, await reading.known(), reading.committed) == ([1, 1, 1, 1, 1], ["c-1"], 1)


async def test_a_batch_whose_write_may_have_been_made_is_written_again(reading: Reading) -> None:
    """The second write finds the batch in the journal, and the batch is committed."""
    reading.journal.silent_after = True
    await reading.write(record())
    await asyncio.sleep(5)
    assert (await reading.known(), reading.journal.batches, reading.committed) == (["c-1"], [1, 1], 1)


async def test_a_silent_broker_is_asked_again(reading: Reading) -> None:
    """The records that came meanwhile are taken in."""
    await reading.write(record())
    reading.broker.down = True
    await asyncio.sleep(600)
    assert not reading.task.done()
    assert str(reading.consumer.progress.trouble) == "the broker does not answer"
    reading.broker.down = False
    await asyncio.sleep(3)
    assert (await reading.known(), reading.committed) == (["c-1"], 1)


async def test_offsets_that_could_not_be_committed_are_committed_later(reading: Reading) -> None:
    """No other record has to come for that. The journal has the records all the time."""
    reading.source.refuses = 3
    await reading.write(record(id="a"))
    await asyncio.sleep(0.5)
    assert (await reading.known(), reading.committed) == (["a"], 0)
    await asyncio.sleep(5)
    assert reading.committed == 1


async def test_offsets_that_could_not_be_committed_are_committed_with_the_next(reading: Reading) -> None:
    """Each partition is committed up to the last record read."""
    reading.source.refuses = 1
    await reading.write(record(of(1), id="a"))
    await asyncio.sleep(0.5)
    await reading.write(record(of(2), id="b"))
    await asyncio.sleep(0.1)
    assert (await reading.known(), reading.committed) == (["a", "b"], 2)


async def test_records_of_an_assignment_that_has_ended_are_read_again_and_are_nothing(reading: Reading) -> None:
    """A rebalance between reading and committing loses nothing and does nothing twice."""
    accept = reading.journal.accept

    async def rebalanced(items: list[Intake], instead: Any) -> list[Taken]:
        taken = await accept(items, instead)
        if len(reading.journal.batches) == 1:
            reading.broker.rebalance(GROUP)
        return taken

    reading.journal.accept = rebalanced  # type: ignore[method-assign]
    await reading.write(record())
    await asyncio.sleep(5)
    assert (await reading.known(), reading.journal.batches, reading.committed) == (["c-1"], [1, 1], 1)


async def test_intake_is_held_back_above_the_limit_and_goes_on_below_it(reading: Reading) -> None:
    """The limit counts commands that could run. Partitions are paused and resumed."""
    await reading.write(*(record(of(number), id=f"c{number}") for number in range(3)))
    await asyncio.sleep(3)
    assert reading.consumer.progress.held_back
    assert reading.source.paused() == reading.source.assignment()
    await reading.write(record(of(9), id="c9"))
    await asyncio.sleep(60)
    assert "c9" not in await reading.known()
    await reading.bench.rows("SELECT 1")
    for work in (await reading.bench.claim())[:1]:
        await reading.bench.dispatch(_answered)(work)
    await asyncio.sleep(3)
    assert "c9" in await reading.known()


async def test_partitions_that_come_while_intake_is_held_back_are_held_back_too(reading: Reading) -> None:
    """A rebalance opens no gap in the hold."""
    await reading.write(*(record(of(number), id=f"c{number}") for number in range(3)))
    await asyncio.sleep(3)
    reading.broker.rebalance(GROUP)
    await asyncio.sleep(3)
    assert reading.source.paused() == reading.source.assignment() != frozenset()


async def test_the_loop_comes_round_while_there_is_nothing_to_read_and_while_others_are_silent(
    reading: Reading,
) -> None:
    """Liveness means progress, never connectivity."""
    for trouble in (lambda: None, lambda: setattr(reading.broker, "down", True)):
        trouble()
        await asyncio.sleep(60)
        assert reading.bench.clock.monotonic() - reading.consumer.progress.at < 3


async def test_a_consumer_that_is_to_stop_leaves_a_batch_that_the_journal_does_not_take(reading: Reading) -> None:
    """The batch is not committed, and the partition's next reader gets it."""
    await reading.write(record())
    reading.journal.accept = _silent  # type: ignore[method-assign]
    await asyncio.sleep(5)
    reading.consumer.stop()
    await asyncio.sleep(5)
    assert reading.task.done()
    assert reading.committed == 0


async def _silent(*_: object) -> list[Taken]:
    raise JournalUnavailable("gone")


async def _answered(ctx: Any, _command: Any) -> Any:
    return ctx.answer(PlanSuspended, subscription_id="s-1", already_suspended=True)


async def test_the_age_of_the_last_commit_climbs_only_while_something_is_uncommitted(reading: Reading) -> None:
    """Without records there is nothing to commit: a quiet night does not look like a broker that takes no commits."""

    def age() -> float:
        shown = REGISTRY.get_sample_value("azplan_last_commit_timestamp_seconds", {"topic": TOPIC})
        return reading.bench.clock.now().timestamp() - (shown or 0.0)

    await reading.write(record())
    await asyncio.sleep(3600)
    assert age() <= 5
    reading.source.refuses = 10_000
    await reading.write(record(of(2), id="c-2"))
    await asyncio.sleep(600)
    assert age() > 590


async def test_a_dead_letter_at_whose_size_the_database_dies_is_written_without_its_bytes(reading: Reading) -> None:
    """Otherwise the outage would never end, and the record would end the connection of the next replica too."""
    reading.journal.dies_at = 1_060_000
    large = replace(record(id="large"), value=b"x" * 1_060_000)
    await reading.write(large, record(id="good", offset=1))
    await asyncio.sleep(30)
    assert await reading.known() == ["good"]
    (letter,) = await reading.bench.rows("SELECT code, detail, value FROM dead_letter")
    assert (letter["code"], letter["value"]) == ("invalid_json", None)
    assert "its bytes are not kept" in letter["detail"]
    assert reading.committed == 2


async def test_while_the_database_writes_nothing_no_dead_letter_loses_its_bytes(reading: Reading) -> None:
    """A database that writes nothing has a full disk. The size of one row is not the cause."""
    reading.journal.full = True
    large = replace(record(id="large"), value=b"x" * 1_060_000)
    await reading.write(large)
    await asyncio.sleep(60)
    reading.journal.full = False
    await asyncio.sleep(10)
    (letter,) = await reading.bench.rows("SELECT value FROM dead_letter")
    assert letter["value"] == large.value


async def test_a_replay_of_known_records_decodes_none_of_them(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each counts as a duplicate of its command, and its offset is committed."""

    def duplicates() -> float:
        return REGISTRY.get_sample_value("azplan_duplicate_commands_total", {"command": "SuspendPlan"}) or 0.0

    await reading.write(*(record(id=f"c-{number}") for number in range(20)))
    await asyncio.sleep(10)
    await reading.bench.journal.transactions.write(lambda tx: tx.run("UPDATE command SET due_at = NULL"))
    before = duplicates()
    monkeypatch.setattr("worker.runtime.consumer.intake", None)
    reading.broker.rewind(GROUP, TOPIC)
    await asyncio.sleep(30)
    assert (duplicates() - before, reading.committed) == (20, 20)
