"""An operation of Microsoft Graph as data, a call of it as a handler sees it, and its refusals.

Errors: learn.microsoft.com graph/errors.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ops.simulator.behaviour import Settings
from ops.simulator.books import Received
from ops.simulator.requests.answers import Answer, Json
from ops.simulator.requests.calls import Caller
from ops.simulator.world import World


class GraphRefused(Exception):
    """Microsoft Graph says no: becomes ``{"error": {...}}``, with nothing changed."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers or {})
        super().__init__(f"{status}/{code} {message}")


@dataclass
class GraphCall:
    """One call, authenticated and taken apart."""

    world: World
    operation: "GraphOperation"
    caller: Caller
    received: Received
    params: Mapping[str, str]
    content: Any
    """The body with member names as they came: they must be spelled as the page spells them."""
    base: str
    """Scheme, host and version as the caller named them: links lead back there."""

    @property
    def at(self) -> float:
        """The instant at which this call acts."""
        return self.world.now

    @property
    def settings(self) -> Settings:
        """The present knobs."""
        return self.world.settings

    def member(self, name: str, *, among: tuple[str, ...] = (), default: str | None = None) -> str:
        """Return a text member of the body. Raises GraphRefused for none, or for one that is not ``among``."""
        value = self.content.get(name, default)
        if not isinstance(value, str) or not value or (among and value not in among):
            raise bad_request(f"Invalid value for '{name}'.")
        return value

    def only(self, *names: str) -> None:
        """Raise GraphRefused unless the body is an object with no other members."""
        if not isinstance(self.content, dict):
            raise bad_request("Empty Payload. JSON content expected.")
        for name in self.content:
            if name not in names:
                raise bad_request(f"The parameter '{name}' in the request payload is not a valid parameter.")


@dataclass(frozen=True)
class GraphOperation:
    """An operation: what the gateway, the faults and the coverage test read."""

    name: str
    method: str
    template: str
    """Path under the version."""
    handler: Callable[[GraphCall], Answer]
    beta: bool = False
    """True: only under ``/beta``."""


def bad_request(message: str) -> GraphRefused:
    """Return the refusal of a body."""
    return GraphRefused(400, "BadRequest", message)


def error_body(code: str, message: str, inner: Json) -> Json:
    """Return the shape of every error body."""
    return {"error": {"code": code, "message": message, "innerError": inner}}
