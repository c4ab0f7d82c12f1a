"""Instants on the wire: RFC 3339, always with an offset; azplan writes UTC."""

import re
from datetime import UTC, datetime

# RFC 3339 section 5.6. The offset is required: a local time is no instant.
_RFC_3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")
_LONGEST = 64


def parse_instant(text: str) -> datetime | None:
    """The instant, in UTC, that `text` names in RFC 3339; None if `text` names no instant.

    Digits beyond the microsecond (.NET writes seven) are cut off. Leap seconds are refused: `datetime` has none.
    """
    upper = text.upper()
    if len(upper) > _LONGEST or not _RFC_3339.fullmatch(upper):
        return None
    try:
        return datetime.fromisoformat(upper).astimezone(UTC)
    except (ValueError, OverflowError):  # the 31st of February; the year 1 in the far east
        return None


def format_instant(instant: datetime) -> str:
    """`instant` in RFC 3339 and UTC, for example `2026-01-31T09:30:00Z`; with a fraction only if the instant has one.

    Raises ValueError for a naive datetime: guessing its offset would move the instant.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset; this datetime is naive")
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
