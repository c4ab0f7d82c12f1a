"""The relay between a worker and its database passes bytes on, falls silent without closing anything, and goes on."""

import asyncio
import socket

import pytest

from tests.storm.network import at_host
from tests.storm.relay import Relay


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(data)
    writer.close()


async def test_a_cut_connection_is_silent_and_open_and_its_bytes_come_when_the_cut_ends() -> None:
    """While the relay is silent, no connection is refused or closed, and no byte is lost."""
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    relay = Relay([listener], to=server.sockets[0].getsockname()[1])
    await relay.start()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"before")
        assert await reader.readexactly(6) == b"before"
        relay.cut()
        writer.write(b"during")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await reader.read(1)
        relay.restore()
        assert await reader.readexactly(6) == b"during"
        writer.close()
    finally:
        await relay.close()
        server.close()


def test_the_database_is_reached_at_another_address_by_the_same_user_and_name() -> None:
    """Only host and port of the URL change."""
    assert at_host("postgresql://azplan@127.0.0.1:5432/db", "10.213.0.1", 99) == "postgresql://azplan@10.213.0.1:99/db"
