"""The hosts that files are downloaded from, and the connections to them.

The address of a file is signed: everybody who knows it may read the file. So a file is asked for without any other
right: no token, no cookie, and no redirect is followed.
"""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from pydantic import SecretStr

from worker.loopback import is_loopback
from worker.partner_center.client.request import Request
from worker.partner_center.client.transport import Transport
from worker.partner_center.errors import HostRefused
from worker.partner_center.operation import Operation

MOST_HOSTS = 16
"""Hosts to which connections are kept. The host that was called longest ago goes first."""
_WRITTEN = "/?:@!$&'()*+,;=%-._~"


class Storage:
    """Azure Storage as one account may use it: a host must be on the list."""

    def __init__(self, hosts: Sequence[str], connect: Callable[[str], Transport]) -> None:
        """`hosts`: whole names, or ends of names that begin with a dot. `connect` makes connections to an origin."""
        self._hosts = [host.lower() for host in hosts]
        self._connect = connect
        self._open: dict[str, Transport] = {}

    async def place(self, operation: Operation[Any], address: SecretStr) -> tuple[Transport, Request]:
        """The connections to the host of a file, and the request for it. Raises `HostRefused`, which names the host."""
        parts = self._judged(operation, address.get_secret_value())
        origin = f"{parts.scheme}://{parts.netloc}"
        transport = self._open.pop(origin, None) or self._connect(origin)
        self._open[origin] = transport
        while len(self._open) > MOST_HOSTS:
            await self._open.pop(next(iter(self._open))).close()
        path = quote(parts.path or "/", safe=_WRITTEN)
        signature = quote(f"?{parts.query}", safe=_WRITTEN) if parts.query else ""
        return transport, Request(operation, f"{path}{signature}", told=path)

    async def close(self) -> None:
        """Close all connections."""
        for transport in self._open.values():
            await transport.close()

    def _judged(self, operation: Operation[Any], address: str) -> SplitResult:
        """The parts of an address that may be asked."""
        try:
            parts = urlsplit(address)
            host, _ = (parts.hostname or "").lower(), parts.port
        except ValueError:
            raise HostRefused(operation.name, "the address of a file cannot be read") from None
        if not host or not host.isascii() or not host.isprintable() or "@" in parts.netloc:
            raise HostRefused(operation.name, "the address of a file names no host that can be asked")
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
            raise HostRefused(operation.name, f"the address of a file at {host} is not https")
        if not any(host.endswith(known) if known.startswith(".") else host == known for known in self._hosts):
            what = f"files lie at {host}, which is not among the hosts in AZPLAN_PARTNERS__<NAME>__STORAGE_HOSTS"
            raise HostRefused(operation.name, what)
        return parts
