"""Durations as people read them."""

from datetime import timedelta


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
    """The exact duration: `10 m`, `1 h 30 m`, `0.5 s`."""
    seconds = duration.total_seconds()
    if seconds < 60 or seconds % 1:
        return f"{seconds:g} s"
    whole, parts = int(seconds), []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts)
