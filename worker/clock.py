"""The time of day and the monotonic time. No other module of the worker asks the operating system."""

import time
from datetime import UTC, datetime


class Clock:
    """The machine's clocks. Tests give a clock that follows the virtual time of their event loop."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never run backwards; they stand still while the machine is suspended."""
        return time.monotonic()

    def boot(self) -> float:
        """Seconds since boot, suspended time included, where the system offers them; else as `monotonic`."""
        if hasattr(time, "CLOCK_BOOTTIME"):
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic()
