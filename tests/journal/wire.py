"""A wire between a client and a server. A test can cut the wire at the worst moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit


class Wire:
    """Forwards bytes both ways.

    `cut_after` cuts the wire when these words have gone out and before the answer comes back.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self.cut_after: bytes | None = None
        self.cuts = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        there, away = await asyncio.open_connection(self._host, self._port)
        self._writers += [writer, away]
        out = asyncio.create_task(self._out(reader, away, writer, there))
        back = asyncio.create_task(self._back(there, writer))
        self._tasks |= {out, back}
        await asyncio.wait([out, back], return_when=asyncio.FIRST_COMPLETED)
        for stream in (writer, away):
            stream.close()

    def lead_to(self, port: int) -> None:
        """Lead new connections to another server of the host. Open connections stay."""
        self._port = port

    def cut(self) -> None:
        """Cut the present connections."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def stop(self) -> None:
        """Cut everything."""
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _out(
        self,
        reader: asyncio.StreamReader,
        away: asyncio.StreamWriter,
        home: asyncio.StreamWriter,
        there: asyncio.StreamReader,
    ) -> None:
        while data := await reader.read(65536):
            cutting = self.cut_after is not None and self.cut_after in data
            if cutting:
                self.cuts += 1
                self.cut_after = None
                home.transport.abort()
            away.write(data)
            await away.drain()
            if cutting:
                await there.read(1)  # the server has answered: the request is carried out
                return

    async def _back(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await there.read(65536):
            if writer.transport.is_closing():
                return
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def wire(url: str) -> AsyncIterator[tuple[Wire, str]]:
    """A wire to the server behind a URL, and the URL of its near end."""
    parts = urlsplit(url)
    assert parts.hostname
    made = Wire(parts.hostname, parts.port or 5432)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    user = f"{parts.username}@" if parts.username else ""
    try:
        yield made, urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{port}"))
    finally:
        server.close()
        await made.stop()
        await server.wait_closed()
