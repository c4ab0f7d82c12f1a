"""An SQLite journal that works in the caller's thread: a thread of its own would not follow virtual time."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class CallersThread:
    """Runs each function at once, in the calling thread."""

    def start(self) -> None:
        """Do nothing: no thread has to be started."""

    def stop(self, *, cancel: bool) -> None:
        """Do nothing: no thread has to be stopped."""

    async def write(self, work: Callable[[], T]) -> T:
        """Run the function now."""
        return work()

    async def read(self, work: Callable[[], T]) -> T:
        """Run the function now."""
        return work()
