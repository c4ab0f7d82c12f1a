"""The time of the simulator: one clock, driven by real, virtual or manual time."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Self

UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MORNING = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


class Clock:
    """Tells the time in seconds, turns it into dates and scales documented lags.

    The clock runs as fast as ``now``; only lags are divided by ``scale``, so that ``Retry-After``, token lifetimes and
    quota windows keep the length that a client measures.
    """

    def __init__(self, now: Callable[[], float], *, origin: datetime, scale: float = 1.0) -> None:
        if scale <= 0:
            raise ValueError(f"the scale of time must be above zero, not {scale}")
        self.scale = scale
        self._now = now
        self._origin = origin
        self._offset = 0.0
        self._stands_still = False
        self._sleepers: set[asyncio.Event] = set()

    @classmethod
    def wall(cls, scale: float = 1.0) -> Self:
        """Follow the machine's clock."""
        return cls(time.time, origin=UNIX_EPOCH, scale=scale)

    @classmethod
    def virtual(cls, now: Callable[[], float], scale: float = 1.0, origin: datetime = MORNING) -> Self:
        """Follow any callable that returns seconds, such as ``loop.time`` of a virtual event loop.

        Its value at this moment is the date ``origin``.
        """
        return cls(now, origin=origin - timedelta(seconds=now()), scale=scale)

    @classmethod
    def manual(cls, scale: float = 1.0) -> Self:
        """Stand still at 2026-03-01T09:00:00Z until somebody calls ``advance``."""
        clock = cls(lambda: 0.0, origin=MORNING, scale=scale)
        clock._stands_still = True
        return clock

    def time(self) -> float:
        """Return the simulated time in seconds. Only differences have a meaning."""
        return self._now() + self._offset

    def date(self, at: float | None = None) -> datetime:
        """Return the aware UTC date of an instant of this clock, by default of now."""
        return self._origin + timedelta(seconds=self.time() if at is None else at)

    def instant(self, date: datetime) -> float:
        """Return the instant of this clock at an aware date: the inverse of ``date``."""
        return (date - self._origin).total_seconds()

    def lag(self, seconds: float) -> float:
        """Return how long a documented lag takes here."""
        return seconds / self.scale

    def advance(self, seconds: float) -> None:
        """Jump forward by simulated seconds and wake every sleeper that is due."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._offset += seconds
        for sleeper in self._sleepers:
            sleeper.set()

    async def sleep(self, seconds: float) -> None:
        """Return once that many simulated seconds have passed, by themselves or by ``advance``."""
        due = self.time() + seconds
        while (left := due - self.time()) > 0:
            sleeper = asyncio.Event()
            self._sleepers.add(sleeper)
            try:
                await asyncio.wait_for(sleeper.wait(), None if self._stands_still else left)
            except TimeoutError:
                continue
            finally:
                self._sleepers.discard(sleeper)


def wire_date(date: datetime, *, digits: int = 7) -> str:
    """Write a date as Partner Center does: UTC, up to seven fractional digits, ``Z``."""
    text = date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{date.microsecond:06d}0"[:digits]
    return f"{text}.{fraction}Z" if digits else f"{text}Z"
