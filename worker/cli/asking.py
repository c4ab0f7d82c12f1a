"""Sends a command for its answer, and waits for it. What the verbs share that ask a worker."""

import asyncio
from collections.abc import Callable

from events.messages.base import Event
from worker.cli.output.sent_command import no_answer, say_sent
from worker.operators import connections
from worker.operators.sending.asking import answered
from worker.operators.sending.send import SendRequest, follow_answer, send_command
from worker.settings.model import Settings


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
