"""An event loop whose time is virtual: nothing ever waits, hours pass in no time, and the same run is the same again.

Where nothing is ready, time jumps to the next timer. Where nothing is scheduled either, nothing can ever happen any
more, and that is an error. While something outside answers (`outside`), time stands still and the loop really waits.
"""

import asyncio
import math
import selectors
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

LOOK_AGAIN = 0.05  # real seconds, while something outside answers
SILENCE = 120.0  # real seconds, after which what is outside will not answer any more


class Standstill(AssertionError):
    """Everybody waits for somebody else."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        self._virtual_now = 0.0
        self._outside = 0
        super().__init__(_Selector(self))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._virtual_now

    @property
    def _clock_resolution(self) -> float:
        # A timer is due when its time has come, to the last bit: early, somebody who looks at the clock would sleep on.
        return math.ulp(self._virtual_now)

    @_clock_resolution.setter
    def _clock_resolution(self, _value: float) -> None:
        """The base class thinks of real clocks."""

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Wait for something that lives in real time, such as a database server."""
        self._outside += 1
        try:
            yield
        finally:
            self._outside -= 1

    def passed(self, timeout: float | None) -> bool:
        """Nothing is ready: let the time pass until something is. False while something outside is waited for."""
        if self._outside:
            return False
        if timeout is None:
            raise Standstill("nothing is scheduled and nothing is under way: the test would wait for ever")
        self._virtual_now = max(self._virtual_now + timeout, self._scheduled[0].when())  # type: ignore[attr-defined]
        return True


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop
        self._looks = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        """The tasks that are ready; without any, let virtual time pass."""
        ready = super().select(0)
        if ready or timeout == 0 or self._loop.passed(timeout):
            self._looks = 0
            return ready
        self._looks += 1
        if self._looks * LOOK_AGAIN > SILENCE:
            waiting = "\n".join(map(repr, asyncio.all_tasks(self._loop)))
            raise Standstill(f"nothing outside has answered for {SILENCE:g} s; under way are\n{waiting}")
        ready = super().select(LOOK_AGAIN)
        self._looks = 0 if ready else self._looks
        return ready


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a virtual loop of its own. Nothing that it left running survives it."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
