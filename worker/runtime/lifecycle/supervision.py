"""Loops that go on after an error: one row, or one bad moment, does not end the worker.

A worker that ended would start again, read the same row and end again, and so would every other worker.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from worker.clock import Clock

log = structlog.get_logger("azplan.service")

PAUSE = 1.0
"""Seconds until a loop that broke starts again."""
AGAIN = 600.0
"""Seconds after which a loop that still breaks in the same way is logged again."""
FRESH = 60.0
"""Seconds for which the readiness page names a loop that broke."""


class Supervision:
    """Runs loops, and starts a loop that broke again after a pause."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: dict[tuple[str, str], float] = {}
        self._broke: dict[str, float] = {}
        self.errors: list[Exception] = []
        """The last error of each loop and kind that was logged."""

    async def run(self, loop: Callable[[], Awaitable[None]]) -> None:
        """Run the loop until it returns or is cancelled, however often it breaks."""
        while True:
            try:
                await loop()
            except Exception as error:  # noqa: BLE001 - the other loops and the next round go on after every error
                self._tell(name_of(loop), error)
                await asyncio.sleep(PAUSE)
            else:
                return

    def complaints(self) -> list[str]:
        """The loops that broke within the last minute, as sentences."""
        now = self._clock.monotonic()
        return [f"{name} broke and was begun again" for name, at in self._broke.items() if now - at < FRESH]

    def _tell(self, name: str, error: Exception) -> None:
        """Log an error once, and again only while it lasts."""
        now, kind = self._clock.monotonic(), (name, repr(error))
        self._broke[name] = now
        if now - self._told.get(kind, float("-inf")) >= AGAIN:
            self._told[kind] = now
            self.errors.append(error)
            log.error("worker.part_broke", part=name, exc_info=error)


def name_of(loop: Callable[[], Awaitable[None]]) -> str:
    """The name by which a person finds the loop in the code."""
    return getattr(loop, "__qualname__", type(loop).__name__)
