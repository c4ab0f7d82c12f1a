"""Durations as people type them on a command line."""

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
