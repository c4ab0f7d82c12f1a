"""A clock that follows the event loop: a test under `looptime` sees hours pass in no time."""

import asyncio
from datetime import UTC, datetime, timedelta

from worker.clock import Clock

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class LoopClock(Clock):
    """Wall time and monotonic time both follow the loop in which the clock was made, in other threads too.

    `jump` moves the wall clock alone, as an operator may.
    """

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._loop = asyncio.get_running_loop()
        self._zero = self._loop.time()

    def now(self) -> datetime:
        """The start plus the virtual time that has passed since."""
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Virtual seconds since this clock was made."""
        return self._loop.time() - self._zero

    def boot(self) -> float:
        """The same as `monotonic`: a virtual machine never sleeps."""
        return self.monotonic()

    def jump(self, by: timedelta) -> None:
        """Set the wall clock forward or back."""
        self._start += by
