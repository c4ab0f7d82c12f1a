"""Writes records with aiokafka's idempotent producer, acknowledged by all in-sync replicas, and avoids its hazards.

| hazard | what this module does |
|---|---|
| the defaults are `acks=1` and not idempotent | sets both |
| an idempotent producer retries forever and blocks the caller | a send has a deadline |
| after a record that was too large, or a sequence error, every later send fails (aiokafka #1017) | a new producer |
| a sender that fails ends in a traceback: it tries to abort a transaction and has none | see `producer_patches` |
| a full batch lets a later call overtake an earlier one | calls are queued one after the other |
| an assertion refuses a record with neither key nor value | sent as a batch of its own |
| small records are refused for the size of the batch that they share (Java splits it, KIP-126) | each is sent alone |
| a request grows with the partitions in it, without a limit | bytes in flight never exceed one request |
| a broker closes the connection on a request that is too large, and the request is repeated forever | see below |
| without a broker a thousand senders try to connect one after the other | they share one attempt |

A record on which the connection broke twice is sent alone. If the connection breaks again, and the broker is reachable,
the record counts as too large. The other records of its request are sent in smaller requests for a while.
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
from worker.broker.port import Ack, BrokerRefused, BrokerUnavailable, Partition, TooLarge, TopicMissing
from worker.broker.writing.in_flight_limit import InFlightLimit, capacity, weight
from worker.broker.writing.producer_patches import end_sending, limit_retries
from worker.broker.writing.shared_attempt import SingleFlight

DELIVERY_SECONDS: Final = 30.0
LARGEST_REQUEST: Final = 64 * 1024 * 1024
"""The library's limit in bytes. `send` applies the configured limit first, and this one must not be lower."""
BATCH_BYTES: Final = 256 * 1024
REMEMBERED_SECONDS: Final = 600.0
"""For how long a record size that a topic has refused is not tried again."""
DEATHS: Final = 2
"""How often the connection may break on a record before the record is sent alone."""
INNOCENT: Final = 16 * 1024
"""Bytes. No broker closes a connection because of a record of this size or less."""

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
        """After the connection broke on a larger request: how many bytes may share a request, and until when."""
        self._single: set[str] = set()
        """Topics that refused a batch for its size: each record for them is sent in a batch of its own."""

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
            raise TooLarge(f"could not write {size} bytes to {topic}: the broker accepts no record of that size")
        single = topic in self._single or size >= BATCH_BYTES
        try:
            try:
                return await self._write(topic, record, partition)
            except TooLarge:
                if single:
                    raise
                # Perhaps the whole batch was too large. Sent alone, the record itself is accepted or refused.
                self._single.add(topic)
                return await self._write(topic, record, partition)
            except _ConnectionDied:
                return await self._write_alone(topic, record, partition)
        except TooLarge:
            self._refused[topic] = size, _now() + REMEMBERED_SECONDS
            raise

    def _largest(self, topic: str) -> int:
        """The smallest size known to be refused by `topic`. Forgotten after a while: somebody may change the topic."""
        size, until = self._refused.get(topic, (LARGEST_REQUEST, 0.0))
        return size if _now() < until else LARGEST_REQUEST

    def _most(self) -> int:
        """How much weight may be in flight at once."""
        most, until = self._smaller
        return most if _now() < until else capacity(self._config.max_request_bytes)

    def _suspect(self, company: int) -> None:
        """The connection broke with `company` bytes in flight: allow half of that from now on."""
        most = max(INNOCENT, company // 2)
        self._smaller = most, _now() + REMEMBERED_SECONDS
        log.warning("kafka.connection_died_on_request", bytes=company, at_once_from_now_on=most)

    async def _write_alone(self, topic: str, record: Outgoing, partition: int | None) -> Ack:
        """Write a record on which the connection broke, with nothing else in flight.

        Raises TooLarge if the connection breaks again. If no broker is reachable afterwards, or the record is small,
        the connection broke for another reason: then raises BrokerUnavailable.
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
            # Also after it refused a record for its size, the broker accepts no later sequence number of this producer.
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
            # A cancelled caller does not cancel the delivery: the record is in flight, and counts until its end.
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
        # The producer itself would ask for an unknown topic until the deadline, and then not say why.
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
        """Abandon the producer: its records fail at once, and the next send uses a new producer."""
        if self._producer is not producer:
            return
        self._producer = None
        self._known.clear()
        await end_sending(producer)
        await stop_client(producer)


class _ConnectionDied(Exception):
    """The connection broke on requests with this record as often as allowed."""


_ADVICE: Final = "Set AZPLAN_KAFKA__MAX_REQUEST_BYTES below the largest request that the broker accepts."


def _now() -> float:
    return asyncio.get_running_loop().time()


def _heard(delivered: "asyncio.Future[RecordMetadata]", room: InFlightLimit, size: int) -> None:
    room.leave(size)
    # asyncio logs an exception that nobody retrieves, and the caller may be gone.
    if not delivered.cancelled():
        delivered.exception()
