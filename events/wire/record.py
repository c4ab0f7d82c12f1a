"""Kafka records as values: records that were read and records to be written. Knows no message and no Kafka client."""

from dataclasses import dataclass

Headers = tuple[tuple[str, bytes | None], ...]
"""The headers of a record, in order; a name may occur more than once."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it was read."""

    topic: str
    partition: int
    offset: int
    timestamp: int | None
    """Kafka's timestamp in milliseconds since 1970-01-01 in UTC; None if the record has none."""
    key: bytes | None
    value: bytes | None
    headers: Headers
    unread: str | None = None
    """Why key, value and headers are missing although the record had some; None if they are those of the record."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to be written, without its topic."""

    key: bytes | None
    value: bytes | None
    headers: Headers
