"""Records that aiokafka cannot decode, so that one of them does not stop its partition for ever.

The protocol wants the names of headers in UTF-8, but brokers store whatever they get. aiokafka then fails the whole
poll, again and again, without saying where, and forgets what it had taken from other partitions by then. Here such a
stretch is read by hand, with a name that is no UTF-8 written as `\\xff`; what comes of the record is decided elsewhere.
"""

from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import LeaderNotAvailableError, NoError, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy

log = structlog.get_logger("azplan.broker")

_LOOK_MS: Final = 200
_WAIT_MS: Final = 500
_CHUNK_BYTES: Final = 1024 * 1024


Positions = dict[TopicPartition, int]


def positions(consumer: AIOKafkaConsumer) -> Positions:
    """Where each partition stands before a poll, as far as the library knows yet."""
    subscription = consumer._subscription.subscription  # noqa: SLF001  # the public way waits for those not known
    if subscription is None or subscription.assignment is None:
        return {}
    states = {place: subscription.assignment.state_value(place) for place in subscription.assignment.tps}
    return {place: state.position for place, state in states.items() if state.has_valid_position}


async def read_around(consumer: AIOKafkaConsumer, before: Positions) -> list[ConsumerRecord[bytes, bytes]]:
    """What a poll should have brought that failed to decode a record; `before` is where the partitions stood."""
    records: list[ConsumerRecord[bytes, bytes]] = []
    for place in sorted(consumer.assignment()):
        await _rewind(consumer, place, before.get(place))
    for place in sorted(consumer.assignment() - consumer.paused()):
        try:
            found = await consumer.getmany(place, timeout_ms=_LOOK_MS)
        except UnicodeDecodeError:
            records += await _read_by_hand(consumer, place)
        else:
            records += found.get(place, [])
    return records


async def _rewind(consumer: AIOKafkaConsumer, place: TopicPartition, before: int | None) -> None:
    offset = await consumer.committed(place) if before is None else before
    if offset is None:
        await consumer.seek_to_beginning(place)
    else:
        consumer.seek(place, offset)


async def _read_by_hand(consumer: AIOKafkaConsumer, place: TopicPartition) -> list[ConsumerRecord[bytes, bytes]]:
    client, position = consumer._client, await consumer.position(place)  # noqa: SLF001  # it has the connections
    leader = client.cluster.leader_for_partition(place)
    if leader in (None, -1):
        raise LeaderNotAvailableError(place)
    asked = [(place.topic, [(place.partition, position, _CHUNK_BYTES)])]
    response = await client.send(leader, FetchRequest(_WAIT_MS, 1, _CHUNK_BYTES, READ_COMMITTED, asked))
    ((_, ((_, code, _, *parts),)),) = response.topics
    if for_code(code) is not NoError:
        raise for_code(code)(place)
    aborted = parts[2] if response.API_VERSION >= 11 else parts[-2]
    reader = PartitionRecords(place, _Records(parts[-1]), aborted, position, None, None, True, READ_COMMITTED)  # noqa: FBT003
    records = list(reader)
    consumer.seek(place, reader.next_fetch_offset)
    log.warning("kafka.header_name_is_not_utf8", topic=place.topic, partition=place.partition, offset=position)
    return records


class _Bytes(bytearray):
    """Bytes that can always be decoded."""

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return _Bytes(found) if isinstance(key, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """What is no UTF-8 is written as an escape."""
        del errors
        return bytes(self).decode(encoding, "backslashreplace")


class _Batch(_DefaultRecordBatchPy):  # type: ignore[misc]  # the library has no types
    """The library's batch in Python, whose bytes can always be decoded."""

    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Bytes(self._buffer)


class _Records(_MemoryRecordsPy):  # type: ignore[misc]
    """The library's series of batches in Python, made of those."""

    def next_batch(self) -> _Batch:
        """The next one; asked for only where there is one."""
        batch = _Batch(self._next_slice)
        self._cache_next()
        return batch
