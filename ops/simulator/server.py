"""The simulator on sockets: services and controls over http, authority and storage over https with an own CA."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from ops.simulator.controls import control_app
from ops.simulator.simulator import Simulator

RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Ports:
    """The ports to listen on. Port 0 takes a free port."""

    host: str = "127.0.0.1"
    api: int = 0
    control: int = 0
    authority: int = 0
    arm: int = 0
    graph: int = 0
    storage: int = 0
    """Always over https, as Azure Storage is."""
    storage_host: str = "localhost"
    """The host of the storage in manifests: a name of the certificate."""
    api_tls: bool = False
    """True: the API, Azure Resource Manager and Microsoft Graph too speak https with a certificate of the CA."""
    names: tuple[str, ...] = ()
    """Host names of the certificate, beside localhost."""


@dataclass(frozen=True)
class Addresses:
    """The addresses of a running simulator."""

    api: str
    control: str
    authority: str
    """Without tenant: the authority of a partner or a customer is ``{authority}/{tenant id}``."""
    arm: str
    graph: str
    """With the version ``v1.0``."""
    storage: str
    ca_pem: bytes


@contextlib.asynccontextmanager
async def serving(simulator: Simulator, ports: Ports) -> AsyncIterator[Addresses]:
    """Serve a simulator in this event loop until the block ends. Raises OSError if a port is taken."""
    ca = trustme.CA(organization_name="azplan simulator")
    tls = _tls(ca, ("localhost", "127.0.0.1", "::1", *dict.fromkeys((*ports.names, ports.storage_host))))
    servers: list[_Server] = []
    async with contextlib.AsyncExitStack() as stack:
        for app, port, context in (
            (simulator.api, ports.api, tls if ports.api_tls else None),
            (control_app(simulator), ports.control, None),
            (simulator.authority, ports.authority, tls),
            (simulator.resource_manager, ports.arm, tls if ports.api_tls else None),
            (simulator.graph, ports.graph, tls if ports.api_tls else None),
            (simulator.storage, ports.storage, tls),
        ):
            servers.append(await stack.enter_async_context(_serving(app, ports.host, port, context)))
        api, control, authority, arm, graph, storage = servers
        host = ports.host
        simulator.storage_url = storage.url(ports.storage_host)
        yield Addresses(
            api=api.url(host),
            control=control.url(host),
            authority=authority.url("localhost"),
            arm=arm.url(host),
            graph=f"{graph.url(host)}/v1.0",
            storage=storage.url(ports.storage_host),
            ca_pem=ca.cert_pem.bytes(),
        )


def write_ca(addresses: Addresses, path: Path) -> None:
    """Write the certificate of the CA, for clients to trust."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(addresses.ca_pem)


class _HangUpProtocol(H11Protocol):
    """Lets a request drop its own connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "hang_up": self._hang_up}

    def shutdown(self) -> None:
        super().shutdown()
        if self.cycle is None or self.cycle.response_complete:
            # A client that keeps an idle TLS connection never answers the close of the server.
            self.transport.abort()

    def _hang_up(self, politely: bool) -> None:  # noqa: FBT001 - one of two ways to end
        self.cycle.disconnected = True
        if politely:
            self.transport.close()
            return
        connection: Any = self.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.transport.abort()


class _Server(uvicorn.Server):
    """A server that reports when it is ready and leaves signals to the process."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self._listener = listener

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    def url(self, host: str) -> str:
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - only compared
        scheme = "https" if self.config.is_ssl else "http"
        return f"{scheme}://{shown}:{self._listener.getsockname()[1]}"


@contextlib.asynccontextmanager
async def _serving(app: ASGIApp, host: str, port: int, tls: ssl.SSLContext | None) -> AsyncIterator[_Server]:
    with socket.create_server((host, port), reuse_port=False) as listener:
        # Accepted connections inherit TCP_NODELAY from here. asyncio sets it only on listeners of its own. Without it
        # the second packet of an answer waits up to 40 ms for the client's acknowledgement of the first.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        config = uvicorn.Config(
            app,
            http=_HangUpProtocol,
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=1,
            ssl_context_factory=(lambda _config, _default: tls) if tls else None,
        )
        server = _Server(config, listener)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await server.ready.wait()
            yield server
        finally:
            server.should_exit = True
            await running


def _tls(ca: trustme.CA, names: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names).configure_cert(context)
    return context
