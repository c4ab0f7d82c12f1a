"""Counts the round trips to PostgreSQL: a proxy on loopback that every connection of a worker goes through.

A round trip is one `ReadyForQuery` of the server: the end of everything that a client sent together and waits for. A
transaction of three statements that are sent one after the other is three, and BEGIN and COMMIT are two more.
Source: PostgreSQL's "Message Flow" (protocol-flow).
"""

import asyncio
import threading
from contextlib import suppress
from typing import Final, Self

from ops.local.server import free_port

READY: Final = ord("Z")
SSL_REQUEST: Final = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")


class Counter:
    """Finds the `ReadyForQuery` messages in what a server sends."""

    def __init__(self) -> None:
        self.trips = 0
        self._buffer = b""
        self._bare_bytes = 0

    def asked_for_tls(self) -> None:
        """The client asked for TLS. The server answers with one byte that is no message."""
        self._bare_bytes += 1

    def feed(self, data: bytes) -> None:
        """Count in these bytes. A message may be split at any place."""
        data = self._buffer + data
        at = min(self._bare_bytes, len(data))
        self._bare_bytes -= at
        while len(data) - at >= 5:
            length = int.from_bytes(data[at + 1 : at + 5], "big")
            if len(data) - at < 1 + length:
                break
            self.trips += data[at] == READY
            at += 1 + length
        self._buffer = data[at:]


class CountingProxy:
    """Passes everything on between loopback clients and a server on loopback, in a thread of its own."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._counters: list[Counter] = []
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._stop: asyncio.Event
        self._loop: asyncio.AbstractEventLoop

    @property
    def trips(self) -> int:
        """Round trips of all connections so far."""
        return sum(each.trips for each in self._counters)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self._started.set()
        await self._stop.wait()
        server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        counter = Counter()
        self._counters.append(counter)
        back, forth = await asyncio.open_connection("127.0.0.1", self._target)
        upwards = asyncio.create_task(self._upwards(reader, forth, counter))
        with suppress(ConnectionError):
            while data := await back.read(65536):
                counter.feed(data)
                writer.write(data)
                await writer.drain()
        upwards.cancel()
        writer.close()
        forth.close()

    async def _upwards(self, reader: asyncio.StreamReader, forth: asyncio.StreamWriter, counter: Counter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if data == SSL_REQUEST:
                    counter.asked_for_tls()
                forth.write(data)
                await forth.drain()
            forth.close()
