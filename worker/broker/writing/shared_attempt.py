"""Concurrent callers with the same wish share one attempt: to connect, to look for a topic."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class SingleFlight:
    """At most one attempt of each kind at a time, shared by all callers. A cancelled caller does not cancel it."""

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Task[Any]] = {}

    async def share(self, kind: str, begin: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of the running attempt of this kind, or of a new one that `begin` starts."""
        attempt = self._under_way.get(kind)
        if attempt is None:
            attempt = asyncio.create_task(begin(), name=f"Kafka producer: {kind}")
            self._under_way[kind] = attempt
            attempt.add_done_callback(lambda ended: self._over(kind, ended))
        result: T = await asyncio.shield(attempt)
        return result

    async def end(self) -> None:
        """Cancel all running attempts, and wait for their end."""
        attempts = list(self._under_way.values())
        for attempt in attempts:
            attempt.cancel()
        if attempts:
            await asyncio.wait(attempts)

    def _over(self, kind: str, ended: "asyncio.Task[Any]") -> None:
        self._under_way.pop(kind, None)
        if not ended.cancelled():
            ended.exception()  # asyncio logs an exception that nobody retrieves, and all callers may be gone
