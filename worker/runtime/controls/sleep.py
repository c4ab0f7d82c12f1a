"""A sleep that another task may end, and the loop that looks into the journal every few seconds."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from worker.errors import JournalUnavailable

log = structlog.get_logger("azplan.controls")


class Sleeper:
    """The sleep of a loop that looks every few seconds, and at once when it is woken."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """End the sleep under way. If there is none, the next sleep ends at once."""
        self._woken.set()

    async def look_every(self, seconds: float, look: Callable[[], Awaitable[None]]) -> None:
        """Look at once, then every so many seconds or when woken, until cancelled. Outlives a journal that is down."""
        while True:
            try:
                await look()
            except JournalUnavailable as error:
                log.debug("journal.unavailable", error=str(error))
            await self.sleep(seconds)

    async def sleep(self, seconds: float) -> None:
        """Sleep for so many seconds, or until woken."""
        try:
            # wait_for of Python 3.11 loses a cancellation that comes together with the result
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()
