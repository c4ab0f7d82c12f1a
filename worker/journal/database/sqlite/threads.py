"""The threads for statements of an SQLite journal: sqlite3 blocks its thread, and the event loop must not wait."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Protocol, TypeVar

from worker.errors import JournalUnavailable

T = TypeVar("T")


class Threads(Protocol):
    """Runs blocking functions: writing functions one after the other, reading functions beside them."""

    def start(self) -> None:
        """Called once, before the first function."""

    def stop(self, *, cancel: bool) -> None:
        """Called after the last function. `cancel`: functions that have not begun never run."""

    async def write(self, work: Callable[[], T]) -> T:
        """The result of a function that writes. Raises `JournalUnavailable` before `start` and after `stop`."""

    async def read(self, work: Callable[[], T]) -> T:
        """The result of a function that reads. Raises `JournalUnavailable` before `start` and after `stop`."""


class TwoThreads:
    """One thread for the writer and one for the reader."""

    def __init__(self) -> None:
        self._writer: Executor | None = None
        self._reader: Executor | None = None

    def start(self) -> None:
        self._writer = ThreadPoolExecutor(1, "journal-writer")
        self._reader = ThreadPoolExecutor(1, "journal-reader")

    def stop(self, *, cancel: bool) -> None:
        for executor in (self._writer, self._reader):
            if executor is not None:
                executor.shutdown(wait=False, cancel_futures=cancel)
        self._writer = self._reader = None

    async def write(self, work: Callable[[], T]) -> T:
        return await _run(self._writer, work)

    async def read(self, work: Callable[[], T]) -> T:
        return await _run(self._reader, work)


async def _run(executor: Executor | None, work: Callable[[], T]) -> T:
    if executor is None:
        raise JournalUnavailable("the journal is closed")
    return await asyncio.get_running_loop().run_in_executor(executor, work)
