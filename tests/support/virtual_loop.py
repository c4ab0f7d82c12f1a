"""An event loop with virtual time: nothing really waits, hours pass in no time, and a run can be repeated exactly.

If nothing is ready, time jumps to the next timer. If nothing is scheduled either, the loop stands still for ever, which
is an error. While an outside server answers (`outside`), time stands still and the loop really waits.
"""

import asyncio
import math
import selectors
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

LOOK_AGAIN = 0.05  # real seconds, while something outside answers
SILENCE = 120.0  # real seconds after which an outside server is taken to be silent


class Standstill(AssertionError):
    """Every task waits for another one."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop that this module describes."""

    def __init__(self) -> None:
        self._virtual_now = 0.0
        self._outside = 0
        super().__init__(_Selector(self))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._virtual_now

    @property
    def _clock_resolution(self) -> float:
        # A timer runs when its time has come, exact to the last bit. Run early, a task that reads the clock would sleep
        # on.
        return math.ulp(self._virtual_now)

    @_clock_resolution.setter
    def _clock_resolution(self, _value: float) -> None:
        """The base class expects a real clock."""

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Wait for a coroutine that lives in real time, such as a call to a database server."""
        self._outside += 1
        try:
            yield
        finally:
            self._outside -= 1

    def passed(self, timeout: float | None) -> bool:
        """Nothing is ready: let time pass until something is. False while the loop waits for an outside server."""
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
        """The ready tasks. If none is ready, let virtual time pass."""
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
    """Run a coroutine to its end on a virtual loop of its own. Every task that it left running is ended."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
