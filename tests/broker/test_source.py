"""The commands topic as one member of the group reads it."""

import asyncio

import pytest
from aiokafka import AIOKafkaProducer

from events.wire.record import Outgoing
from ops.local.databases import run_apart
from ops.local.topics import Topics
from ops.local.waiting import eventually
from tests.broker.conftest import MakeSource
from tests.broker.reading import behind, poll, read, write
from worker.broker.kafka_clients import KafkaConfig
from worker.broker.port import NoCommittedOffsets, Partition, StartFrom, TopicMissing
from worker.broker.reading.memory_limited_consumer import READING
from worker.broker.sink import KafkaSink
from worker.broker.source import KafkaSource, Membership
from worker.clock import Clock

pytestmark = pytest.mark.kafka


async def test_records_of_a_key_come_in_their_order(make_source: MakeSource, sink: KafkaSink, topics: Topics) -> None:
    """Sends that begin one after the other reach a partition in that order, without waiting for each other."""
    records = [Outgoing(b"customer", str(number).encode() + b" " * 2_000, ()) for number in range(300)]
    await asyncio.gather(*(sink.send(topics.commands, record) for record in records))
    assert [each.value for each in await read(make_source(), 300)] == [each.value for each in records]


# --- the beginning of a group -----------------------------------------------------------------------------------------


async def test_a_group_that_begins_at_the_end_skips_only_earlier_records(
    make_source: MakeSource, sink: KafkaSink, topics: Topics
) -> None:
    """Records written while no member runs are read, even before any commit."""
    await write(sink, topics.commands, b"old", partition=0)
    first = make_source(StartFrom.LATEST)
    await first.start()
    await first.stop()
    await write(sink, topics.commands, b"new", partition=0)
    await write(sink, topics.commands, b"new too", partition=5)
    values = {each.value for each in await read(make_source(StartFrom.LATEST), 2)}
    assert values == {b"new", b"new too"}


async def test_a_second_member_does_not_move_the_beginning(
    make_source: MakeSource, sink: KafkaSink, topics: Topics
) -> None:
    """Several replicas that start at once with `latest` agree on one beginning."""
    await write(sink, topics.commands, b"old", partition=0)
    members = [make_source(StartFrom.LATEST) for _ in range(3)]
    await asyncio.gather(*(member.start() for member in members))
    await write(sink, topics.commands, *(str(number).encode() for number in range(12)))
    got: list[bytes | None] = []

    async def everything() -> bool:
        got.extend([each.value for member in members for each in (await poll(member)).records])
        return len(got) >= 12

    await eventually(everything, "twelve records were read", within=30)
    assert b"old" not in got


async def test_none_refuses_a_new_group_and_takes_one_that_has_begun(
    make_source: MakeSource, sink: KafkaSink, topics: Topics
) -> None:
    """The message names the setting for the first start."""
    await write(sink, topics.commands, b"1", partition=0)
    with pytest.raises(
        NoCommittedOffsets, match=r"AZPLAN_KAFKA__START_FROM is none\. For the first start set it to earliest"
    ):
        await make_source(StartFrom.NONE).start()
    first = make_source()
    await first.commit(behind(await read(first, 1)), (await poll(first)).epoch)
    await first.stop()
    await write(sink, topics.commands, b"2", partition=4)
    assert [each.value for each in await read(make_source(StartFrom.NONE), 1)] == [b"2"]


async def test_a_missing_topic_is_reported_at_once(config: KafkaConfig) -> None:
    """The message names the topic and the verb that creates it."""
    source = KafkaSource(config, Membership("no.such.topic", "group"), Clock())
    async with asyncio.timeout(10):
        with pytest.raises(
            TopicMissing, match=r"no\.such\.topic does not exist\. Create it with `azplan topics apply`"
        ):
            await source.start()


async def test_records_of_a_transaction_that_was_rolled_back_are_not_read(
    make_source: MakeSource, config: KafkaConfig, topics: Topics
) -> None:
    """Commands of an aborted transaction do not count as sent. The committed ones beside them are read."""
    async with AIOKafkaProducer(bootstrap_servers=config.bootstrap_servers, transactional_id=topics.suffix) as sender:
        await sender.begin_transaction()
        await sender.send_and_wait(topics.commands, b"aborted", partition=0)
        await sender.abort_transaction()
        async with sender.transaction():
            await sender.send_and_wait(topics.commands, b"committed", partition=0)
    source = make_source()
    assert [each.value for each in await read(source, 1)] == [b"committed"]
    assert (await poll(source)).records == ()


# --- stopping ---------------------------------------------------------------------------------------------------------


async def test_a_stopped_source_gives_its_partitions_up_at_once(
    make_source: MakeSource, sink: KafkaSink, topics: Topics
) -> None:
    """The next member need not wait for the session to end."""
    first = make_source()
    await first.start()
    await first.stop()
    await write(sink, topics.commands, b"1", partition=0)
    assert len(await read(make_source(), 1, within=8)) == 1


async def test_stopping_does_not_wait_for_a_poll(make_source: MakeSource) -> None:
    """A poll that waits for records ends with the source and returns none."""
    source = make_source()
    await source.start()
    polling = asyncio.create_task(source.poll(10, 5.0))
    await asyncio.sleep(0)
    async with asyncio.timeout(4):
        await source.stop()
    polling.cancel()
    await asyncio.wait({polling})
    assert source.assignment() == frozenset()


def test_a_source_can_be_used_by_one_event_loop_after_the_other(topics: Topics, config: KafkaConfig) -> None:
    """No object of an ended loop is kept: the command line starts a loop for each verb."""

    async def once() -> int:
        source = KafkaSource(config, Membership(topics.commands, topics.group), Clock())
        await source.start()
        held = len(source.assignment())
        await source.stop()
        return held

    assert [run_apart(once()), run_apart(once())] == [6, 6]


async def test_a_member_that_could_not_poll_for_long_joins_again_and_reads_its_uncommitted_records(
    make_source: MakeSource, sink: KafkaSink, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database silent for longer than max.poll.interval costs the membership for a while, and no record."""
    monkeypatch.setitem(READING, "max_poll_interval_ms", 3_000)
    await write(sink, topics.commands, b"1", b"2", partition=0)
    source = make_source()
    first = await read(source, 2)
    before = (await poll(source)).epoch
    await eventually(lambda: source._consumer._coordinator.generation < 0, "the member has left", within=20)
    await write(sink, topics.commands, b"3", partition=0)
    await source.commit(behind(first), before)
    values: set[bytes | None] = set()
    while b"3" not in values:
        values |= {each.value for each in await read(source, 1, within=20)}
    assert (await poll(source)).epoch > before, "what was read before cannot be committed by mistake"


async def test_lag_counts_records_behind_a_transaction_that_never_ended(
    make_source: MakeSource, config: KafkaConfig, sink: KafkaSink, topics: Topics
) -> None:
    """Neither the record of the open transaction nor later committed records can be read: this topic is not idle."""
    await write(sink, topics.commands, b"before", partition=0)
    async with AIOKafkaProducer(bootstrap_servers=config.bootstrap_servers, transactional_id=topics.suffix) as sender:
        await sender.begin_transaction()
        await sender.send_and_wait(topics.commands, b"open", partition=0)
        await write(sink, topics.commands, b"behind", partition=0)
        source = make_source()
        records = await read(source, 1)
        await source.commit(behind(records), (await poll(source)).epoch)
        lag = (await source.lag())[Partition(topics.commands, 0)]
        assert (lag.messages, lag.end, lag.readable) == (2, 3, 1)
        await sender.commit_transaction()
    assert [each.value for each in await read(source, 2)] == [b"open", b"behind"]
