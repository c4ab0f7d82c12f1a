"""SIGINT and SIGTERM as one exception, never raised between the start of a child and the note of the child."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

_BOTH: Final = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """A signal came. A KeyboardInterrupt, because an event loop lets through no other exception of a signal handler."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number
        """The exit code for the signal."""


class Interrupts:
    """As a context, raises Interrupted for either signal; within `held`, only at the end of `held`."""

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._holding = False
        self._came: int | None = None

    def __enter__(self) -> "Interrupts":
        self._before = {number: signal.signal(number, self._signalled) for number in _BOTH}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold signals back. Raises Interrupted at the end if a signal came meanwhile."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self._came is not None:
            raise Interrupted(self._came)

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        self._came = number
        if not self._holding:
            raise Interrupted(number)
