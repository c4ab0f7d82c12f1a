"""Records out, acknowledged by all in-sync replicas, with aiokafka's idempotent producer and its hazards kept away.

| hazard | what is done |
|---|---|
| the defaults are `acks=1` and not idempotent | both set |
| an idempotent producer repeats for ever and holds the caller | a send has a deadline |
| after a record that was too large, or an error of sequence, every later send fails (aiokafka #1017) | a new producer |
| a sender that fails by itself ends in a traceback, for want of a transaction to end | our own end of it |
| a full batch lets a later call overtake an earlier one | calls enter one after the other |
| a record with neither key nor value is refused by an assertion | it is sent as a batch of its own |
| small records are refused for the size of the batch that they share (Java splits it, KIP-126) | each is sent alone |
| a thousand senders that find no broker try it one after the other | they share one attempt |
"""

import asyncio
from collections.abc import Collection
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerClosed
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.structs import RecordMetadata

from events.record import Outgoing
from worker.broker.attempts import Attempts
from worker.broker.connection import (
    ANSWER_SECONDS,
    STOP_SECONDS,
    KafkaConfig,
    arguments,
    cut,
    ended,
    left,
    partitions_of,
    started,
    translated,
    within,
)
from worker.broker.port import Ack, BrokerRefused, BrokerUnavailable, Partition, TooLarge, TopicMissing

DELIVERY_SECONDS: Final = 30.0
# The broker decides what is too large, topic by topic; the client's own limit must not be lower.
LARGEST_REQUEST: Final = 64 * 1024 * 1024
BATCH_BYTES: Final = 256 * 1024
REMEMBERED_SECONDS: Final = 600.0
"""For how long it is taken for granted that a topic refuses records of a size that it has refused."""

_BY_KEY: Final = DefaultPartitioner()

log = structlog.get_logger("azplan.broker")


class KafkaSink:
    """See `worker.broker.port.Sink`."""

    def __init__(self, config: KafkaConfig, *, delivery_seconds: float = DELIVERY_SECONDS) -> None:
        self._config = config
        self._delivery_seconds = delivery_seconds
        self._producer: AIOKafkaProducer | None = None
        self._attempts = Attempts()
        self._entrance = asyncio.Lock()
        self._known: dict[str, tuple[int, ...]] = {}
        self._refused: dict[str, tuple[int, float]] = {}
        self._single: set[str] = set()
        """Topics that refused records for the size of their batch: each of theirs is sent in one of its own."""

    async def start(self) -> None:
        """Connect."""
        await self._current()

    async def stop(self) -> None:
        """Close."""
        await self._attempts.end()
        if self._producer is not None:
            await self._give_up(self._producer)

    async def send(self, topic: str, record: Outgoing, *, partition: int | None = None) -> Ack:
        """Write one record."""
        size = _size(record)
        if size >= self._largest(topic):
            raise TooLarge(f"could not write {size} bytes to {topic}: the broker takes no record of that size")
        alone = topic in self._single or size >= BATCH_BYTES
        try:
            try:
                return await self._write(topic, record, partition)
            except TooLarge:
                if alone:
                    raise
                # It may have been refused for its company in a batch. Alone it is told what is true of itself.
                self._single.add(topic)
                return await self._write(topic, record, partition)
        except TooLarge:
            self._refused[topic] = size, asyncio.get_running_loop().time() + REMEMBERED_SECONDS
            raise

    def _largest(self, topic: str) -> int:
        """What was refused a while ago is not tried again; later on somebody may have changed the topic."""
        size, until = self._refused.get(topic, (LARGEST_REQUEST, 0.0))
        return size if asyncio.get_running_loop().time() < until else LARGEST_REQUEST

    async def _write(self, topic: str, record: Outgoing, partition: int | None) -> Ack:
        producer = await self._current()
        await self._check(producer, topic, partition)
        try:
            with translated(f"write to {topic}"):
                written = await within(self._deliver(producer, topic, record, partition), self._delivery_seconds)
        except (TooLarge, BrokerUnavailable, BrokerRefused, TopicMissing):
            # After a refusal for its size, too, the broker takes no later sequence number of this producer.
            await self._give_up(producer)
            raise
        return Ack(Partition(written.topic, written.partition), written.offset)

    async def _deliver(
        self, producer: AIOKafkaProducer, topic: str, record: Outgoing, partition: int | None
    ) -> RecordMetadata:
        async with self._entrance:
            delivered = await self._enqueue(producer, topic, record, partition)
        delivered.add_done_callback(_heard)
        return await delivered

    async def _enqueue(
        self, producer: AIOKafkaProducer, topic: str, record: Outgoing, partition: int | None
    ) -> "asyncio.Future[RecordMetadata]":
        headers, key, value = list(record.headers), record.key, record.value
        if topic not in self._single and (key is not None or value is not None):
            queued = producer.send(topic, value, key, partition, headers=headers)
        else:
            batch = producer.create_batch()
            batch.append(timestamp=None, key=key, value=value, headers=headers)
            known = self._known[topic]
            chosen = _BY_KEY(key, known, known) if partition is None else partition
            queued = producer.send_batch(batch, topic, partition=chosen)
        delivered: asyncio.Future[RecordMetadata] = await queued
        return delivered

    async def _current(self) -> AIOKafkaProducer:
        return self._producer or await self._attempts.share("connect", self._begin)

    async def _begin(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **arguments(self._config),
            acks="all",
            enable_idempotence=True,
            max_request_size=LARGEST_REQUEST,
            max_batch_size=BATCH_BYTES,
        )
        await started(producer, self._config)
        _fail_together(producer)
        self._producer = producer
        return producer

    async def _check(self, producer: AIOKafkaProducer, topic: str, partition: int | None) -> None:
        # The producer would ask for an unknown topic until the time is up, and then could not say why.
        if topic not in self._known:
            await self._attempts.share(topic, lambda: self._look(producer, topic))
        if partition is not None and partition not in self._known.get(topic, (partition,)):
            raise BrokerRefused(f"the topic {topic} has no partition {partition}")

    async def _look(self, producer: AIOKafkaProducer, topic: str) -> None:
        async def ask() -> Collection[int] | None:
            with translated(f"look for the topic {topic}"):
                cluster = await within(producer.client.fetch_all_metadata(), ANSWER_SECONDS)
            numbers: set[int] | None = cluster.partitions_for_topic(topic)
            return numbers

        self._known[topic] = await partitions_of(topic, ask)

    async def _give_up(self, producer: AIOKafkaProducer) -> None:
        """Have the next send begin with a new producer, and fail at once whatever the old one still holds."""
        if self._producer is not producer:
            return
        self._producer = None
        self._known.clear()
        await _end_sending(producer)
        await left(producer)


def _fail_together(producer: Any) -> None:
    """When the producer's sender fails, fail what it holds, and leave it at that.

    The library does so too, and then fails a transaction as well; without one that ends in an AttributeError, which the
    event loop logs with its trace.
    """
    sender, waiting = producer._sender, producer._message_accumulator  # noqa: SLF001

    def failed(task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _fail_held(waiting, error)

    sender.sender_task.remove_done_callback(sender._fail_all)  # noqa: SLF001
    sender.sender_task.add_done_callback(failed)


async def _end_sending(producer: Any) -> None:
    """Have the producer deliver nothing more.

    Stopping alone would deliver what it holds, however late: when the broker is back, behind newer records. There is no
    public way; the sender's task has to be over before `stop`, which would cancel it a second time and then close
    nothing.
    """
    sender, waiting = producer._sender, producer._message_accumulator  # noqa: SLF001
    sender.sender_task.cancel()
    _fail_held(waiting, ProducerClosed("the connection was given up"))
    await cut(producer)
    await ended(sender.sender_task, STOP_SECONDS)


def _fail_held(waiting: Any, error: BaseException) -> None:
    """Fail every batch that a producer holds: those under way, those in line, and those in line again.

    The library counts a batch that it will try again as in line, and when it fails takes it off those under way, where
    it is not: a traceback of the event loop. So all are counted among those first.
    """
    in_line = [batch for batches in waiting._batches.values() for batch in batches]  # noqa: SLF001
    waiting._pending_batches.update(in_line)  # noqa: SLF001
    waiting.fail_all(error)
    for batch in in_line:
        batch._drain_waiter.exception()  # noqa: SLF001  # nobody waits, and asyncio would say so


def _heard(delivered: "asyncio.Future[RecordMetadata]") -> None:
    # Nobody may be waiting for it any more; then its failure was told already.
    if not delivered.cancelled():
        delivered.exception()


def _size(record: Outgoing) -> int:
    headers = sum(len(name) + len(value or b"") for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers
