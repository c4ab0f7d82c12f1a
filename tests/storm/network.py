"""One worker's way to its database, which a scene can cut: a network namespace with its own cable, or else a relay.

In the namespace the worker sees Kafka and Partner Center at the usual loopback ports (passed on from listeners inside
the namespace), and the database at the far end of a veth pair. Cutting takes that link down: packets vanish, no
connection is closed. On a machine that allows no namespace, a relay between worker and database stops passing bytes on
instead.
"""

import asyncio
import ctypes
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from ops.local.server import Server, free_port, tether
from tests.storm.relay import Relay

CLONE_NEWNET = 0x40000000  # sched.h
FIRST_NETWORK = 10 << 24 | 213 << 16
NETWORKS = 1 << 14  # of four addresses each


class Namespace(Server):
    """A network namespace that lives as long as this process. The process only waits in it."""

    def __init__(self, folder: Path) -> None:
        command = [*tether(), "unshare", "--net", "--", "sleep", "infinity"]
        super().__init__("network namespace", command, log=folder / "namespace.log")

    def ready(self) -> bool:
        """Whether the process has left the network of this machine."""
        return Path(f"/proc/{self.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()

    @property
    def inside(self) -> list[str]:
        """The arguments that run a command in the namespace."""
        return ["nsenter", "--net", f"--target={self.pid}", "--"]


class Cable:
    """A veth pair between this machine and a namespace."""

    kind = "network namespace, its veth link taken down"

    def __init__(self, folder: Path) -> None:
        number = os.getpid() % NETWORKS
        first = FIRST_NETWORK + 4 * number
        self._name, self._far_name = f"storm{number}", f"storm{number}w"
        self.address, self._far = (socket.inet_ntoa((first + host).to_bytes(4, "big")) for host in (1, 2))
        self._namespace = Namespace(folder)
        self._relay: Relay | None = None

    def lay(self) -> None:
        """Make namespace and link. Raises `OSError` if this machine does not allow that."""
        try:
            self._namespace.start(within=10)
            target = str(self._namespace.pid)
            ip("link", "add", self._name, "type", "veth", "peer", "name", self._far_name, "netns", target)
            ip("address", "add", f"{self.address}/30", "dev", self._name)
            ip("link", "set", self._name, "up")
            ip("link", "set", "lo", "up", inside=self.inside)
            ip("address", "add", f"{self._far}/30", "dev", self._far_name, inside=self.inside)
            ip("link", "set", self._far_name, "up", inside=self.inside)
        except (AssertionError, subprocess.CalledProcessError) as error:
            self._remove()
            raise OSError(f"no network namespace can be made here: {error}") from error

    @property
    def inside(self) -> list[str]:
        """The arguments that run a command at the far end."""
        return self._namespace.inside

    async def open(self, database_url: str, ports: Sequence[int]) -> str:
        """Let the far end reach these loopback ports. Returns the database's URL as seen from there."""
        self._relay = Relay(listeners_inside(self._namespace.pid, ports))
        await self._relay.start()
        return at_host(database_url, self.address, urlsplit(database_url).port or 5432)

    async def cut(self) -> None:
        """From now on nothing passes between the worker and the database."""
        await asyncio.to_thread(ip, "link", "set", self._name, "down")

    async def restore(self) -> None:
        """From now on packets pass again."""
        await asyncio.to_thread(ip, "link", "set", self._name, "up")

    async def close(self) -> None:
        """Close everything that `open` opened."""
        if self._relay is not None:
            await self._relay.close()

    def remove(self) -> None:
        """Remove link and namespace."""
        self._remove()

    def _remove(self) -> None:
        subprocess.run(["ip", "link", "delete", self._name], check=False, capture_output=True)
        self._namespace.kill()


class Detour:
    """A relay between the worker and the database, for machines that allow no namespaces."""

    kind = "a relay between worker and database that passes nothing on"
    inside: Sequence[str] = ()
    address: str | None = None

    def __init__(self) -> None:
        self._relay: Relay | None = None

    async def open(self, database_url: str, _ports: Sequence[int]) -> str:
        """The database's URL by way of the relay."""
        port = free_port()
        listener = socket.create_server(("127.0.0.1", port))
        self._relay = Relay([listener], to=urlsplit(database_url).port)
        await self._relay.start()
        return at_host(database_url, "127.0.0.1", port)

    async def cut(self) -> None:
        """From now on nothing passes between the worker and the database."""
        assert self._relay is not None
        self._relay.cut()

    async def restore(self) -> None:
        """From now on bytes pass again."""
        assert self._relay is not None
        self._relay.restore()

    async def close(self) -> None:
        """Close everything that `open` opened."""
        if self._relay is not None:
            await self._relay.close()

    def remove(self) -> None:
        """Do nothing: a relay leaves nothing behind."""


def way(folder: Path) -> Cable | Detour:
    """The best way that this machine allows."""
    if shutil.which("unshare") is None or shutil.which("nsenter") is None or shutil.which("ip") is None:
        return Detour()
    cable = Cable(folder)
    try:
        cable.lay()
    except OSError:
        return Detour()
    return cable


def ip(*words: str, inside: Sequence[str] = ()) -> None:
    """Run `ip`. Raises `CalledProcessError` with the words of `ip`."""
    subprocess.run([*inside, "ip", *words], check=True, capture_output=True, text=True, timeout=10)


def listeners_inside(pid: int, ports: Sequence[int]) -> list[socket.socket]:
    """Sockets that listen on loopback in the network of another process. This process holds them."""
    made: list[socket.socket] = []
    failures: list[OSError] = []

    def enter_and_listen() -> None:
        # A thread enters the namespace, and a socket stays in the namespace where it was made. The thread ends inside.
        try:
            with Path(f"/proc/{pid}/ns/net").open() as place:
                if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            made.extend(socket.create_server(("127.0.0.1", port)) for port in ports)
        except OSError as error:
            failures.append(error)

    thread = threading.Thread(target=enter_and_listen, name="listens in the namespace")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return made


def at_host(url: str, host: str, port: int) -> str:
    """The URL with another host and port."""
    parts = urlsplit(url)
    user = f"{parts.username}@" if parts.username else ""
    return urlunsplit(parts._replace(netloc=f"{user}{host}:{port}"))
