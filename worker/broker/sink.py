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
| a request grows with the partitions in it, without bound | no more is on its way than fits into one |
| a broker that finds a request too large closes the connection, and the request is sent again for ever | below |
| a thousand senders that find no broker try it one after the other | they share one attempt |

A record on which the connection died twice is sent alone. Where the connection dies then too, and the broker is there
all the same, the record is taken for too large; its company was innocent, and is sent in smaller requests for a while.
"""

import asyncio
from collections.abc import Collection
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, ProducerClosed
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.structs import RecordMetadata

from events.wire.record import Outgoing
from worker.broker.connection import (
    ANSWER_SECONDS,
    KafkaConfig,
    client_arguments,
    partitions_of,
    start_client,
    stop_client,
    translated_errors,
    within,
)
from worker.broker.in_flight_limit import InFlightLimit, capacity, weight
from worker.broker.port import Ack, BrokerRefused, BrokerUnavailable, Partition, TooLarge, TopicMissing
from worker.broker.producer_patches import end_sending, limit_retries
from worker.broker.single_flight import SingleFlight

DELIVERY_SECONDS: Final = 30.0
# Our own limit is looked at before; the library's must not be lower.
LARGEST_REQUEST: Final = 64 * 1024 * 1024
BATCH_BYTES: Final = 256 * 1024
REMEMBERED_SECONDS: Final = 600.0
"""For how long it is taken for granted that a topic refuses records of a size that it has refused."""
DEATHS: Final = 2
"""How often the connection may die on a record before that is sent alone."""
INNOCENT: Final = 16 * 1024
"""No broker closes a connection for the size of a record that is not larger than this."""

_BY_KEY: Final = DefaultPartitioner()

log = structlog.get_logger("azplan.broker")


class KafkaSink:
    """See `worker.broker.port.Sink`."""

    def __init__(self, config: KafkaConfig, *, delivery_seconds: float = DELIVERY_SECONDS) -> None:
        self._config = config
        self._delivery_seconds = delivery_seconds
        self._producer: AIOKafkaProducer | None = None
        self._room = InFlightLimit()
        self._attempts = SingleFlight()
        self._entrance = asyncio.Lock()
        self._alone = False
        self._known: dict[str, tuple[int, ...]] = {}
        self._refused: dict[str, tuple[int, float]] = {}
        self._smaller: tuple[int, float] = (0, 0.0)
        """How much may share a request, and until when, after the connection died on more."""
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
        size = weight(topic, record)
        if size > capacity(self._config.max_request_bytes):
            most = f"AZPLAN_KAFKA__MAX_REQUEST_BYTES, {self._config.max_request_bytes}"
            raise TooLarge(f"could not write to {topic}: {size} bytes do not fit into a request ({most})")
        if size >= self._largest(topic):
            raise TooLarge(f"could not write {size} bytes to {topic}: the broker takes no record of that size")
        single = topic in self._single or size >= BATCH_BYTES
        try:
            try:
                return await self._write(topic, record, partition)
            except TooLarge:
                if single:
                    raise
                # It may have been refused for its company in a batch. Alone it is told what is true of itself.
                self._single.add(topic)
                return await self._write(topic, record, partition)
            except _ConnectionDied:
                return await self._write_alone(topic, record, partition)
        except TooLarge:
            self._refused[topic] = size, _now() + REMEMBERED_SECONDS
            raise

    def _largest(self, topic: str) -> int:
        """What was refused a while ago is not tried again; later on somebody may have changed the topic."""
        size, until = self._refused.get(topic, (LARGEST_REQUEST, 0.0))
        return size if _now() < until else LARGEST_REQUEST

    def _most(self) -> int:
        """How much weight may be on its way at once."""
        most, until = self._smaller
        return most if _now() < until else capacity(self._config.max_request_bytes)

    def _suspect(self, company: int) -> None:
        """The connection died on so much: half of it may be on its way at once from now on."""
        most = max(INNOCENT, company // 2)
        self._smaller = most, _now() + REMEMBERED_SECONDS
        log.warning("kafka.connection_died_on_request", bytes=company, at_once_from_now_on=most)

    async def _write_alone(self, topic: str, record: Outgoing, partition: int | None) -> Ack:
        """Write a record on which the connection has died, with nothing beside it. Raises TooLarge where it dies again.

        Not where there is no broker afterwards, nor for a small record: there the connection died of something else.
        """
        size = weight(topic, record)
        try:
            return await self._write(topic, record, partition, alone=True)
        except _ConnectionDied as died:
            await self._current()
            if size <= INNOCENT:
                raise BrokerUnavailable(f"could not write to {topic}: {died}") from died
            log.warning("kafka.record_is_too_large", topic=topic, bytes=size, advice=_ADVICE)
            raise TooLarge(
                f"could not write {size} bytes to {topic}: the broker closes the connection. {_ADVICE}"
            ) from died

    async def _write(self, topic: str, record: Outgoing, partition: int | None, *, alone: bool = False) -> Ack:
        producer = await self._current()
        room = self._room
        await self._check(producer, topic, partition)
        try:
            with translated_errors(f"write to {topic}"):
                delivering = self._deliver(producer, topic, record, partition, alone=alone)
                written = await within(delivering, self._delivery_seconds)
        except (TooLarge, BrokerUnavailable, BrokerRefused, TopicMissing, _ConnectionDied) as error:
            if isinstance(error, _ConnectionDied) and self._producer is producer and not alone:
                self._suspect(room.peak)
            # After a refusal for its size, too, the broker takes no later sequence number of this producer.
            await self._give_up(producer)
            raise
        return Ack(Partition(written.topic, written.partition), written.offset)

    async def _deliver(
        self, producer: AIOKafkaProducer, topic: str, record: Outgoing, partition: int | None, *, alone: bool
    ) -> RecordMetadata:
        size, room = weight(topic, record), self._room
        async with self._entrance:
            await room.enter(size, 0 if alone else self._most())
            if self._producer is not producer:
                room.leave(size)
                raise ProducerClosed("the connection was given up")
            self._alone = alone
            try:
                delivered = await self._enqueue(producer, topic, record, partition)
            except BaseException:
                room.leave(size)
                raise
            delivered.add_done_callback(lambda ended: _heard(ended, room, size))
            if alone:
                await asyncio.wait({delivered})
        try:
            # Who stops waiting does not stop it: it is on its way, and takes its room.
            return await asyncio.shield(delivered)
        except KafkaConnectionError as error:
            raise _ConnectionDied(str(error)) from error

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
            **client_arguments(self._config),
            acks="all",
            enable_idempotence=True,
            max_request_size=LARGEST_REQUEST,
            max_batch_size=BATCH_BYTES,
        )
        await start_client(producer, self._config)
        limit_retries(producer, lambda: 1 if self._alone else DEATHS)
        self._producer, self._room = producer, InFlightLimit()
        return producer

    async def _check(self, producer: AIOKafkaProducer, topic: str, partition: int | None) -> None:
        # The producer would ask for an unknown topic until the time is up, and then could not say why.
        if topic not in self._known:
            await self._attempts.share(topic, lambda: self._look(producer, topic))
        if partition is not None and partition not in self._known.get(topic, (partition,)):
            raise BrokerRefused(f"the topic {topic} has no partition {partition}")

    async def _look(self, producer: AIOKafkaProducer, topic: str) -> None:
        async def ask() -> Collection[int] | None:
            with translated_errors(f"look for the topic {topic}"):
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
        await end_sending(producer)
        await stop_client(producer)


class _ConnectionDied(Exception):
    """The connection died on the request with the record, as often as it may."""


_ADVICE: Final = "Set AZPLAN_KAFKA__MAX_REQUEST_BYTES below what the broker takes."


def _now() -> float:
    return asyncio.get_running_loop().time()


def _heard(delivered: "asyncio.Future[RecordMetadata]", room: InFlightLimit, size: int) -> None:
    room.leave(size)
    # Nobody may be waiting for it any more; then its failure was told already.
    if not delivered.cancelled():
        delivered.exception()
