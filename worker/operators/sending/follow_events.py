"""New events of the events topic, read without a consumer group."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Final

from events.wire.event_reader import PublishedEvent
from events.wire.record import Record
from worker.broker.port import Admin, BrokerUnavailable, Partition
from worker.operators.sending.genuine_events import PublishedEvents

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 2.0
GROWTH: Final = 1.3


async def events_after(
    admin: Admin, topic: str, starts: Mapping[Partition, int], told: PublishedEvents
) -> AsyncIterator[PublishedEvent]:
    """Every event on `topic` that `told` accepts, from these offsets on, without end, in order within each partition.

    While the broker is unavailable, the function waits. No connection is held open between two events.
    """
    positions, pause = dict(starts), FIRST_PAUSE
    while True:
        try:
            records = await _fresh(admin, topic, positions)
        except BrokerUnavailable:
            records, pause = [], LONGEST_PAUSE
        for record in records:
            found = await _patiently(told, record)
            if found is not None:
                yield found
        pause = FIRST_PAUSE if records else min(LONGEST_PAUSE, pause * GROWTH)
        await asyncio.sleep(pause)


async def _patiently(told: PublishedEvents, record: Record) -> PublishedEvent | None:
    while True:
        try:
            return await told.event(record)
        except BrokerUnavailable:
            await asyncio.sleep(LONGEST_PAUSE)


async def _fresh(admin: Admin, topic: str, positions: dict[Partition, int]) -> list[Record]:
    """The records from these positions on. Moves the positions behind them, unless it raises `BrokerUnavailable`."""
    ends = await admin.ends(topic)
    ranges = {each: range(positions.get(each, 0), end) for each, end in ends.items()}
    fresh = {each: offsets for each, offsets in ranges.items() if offsets}
    records = [record async for record in admin.read(fresh)] if fresh else []
    positions.update({each: offsets.stop for each, offsets in fresh.items()})
    return records
