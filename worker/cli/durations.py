"""Durations as people type them."""

import re
from datetime import timedelta

from pydantic import TypeAdapter, ValidationError
from typer import BadParameter

DURATION = "10m"
"""How a help text shows that a duration is asked for."""

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)([dhms])")
_ISO_8601 = TypeAdapter(timedelta)


def parse_duration(text: str) -> timedelta:
    """`90s`, `10m`, `1h30m`, `2d`, plain seconds, or ISO 8601 (`PT10M`). Raises BadParameter for anything else."""
    found = _parsed(text.strip())
    if found is None or found <= timedelta(0):
        raise BadParameter(f"{text!r} is no duration: write 90s, 10m, 1h30m, 2d or PT10M.")
    return found


def _parsed(text: str) -> timedelta | None:
    try:
        if text.upper().startswith("P"):
            return _ISO_8601.validate_python(text.upper())
        if re.fullmatch(f"({_PART.pattern})+", text):
            return sum((timedelta(**{_UNITS[unit]: float(n)}) for n, unit in _PART.findall(text)), timedelta())
        return timedelta(seconds=float(text))
    except (ValueError, OverflowError, ValidationError):
        return None


def rough(seconds: float) -> str:
    """An age for a person who compares ages: `42 s`, `16 m`, `3 h 5 m`, `12 d`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} m"
    if whole < 2 * 86_400:
        hours, minutes = whole // 3_600, whole % 3_600 // 60
        return f"{hours} h {minutes} m" if minutes else f"{hours} h"
    return f"{whole // 86_400} d"


def spoken(duration: timedelta) -> str:
    """The same for a person: `10 m`, `1 h 30 m`, `0.5 s`."""
    seconds = duration.total_seconds()
    if seconds < 60 or seconds % 1:
        return f"{seconds:g} s"
    whole, parts = int(seconds), []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts)
