"""The promises of the port, kept by the real broker and by the broker in memory that other tests use."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

import pytest

from events.wire.record import Outgoing
from ops.local.topics import Topics
from ops.local.waiting import eventually
from tests.broker.reading import behind, poll, read, write
from tests.support.memory_broker import MemoryBroker, MemorySink, MemorySource
from worker.broker.admin import KafkaAdmin
from worker.broker.kafka_clients import KafkaConfig
from worker.broker.port import Partition, Sink, Source, TooLarge, TopicMissing
from worker.broker.sink import KafkaSink
from worker.broker.source import KafkaSource, Membership
from worker.clock import Clock

TOPIC_OF_SIX = "commands"


@dataclass
class Ground:
    """A topic of six partitions, a group, and a sink."""

    topic: str
    sink: Sink
    make: Callable[[], Source]
    committed: Callable[[], Awaitable[Mapping[Partition, int]]]
    members: list[Source]

    def member(self) -> Source:
        """One more member of the group, not started yet."""
        self.members.append(self.make())
        return self.members[-1]


def _in_memory() -> Ground:
    broker = MemoryBroker(Clock(), {TOPIC_OF_SIX: 6})

    async def committed() -> Mapping[Partition, int]:
        return broker.committed("group")

    return Ground(TOPIC_OF_SIX, MemorySink(broker), lambda: MemorySource(broker, TOPIC_OF_SIX, "group"), committed, [])


def _on_kafka(topics: Topics) -> Ground:
    config = KafkaConfig(topics.bootstrap_servers)

    async def committed() -> Mapping[Partition, int]:
        admin = KafkaAdmin(config)
        await admin.start()
        found = await admin.committed(topics.group, topics.commands)
        await admin.stop()
        return found

    membership = Membership(topics.commands, topics.group)
    return Ground(topics.commands, KafkaSink(config), lambda: KafkaSource(config, membership, Clock()), committed, [])


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.kafka)])
async def ground(request: pytest.FixtureRequest) -> AsyncIterator[Ground]:
    """Each test runs on both brokers."""
    made = _in_memory() if request.param == "memory" else _on_kafka(request.getfixturevalue("topics"))
    await made.sink.start()
    yield made
    for member in made.members:
        await member.stop()
    await made.sink.stop()


async def joined(member: Source, *, held: int, beside: Source | None = None) -> None:
    """Start a member while another goes on polling, until the other holds this many partitions."""
    joining = asyncio.create_task(member.start())
    await eventually(lambda: _holds(beside or member, held), f"{held} partitions are held", within=30)
    await joining


async def _holds(source: Source, number: int) -> bool:
    await poll(source)
    return len(source.assignment()) == number


async def test_a_written_record_is_read_to_the_byte(ground: Ground) -> None:
    """Key, value, headers and coordinates come through, even missing values and bytes that are no text."""
    odd = Outgoing(b"\xff\x00", None, (("ce_id", b"1"), ("ce_id", None), ("x", b"\xfe")))
    ack = await ground.sink.send(ground.topic, odd, partition=3)
    member = ground.member()
    await member.start()
    (record,) = await read(member, 1)
    assert (record.key, record.value, record.headers) == (odd.key, odd.value, odd.headers)
    assert (record.topic, record.partition, record.offset) == (ground.topic, 3, ack.offset)
    assert record.timestamp is not None


async def test_a_new_member_goes_on_behind_the_committed_records(ground: Ground) -> None:
    """Records that were read and not committed come again. Committed ones do not."""
    await write(ground.sink, ground.topic, b"1", b"2", b"3", partition=0)
    first, second = ground.member(), ground.member()
    await first.start()
    records = await read(first, 3)
    await first.commit(behind(records[:2]), (await poll(first)).epoch)
    await first.stop()
    await second.start()
    assert [each.value for each in await read(second, 1)] == [b"3"]


async def test_a_commit_never_goes_backwards(ground: Ground) -> None:
    """A late commit of an older batch does not undo a newer one."""
    await write(ground.sink, ground.topic, b"1", b"2", partition=0)
    member = ground.member()
    await member.start()
    records = await read(member, 2)
    epoch = (await poll(member)).epoch
    await member.commit(behind(records), epoch)
    await member.commit(behind(records[:1]), epoch)
    assert await ground.committed() == {Partition(ground.topic, 0): 2}


async def test_two_members_share_the_partitions_and_an_old_epoch_commits_nothing(ground: Ground) -> None:
    """When a second member comes, each holds a half.

    The first can no longer commit the records that it had read before.
    """
    await write(ground.sink, ground.topic, b"1", partition=0)
    first, second = ground.member(), ground.member()
    await first.start()
    records = await read(first, 1)
    old = (await poll(first)).epoch
    assert len(first.assignment()) == 6
    await joined(second, held=3, beside=first)
    assert first.assignment() | second.assignment() == {Partition(ground.topic, number) for number in range(6)}
    assert not first.assignment() & second.assignment()
    assert first.health().rebalances >= 2
    await first.commit(behind(records), old)
    assert await ground.committed() == {}


async def test_uncommitted_records_come_again_to_the_next_holder_of_the_partition(ground: Ground) -> None:
    """A rebalance loses nothing."""
    await write(ground.sink, ground.topic, *(str(number).encode() for number in range(12)))
    first, second = ground.member(), ground.member()
    await first.start()
    assert len(await read(first, 12)) == 12
    joining = asyncio.create_task(second.start())
    got: list[bytes | None] = []

    async def everything() -> bool:
        members = (first, second) if joining.done() else (first,)
        got.extend([each.value for member in members for each in (await poll(member)).records])
        return len(set(got)) == 12

    await eventually(everything, "all twelve records came again", within=30)
    await joining


async def test_a_paused_partition_brings_nothing_until_it_is_resumed(ground: Ground) -> None:
    """The other partitions go on. Afterwards no record is missing."""
    member = ground.member()
    await joined(member, held=6)
    held_back = Partition(ground.topic, 1)
    member.pause([held_back, Partition(ground.topic, 99)])
    assert member.paused() == {held_back}
    await write(ground.sink, ground.topic, b"a", b"b", partition=1)
    await write(ground.sink, ground.topic, b"c", partition=2)
    assert [each.value for each in await read(member, 1)] == [b"c"]
    assert (await poll(member)).records == ()
    member.resume(member.paused())
    assert [each.value for each in await read(member, 2)] == [b"a", b"b"]


async def test_a_pause_outlasts_a_rebalance_that_gives_the_partition_back(ground: Ground) -> None:
    """A member that joins and leaves does not resume paused partitions."""
    member, guest = ground.member(), ground.member()
    await joined(member, held=6)
    member.pause(member.assignment())
    await joined(guest, held=3, beside=member)
    kept = member.paused()
    assert kept == member.assignment()
    await guest.stop()
    await eventually(lambda: _holds(member, 6), "all partitions are held again", within=30)
    assert member.paused() == kept
    await write(ground.sink, ground.topic, b"x", partition=next(iter(kept)).number)
    assert (await poll(member)).records == ()


async def test_lag_counts_records_that_are_not_committed_yet(ground: Ground) -> None:
    """Each held partition has position, committed offset and end."""
    await write(ground.sink, ground.topic, b"1", b"2", b"3", partition=0)
    member = ground.member()
    await member.start()
    records = await read(member, 3)
    place = Partition(ground.topic, 0)
    lags = await member.lag()
    assert len(lags) == 6
    assert (lags[place].position, lags[place].committed, lags[place].end, lags[place].messages) == (3, None, 3, 0)
    await member.commit({place: records[0].offset + 1}, (await poll(member)).epoch)
    assert (await member.lag())[place].messages == 2


async def test_two_errors_of_unwritable_records_are_told_apart(ground: Ground) -> None:
    """The two errors are too large and no such topic."""
    with pytest.raises(TooLarge):
        await ground.sink.send(ground.topic, Outgoing(b"k", b"x" * 2_000_000, ()))
    with pytest.raises(TopicMissing):
        await ground.sink.send("no.such.topic", Outgoing(b"k", b"x", ()))
