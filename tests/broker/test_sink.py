"""Written records: acknowledged, in order, and never dropped silently."""

import asyncio
import gc

import pytest
from aiokafka.errors import OutOfOrderSequenceNumber

from events.wire.record import Outgoing
from ops.local.topics import Topics
from tests.broker.conftest import MakeSource
from tests.broker.reading import read, write
from worker.broker.kafka_clients import KafkaConfig
from worker.broker.port import BrokerRefused, BrokerUnavailable, TooLarge, TopicMissing
from worker.broker.sink import KafkaSink

pytestmark = pytest.mark.kafka

LARGE = Outgoing(b"k", b"x" * 2_000_000, ())
SMALL = Outgoing(b"k", b"small", ())


async def test_an_acknowledgement_says_where_the_record_is(
    sink: KafkaSink, make_source: MakeSource, topics: Topics
) -> None:
    """Topic, partition and offset are the same for a reader."""
    acks = await write(sink, topics.commands, b"1", b"2", partition=2)
    records = await read(make_source(), 2)
    assert [(each.topic, each.partition, each.offset) for each in records] == [
        (*ack.partition, ack.offset) for ack in acks
    ]


async def test_a_record_that_is_too_large_is_its_own_trouble(
    sink: KafkaSink, make_source: MakeSource, topics: Topics
) -> None:
    """The record is refused as too large, and the next record is written as usual."""
    for _ in range(2):
        with pytest.raises(TooLarge, match="accepts no record of that size"):
            await sink.send(topics.commands, LARGE)
        await sink.send(topics.commands, SMALL)
    assert [each.value for each in await read(make_source(), 2)] == [b"small", b"small"]


async def test_records_beside_one_that_is_too_large_fail_or_are_written_in_order(
    sink: KafkaSink, make_source: MakeSource, topics: Topics
) -> None:
    """The records behind it can be sent again. No missing record is acknowledged."""
    records = [Outgoing(b"k", str(number).encode(), ()) for number in range(5)]
    sends = [sink.send(topics.commands, each) for each in (*records[:2], LARGE, *records[2:])]
    results = await asyncio.gather(*sends, return_exceptions=True)
    assert isinstance(results[2], TooLarge)
    assert all(
        isinstance(each, BrokerUnavailable)
        for each in results
        if isinstance(each, Exception) and each is not results[2]
    )
    acknowledged = [
        each
        for each, result in zip((*records[:2], LARGE, *records[2:]), results, strict=True)
        if not isinstance(result, Exception)
    ]
    await sink.send(topics.commands, SMALL)
    values = [each.value for each in await read(make_source(), len(acknowledged) + 1)]
    assert [value for value in values if value != b"small"] == [each.value for each in acknowledged]


async def test_a_record_without_key_and_value_is_written(
    sink: KafkaSink, make_source: MakeSource, topics: Topics
) -> None:
    """A dead letter of an empty record keeps its headers."""
    await sink.send(topics.commands, Outgoing(None, None, (("azplan_dlq_code", b"invalid_json"),)))
    (record,) = await read(make_source(), 1)
    assert (record.key, record.value, record.headers) == (None, None, (("azplan_dlq_code", b"invalid_json"),))


async def test_a_missing_topic_or_partition_is_reported_at_once(sink: KafkaSink, topics: Topics) -> None:
    """The error does not wait for half a minute of attempts."""
    async with asyncio.timeout(10):
        with pytest.raises(TopicMissing, match=r"the topic no\.such does not exist"):
            await sink.send("no.such", SMALL)
        with pytest.raises(BrokerRefused, match="has no partition 99"):
            await sink.send(topics.commands, SMALL, partition=99)


async def test_a_stopped_sink_begins_again_when_it_is_needed(sink: KafkaSink, topics: Topics) -> None:
    """The test stops the sink twice and sends once more."""
    await sink.stop()
    await sink.stop()
    assert (await sink.send(topics.commands, SMALL)).offset == 0


async def test_a_sender_that_fails_by_itself_fails_its_records_and_says_nothing_else(
    sink: KafkaSink, topics: Topics
) -> None:
    """The library's own clean-up would end in a traceback of the event loop. The next record gets a new producer."""
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    await sink.send(topics.commands, SMALL, partition=0)

    def fail(**_: object) -> None:
        raise OutOfOrderSequenceNumber

    sink._producer._message_accumulator.drain_by_nodes = fail
    with pytest.raises(BrokerUnavailable, match="could not write"):
        await sink.send(topics.commands, SMALL, partition=0)
    await asyncio.sleep(0)
    assert complaints == []
    assert (await sink.send(topics.commands, SMALL, partition=0)).offset == 1


async def test_small_records_are_not_refused_for_the_size_of_the_batch_that_they_share(
    config: KafkaConfig, kafka_servers: str
) -> None:
    """On a topic with a small limit each record is sent alone. A record that is too large itself is refused."""
    topics = Topics(kafka_servers)
    await topics.create(1, **{"max.message.bytes": "20000"})
    sink = KafkaSink(config)
    left, rounds = [Outgoing(b"k", b"%d" % n * 500, ()) for n in range(200)], 0
    while left:  # records under way at the replacement are sent again, as the outbox does
        results = await asyncio.gather(*(sink.send(topics.events, each) for each in left), return_exceptions=True)
        assert not any(isinstance(each, TooLarge) for each in results)
        left = [each for each, result in zip(left, results, strict=True) if isinstance(result, BrokerUnavailable)]
        rounds += 1
    assert rounds <= 3
    with pytest.raises(TooLarge):
        await sink.send(topics.events, Outgoing(b"k", b"v" * 30_000, ()))
    await sink.send(topics.events, Outgoing(b"k", b"v" * 10_000, ()))
    await sink.stop()


async def test_a_thousand_senders_that_find_no_broker_make_one_attempt() -> None:
    """All senders get the error at the same time, and not one after the other."""
    sink = KafkaSink(KafkaConfig("127.0.0.1:9"))
    async with asyncio.timeout(10):
        sends = [sink.send("events", Outgoing(b"k", b"v", ())) for _ in range(1_000)]
        results = await asyncio.gather(*sends, return_exceptions=True)
    assert {type(each) for each in results} == {BrokerUnavailable}
    assert len({id(each) for each in results}) == 1
    await sink.stop()


async def test_records_that_are_given_up_while_they_are_tried_again_leave_no_traceback(
    sink: KafkaSink, topics: Topics
) -> None:
    """The library removes a requeued batch from the batches in flight, although it is not there."""
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    await sink.send(topics.commands, SMALL, partition=0)
    held = sink._producer._message_accumulator
    drain = held.drain_by_nodes

    def no_leader(**about: object) -> object:
        nodes, _ = drain(**about)
        for batch in [batch for batches in nodes.values() for batch in batches.values()]:
            held.reenqueue(batch)
        return {}, False

    held.drain_by_nodes = no_leader
    sink._delivery_seconds = 1.0
    with pytest.raises(BrokerUnavailable, match="no answer in time"):
        await sink.send(topics.commands, SMALL, partition=0)
    gc.collect()
    await asyncio.sleep(0)
    assert complaints == []
