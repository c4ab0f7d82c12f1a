"""Topics and offsets from outside the group."""

from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaProducer

from ops.local.topics import Topics
from tests.broker.conftest import MakeSource
from tests.broker.reading import behind, poll, read, write
from worker.broker.admin import KafkaAdmin
from worker.broker.kafka_clients import KafkaConfig
from worker.broker.port import BrokerRefused, Partition, TopicMissing
from worker.broker.sink import KafkaSink
from worker.broker.topics import WantedTopic

pytestmark = pytest.mark.kafka


async def test_a_plan_changes_nothing_and_apply_makes_missing_topics(admin: KafkaAdmin, topics: Topics) -> None:
    """Partitions and retention are as configured. A second apply has nothing to do."""
    wanted = [WantedTopic(f"new.{topics.suffix}", 3, retention=timedelta(days=30)), WantedTopic(topics.commands, 6)]
    new, old = await admin.plan(wanted)
    assert (new.creates, new.partitions, old.creates, old.partitions) == (True, None, False, 6)
    assert (await admin.plan(wanted))[0].creates
    await admin.apply([new, old])
    await admin.apply([new, old])
    new, old = await admin.plan(wanted)
    assert (new.creates, new.partitions, new.retention, new.differs) == (False, 3, timedelta(days=30), None)


async def test_a_topic_that_differs_is_told_and_left_alone(admin: KafkaAdmin, topics: Topics) -> None:
    """The worker never changes an existing topic."""
    (change,) = await admin.plan([WantedTopic(topics.events, 12, retention=timedelta(days=30))])
    assert change.differs == (
        "has 6 partitions instead of 12 and keeps records for 7 days, 0:00:00 instead of 30 days, 0:00:00"
    )
    await admin.apply([change])
    assert len(await admin.partitions(topics.events)) == 6


async def test_a_refusal_is_reported_in_the_brokers_words(admin: KafkaAdmin, topics: Topics) -> None:
    """More replicas than brokers are refused."""
    changes = await admin.plan([WantedTopic(f"wide.{topics.suffix}", 1, replication=3)])
    with pytest.raises(BrokerRefused, match=rf"could not create the topic wide\.{topics.suffix}: .*replication"):
        await admin.apply(changes)


async def test_a_question_about_a_topic_that_is_not_there_does_not_make_it(admin: KafkaAdmin) -> None:
    """The error says that the topic is missing."""
    with pytest.raises(TopicMissing):
        await admin.ends("no.such.topic")
    assert (await admin.plan([WantedTopic("no.such.topic", 1)]))[0].creates


async def test_ping_counts_the_brokers(admin: KafkaAdmin) -> None:
    """The answer is one number."""
    assert await admin.ping() == 1


async def test_offsets_of_topic_and_group(
    admin: KafkaAdmin, sink: KafkaSink, make_source: MakeSource, topics: Topics
) -> None:
    """Beginning, end and the group's committed offset, for each partition."""
    place = Partition(topics.commands, 1)
    assert await admin.committed(topics.group, topics.commands) == {}
    await write(sink, topics.commands, b"1", b"2", b"3", partition=1)
    source = make_source()
    records = await read(source, 3)
    await source.commit(behind(records[:2]), (await poll(source)).epoch)
    assert await admin.committed(topics.group, topics.commands) == {place: 2}
    ends = await admin.ends(topics.commands)
    assert (ends[place], sum(ends.values()), len(ends)) == (3, 3, 6)
    assert set((await admin.beginnings(topics.commands)).values()) == {0}


async def test_offsets_by_time(admin: KafkaAdmin, config: KafkaConfig, topics: Topics) -> None:
    """The first record of that instant or later counts, or else the end."""
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    async with AIOKafkaProducer(bootstrap_servers=config.bootstrap_servers) as producer:
        for minutes in (-10, 0, 10):
            at = int((noon + timedelta(minutes=minutes)).timestamp() * 1000)
            await producer.send_and_wait(topics.commands, b"x", partition=0, timestamp_ms=at)
    zero, one = Partition(topics.commands, 0), Partition(topics.commands, 1)
    found = await admin.offsets_at(topics.commands, noon)
    assert (found[zero], found[one]) == (1, 0)
    assert (await admin.offsets_at(topics.commands, noon + timedelta(hours=1)))[zero] == 3


async def test_a_range_is_read_outside_the_group(
    admin: KafkaAdmin, sink: KafkaSink, make_source: MakeSource, topics: Topics
) -> None:
    """The answer has exactly the requested offsets that exist. The group and its offsets are not changed."""
    source = make_source()
    await source.start()
    await write(sink, topics.commands, *(str(number).encode() for number in range(10)), partition=0)
    await write(sink, topics.commands, b"a", b"b", partition=1)
    ranges = {
        Partition(topics.commands, 0): range(3, 6),
        Partition(topics.commands, 1): range(1, 1_000),
        Partition(topics.commands, 2): range(5),
    }
    got = [(each.partition, each.value) async for each in admin.read(ranges)]
    assert sorted(got) == [(0, b"3"), (0, b"4"), (0, b"5"), (1, b"b")]
    assert source.health().rebalances == 1
    assert await admin.committed(topics.group, topics.commands) == {}


async def test_reading_ends_at_the_end_also_behind_a_rolled_back_transaction(
    admin: KafkaAdmin, config: KafkaConfig, topics: Topics
) -> None:
    """The read does not wait for offsets without a readable record."""
    async with AIOKafkaProducer(bootstrap_servers=config.bootstrap_servers, transactional_id=topics.suffix) as sender:
        async with sender.transaction():
            await sender.send_and_wait(topics.commands, b"kept", partition=0)
        await sender.begin_transaction()
        await sender.send_and_wait(topics.commands, b"aborted", partition=0)
        await sender.abort_transaction()
    ends = await admin.ends(topics.commands)
    got = [each.value async for each in admin.read({place: range(end) for place, end in ends.items()})]
    assert got == [b"kept"]
