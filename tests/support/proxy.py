"""A small HTTP proxy that makes tunnels (CONNECT) and remembers the hosts that clients asked for."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Tunnels:
    """The proxy. `asked` holds the hosts of all CONNECT requests, of refused ones too."""

    user: str | None = None
    password: str = ""
    answer: int = 200
    """The answer to a client with the right password."""
    port: int = 0
    asked: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    """Methods of requests that asked for no tunnel."""
    under_way: set[asyncio.Task[None] | None] = field(default_factory=set)

    @property
    def url(self) -> str:
        """The URL of the proxy, without a user."""
        return f"http://localhost:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handle one connection."""
        self.under_way.add(asyncio.current_task())
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
            method, target, _ = first.split(" ")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            if method != "CONNECT":
                self.others.append(method)
                writer.write(b"HTTP/1.1 400 Tunnels only\r\nContent-Length: 0\r\n\r\n")
            else:
                self.asked.append(target)
                await self._tunnel(target, headers, reader, writer)
        writer.close()

    async def _tunnel(
        self, target: str, headers: Mapping[str, str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        status = self.answer if self._knows(headers) else 407
        writer.write(f"HTTP/1.1 {status} Scripted\r\n\r\n".encode())
        await writer.drain()
        if status != 200:
            return
        # Every name leads to this machine: all servers of tests are here.
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", int(target.rpartition(":")[2]))
        async with asyncio.TaskGroup() as both:
            both.create_task(_pump(reader, inner_writer))
            both.create_task(_pump(inner_reader, writer))

    def _knows(self, headers: Mapping[str, str]) -> bool:
        if self.user is None:
            return True
        account = b64encode(f"{self.user}:{self.password}".encode()).decode()
        return headers.get("proxy-authorization") == f"Basic {account}"


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def tunnels(*, user: str | None = None, password: str = "", answer: int = 200) -> AsyncIterator[Tunnels]:
    """A running proxy."""
    proxy = Tunnels(user, password, answer)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        tasks = [task for task in proxy.under_way if task is not None]
        if tasks:  # each direction ends when both sides have hung up
            await asyncio.wait(tasks, timeout=5)
