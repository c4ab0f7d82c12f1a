"""Kafka records as values, on their way in and on their way out. Knows no message and no Kafka client."""

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
    """Milliseconds since 1970-01-01 in UTC, by Kafka; None where the record has none."""
    key: bytes | None
    value: bytes | None
    headers: Headers
    unread: str | None = None
    """Why there are no key, value and headers although the record had some; None where these are the record's."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to be written, but for its topic."""

    key: bytes | None
    value: bytes | None
    headers: Headers
