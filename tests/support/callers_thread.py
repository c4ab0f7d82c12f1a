"""An SQLite journal that works in the caller's thread: in virtual time a thread would be left behind."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class CallersThread:
    """Runs each function at once, in the thread that calls."""

    def start(self) -> None:
        """There is nothing to start."""

    def stop(self, *, cancel: bool) -> None:
        """There is nothing to stop."""

    async def write(self, work: Callable[[], T]) -> T:
        """Run it now."""
        return work()

    async def read(self, work: Callable[[], T]) -> T:
        """Run it now."""
        return work()
