"""Drops the connection of a request that meets such a fault, if there is a connection."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from ops.simulator.delivery import ConnectionDropped, ConnectionRefused

Endpoint = Callable[[Request], Awaitable[Response]]


def drop(scope: Scope, *, politely: bool = False) -> bool:
    """Drop the connection of a request. Returns False in process, without a connection.

    ``politely`` sends first what was written; otherwise the peer sees a reset.
    """
    hang_up: Callable[[bool], None] | None = scope.get("state", {}).get("hang_up")
    if hang_up is None:
        return False
    hang_up(politely)
    return True


def drops_connections(endpoint: Endpoint) -> Endpoint:
    """Wrap a Starlette endpoint so that faults can drop its connection."""

    async def wrapped(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (ConnectionDropped, ConnectionRefused):
            if not drop(request.scope):
                raise
            return Response()

    return wrapped
