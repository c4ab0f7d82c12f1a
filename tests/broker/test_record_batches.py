"""Fetched bytes: read within limits, and past unreadable records."""

import struct
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.record.util import calc_crc32c

from tests.broker.compressed import CODECS, MIB, batch, message
from worker.broker.reading.decompression import CannotInflate, InflateBudget, InflatesTooMuch, inflate
from worker.broker.reading.record_batches import FetchedBatches, FetchedRecords, UnreadRecord

PLACE = TopicPartition("commands", 0)
codecs = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)


def at(offset: int, data: bytes) -> bytes:
    """The batch with another first offset."""
    return struct.pack(">q", offset) + data[8:]


def spoiled(data: bytes) -> bytes:
    """The batch with other bytes in place of its compressed records, and with their checksum."""
    changed = data[:-40] + bytes(40)
    return changed[:17] + struct.pack(">I", calc_crc32c(changed[21:])) + changed[21:]


def reading(budget: InflateBudget, *fetched: bytes, position: int = 0) -> FetchedRecords:
    """The records of a fetch, as a poll reads them."""
    return FetchedRecords(
        PLACE, FetchedBatches(budget, b"".join(fetched)), [], position, None, None, True, READ_COMMITTED
    )


def seen(records: Iterator[Any]) -> list[tuple[int, bytes | None]]:
    """Offsets and values. A record that could not be read has no value."""
    return [(each.offset, each.value) for each in records]


@codecs
def test_a_good_batch_is_read_whatever_its_codec(codec: int) -> None:
    """Values, keys, headers and offsets are read. A position may be in the middle of a batch."""
    data = batch(codec, [b"a" * 1_000, b"b", b"c"])
    first, *others = reading(InflateBudget(MIB), data)
    assert (first.key, first.value, first.headers) == (b"k", b"a" * 1_000, (("n", b"0"),))
    assert seen(iter(others)) == [(1, b"b"), (2, b"c")]
    assert seen(reading(InflateBudget(MIB), data, position=2)) == [(2, b"c")]


@codecs
def test_a_batch_that_inflates_to_too_much_comes_without_bytes(codec: int) -> None:
    """Each record of the batch has its offset and the reason. The batches around it are read."""
    bomb = at(1, batch(codec, [b"\0" * MIB, b"\0" * MIB]))
    records = list(reading(InflateBudget(MIB), batch(0, [b"before"]), bomb))
    assert seen(iter(records)) == [(0, b"before"), (1, None), (2, None)]
    assert all(isinstance(each, UnreadRecord) for each in records[1:])
    assert f"inflates to more than AZPLAN_KAFKA__MAX_INFLATED, {MIB} bytes" in records[1].why
    assert records[1].timestamp == 1_772_443_800_250


@codecs
def test_a_batch_that_does_not_fit_beside_others_is_read_by_the_next_poll(codec: int) -> None:
    """Such a batch is no bomb: the poll ends before the batch, and the position stays there."""
    budget = InflateBudget(MIB)
    chain = [at(number, batch(codec, [b"%d" % number * 300_000])) for number in range(8)]
    values, polls = [], 0
    while len(values) < 8:
        budget.begin()
        found = reading(budget, *chain[len(values) :], position=len(values))
        records = list(found)
        assert 1 <= len(records) <= 3
        assert found.next_fetch_offset == len(values) + len(records)
        values += [each.value for each in records]
        polls += 1
    assert values == [b"%d" % number * 300_000 for number in range(8)]
    assert polls == 3


def test_a_bomb_takes_the_room_of_a_whole_poll() -> None:
    """Hundreds of bombs do not block the worker for minutes."""
    budget = InflateBudget(MIB)
    bombs = [at(number, batch(CODECS["zstd"], [b"\0" * 2 * MIB])) for number in range(5)]
    assert seen(reading(budget, *bombs)) == [(0, None)]


@codecs
def test_a_batch_that_cannot_be_inflated_comes_without_bytes(codec: int) -> None:
    """A batch with the right checksum and the wrong content would otherwise fail every poll and every restart."""
    bad = at(1, spoiled(batch(codec, [bytes(range(256)) * 8, b"b"])))
    records = list(reading(InflateBudget(MIB), batch(0, [b"before"]), bad, at(3, batch(0, [b"behind"]))))
    behind = seen(reading(InflateBudget(MIB), at(3, batch(0, [b"behind"])), position=3))
    assert seen(iter(records))[:3] == [(0, b"before"), (1, None), (2, None)]
    assert behind == [(3, b"behind")]
    assert "cannot be" in records[1].why


def test_records_that_cannot_be_parsed_come_without_bytes() -> None:
    """The records before them in the batch and the later batches are read."""
    bad = spoiled(batch(0, [b"first", b"x" * 100]))
    records = list(reading(InflateBudget(MIB), bad, at(2, batch(0, [b"behind"]))))
    assert seen(iter(records)) == [(0, b"first"), (1, None), (2, b"behind")]
    assert "its batch cannot be read" in records[1].why


def test_a_codec_that_does_not_exist_is_no_end() -> None:
    """The number of the codec is in the batch, and any producer may write any number."""
    data = batch(0, [b"a"])
    changed = data[:21] + struct.pack(">h", 7) + data[23:]
    changed = changed[:17] + struct.pack(">I", calc_crc32c(changed[21:])) + changed[21:]
    (record,) = reading(InflateBudget(MIB), changed)
    assert "no codec has the number 7" in record.why


@pytest.mark.parametrize("magic", [0, 1])
@pytest.mark.parametrize("codec", [1, 2], ids=["gzip", "snappy"])
def test_the_oldest_formats_are_read_within_the_same_bounds(codec: int, magic: int) -> None:
    """Topics from before Kafka 0.11 may still hold such records."""
    good = message(codec, [b"a" * 1_000, b"b"], magic)
    assert seen(reading(InflateBudget(MIB), good))[-1] == (1, b"b")
    assert seen(reading(InflateBudget(MIB), message(0, [b"plain"], magic))) == [(0, b"plain")]
    bomb = message(codec, [b"\0" * MIB, b"\0" * MIB], magic)
    records = list(reading(InflateBudget(MIB), bomb))
    assert {each.value for each in records} == {None}
    assert "AZPLAN_KAFKA__MAX_INFLATED" in records[0].why


def test_a_batch_that_was_cut_off_is_not_there_yet() -> None:
    """A fetch ends where its bytes end, possibly within a batch."""
    data = batch(0, [b"a"])
    records = FetchedBatches(InflateBudget(MIB), data[:-1])
    assert not records.has_next()
    assert records.size_in_bytes() == len(data) - 1
    assert seen(reading(InflateBudget(MIB), data, data[:20])) == [(0, b"a")]


@pytest.mark.parametrize("data", [b"", b"\x82SNAPPY\x00", b"\x82SNAPPY\x00" + bytes(9) + b"\x7f\xff\xff\xff"])
@codecs
def test_whatever_the_bytes_are_nothing_worse_happens(codec: int, data: bytes) -> None:
    """For any bytes, inflating returns bytes or raises InflatesTooMuch or CannotInflate."""
    for bound in (0, 1, MIB):
        try:
            assert len(inflate(codec, data, bound)) <= bound
        except (InflatesTooMuch, CannotInflate):
            continue
