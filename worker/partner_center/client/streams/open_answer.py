"""An open answer as a handler sees it: it raises only errors of a call, and is reported when it ends."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Protocol

from worker.partner_center.answers.resource import CallReference
from worker.partner_center.client.streams.open_reply import OpenReply
from worker.partner_center.client.transport import NoReply
from worker.partner_center.errors import CallError


class OpenCall(Protocol):
    """The call that an open answer belongs to."""

    source_call: CallReference
    """The call as a support ticket asks for it, with the seconds of the answer's `Retry-After`."""

    def broken(self, silence: NoReply) -> CallError:
        """The error that a broken body means."""

    def unreadable(self, what: str) -> CallError:
        """The error that a body means which is not what was asked for. `what`: the end of a sentence."""

    def fault_in(self, document: object) -> CallError | None:
        """The error that the content of a body means. None if it is none."""

    def ended(self, error: CallError | None) -> None:
        """Report the end of the answer."""


class OpenAnswer:
    """A success whose body is read by iterating, once. Must be closed."""

    def __init__(self, reply: OpenReply, call: OpenCall) -> None:
        self.status = reply.status
        self.headers = reply.headers
        self.source_call = call.source_call
        self.held = AsyncExitStack()
        """What is given back when the answer is closed."""
        self.settled: Callable[[CallError | None], None] = lambda _: None
        """Called once with the error that ended the answer, or None."""
        self._reply = reply
        self._call = call
        self._over = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The pieces of the body. Their end means that every byte arrived. Raises `Unanswered`."""
        try:
            async for piece in self._reply:
                yield piece
        except NoReply as silence:
            raise self._end(self._call.broken(silence)) from silence

    def unreadable(self, what: str) -> CallError:
        """The error for a body that is not what was asked for. `what`: the end of a sentence."""
        return self._end(self._call.unreadable(what))

    def fault_in(self, document: object) -> CallError | None:
        """The error that the content of the body means. None if it is none."""
        error = self._call.fault_in(document)
        return error and self._end(error)

    async def close(self) -> None:
        """Close the connection, unless the body was read to its end. The answer is reported, if it was not yet."""
        try:
            self._report(None)
        finally:
            try:
                await self._reply.close()
            finally:
                await self.held.aclose()

    def _end(self, error: CallError) -> CallError:
        self._report(error)
        return error

    def _report(self, error: CallError | None) -> None:
        if not self._over:
            self._over = True
            self._call.ended(error)
            self.settled(error)
