"""From an HTTP request to an entry in the books."""

from starlette.requests import Request

from ops.simulator.books import Received
from ops.simulator.world import World

KEPT_HEADERS = frozenset(
    {
        *("accept", "content-type", "if-match", "user-agent", "x-locale", "traceparent", "validatemfa", "range"),
        "client-request-id",
    }
)


def log(world: World, request: Request, content: object) -> Received:
    """Write a request into the books as it arrives, without its credentials."""
    headers = {
        name: value
        for name, value in request.headers.items()
        if name in KEPT_HEADERS or name.startswith(("ms-", "x-ms-"))
    }
    world.received += 1
    received = Received(
        number=world.received,
        at=world.now,
        method=request.method,
        path=request.url.path,
        headers=headers,
        query={name.lower(): value for name, value in request.query_params.items()},
        body=content,
    )
    world.requests.append(received)
    return received
