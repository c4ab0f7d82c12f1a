"""Group commit: operations of many callers are committed together, by few transactions at once.

A transaction takes everything that waits. Another one begins beside it only for many operations, or when the first has
taken unusually long, for example because it waits for a lock. Small transactions side by side would cost the worker and
the database far more than the wait: a transaction's price hardly depends on how many operations are in it.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TypeVar, cast

from worker.errors import JournalUnavailable
from worker.journal.database.protocol import Engine, Operation

T = TypeVar("T")

MOST_AT_ONCE = 256
ENOUGH = 16
"""So many waiting operations begin another transaction beside the one that is under way."""
PATIENCE = 0.02
"""Seconds. Fewer operations wait for the transaction under way at most so long, if a writer is free."""


class Writer:
    """Takes operations one by one and commits them in groups of at most 256.

    Each caller gets its own result or its own error. A group that the database refuses is halved until the refused
    operation is alone.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: deque[tuple[Operation[Any], asyncio.Future[Any]]] = deque()
        self._flushing: set[asyncio.Task[None]] = set()
        self._soon: asyncio.TimerHandle | None = None

    async def submit(self, operation: Operation[T]) -> T:
        """The operation's result, once it is durable. Raises `JournalUnavailable` or what the operation raised.

        A caller that is cancelled stops waiting; the operation is committed all the same.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.append((operation, future))
        self._begin_or_wait()
        return await future

    async def drain(self, seconds: float) -> None:
        """Wait until all submitted operations are committed or refused, at most `seconds`.

        Operations that have not begun by then fail; operations under way end when the engine is closed.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._flushing:
                    await asyncio.wait(self._flushing)
        while self._queue:
            fail(self._queue.popleft()[1], JournalUnavailable("the journal was closed before it was written"))

    def _begin_or_wait(self) -> None:
        if not self._flushing or len(self._queue) >= ENOUGH:
            self._begin()
        elif self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(PATIENCE, self._begin)

    def _begin(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if self._queue and len(self._flushing) < self._engine.writers:
            task = asyncio.create_task(self._flush(), name="journal flush")
            self._flushing.add(task)
            task.add_done_callback(self._flushing.discard)

    async def _flush(self) -> None:
        while self._queue:
            group = [self._queue.popleft() for _ in range(min(MOST_AT_ONCE, len(self._queue)))]
            try:
                await self._commit(group)
            finally:
                for _, future in group:
                    fail(future, JournalUnavailable("the journal was given up in the middle of a commit"))
            if len(self._flushing) > 1 and len(self._queue) < ENOUGH:
                break  # the other transactions take the rest with them
        # At once, not when the task's callbacks run: a caller that has its result may submit before that.
        self._flushing.discard(cast("asyncio.Task[None]", asyncio.current_task()))
        if self._queue:
            self._begin_or_wait()

    async def _commit(self, group: Sequence[tuple[Operation[Any], asyncio.Future[Any]]]) -> None:
        try:
            results = await self._engine.commit([operation for operation, _ in group])
        except JournalUnavailable as error:
            for _, future in group:
                fail(future, error)
        except Exception as error:  # noqa: BLE001 - the caller gets every refusal
            if len(group) == 1:
                fail(group[0][1], error)
                return
            half = len(group) // 2
            await self._commit(group[:half])
            await self._commit(group[half:])
        else:
            for (_, future), result in zip(group, results, strict=True):
                if not future.done():
                    future.set_result(result)


def fail(future: asyncio.Future[Any], error: Exception) -> None:
    """Give the caller the error, if the caller still waits."""
    if not future.done():
        future.set_exception(error)
