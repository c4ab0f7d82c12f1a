"""The events of one command as they are published, read from outside any consumer group."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Final

from events.published import Published, read_event
from events.record import Record
from worker.broker.port import Admin, BrokerUnavailable, Partition

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 2.0
GROWTH: Final = 1.3


async def events_after(admin: Admin, topic: str, starts: Mapping[Partition, int]) -> AsyncIterator[Published]:
    """Every event on `topic` from these offsets on, without end, in order within each partition.

    A broker that is away for a while is waited for.
    """
    async for record in _records_after(admin, topic, dict(starts)):
        event = read_event(record)
        if event is not None:
            yield event


async def _records_after(admin: Admin, topic: str, positions: dict[Partition, int]) -> AsyncIterator[Record]:
    pause = FIRST_PAUSE
    while True:
        try:
            ends = await admin.ends(topic)
            fresh = {each: range(positions.get(each, 0), end) for each, end in ends.items()}
            fresh = {each: offsets for each, offsets in fresh.items() if offsets}
            if fresh:
                async for record in admin.read(fresh):
                    positions[Partition(record.topic, record.partition)] = record.offset + 1
                    yield record
                positions.update({each: offsets.stop for each, offsets in fresh.items()})
                pause = FIRST_PAUSE
                continue
        except BrokerUnavailable:
            pause = LONGEST_PAUSE
        await asyncio.sleep(pause)
        pause = min(LONGEST_PAUSE, pause * GROWTH)
