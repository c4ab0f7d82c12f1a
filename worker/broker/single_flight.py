"""One attempt for all who want the same at the same time: to connect, to look for a topic."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class SingleFlight:
    """One attempt at a time of each kind, shared by all who want it. Who stops waiting does not stop it."""

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Task[Any]] = {}

    async def share(self, kind: str, begin: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of the attempt that is under way, or of a new one."""
        attempt = self._under_way.get(kind)
        if attempt is None:
            attempt = asyncio.create_task(begin(), name=f"Kafka producer: {kind}")
            self._under_way[kind] = attempt
            attempt.add_done_callback(lambda ended: self._over(kind, ended))
        result: T = await asyncio.shield(attempt)
        return result

    async def end(self) -> None:
        """Give up what is under way."""
        attempts = list(self._under_way.values())
        for attempt in attempts:
            attempt.cancel()
        if attempts:
            await asyncio.wait(attempts)

    def _over(self, kind: str, ended: "asyncio.Task[Any]") -> None:
        self._under_way.pop(kind, None)
        if not ended.cancelled():
            ended.exception()  # where everybody has stopped waiting, nobody else asks for it
