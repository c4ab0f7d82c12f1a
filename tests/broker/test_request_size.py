"""A broker that closes the connection on a too large request without an answer, as Azure Event Hubs does."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from events.wire.record import Outgoing
from ops.local.databases import run_apart
from ops.local.kafka import LocalKafka
from ops.local.topics import Topics
from tests.broker.reading import read
from worker.broker import sink as module
from worker.broker.kafka_clients import KafkaConfig
from worker.broker.port import Ack, BrokerUnavailable, TooLarge
from worker.broker.sink import KafkaSink
from worker.broker.source import KafkaSource, Membership
from worker.broker.writing.in_flight_limit import largest_record
from worker.clock import Clock

pytestmark = pytest.mark.kafka

LIMIT = 300_000
"""The largest request of the broker. Each topic accepts much larger records."""


@pytest.fixture(scope="module")
def strict_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """A broker that closes the connection above the limit."""
    broker = LocalKafka(tmp_path_factory.mktemp("kafka"), socket_request_max_bytes=str(LIMIT))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def strict_topics(strict_kafka: LocalKafka) -> Topics:
    """Fresh topics on this broker."""
    fresh = Topics(strict_kafka.bootstrap_servers)
    run_apart(fresh.create())
    return fresh


@pytest.fixture
async def careful(strict_kafka: LocalKafka) -> AsyncIterator[KafkaSink]:
    """A sink that knows the limit."""
    made = KafkaSink(KafkaConfig(strict_kafka.bootstrap_servers, max_request_bytes=LIMIT))
    yield made
    await made.stop()


@pytest.fixture
async def unaware(strict_kafka: LocalKafka) -> AsyncIterator[KafkaSink]:
    """A sink with a limit far above the broker's."""
    made = KafkaSink(KafkaConfig(strict_kafka.bootstrap_servers, max_request_bytes=5_000_000))
    yield made
    await made.stop()


async def persistent(sink: KafkaSink, topic: str, record: Outgoing) -> Ack:
    """Send a failed record again, as the outbox does."""
    while True:
        try:
            return await sink.send(topic, record)
        except BrokerUnavailable:
            await asyncio.sleep(0)


async def test_no_request_is_larger_than_the_setting(
    careful: KafkaSink, strict_topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For any number of partitions in a request, all records are written, and the connection never breaks."""
    suspected: list[int] = []
    monkeypatch.setattr(KafkaSink, "_suspect", lambda _, company: suspected.append(company))
    records = [Outgoing(b"%d" % n, b"v" * 20_000, (("h", b"x" * 50),) * 20) for n in range(100)]
    async with asyncio.timeout(20):
        acks = await asyncio.gather(*(careful.send(strict_topics.events, each) for each in records))
    assert len({ack.partition for ack in acks}) > 1
    assert suspected == []
    largest = LIMIT - 400
    await careful.send(strict_topics.events, Outgoing(b"k", b"v" * largest, ()))


async def test_a_record_that_does_not_fit_into_a_request_is_not_sent(
    careful: KafkaSink, strict_topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sink refuses the record and names the setting. Other records are not affected."""
    monkeypatch.setattr(KafkaSink, "_current", None)
    too_large = Outgoing(b"k", b"v" * largest_record(LIMIT, strict_topics.events), ())
    with pytest.raises(TooLarge, match=r"AZPLAN_KAFKA__MAX_REQUEST_BYTES, 300000"):
        await careful.send(strict_topics.events, too_large)


async def test_a_record_on_which_the_connection_died_twice_is_sent_alone_and_then_taken_for_too_large(
    unaware: KafkaSink, strict_topics: Topics
) -> None:
    """The other records are written. The next record of that size is not even tried."""
    small = [Outgoing(b"%d" % n, b"small %d" % n, ()) for n in range(40)]
    large = Outgoing(b"k", b"v" * 400_000, ())
    async with asyncio.timeout(20):
        results = await asyncio.gather(
            *(persistent(unaware, strict_topics.events, each) for each in (*small[:20], large, *small[20:])),
            return_exceptions=True,
        )
    assert [type(each) for each in results] == [Ack] * 20 + [TooLarge] + [Ack] * 20
    assert "closes the connection" in str(results[20])
    before = unaware._producer
    with pytest.raises(TooLarge, match="accepts no record of that size"):
        await unaware.send(strict_topics.events, large)
    assert unaware._producer is before
    source = KafkaSource(unaware._config, Membership(strict_topics.events, strict_topics.group), Clock())
    values = {each.value for each in await read(source, 40)}
    await source.stop()
    assert values == {each.value for each in small}


async def test_records_that_were_too_large_together_are_sent_in_smaller_requests(
    unaware: KafkaSink, strict_topics: Topics
) -> None:
    """The broker would accept each record, but not all together.

    None counts as too large, and later the connection holds.
    """
    records = [Outgoing(b"%d" % n, b"v" * 50_000, ()) for n in range(40)]
    for _ in range(3):
        async with asyncio.timeout(30):
            await asyncio.gather(*(persistent(unaware, strict_topics.events, each) for each in records))
    before = unaware._producer
    await asyncio.gather(*(unaware.send(strict_topics.events, each) for each in records))
    assert unaware._producer is before
    assert unaware._refused == {}


async def test_a_small_record_is_never_taken_for_too_large(
    unaware: KafkaSink, strict_topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that breaks on a small record has another cause. The record is sent again later."""
    large = Outgoing(b"k", b"v" * 400_000, ())
    monkeypatch.setattr(module, "INNOCENT", 500_000)
    with pytest.raises(BrokerUnavailable, match="could not write"):
        await unaware.send(strict_topics.events, large)
