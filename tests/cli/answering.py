"""Answers commands on a real broker as a test wants: publishes a worker's events, without a worker."""

import asyncio
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from events.messages.base import Event, Origin
from events.messages.command_status import CommandIdReused
from events.wire.codec import AcceptedCommand, Record, decode, encode
from events.wire.identity import TERMINAL, event_id, id_reused
from ops.local.topics import Topics

Script = Callable[[Origin, Record], Iterable[Event]]


class Answerer:
    """Reads the commands topic from its beginning and publishes the script's events for each good command."""

    def __init__(self, topics: Topics, script: Script, *, spoil: Callable[[Event], bool] = lambda _: False) -> None:
        """`spoil`: says which events get an id that does not follow."""
        self._topics = topics
        self._script = script
        self._spoil = spoil
        self._thread = threading.Thread(target=lambda: asyncio.run(self._work()))
        self._stop = threading.Event()
        self.seen: list[Record] = []

    def __enter__(self) -> "Answerer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    async def _work(self) -> None:
        servers = self._topics.bootstrap_servers
        consumer = AIOKafkaConsumer(self._topics.commands, bootstrap_servers=servers, auto_offset_reset="earliest")
        producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all")
        await consumer.start()
        await producer.start()
        try:
            while not self._stop.is_set():
                for read in (await consumer.getmany(timeout_ms=100)).values():
                    for each in read:
                        record = Record(
                            each.topic, each.partition, each.offset, each.timestamp, each.key, each.value, each.headers
                        )
                        await self._answer(producer, record)
        finally:
            await producer.stop()
            await consumer.stop()

    async def _answer(self, producer: AIOKafkaProducer, record: Record) -> None:
        self.seen.append(record)
        decoded = decode(record)
        assert isinstance(decoded, AcceptedCommand)
        envelope = decoded.envelope
        origin = Origin(envelope.id, envelope.source, envelope.type, envelope.customer_id, envelope.partner)
        for number, event in enumerate(self._script(origin, record), 1):
            out = encode(
                event,
                id=event_id(*_command(event), event.redrive, place_of(event, number, decoded.fingerprint))
                if not self._spoil(event)
                else uuid4(),
                time=datetime.now(UTC),
                correlation_id=envelope.correlation_id,
                causation_id=envelope.id,
            )
            await producer.send_and_wait(self._topics.events, out.value, key=out.key, headers=list(out.headers))


def _command(event: Event) -> tuple[str, str]:
    return event.command_source, event.command_id


def place_of(event: Event, number: int, content: str) -> str:
    """The place of an event in its story, counted as workers do."""
    if event.numbered:
        return event.nth_place(number)
    if isinstance(event, CommandIdReused):
        return id_reused(content)
    return TERMINAL if event.terminal else event.place
