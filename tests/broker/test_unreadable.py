"""A record with header names that are not UTF-8: the broker stores it, the library fails on it, the worker reads it."""

from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from ops.local.topics import Topics
from tests.broker.conftest import MakeSource
from tests.broker.reading import behind, poll, read, write
from worker.broker.admin import KafkaAdmin
from worker.broker.kafka_clients import KafkaConfig
from worker.broker.port import Partition
from worker.broker.sink import KafkaSink

pytestmark = pytest.mark.kafka


class Latin(str):
    """A header's name as a careless producer in another language writes it."""

    __slots__ = ()

    def encode(self, encoding: str = "", errors: str = "") -> bytes:
        """Encode the name in Latin-1, which is never UTF-8 here."""
        del encoding, errors
        return super().encode("latin-1")


@pytest.fixture
async def careless(config: KafkaConfig) -> AsyncIterator[AIOKafkaProducer]:
    """A producer that may write any bytes."""
    async with AIOKafkaProducer(bootstrap_servers=config.bootstrap_servers, acks="all") as producer:
        yield producer


async def spoil(producer: AIOKafkaProducer, topic: str, partition: int, *, codec: int = 0, beside: int = 0) -> None:
    """Write a batch in which one record has a header name that is not UTF-8."""
    builder = _DefaultRecordBatchBuilderPy(
        magic=2,
        compression_type=codec,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=100_000,
    )
    batch = producer.create_batch()
    batch._builder = builder
    for number in range(beside):
        batch.append(timestamp=None, key=b"k", value=b"beside", headers=[("n", str(number).encode())])
    batch.append(timestamp=None, key=b"k", value=b"bad", headers=[(Latin("größe"), b"v"), ("ce_id", b"1")])
    await (await producer.send_batch(batch, topic, partition=partition))


@pytest.mark.parametrize("codec", [0, 1, 2, 3, 4], ids=["none", "gzip", "snappy", "lz4", "zstd"])
async def test_the_record_and_all_records_around_it_are_read(
    codec: int, make_source: MakeSource, sink: KafkaSink, careless: AIOKafkaProducer, topics: Topics
) -> None:
    """Records before, in the same batch, behind, and on other partitions come exactly once."""
    await write(sink, topics.commands, b"1", b"2", partition=0)
    await spoil(careless, topics.commands, 0, codec=codec, beside=2)
    await write(sink, topics.commands, b"3", partition=0)
    await write(sink, topics.commands, b"a", b"b", partition=1)
    source = make_source()
    records = await read(source, 8)
    first = [each for each in records if each.partition == 0]
    assert [each.value for each in first] == [b"1", b"2", b"beside", b"beside", b"bad", b"3"]
    assert [each.offset for each in first] == list(range(6))
    assert [each.value for each in records if each.partition == 1] == [b"a", b"b"]
    assert first[4].headers == (("gr\\xf6\\xdfe", b"v"), ("ce_id", b"1"))
    assert (await poll(source)).records == ()


async def test_records_behind_it_can_be_committed(
    make_source: MakeSource, admin: KafkaAdmin, careless: AIOKafkaProducer, topics: Topics
) -> None:
    """The position moves on, so the next member does not meet the record again."""
    await spoil(careless, topics.commands, 2)
    source = make_source()
    records = await read(source, 1)
    await source.commit(behind(records), (await poll(source)).epoch)
    assert await admin.committed(topics.group, topics.commands) == {Partition(topics.commands, 2): 1}


async def test_an_aborted_transaction_beside_it_stays_unread(
    make_source: MakeSource, config: KafkaConfig, careless: AIOKafkaProducer, topics: Topics
) -> None:
    """Reading by hand keeps the rules of transactions."""
    async with AIOKafkaProducer(bootstrap_servers=config.bootstrap_servers, transactional_id=topics.suffix) as sender:
        await sender.begin_transaction()
        await sender.send_and_wait(topics.commands, b"aborted", partition=0)
        await sender.abort_transaction()
    await spoil(careless, topics.commands, 0)
    assert [each.value for each in await read(make_source(), 1)] == [b"bad"]


async def test_a_range_with_it_can_be_read(admin: KafkaAdmin, careless: AIOKafkaProducer, topics: Topics) -> None:
    """A replay reads the same records."""
    await spoil(careless, topics.commands, 0, beside=1)
    got = [each.value async for each in admin.read({Partition(topics.commands, 0): range(10)})]
    assert got == [b"beside", b"bad"]
