"""The server's side of connections: what their sockets are set to, looked at after the server has answered."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


class Accepted:
    """Connections that servers of this process have accepted, each held by a handle of our own that outlives them."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []

    def add(self, connection: socket.socket) -> None:
        """Remember a connection."""
        self._sockets.append(socket.socket(fileno=os.dup(connection.fileno())))

    def without_delay(self) -> list[bool]:
        """Of each connection: whether small packets are sent at once."""
        return [bool(each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) for each in self._sockets]

    def close(self) -> None:
        """Let go of them."""
        for each in self._sockets:
            each.close()


@contextmanager
def accepted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Accepted]:
    """What is accepted within it."""
    found, accept = Accepted(), socket.socket.accept

    def look(listener: socket.socket) -> tuple[socket.socket, object]:
        connection, address = accept(listener)
        found.add(connection)
        return connection, address

    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "accept", look)
        try:
            yield found
        finally:
            found.close()
