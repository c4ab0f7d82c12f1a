"""Fetched record batches: decompressed within a limit, and read although the library cannot read them.

| hazard | what this module does |
|---|---|
| the library inflates a batch without limit: 8 kB became 535 MB | inflates within the budget of a poll |
| good batches of one fetch exceed the budget in sum | the poll ends before the next batch, which is fetched again |
| a batch that inflates to too much, or not at all, fails each poll and restart | its records come without bytes |
| a header name that is not UTF-8 (no broker checks names) fails each poll | the name is decoded leniently |

The classes replace the library's `MemoryRecords` and `PartitionRecords`; `consumer` installs them.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiokafka import ConsumerRecord
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.legacy_records import LegacyRecordBatch, _LegacyRecordBatchPy

from worker.broker.reading.decompression import NAMES, BudgetSpent, CannotInflate, InflateBudget, InflatesTooMuch

log = structlog.get_logger("azplan.broker")

# Kafka's record batch (magic 2) and message (magic 0 and 1) have length and magic at the same offsets.
_LENGTH_AT: Final = 8
_OVERHEAD: Final = 12
_MAGIC_AT: Final = 16
_LEGACY_ATTRIBUTES_AT: Final = 17
_ATTRIBUTES_AT: Final = 21
_HEADER: Final = 61
_SHORTEST: Final = 26
_CODEC: Final = 7


@dataclass(frozen=True, slots=True)
class UnreadEntry:
    """A record whose bytes cannot be read, in the form of the library's batch entries."""

    offset: int
    timestamp: int
    why: str
    timestamp_type: int = 0
    key: None = None
    value: None = None
    checksum: None = None
    headers: tuple[()] = ()


class UnreadRecord(ConsumerRecord[bytes, bytes]):  # type: ignore[misc]  # the library has no types
    """A record whose bytes cannot be read, in the form of the library's consumer records."""

    why: str


class FetchedBatches:
    """The batches of one fetched partition. Replaces the library's `MemoryRecords`."""

    def __init__(self, budget: InflateBudget, data: bytes) -> None:
        self._budget = budget
        self._data = data
        self._at = 0
        self.reached = 0
        """The offset of the first record that was not seen yet."""

    def size_in_bytes(self) -> int:
        """How many bytes were fetched."""
        return len(self._data)

    def has_next(self) -> bool:
        """Whether another whole batch follows. The last batch of a fetch is often cut off."""
        return self._end() is not None

    def next_batch(self) -> Any:
        """The next batch. None at the end."""
        end = self._end()
        if end is None:
            return None
        data = self._data[self._at : end]
        if len(data) < _SHORTEST:
            raise CorruptRecordException(f"a batch of {len(data)} bytes")
        self._at = end
        batch = self._made(data)
        self.reached = batch.next_offset
        return batch

    def _made(self, data: bytes) -> Any:
        magic = data[_MAGIC_AT]
        if magic >= 2:
            whole = DefaultRecordBatch(data)
            # Only Kafka itself writes control batches, and the library reads them without inflating.
            return whole if whole.is_control_batch else BoundedBatch(whole, data, self._budget)
        message = LegacyRecordBatch(data, magic)
        compressed = data[_LEGACY_ATTRIBUTES_AT] & _CODEC
        return BoundedLegacyBatch(message, data, self._budget, self.reached) if compressed else message

    def _end(self) -> int | None:
        if len(self._data) - self._at < _OVERHEAD:
            return None
        (length,) = struct.unpack_from(">i", self._data, self._at + _LENGTH_AT)
        end = self._at + _OVERHEAD + int(length)
        return end if length >= 0 and end <= len(self._data) else None


class BoundedBatch:
    """A batch of records. Iteration yields all of them; unreadable records come without their bytes."""

    def __init__(self, whole: Any, data: bytes, budget: InflateBudget) -> None:
        self._whole = whole
        self._data = data
        self._budget = budget
        self._codec = whole.attributes & _CODEC
        self.is_control_batch = False
        self.is_transactional = whole.is_transactional
        self.producer_id = whole.producer_id
        self.base_offset = whole.base_offset
        self.next_offset = whole.next_offset
        self.timestamp = whole.max_timestamp

    def validate_crc(self) -> bool:
        """Whether the checksum fits the bytes."""
        return bool(self._whole.validate_crc())

    def __iter__(self) -> Iterator[Any]:
        """Raises BudgetSpent if the batch does not fit into the rest of this poll's budget."""
        reached = self.base_offset
        try:
            plain = self._plain()
            for record in self._readings(plain):
                if record.offset >= reached:
                    reached = record.offset + 1
                    yield record
        except BudgetSpent:
            raise
        except InflatesTooMuch:
            compressed = f"its compressed batch ({NAMES[self._codec]}, {len(self._data)} bytes)"
            allowed = f"AZPLAN_KAFKA__MAX_INFLATED, {self._budget.most} bytes"
            yield from self._unread(reached, f"{compressed} inflates to more than {allowed}")
        except CannotInflate as error:
            yield from self._unread(reached, f"its compressed batch cannot be inflated: {error}")
        except Exception as error:  # noqa: BLE001 - any other failure would come again after each restart
            yield from self._unread(reached, f"its batch cannot be read: {error or type(error).__name__}")

    def _plain(self) -> bytes:
        if not self._codec:
            return self._data
        inflated = self._budget.inflate(self._codec, self._data[_HEADER:])
        header = bytearray(self._data[:_HEADER])
        struct.pack_into(">i", header, _LENGTH_AT, _HEADER - _OVERHEAD + len(inflated))
        struct.pack_into(">h", header, _ATTRIBUTES_AT, self._whole.attributes & ~_CODEC)
        return bytes(header) + inflated

    def _readings(self, plain: bytes) -> Iterator[Any]:
        """The records; read leniently if the library's strict way fails."""
        try:
            yield from DefaultRecordBatch(plain)
        except Exception:  # noqa: BLE001 - the library has several, and one of its builds has others
            yield from _LenientBatch(plain)

    def _unread(self, reached: int, why: str) -> Iterator[UnreadEntry]:
        for offset in range(reached, self.next_offset):
            yield UnreadEntry(offset, self.timestamp, why)


class BoundedLegacyBatch(BoundedBatch):
    """Messages of the oldest formats, compressed into one. Before inflating only the last offset is known."""

    def __init__(self, whole: Any, data: bytes, budget: InflateBudget, reached: int) -> None:
        self._whole = whole
        self._data = data
        self._budget = budget
        self._codec = data[_LEGACY_ATTRIBUTES_AT] & _CODEC
        self.is_control_batch = self.is_transactional = False
        self.producer_id = None
        self.base_offset = reached
        self.next_offset = whole.next_offset
        self.timestamp = -1

    def _plain(self) -> bytes:
        return self._data

    def _readings(self, plain: bytes) -> Iterator[Any]:
        yield from _BoundedLegacyMessage(plain, plain[_MAGIC_AT], self._budget)


class FetchedRecords(PartitionRecords):  # type: ignore[misc]  # the library has no types
    """The fetched records of one partition. Replaces the library's `PartitionRecords`."""

    def __init__(self, place: Any, records: FetchedBatches, aborted: Any, fetch_offset: int, *how: Any) -> None:
        records.reached = fetch_offset
        self._why: str | None = None
        super().__init__(place, records, aborted, fetch_offset, *how)

    def __next__(self) -> Any:
        """The next record. Ends before a batch that exceeds this poll's budget; that batch is fetched again."""
        try:
            return super().__next__()
        except BudgetSpent:
            self._records_iterator = None
            raise StopIteration from None

    def _consumer_record(self, place: Any, record: Any) -> Any:
        made = super()._consumer_record(place, record)
        if isinstance(record, UnreadEntry):
            if record.why != self._why:
                log.warning(
                    "kafka.records_unreadable",
                    topic=place.topic,
                    partition=place.partition,
                    offset=record.offset,
                    why=record.why,
                )
            made = UnreadRecord(**vars(made))
            made.why = record.why
        self._why = getattr(record, "why", None)
        return made


class _LenientBytes(bytearray):
    """Bytes that always decode."""

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return _LenientBytes(found) if isinstance(key, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Decode; bytes that are not UTF-8 become escapes."""
        del errors
        return bytes(self).decode(encoding, "backslashreplace")


class _LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # the library has no types
    """The library's pure-Python batch, reading inflated bytes that always decode."""

    def __init__(self, plain: bytes) -> None:
        super().__init__(plain)
        self._buffer: bytearray = _LenientBytes(plain)


class _BoundedLegacyMessage(_LegacyRecordBatchPy):  # type: ignore[misc]
    """The library's pure-Python message, inflated within the budget."""

    _buffer: memoryview

    def __init__(self, data: bytes, magic: int, budget: InflateBudget) -> None:
        super().__init__(data, magic)
        self._budget = budget

    def _decompress(self, key_offset: int) -> bytes:
        _, value = self._read_key_value(key_offset)
        if value is None:
            raise CannotInflate("the message that should hold them has no value")
        return self._budget.inflate(self._compression_type, value)
