"""TCP connections passed on until the relay falls silent: then no connection is closed and nothing arrives."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress

CHUNK = 65_536


class Relay:
    """Passes bytes from listening sockets on to the port of the same number, or to `to`, on loopback."""

    def __init__(self, listeners: Sequence[socket.socket], *, to: int | None = None) -> None:
        self._listeners = listeners
        self._to = to
        self._servers: list[asyncio.Server] = []
        self._passing: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def start(self) -> None:
        """Listen."""
        for listener in self._listeners:
            # Accepted connections inherit this option: a relay must not add a delay of its own.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            to = self._to or listener.getsockname()[1]

            async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: int = to) -> None:
                await self._carry(reader, writer, to)

            self._servers.append(await asyncio.start_server(taken, sock=listener))

    def cut(self) -> None:
        """Fall silent."""
        self._flowing.clear()

    def restore(self) -> None:
        """Pass on again, first the bytes that came meanwhile."""
        self._flowing.set()

    async def close(self) -> None:
        """End every connection."""
        for server in self._servers:
            server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: int) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        try:
            with suppress(OSError):
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", to)
                try:
                    there = asyncio.ensure_future(self._pass_on(reader, far_writer))
                    back = asyncio.ensure_future(self._pass_on(far_reader, writer))
                    try:
                        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        there.cancel()
                        back.cancel()
                        await asyncio.gather(there, back, return_exceptions=True)
                finally:
                    far_writer.close()
        finally:
            writer.close()
            self._passing.discard(task)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()
