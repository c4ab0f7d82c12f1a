"""What every service does with a request: log, answer, send; and drop the connection where a fault says so."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from ops.simulator.behaviour import Hostility
from ops.simulator.books import Received
from ops.simulator.delivery import ConnectionDropped, ConnectionRefused
from ops.simulator.requests.answer_oddities import Oddities
from ops.simulator.requests.answers import Answer
from ops.simulator.requests.bodies import readable
from ops.simulator.requests.dropped_connections import drop
from ops.simulator.requests.request_log import log
from ops.simulator.world import World

PIECE = 256 * 1024


class Door(ABC):
    """An ASGI application that answers the requests of one service."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. In process, raises ConnectionDropped or ConnectionRefused if a fault says so."""
        request = Request(scope, receive)
        content = await request.body()
        self._world.settle()
        received = log(self._world, request, readable(content))
        try:
            answer, headers = await self._answer(request, received, content)
            received.status = answer.status
            received.code = _code(answer)
            await self._send(send, answer, headers)
        except (ConnectionDropped, ConnectionRefused):
            received.status = None
            if not drop(scope):
                raise
            return
        if answer.cut == "connection" and not drop(scope, politely=True):
            raise ConnectionDropped("the connection was dropped by a fault in the middle of the answer")

    @property
    def _hostility(self) -> Hostility:
        """The oddities of this service's answers."""
        return self._world.settings.hostility

    @abstractmethod
    async def _answer(self, request: Request, received: Received, content: bytes) -> tuple[Answer, Mapping[str, str]]:
        """Return the answer and all of its headers but the length."""

    async def _send(self, send: Send, answer: Answer, headers: Mapping[str, str]) -> None:
        body = b"" if answer.file else Oddities(self._hostility, answer.noise or self._world.noise).encode(answer)
        if answer.cut == "json":
            answer, body = replace(answer, span=_half(answer.span)), body[: len(body) // 2]
        length = answer.span[1] - answer.span[0] if answer.file else len(body)
        sent = {"Content-Length": str(length), **headers}
        start = {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in sent.items()],
        }
        await send(start)
        if answer.cut == "connection":
            answer, body = replace(answer, span=_half(answer.span)), body[: len(body) // 2]
        if answer.file:
            await self._send_file(send, answer.file, *answer.span, speed=answer.speed)
        await send({"type": "http.response.body", "body": body, "more_body": answer.cut == "connection"})

    async def _send_file(self, send: Send, file: Path, begin: int, end: int, *, speed: int) -> None:
        clock, first, started = self._world.clock, begin, self._world.clock.time()
        most = min(PIECE, max(1, speed // 10)) if speed else PIECE
        with file.open("rb") as content:
            content.seek(begin)
            while begin < end and (piece := content.read(min(most, end - begin))):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                begin += len(piece)
                if speed:
                    await clock.sleep(started + (begin - first) / speed - clock.time())


def _half(span: tuple[int, int]) -> tuple[int, int]:
    return span[0], span[0] + (span[1] - span[0]) // 2


def _code(answer: Answer) -> int | str | None:
    if answer.status < 400 or not answer.body:
        return None
    inner = answer.body.get("error")
    code = (inner if isinstance(inner, dict) else answer.body).get("code")
    return code if isinstance(code, int | str) else None
