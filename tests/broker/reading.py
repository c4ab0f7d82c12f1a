"""Helpers for tests of the port: write records, read until a number of records has come."""

import asyncio

from events.wire.record import Outgoing, Record
from worker.broker.port import Ack, Batch, BrokerUnavailable, Partition, Sink, Source


async def write(sink: Sink, topic: str, *values: bytes, partition: int | None = None) -> list[Ack]:
    """Write records one after the other, the value also as the key."""
    return [await sink.send(topic, Outgoing(value, value, ()), partition=partition) for value in values]


async def read(source: Source, number: int, *, within: float = 30, patient: bool = False) -> list[Record]:
    """Poll until this many records have come. A patient reader goes on while the broker is unavailable."""
    records: list[Record] = []
    async with asyncio.timeout(within):
        while len(records) < number:
            records += (await poll(source, patient=patient)).records
    return records


async def poll(source: Source, *, patient: bool = False) -> Batch:
    """One poll."""
    try:
        return await source.poll(100, 0.5)
    except BrokerUnavailable:
        if not patient:
            raise
        await asyncio.sleep(0.2)
        return Batch((), 0)


def behind(records: list[Record]) -> dict[Partition, int]:
    """The offsets that commit these records."""
    return {Partition(each.topic, each.partition): each.offset + 1 for each in records}
