"""The server's side of connections, with the options of their sockets, readable after the server has answered."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


class Accepted:
    """Connections that servers of this process have accepted. Each has a handle that outlives the connection."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []

    def add(self, connection: socket.socket) -> None:
        """Remember a connection."""
        self._sockets.append(socket.socket(fileno=os.dup(connection.fileno())))

    def without_delay(self) -> list[bool]:
        """For each connection: whether the system sends small packets at once."""
        return [bool(each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) for each in self._sockets]

    def close(self) -> None:
        """Close the handles."""
        for each in self._sockets:
            each.close()


@contextmanager
def accepted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Accepted]:
    """The connections accepted within this block."""
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
