"""Dead letters: a record as it came, with headers that say where, when and why it failed.

Source of the field list: Spring Kafka's dead-letter headers and KIP-298 (Kafka Connect); values are text here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from events.codes import DeadLetterCode
from events.wire.codec import LONGEST_DETAIL
from events.wire.instants import format_instant
from events.wire.record import Headers, Outgoing, Record
from events.wire.text import printable

PREFIX: Final = "azplan_dlq_"
TRUNCATED: Final = f"{PREFIX}truncated"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A record batch (KIP-98: 61 bytes, then per record at most 21) and two lengths of at most 5 bytes a header.
_RECORD_OVERHEAD = 100
_HEADER_OVERHEAD = 10


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a record became a dead letter. A value that nobody knows is None here, and an empty header on the wire."""

    group: str
    """Consumer group of the worker."""
    code: DeadLetterCode
    detail: str
    attempts: int | None
    first_failed_at: datetime | None
    worker_version: str
    correlation_id: str | None
    redrive: int | None
    """Which story of the command failed; None if the record was no command."""


def dead_letter_headers(record: Record, failure: Failure) -> Headers:
    """The headers of the dead letter of `record`: the headers of the record, then those of azplan.

    Headers of azplan that an earlier dead letter left on a redriven record are replaced. No header is doubled.
    """
    return tuple(header for header in record.headers if not _is_ours(header)) + _told(record, failure)


def fit_dead_letter(letter: Outgoing, limit: int) -> Outgoing:
    """`letter`, or, if it has more than `limit` bytes, as much of it as fits.

    A cut letter has an empty value, and `azplan_dlq_truncated` is `true`. If it is still too large, the headers of the
    record are left out too, then the key: a poor dead letter is better than one that blocks all others.
    """
    *larger, smallest = _ever_smaller(letter)
    return next((smaller for smaller in larger if record_size(smaller) <= limit), smallest)


def record_size(outgoing: Outgoing) -> int:
    """An upper limit of the bytes that the record takes as a batch of its own, uncompressed."""
    headers = sum(len(name.encode("utf-8", "replace")) + len(value or b"") for name, value in outgoing.headers)
    held = len(outgoing.key or b"") + len(outgoing.value or b"")
    return held + headers + _HEADER_OVERHEAD * len(outgoing.headers) + _RECORD_OVERHEAD


def _ever_smaller(letter: Outgoing) -> Iterator[Outgoing]:
    yield letter
    truncated = (TRUNCATED, b"true")
    yield Outgoing(letter.key, b"", (*letter.headers, truncated))
    ours = (*filter(_is_ours, letter.headers), truncated)
    yield Outgoing(letter.key, b"", ours)
    yield Outgoing(None, b"", ours)


def _is_ours(header: tuple[str, bytes | None]) -> bool:
    return header[0].startswith(PREFIX)


def _told(record: Record, failure: Failure) -> Headers:
    told: dict[str, str | int | None] = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": _instant(record.timestamp),
        "group": failure.group,
        "code": failure.code,
        "detail": printable(failure.detail, LONGEST_DETAIL),
        "attempts": failure.attempts,
        "first_failed_at": None if failure.first_failed_at is None else format_instant(failure.first_failed_at),
        "worker_version": failure.worker_version,
        "correlation_id": failure.correlation_id,
        "redrive": failure.redrive,
    }
    return tuple((PREFIX + name, _text(value)) for name, value in told.items())


def _text(value: str | int | None) -> bytes:
    return b"" if value is None else str(value).encode("utf-8", "replace")


def _instant(timestamp: int | None) -> str | None:
    """The instant of Kafka's milliseconds; None for a number that is no instant, because a producer may write any."""
    if timestamp is None or timestamp < 0:
        return None
    try:
        return format_instant(_EPOCH + timedelta(milliseconds=timestamp))
    except OverflowError:
        return None
