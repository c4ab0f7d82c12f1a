"""Fetches records with aiokafka and converts them to `events.wire.record.Record`."""

from aiokafka import ConsumerRecord

from events.wire.record import Record
from worker.broker.reading.memory_limited_consumer import Consumer
from worker.broker.reading.record_batches import UnreadRecord


async def fetch_records(consumer: Consumer, most: int, seconds: float) -> list[Record]:
    """At most `most` next records of all partitions, in order within each. Waits for the first up to `seconds`."""
    consumer.budget.begin()
    batches = await consumer.getmany(timeout_ms=int(seconds * 1000), max_records=most)
    return [_record(each) for batch in batches.values() for each in batch]


def _record(read: ConsumerRecord[bytes, bytes]) -> Record:
    return Record(
        topic=read.topic,
        partition=read.partition,
        offset=read.offset,
        # The protocol's "no timestamp" is -1.
        timestamp=read.timestamp if read.timestamp is not None and read.timestamp >= 0 else None,
        key=read.key,
        value=read.value,
        headers=tuple(read.headers),
        unread=read.why if isinstance(read, UnreadRecord) else None,
    )
