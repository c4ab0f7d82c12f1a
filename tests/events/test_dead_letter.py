"""Dead letters: the original record, with headers that say where, when and why."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from events.codes import FailedCode, RecordCode
from events.wire.codec import Outgoing, Record
from events.wire.dead_letter import Failure, dead_letter_headers, fit_dead_letter, record_size
from tests.events.sample_records import binary

FAILURE = Failure(
    group="azplan-worker",
    code=FailedCode.OUTCOME_UNKNOWN,
    detail="The check-out was never answered.",
    attempts=4,
    first_failed_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
    worker_version="0.1.0",
    correlation_id="case-1",
    redrive=1,
)
UNDECODED = Failure("azplan-worker", RecordCode.INVALID_JSON, "the value is empty", None, None, "0.1.0", None, None)
SAMPLE = replace(binary(), headers=(("a", b"\xff"), ("b", None), ("a", b"")))


def letter(record: Record = SAMPLE, failure: Failure = FAILURE) -> Outgoing:
    """The whole dead letter of a record."""
    return Outgoing(record.key, record.value, dead_letter_headers(record, failure))


def test_a_dead_letter_says_where_when_and_why() -> None:
    """The headers of the contract follow the record's own headers as text. The record's own stay unchanged."""
    assert dead_letter_headers(SAMPLE, FAILURE) == (
        *SAMPLE.headers,
        ("azplan_dlq_topic", b"azplan.commands.v1"),
        ("azplan_dlq_partition", b"3"),
        ("azplan_dlq_offset", b"1207"),
        ("azplan_dlq_timestamp", b"2026-03-02T09:30:00.250000Z"),
        ("azplan_dlq_group", b"azplan-worker"),
        ("azplan_dlq_code", b"outcome_unknown"),
        ("azplan_dlq_detail", b"The check-out was never answered."),
        ("azplan_dlq_attempts", b"4"),
        ("azplan_dlq_first_failed_at", b"2026-03-02T09:30:00Z"),
        ("azplan_dlq_worker_version", b"0.1.0"),
        ("azplan_dlq_correlation_id", b"case-1"),
        ("azplan_dlq_redrive", b"1"),
    )


def test_an_unknown_value_is_empty() -> None:
    """A record that never was a command has no attempts, no correlation and no redrive."""
    headers = dict(dead_letter_headers(replace(SAMPLE, timestamp=None), UNDECODED))

    assert {name.removeprefix("azplan_dlq_") for name, value in headers.items() if name != "a" and value == b""} == {
        "timestamp",
        "attempts",
        "first_failed_at",
        "correlation_id",
        "redrive",
    }


@pytest.mark.parametrize("timestamp", [-1, 2**62])
def test_a_timestamp_that_is_no_instant_is_empty(timestamp: int) -> None:
    """Producers may write any number. The dead letter is made anyway."""
    assert dict(dead_letter_headers(replace(SAMPLE, timestamp=timestamp), FAILURE))["azplan_dlq_timestamp"] == b""


def test_the_headers_of_an_earlier_dead_letter_are_replaced() -> None:
    """A record that comes from the dead letters and fails again has each header once."""
    whole = letter()
    first = fit_dead_letter(whole, record_size(whole) - 1)
    again = dead_letter_headers(replace(SAMPLE, headers=first.headers), UNDECODED)

    assert again == dead_letter_headers(SAMPLE, UNDECODED)


def test_a_detail_is_bounded_and_printable() -> None:
    """Foreign text does not break the headers."""
    headers = dict(
        dead_letter_headers(SAMPLE, replace(FAILURE, detail="a\0\ud800" + "x" * 1_000, correlation_id="\ud800"))
    )

    assert len((headers["azplan_dlq_detail"] or b"").decode()) == 500
    assert (headers["azplan_dlq_detail"] or b"").decode().startswith("a\ufffd\ufffdx")
    assert headers["azplan_dlq_correlation_id"] == b"?"


def test_a_dead_letter_that_fits_is_left_alone() -> None:
    """Up to the limit, key, value and headers are untouched; no header speaks of truncation."""
    whole = letter()

    assert fit_dead_letter(whole, record_size(whole)) is whole


def test_a_dead_letter_that_is_too_large_loses_its_value() -> None:
    """One byte above the limit, the value is empty and a header says so. Everything else is kept."""
    whole = letter(replace(SAMPLE, key=b"k", value=b"x" * 1_000))
    cut = fit_dead_letter(whole, record_size(whole) - 1)

    assert cut == Outgoing(b"k", b"", (*whole.headers, ("azplan_dlq_truncated", b"true")))


def test_headers_that_are_too_large_by_themselves_are_left_out() -> None:
    """A record whose own headers fill the limit still becomes a dead letter, with its key and azplan's headers."""
    whole = letter(replace(SAMPLE, key=b"k", headers=(("big", b"x" * 10_000),)))
    cut = fit_dead_letter(whole, 10_000)

    assert cut == Outgoing(b"k", b"", (*whole.headers[1:], ("azplan_dlq_truncated", b"true")))
    assert record_size(cut) <= 10_000


def test_even_a_key_may_be_too_large() -> None:
    """Then only azplan's headers are written. They name topic, partition and offset."""
    whole = letter(replace(SAMPLE, key=b"k" * 10_000))
    cut = fit_dead_letter(whole, 10_000)

    assert (cut.key, cut.value) == (None, b"")
    assert dict(cut.headers)["azplan_dlq_offset"] == b"1207"


def test_the_dead_letter_of_a_tombstone_has_no_value() -> None:
    """A record without a value becomes a dead letter without a value."""
    assert fit_dead_letter(letter(replace(SAMPLE, value=None)), 10_000).value is None
