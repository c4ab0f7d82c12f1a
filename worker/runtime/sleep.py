"""A sleep that somebody may end."""

import asyncio


class Alarm:
    """For a loop that looks now and then, and at once when it is told to."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """End the sleep that is under way; where none is, the next one ends at once."""
        self._rung.set()

    async def sleep(self, seconds: float) -> None:
        """Sleep so long, or until it rings."""
        try:
            # wait_for of Python 3.11 loses a cancellation that comes together with the result
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return
        self._rung.clear()
