"""From aiokafka's records to ours, and how they are read everywhere."""

from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord

from events.record import Record
from worker.broker.unreadable import positions, read_around

READING: Final[dict[str, Any]] = {
    # Offsets are committed by us, explicitly, or not at all (the library's default commits what it handed out).
    "enable_auto_commit": False,
    # A command of a transaction that was rolled back was never sent.
    "isolation_level": "read_committed",
    # Where an offset is gone (retention), what is still there comes next. The library's default would skip it all.
    "auto_offset_reset": "earliest",
    # What a client may hold in memory beside what it has handed out.
    "fetch_max_bytes": 16 * 1024 * 1024,
}


async def fetched(consumer: AIOKafkaConsumer, most: int, seconds: float) -> list[Record]:
    """The next records of all partitions, in order within each."""
    before = positions(consumer)
    try:
        batches = await consumer.getmany(timeout_ms=int(seconds * 1000), max_records=most)
    except UnicodeDecodeError:
        return [_record(each) for each in await read_around(consumer, before)]
    return [_record(each) for batch in batches.values() for each in batch]


def _record(read: ConsumerRecord[bytes, bytes]) -> Record:
    return Record(
        topic=read.topic,
        partition=read.partition,
        offset=read.offset,
        # The protocol's "no timestamp" is -1.
        timestamp=read.timestamp if read.timestamp >= 0 else None,
        key=read.key,
        value=read.value,
        headers=tuple(read.headers),
    )
