"""Compression bombs on a real broker: a few kilobytes that inflate to hundreds of megabytes."""

from dataclasses import replace

import pytest

from events.codes import RecordCode
from events.wire.codec import NotACommand, decode
from ops.local.topics import Topics
from tests.broker.compressed import CODECS, MIB, write_batches
from tests.broker.reading import behind, poll, read
from worker.broker.admin import KafkaAdmin
from worker.broker.kafka_clients import KafkaConfig
from worker.broker.port import Partition
from worker.broker.source import KafkaSource, Membership
from worker.clock import Clock

pytestmark = pytest.mark.kafka

codecs = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
MOST = 4 * MIB


@pytest.fixture
def bounded(config: KafkaConfig) -> KafkaConfig:
    """A poll may hold only a few bytes."""
    return replace(config, max_inflated=MOST)


@codecs
async def test_a_bomb_is_passed_over_and_its_offsets_are_committed(
    codec: int, bounded: KafkaConfig, topics: Topics, admin: KafkaAdmin
) -> None:
    """Its records become dead letters without bytes. The records before and behind are read."""
    bomb = [b"\0" * MIB] * 6
    await write_batches(bounded.bootstrap_servers, topics.commands, 0, (0, [b"1"]), (codec, bomb), (codec, [b"2"]))
    source = KafkaSource(bounded, Membership(topics.commands, topics.group), Clock())
    records = await read(source, 8)
    assert [each.offset for each in records] == list(range(8))
    assert [each.value for each in records] == [b"1", *[None] * 6, b"2"]
    decoded = decode(records[1])
    assert isinstance(decoded, NotACommand)
    assert decoded.code is RecordCode.INVALID_JSON
    assert "AZPLAN_KAFKA__MAX_INFLATED" in decoded.detail
    await source.commit(behind(records), (await poll(source)).epoch)
    await source.stop()
    assert await admin.committed(topics.group, topics.commands) == {Partition(topics.commands, 0): 8}


@codecs
async def test_a_chain_of_good_batches_comes_in_several_polls(codec: int, bounded: KafkaConfig, topics: Topics) -> None:
    """Together they exceed the budget of a poll. None is lost, and none counts as a bomb."""
    values = [b"%d" % number + b" " * (MIB + MIB // 2) for number in range(9)]
    chain = [(codec, [value]) for value in values]
    await write_batches(bounded.bootstrap_servers, topics.commands, 0, *chain)
    source = KafkaSource(bounded, Membership(topics.commands, topics.group), Clock())
    records, largest = [], 0
    while len(records) < len(values):
        batch = await poll(source)
        largest = max(largest, sum(len(each.value or b"") for each in batch.records))
        records += batch.records
    await source.stop()
    assert [each.value for each in records] == values
    assert largest <= MOST


async def test_a_range_with_a_bomb_can_be_read(bounded: KafkaConfig, topics: Topics) -> None:
    """Replay and rebuild use this read."""
    bomb = CODECS["zstd"], [b"\0" * MIB] * 6
    await write_batches(bounded.bootstrap_servers, topics.commands, 0, (0, [b"1"]), bomb, (0, [b"2"]))
    admin = KafkaAdmin(bounded)
    await admin.start()
    records = [each async for each in admin.read({Partition(topics.commands, 0): range(8)})]
    await admin.stop()
    assert [each.value for each in records] == [b"1", *[None] * 6, b"2"]
