"""Sends a command for its answer, and waits for it. What the verbs share that ask a worker, or read its files."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from events.messages.base import Event
from worker.cli.output.sent_command import no_answer, say_sent
from worker.operators import connections
from worker.operators.errors import NoAnswer
from worker.operators.sending.asking import answered
from worker.operators.sending.send import SendRequest, follow_answer, send_command
from worker.operators.wording.durations import spoken
from worker.settings.model import Settings

T = TypeVar("T")


async def within(wait: timedelta | None, work: Awaitable[T]) -> T:
    """The result of work on files. Raises `NoAnswer` if it is not there in the time given; None: no limit."""
    try:
        async with asyncio.timeout(None if wait is None else wait.total_seconds()):
            return await work
    except TimeoutError:
        limit = spoken(wait or timedelta())
        raise NoAnswer(f"the files were not there within {limit}.", "Give it more time with --wait.") from None


async def ask(settings: Settings, request: SendRequest, on_event: Callable[[Event], None] | None = None) -> list[Event]:
    """Send the command; its events up to its answer, none if the request waits for none. `on_event` sees each event.

    Raises `NoAnswer` if no answer came in time, and the errors of `answered`.
    """
    async with connections.admin(settings) as admin:
        async with connections.sink(settings) as sink:
            sent = await send_command(settings, admin, sink, request)
        say_sent(sent)
        if request.wait is None:
            return []
        try:
            async with asyncio.timeout(request.wait.total_seconds()):
                return await answered(follow_answer(settings, admin, sent), on_event)
        except TimeoutError:
            raise no_answer(request, request.wait) from None
