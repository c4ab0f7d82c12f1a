"""A loopback HTTP server with scripted moves: the bytes of its answers, and the end of the connection."""

import asyncio
import json
import socket
import ssl
import struct
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Move = Callable[["Line"], Awaitable[None]]


@dataclass(frozen=True)
class Seen:
    """A request as it came over the wire."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int

    def json(self) -> object:
        """The body, decoded."""
        return json.loads(self.body)


@dataclass
class Line:
    """One connection, as a move sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    released: asyncio.Event

    async def send(self, data: bytes) -> None:
        """Write bytes."""
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Hang up with a TCP reset."""
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class Wire:
    """The server. `seen`: received requests. `moves`: the reactions to the next requests; after them, `react`."""

    port: int = 0
    scheme: str = "http"
    seen: list[Seen] = field(default_factory=list)
    moves: deque[Move] = field(default_factory=deque)
    react: Callable[[Seen], Move] = field(default=lambda _: hangs_up)
    connections: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the first request."""
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the test to end every silence."""

    @property
    def url(self) -> str:
        """The base URL."""
        return f"{self.scheme}://localhost:{self.port}"

    def will(self, *moves: Move) -> None:
        """Add moves to the script."""
        self.moves.extend(moves)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handle one connection until one side hangs up."""
        self.connections += 1
        number = self.connections
        line = Line(reader, writer, self.released)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while not writer.is_closing():
                seen = await _request(reader, number)
                self.seen.append(seen)
                self.arrived.set()
                move = self.moves.popleft() if self.moves else self.react(seen)
                await move(line)
        writer.close()


async def _request(reader: asyncio.StreamReader, connection: int) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(method, target, headers, body, connection)


@asynccontextmanager
async def wire(tls: ssl.SSLContext | None = None) -> AsyncIterator[Wire]:
    """A running server."""
    scripted = Wire(scheme="https" if tls else "http")
    server = await asyncio.start_server(scripted.serve, "127.0.0.1", 0, ssl=tls)
    scripted.port = server.sockets[0].getsockname()[1]
    try:
        yield scripted
    finally:
        scripted.released.set()
        server.close()
        await asyncio.sleep(0)


def answers(status: int, body: object = b"", **headers: str) -> Move:
    """A whole answer. `body` is bytes or a value for JSON. Underscores in names of headers become hyphens."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"Content-Length": str(len(data)), "Content-Type": "application/json"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = f"HTTP/1.1 {status} Scripted\r\n" + "".join(f"{name}: {value}\r\n" for name, value in named.items()) + "\r\n"

    async def move(line: Line) -> None:
        await line.send(head.encode() + data)

    return move


def raw(data: bytes) -> Move:
    """Exactly these bytes, then the end of the connection."""

    async def move(line: Line) -> None:
        await line.send(data)
        line.writer.close()

    return move


async def hangs_up(line: Line) -> None:
    """Close the connection in good order, without an answer."""
    line.writer.close()


async def resets(line: Line) -> None:
    """A TCP reset."""
    line.reset()


async def says_nothing(line: Line) -> None:
    """Silence, until the test is over."""
    await line.released.wait()


async def cuts(line: Line) -> None:
    """The beginning of a body, then a reset."""
    await line.send(b'HTTP/1.1 201 Created\r\nContent-Length: 400\r\n\r\n{"id": "half of')
    await asyncio.sleep(0.05)
    line.reset()


async def stalls(line: Line) -> None:
    """The beginning of a body, then silence."""
    await line.send(b'HTTP/1.1 201 Created\r\nContent-Length: 400\r\n\r\n{"id": "half of')
    await line.released.wait()
