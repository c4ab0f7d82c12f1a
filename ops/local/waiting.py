"""Waiting for the outside world with a deadline. Inside the process, tests use virtual time instead."""

import asyncio
import inspect
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, overload

T = TypeVar("T")
INTERVAL = 0.05  # seconds between two looks


def wait_until(look: Callable[[], T], what: str, *, within: float) -> T:
    """Look again and again until the answer is true; return it. Fail after `within` seconds: `what` never was."""
    end = time.monotonic() + within
    while not (answer := look()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {within:g} s: {what}")
        time.sleep(INTERVAL)
    return answer


@overload
async def eventually(look: Callable[[], Coroutine[Any, Any, T]], what: str, *, within: float) -> T: ...


@overload
async def eventually(look: Callable[[], T], what: str, *, within: float) -> T: ...


async def eventually(look: Callable[[], Any], what: str, *, within: float) -> Any:
    """As `wait_until`, without blocking the event loop; `look` may be a coroutine function."""
    end = time.monotonic() + within
    while True:
        answer = look()
        found = await answer if inspect.isawaitable(answer) else answer
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {within:g} s: {what}")
        await asyncio.sleep(INTERVAL)
