"""The health pages for an orchestrator: does this process make progress (`/livez`), may a rollout go on (`/readyz`)?

Liveness is progress, never connectivity: a restart does not help while a broker or Microsoft is down, and would add a
rebalance. Readiness is journal and broker. What affects every worker alike, because Microsoft is down or a person has
paused commands, is named as degraded: a rollout that waited for that would hang.
"""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from worker.runtime.observability.readiness import Probes

STOP_SECONDS = 3


def application(probes: Probes) -> Starlette:
    """The two pages."""

    async def livez(_: Request) -> JSONResponse:
        reasons = list(probes.stuck())
        return JSONResponse({"alive": not reasons, "reasons": reasons}, status_code=status(good=not reasons))

    async def readyz(_: Request) -> JSONResponse:
        now = probes.readiness()
        said = {"ready": now.ready, "reasons": list(now.reasons), "degraded": list(now.degraded)}
        return JSONResponse(said, status_code=status(good=now.ready))

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz)])


def status(*, good: bool) -> int:
    """The HTTP status: 200 if good, else 503."""
    return 200 if good else 503


class HealthServer:
    """Serves the pages on the worker's own event loop: a stuck loop does not answer."""

    def __init__(self, probes: Probes, host: str, port: int) -> None:
        self._address = (host, port)
        self._server = _Server(
            uvicorn.Config(
                application(probes),
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=STOP_SECONDS,
            )
        )
        self._task: asyncio.Task[None] | None = None
        self.port = 0
        """The port in use, also where the settings ask for any free port."""

    async def start(self) -> None:
        """Listen. Raises OSError where the address cannot be had."""
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        listener = socket.create_server(self._address, family=family)
        # Accepted connections inherit this option; asyncio sets it only on listeners that asyncio makes.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = int(listener.getsockname()[1])
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]), name="health")

    async def stop(self) -> None:
        """Stop listening."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task


class _Server(uvicorn.Server):
    """A server inside a process that handles signals itself."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signals alone."""
        yield
