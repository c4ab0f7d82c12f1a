"""The time of day and the monotonic time. No other module of the worker asks the operating system."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


def micros(instant: datetime) -> int:
    """An aware instant as the journal keeps it: whole microseconds since 1970."""
    return (instant - EPOCH) // MICROSECOND


def duration_micros(seconds: float) -> int:
    """A duration in seconds as the journal keeps it: whole microseconds, rounded towards zero."""
    return int(seconds * 1_000_000)


def instant(micros: int) -> datetime:
    """The instant, in UTC, of microseconds since 1970."""
    return EPOCH + micros * MICROSECOND


class Clock:
    """The machine's clocks. Tests give a clock that follows the virtual time of their event loop."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds of a clock that never runs backwards and stands still while the machine is suspended."""
        return time.monotonic()

    def boot(self) -> float:
        """Seconds since boot, suspended time included. On a system that does not count these: as `monotonic`."""
        if hasattr(time, "CLOCK_BOOTTIME"):
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic()
