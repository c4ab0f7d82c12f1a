"""Reads topics, offsets and records without being a member of the group, with short-lived clients."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from events.wire.record import Record
from worker.broker.kafka_clients import (
    ANSWER_SECONDS,
    KafkaConfig,
    client_arguments,
    partitions_of,
    start_client,
    stop_client,
    translated_errors,
    within,
)
from worker.broker.port import BrokerRefused, BrokerUnavailable, Partition
from worker.broker.reading.memory_limited_consumer import Consumer
from worker.broker.reading.records import fetch_records
from worker.broker.rights import Right
from worker.broker.rights_check import lacking
from worker.broker.topics import TopicChange, WantedTopic

NO_CONTROLLER: Final = (
    "this Kafka has no controller, and only a controller creates topics. A cluster elects a new controller within "
    "seconds: try again. An embedded broker such as the demo's never has one: use the topics that it started with"
)
_PORTION: Final = 500
_PAUSE: Final = 1.0
_PATIENCE: Final = 30
"""After this many empty polls a reader asks whether the broker still answers."""


class KafkaAdmin:
    """See `worker.broker.port.Admin`."""

    def __init__(self, config: KafkaConfig) -> None:
        self._config = config
        self._client: AIOKafkaAdminClient | None = None

    async def start(self) -> None:
        """Connect. May be called again."""
        if self._client is None:
            client = AIOKafkaAdminClient(**client_arguments(self._config))
            await start_client(client, self._config)
            self._client = client

    async def stop(self) -> None:
        """Close."""
        client, self._client = self._client, None
        if client is not None:
            await stop_client(client)

    async def ping(self) -> int:
        """The number of brokers."""
        with translated_errors("ask for the cluster's metadata"):
            cluster = await within(self._connected().describe_cluster(), ANSWER_SECONDS)
        return len(cluster["brokers"])

    async def plan(self, wanted: Sequence[WantedTopic]) -> list[TopicChange]:
        """What `apply` would do for these topics."""
        existing = await self._topics()
        changes = []
        for topic in wanted:
            partitions = existing.get(topic.name)
            if partitions is None:
                changes.append(TopicChange(topic, None, None))
                continue
            told = await self._configuration(topic.name, "retention.ms", "cleanup.policy")
            retention, compacted = _retention(told), "compact" in told.get("cleanup.policy", "")
            changes.append(TopicChange(topic, len(partitions), retention, compacted=compacted))
        return changes

    async def lacking(self, rights: Sequence[Right]) -> list[Right]:
        """The subset of `rights` that this user lacks."""
        return await lacking(self._connected(), rights)

    async def apply(self, changes: Sequence[TopicChange]) -> None:
        """Create the missing topics. Two callers at the same time do no harm."""
        missing = [_new_topic(change.wanted) for change in changes if change.creates]
        if not missing:
            return
        with translated_errors("create topics"):
            cluster = await within(self._connected().describe_cluster(), ANSWER_SECONDS)
            # Without a controller aiokafka would raise an AttributeError.
            if cluster["controller_id"] not in {broker["node_id"] for broker in cluster["brokers"]}:
                raise BrokerUnavailable(NO_CONTROLLER)
            made = await within(self._connected().create_topics(missing), ANSWER_SECONDS)
        for topic, code, *message in made.topic_errors:
            error = for_code(code)
            if code != 0 and error is not TopicAlreadyExistsError:
                reason = message[0] if message and message[0] else error.description
                raise BrokerRefused(f"could not create the topic {topic}: {reason}")
        for each in missing:
            await self.partitions(each.name)

    async def partitions(self, topic: str) -> tuple[Partition, ...]:
        """The partitions of a topic."""

        async def ask() -> Collection[int] | None:
            return (await self._topics()).get(topic)

        return tuple(Partition(topic, number) for number in await partitions_of(topic, ask))

    async def committed(self, group: str, topic: str) -> Mapping[Partition, int]:
        """The offsets that the group has committed."""
        partitions = await self.partitions(topic)
        async with self._reader(group_id=group) as reader:
            with translated_errors(f"read the offsets of group {group}"):
                offsets = [await within(reader.committed(TopicPartition(*each)), ANSWER_SECONDS) for each in partitions]
        return {each: offset for each, offset in zip(partitions, offsets, strict=True) if offset is not None}

    async def beginnings(self, topic: str) -> Mapping[Partition, int]:
        """The offset of the oldest record of each partition."""
        return await self._offsets(topic, "beginning_offsets")

    async def ends(self, topic: str) -> Mapping[Partition, int]:
        """The offset that the next record of each partition will get."""
        return await self._offsets(topic, "end_offsets")

    async def offsets_at(self, topic: str, instant: datetime) -> Mapping[Partition, int]:
        """The offset of the first record of `instant` or later in each partition."""
        partitions = await self.partitions(topic)
        milliseconds = int(instant.timestamp() * 1000)
        async with self._reader() as reader:
            with translated_errors(f"find offsets of {topic} by time"):
                asked = [TopicPartition(*each) for each in partitions]
                found = await within(reader.offsets_for_times(dict.fromkeys(asked, milliseconds)), ANSWER_SECONDS)
                oldest = await within(reader.offsets_for_times(dict.fromkeys(asked, 0)), ANSWER_SECONDS)
                first = await within(reader.beginning_offsets(asked), ANSWER_SECONDS)
                ends = await within(reader.end_offsets(asked), ANSWER_SECONDS)
        at = {Partition(*tp): ends[tp] if one is None else one.offset for tp, one in found.items()}
        for tp in asked:
            if oldest[tp] is None and first[tp] < ends[tp]:
                # There are records, but the broker finds none of 1970 or later: it keeps no index of timestamps.
                each = Partition(*tp)
                at[each] = await self._first_since(each, range(first[tp], ends[tp]), milliseconds)
        return at

    async def _first_since(self, partition: Partition, offsets: range, milliseconds: int) -> int:
        """The offset of the first record of that time or later, found by reading. Without one, the end."""
        async with aclosing(self.read({partition: offsets})) as records:
            async for record in records:
                if record.timestamp is not None and record.timestamp >= milliseconds:
                    return record.offset
        return offsets.stop

    async def read(self, ranges: Mapping[Partition, range]) -> AsyncGenerator[Record]:
        """The records in these ranges of offsets."""
        async with self._reader() as reader:
            left_over = await self._clipped(reader, ranges)
            reader.assign([TopicPartition(*each) for each in left_over])
            for each, offsets in left_over.items():
                reader.seek(TopicPartition(*each), offsets.start)
            silent = 0
            while left_over:
                with translated_errors("read records"):
                    records = await fetch_records(reader, _PORTION, _PAUSE)
                for record in records:
                    each = Partition(record.topic, record.partition)
                    if each in left_over and record.offset < left_over[each].stop:
                        yield record
                silent = 0 if records else silent + 1
                if silent % _PATIENCE == _PATIENCE - 1:
                    await self._clipped(reader, left_over)
                await self._drop_finished(reader, left_over)

    async def _drop_finished(self, reader: Consumer, left_over: dict[Partition, range]) -> None:
        # The position, not the last record, tells that a range is finished: compaction and transactions leave gaps.
        for each in list(left_over):
            with translated_errors("read records"):
                position = await within(reader.position(TopicPartition(*each)), ANSWER_SECONDS)
            if position >= left_over[each].stop:
                del left_over[each]
                reader.pause(TopicPartition(*each))

    async def _clipped(self, reader: Consumer, ranges: Mapping[Partition, range]) -> dict[Partition, range]:
        asked = [TopicPartition(*each) for each in ranges]
        with translated_errors("read records"):
            first = await within(reader.beginning_offsets(asked), ANSWER_SECONDS)
            ends = await within(reader.end_offsets(asked), ANSWER_SECONDS)
        clipped = {
            each: range(max(wanted.start, first[TopicPartition(*each)]), min(wanted.stop, ends[TopicPartition(*each)]))
            for each, wanted in ranges.items()
        }
        return {each: offsets for each, offsets in clipped.items() if offsets}

    async def _offsets(self, topic: str, question: str) -> Mapping[Partition, int]:
        partitions = await self.partitions(topic)
        async with self._reader() as reader:
            with translated_errors(f"read the offsets of {topic}"):
                asked = getattr(reader, question)([TopicPartition(*each) for each in partitions])
                found = await within(asked, ANSWER_SECONDS)
        return {Partition(*tp): offset for tp, offset in found.items()}

    @asynccontextmanager
    async def _reader(self, **more: Any) -> AsyncIterator[Consumer]:
        reader = Consumer(self._config, **more)
        await start_client(reader, self._config)
        try:
            yield reader
        finally:
            await stop_client(reader)

    async def _topics(self) -> dict[str, list[int]]:
        # All topics: asking for one by name creates it on brokers that create topics automatically.
        with translated_errors("list topics"):
            described = await within(self._connected().describe_topics(), ANSWER_SECONDS)
        return {each["topic"]: [part["partition"] for part in each["partitions"]] for each in described}

    async def _configuration(self, topic: str, *names: str) -> dict[str, str]:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, dict.fromkeys(names))
        try:
            with translated_errors("read the configuration of a topic"):
                (answer,) = await within(self._connected().describe_configs([resource]), ANSWER_SECONDS)
        except (BrokerRefused, BrokerUnavailable):
            return {}  # not every broker answers this, and nothing depends on it
        entries = [entry for found in answer.resources for entry in found[4]]
        return {entry[0]: entry[1] for entry in entries if entry[0] in names and entry[1] is not None}

    def _connected(self) -> AIOKafkaAdminClient:
        if self._client is None:
            raise BrokerUnavailable("not connected to Kafka")
        return self._client


def _retention(told: Mapping[str, str]) -> timedelta | None:
    milliseconds = int(told.get("retention.ms") or -1)
    return None if milliseconds < 0 else timedelta(milliseconds=milliseconds)


def _new_topic(wanted: WantedTopic) -> NewTopic:
    configuration = {}
    if wanted.retention is not None:
        configuration["retention.ms"] = str(int(wanted.retention.total_seconds() * 1000))
    topic = NewTopic(wanted.name, wanted.partitions, 1, topic_configs=configuration)
    # The constructor refuses -1, which means "the broker's default" in the protocol (KIP-464).
    topic.replication_factor = wanted.replication
    return topic
