"""An operation of Azure Resource Manager as data, a call of it as a handler sees it, and its refusals.

Headers and errors: learn.microsoft.com azure/azure-resource-manager/management/common-deployment-errors and
request-limits-and-throttling, github.com cloud-and-ai-microsoft/resource-provider-contract (common API details).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ops.simulator.behaviour import Settings
from ops.simulator.books import Received
from ops.simulator.requests.answers import Answer, Json
from ops.simulator.requests.calls import record
from ops.simulator.state import Customer, Partner
from ops.simulator.world import World


class ArmRefused(Exception):
    """Azure Resource Manager says no: becomes an error answer of shape F, with nothing changed."""

    def __init__(
        self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None, flat: bool = False
    ) -> None:
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers or {})
        self.flat = flat
        """True: the resource provider may leave the envelope ``error`` out."""
        super().__init__(f"{status}/{code} {message}")


@dataclass(frozen=True)
class ArmCaller:
    """The partner, and the user if any, that a token of a tenant speaks for."""

    partner: Partner
    tenant: str
    kind: Literal["app", "user"]
    object_id: str
    name: str


@dataclass
class ArmCall:
    """One call, authenticated and taken apart. Keys of ``query`` are in lower case, as are those of ``content``."""

    world: World
    operation: "ArmOperation"
    caller: ArmCaller
    customer: Customer
    received: Received
    params: Mapping[str, str]
    content: Any
    base: str
    """Scheme and host as the caller named them: links lead back there."""

    @property
    def settings(self) -> Settings:
        """The settings of the customer that the token is for."""
        return self.world.settings_for(self.customer)

    @property
    def body(self) -> dict[str, Any]:
        """The body. Raises ArmRefused if the body is no object."""
        if not isinstance(self.content, dict):
            raise ArmRefused(400, "InvalidRequestContent", "The request content was invalid: an object is expected.")
        return self.content

    def allow(self, role: str | None, scope: str) -> None:
        """Raise ArmRefused 403 unless a role of the caller is enough for the operation."""
        enough = ("owner",) if self.operation.writes else ("owner", "reader")
        if self.caller.kind == "app" or role not in enough:
            raise ArmRefused(
                403,
                "AuthorizationFailed",
                f"The client '{self.caller.name}' with object id '{self.caller.object_id}' does not have authorization "
                f"to perform action '{self.operation.action}' over scope '{scope}' or the scope is invalid. If access "
                "was recently granted, please refresh your credentials.",
            )

    def effect(self, kind: str, target: str, **detail: object) -> None:
        """Write a change into the books, with the ids of this call."""
        record(self.world, self.received, kind, self.customer, target, detail)


@dataclass(frozen=True)
class ArmOperation:
    """An operation: what the gateway, the throttling, the faults and the coverage test read."""

    name: str
    method: str
    template: str
    handler: Callable[[ArmCall], Answer]
    version: str
    """The only ``api-version`` that it takes."""
    action: str
    """What a role must allow."""

    @property
    def writes(self) -> bool:
        """True: a role that only reads is not enough."""
        return self.method != "GET"


def error_body(code: str, message: str) -> Json:
    """Return shape F of the error bodies."""
    return {"error": {"code": code, "message": message}}
