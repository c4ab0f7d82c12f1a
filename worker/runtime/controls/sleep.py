"""A sleep that another task may end."""

import asyncio


class Sleeper:
    """The sleep of a loop that looks every few seconds, and at once when it is woken."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """End the sleep under way. If there is none, the next sleep ends at once."""
        self._woken.set()

    async def sleep(self, seconds: float) -> None:
        """Sleep for so many seconds, or until woken."""
        try:
            # wait_for of Python 3.11 loses a cancellation that comes together with the result
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()
