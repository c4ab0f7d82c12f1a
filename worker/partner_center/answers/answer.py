"""An answer as it came, and when it asks to come back. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_WAIT = 3600.0
"""Seconds. A longer `Retry-After` counts as a mistake, and is cut to this."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, with the ids of its request."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    at: datetime
    request_id: str
    correlation_id: str
    reason: str = ""
    """The reason phrase. Some refusals have no other text."""


def retry_after(headers: Mapping[str, str], at: datetime) -> float | None:
    """Seconds to wait by the `Retry-After` header, which holds seconds or a date. None if it is absent or malformed.

    A date is compared with the `Date` of the same answer if there is one: the two clocks need not agree
    (RFC 9110 section 10.2.3).
    """
    asked = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", asked):
        return min(float(asked), LONGEST_WAIT)
    until = _date(asked)
    if until is None:
        return None
    now = _date(headers.get("date", "")) or at
    return min(max((until - now).total_seconds(), 0.0), LONGEST_WAIT)


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
