"""Sends commands to a real Kafka, and reads the events and dead letters that come back."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from events.messages.base import events
from ops.local.topics import Topics
from ops.local.waiting import eventually

Headers = list[tuple[str, bytes]]


@dataclass(frozen=True)
class Sent:
    """A command to send. Sent again, its record is the same byte for byte."""

    type: str
    customer: str
    data: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    source: str = "/tests"

    @property
    def value(self) -> bytes:
        """The record's value."""
        return json.dumps({"customerId": self.customer, **self.data}).encode()

    @property
    def headers(self) -> Headers:
        """The record's headers: CloudEvents in binary mode."""
        attributes = {
            "ce_specversion": "1.0",
            "ce_id": self.id,
            "ce_source": self.source,
            "ce_type": f"azplan.{self.type}.v1",
            "content-type": "application/json",
        }
        return [(name, text.encode()) for name, text in attributes.items()]


@dataclass(frozen=True)
class Heard:
    """A record of the events or the dead-letter topic."""

    key: bytes | None
    value: bytes | None
    headers: dict[str, str]
    partition: int
    offset: int

    @property
    def type(self) -> str:
        """The event's name without prefix and version."""
        return self.headers["ce_type"].split(".")[1]

    @property
    def data(self) -> dict[str, Any]:
        """The event's data."""
        document: dict[str, Any] = json.loads(self.value or b"null")
        return document


async def send(topics: Topics, *commands: Sent) -> None:
    """Write the commands, each acknowledged, in their order."""
    await send_raw(topics, [(command.customer.encode(), command.value, command.headers) for command in commands])


async def send_raw(topics: Topics, records: Sequence[tuple[bytes | None, bytes | None, Headers]]) -> None:
    """Write records of any bytes, each acknowledged, in their order."""
    producer = AIOKafkaProducer(bootstrap_servers=topics.bootstrap_servers, acks="all", linger_ms=2)
    await producer.start()
    try:
        sent = [
            await producer.send(topics.commands, value, key=key, headers=list(headers))
            for key, value, headers in records
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def hear(bootstrap_servers: str, topic: str) -> list[Heard]:
    """All records that the topic holds now."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        heard: list[Heard] = []
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                heard.extend(map(heard_of, records))
        return heard
    finally:
        await consumer.stop()


def heard_of(record: Any) -> Heard:
    """A record as the client gives it."""
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers}
    return Heard(record.key, record.value, headers, record.partition, record.offset)


async def listen(topics: Topics, answers: int) -> AsyncIterator[Heard]:
    """Events as they come, until `answers` of them have ended a story."""
    consumer = AIOKafkaConsumer(topics.events, bootstrap_servers=topics.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        async for each in consumer:
            event = heard_of(each)
            answers -= is_answer(event)
            yield event
            if answers <= 0:
                return
    finally:
        await consumer.stop()


async def story(topics: Topics, command: Sent) -> list[Heard]:
    """The events about one command, in their order."""
    heard = await hear(topics.bootstrap_servers, topics.events)
    return [
        each for each in heard if (each.data["commandSource"], each.data["commandId"]) == (command.source, command.id)
    ]


async def answered(topics: Topics, commands: Sequence[Sent], *, within: float) -> dict[str, list[Heard]]:
    """Wait until every command has its answer; the events of each by its id."""
    wanted = {(command.source, command.id): command.id for command in commands}

    async def look() -> dict[str, list[Heard]] | None:
        stories: dict[str, list[Heard]] = {identifier: [] for identifier in wanted.values()}
        for each in await hear(topics.bootstrap_servers, topics.events):
            key = (each.data["commandSource"], each.data["commandId"])
            if key in wanted:
                stories[wanted[key]].append(each)
        return stories if all(any(map(is_answer, events)) for events in stories.values()) else None

    found = await eventually(look, f"answers to {len(wanted)} commands", within=within)
    assert found is not None
    return found


def is_answer(event: Heard) -> bool:
    """Whether the event ends a story."""
    return events()[event.headers["ce_type"]].terminal
