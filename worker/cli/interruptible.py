"""The event loop of a verb, which SIGTERM ends as Ctrl-C does: what was opened is closed."""

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from worker.cli.exit_codes import Code

Result = TypeVar("Result")
Handler = Callable[[int, FrameType | None], None]


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run `work` in a new event loop and return its result.

    The first SIGTERM or SIGINT cancels `work`. An exception of a signal handler would not do: it appears in whatever
    code runs at that moment, and a callback of the event loop or of the database's driver may swallow it. The second
    signal does not wait for the end of `work`.

    Raises what `work` raises, SystemExit with code 143 after SIGTERM, KeyboardInterrupt after SIGINT.
    """
    received: list[int] = []
    try:
        result = asyncio.run(_cancelled_by_sigterm(work, received))
    except asyncio.CancelledError:
        if not received:
            raise
    else:
        if not received:
            return result
    raise SystemExit(Code.TERMINATED)


async def _cancelled_by_sigterm(work: Coroutine[Any, Any, Result], received: list[int]) -> Result:
    """The result of `work`. Each SIGTERM is noted in `received`."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def cancel(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if task is not None:
            loop.call_soon_threadsafe(task.cancel)

    with _sigterm_handled_by(cancel):
        return await work


@contextmanager
def _sigterm_handled_by(handler: Handler) -> Iterator[None]:
    """Let `handler` receive SIGTERM. In a thread that is not the main one nothing changes: Python allows no handler."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
