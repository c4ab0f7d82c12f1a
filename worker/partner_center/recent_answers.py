"""What Partner Center answered a short while ago, for commands of one account that need the same answer.

Only for answers that belong to no customer, change rarely, and whose age does no harm: Partner Center refuses what has
become stale. Lives as long as the process.
"""

from typing import Generic, TypeVar

from worker.clock import Clock

T = TypeVar("T")


class RecentAnswers(Generic[T]):
    """Values by name. Each is kept for `seconds`; beyond `most` of them the oldest one goes."""

    def __init__(self, clock: Clock, *, seconds: float, most: int) -> None:
        self._clock = clock
        self._seconds = seconds
        self._most = most
        self._kept: dict[str, tuple[float, T]] = {}

    def find(self, name: str) -> T | None:
        """The value; None if there is none, or if it is too old."""
        until, value = self._kept.get(name, (0.0, None))
        return value if self._clock.monotonic() < until else None

    def keep(self, name: str, value: T) -> None:
        """Keep the value, in place of an earlier one."""
        self._kept.pop(name, None)
        self._kept[name] = (self._clock.monotonic() + self._seconds, value)
        while len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]

    def drop(self, name: str) -> None:
        """Forget the value: the next command asks Partner Center."""
        self._kept.pop(name, None)
