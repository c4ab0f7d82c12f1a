"""An operation as data, and a call of it as a handler sees it."""

import functools
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ops.simulator.behaviour import Settings
from ops.simulator.books import Effect, Received
from ops.simulator.commerce.error_codes import Refused
from ops.simulator.requests.answers import Answer
from ops.simulator.state import Customer, Partner
from ops.simulator.world import World

Auth = Literal["either", "user", "app", "billing_user"]
"""Whose tokens are taken. ``billing_user``: a user's; what an application meets is a knob."""


@dataclass(frozen=True)
class Caller:
    """The partner, and the user if any, that a token speaks for."""

    partner: Partner
    kind: Literal["app", "user"]
    object_id: str


@dataclass
class Call:
    """One call, authenticated and taken apart. Keys of ``query`` are in lower case, as are those of ``body``."""

    world: World
    operation: "Operation"
    caller: Caller
    received: Received
    params: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Any = None
    """The body with member names in lower case; None if there is no body."""
    ready_at: float = float("-inf")
    """When the service is done with the call: no answer leaves before."""

    @property
    def at(self) -> float:
        """The instant at which this call acts."""
        return self.world.now

    @property
    def partner(self) -> Partner:
        """The partner that calls."""
        return self.caller.partner

    @property
    def body(self) -> dict[str, Any]:
        """The body. Raises Refused 800002 if the body is no object."""
        if not isinstance(self.content, dict):
            raise Refused(800002, "the body must be a JSON object")
        return self.content

    @property
    def customer(self) -> Customer:
        """The customer of the path. Raises Refused if this partner may not see the customer."""
        return self.customer_of(self.params["customer_id"])

    @property
    def settings(self) -> Settings:
        """The settings of the customer that the call names."""
        customer = self.world.customers.get(self.received.customer or "")
        return self.world.settings_for(customer) if customer else self.world.settings

    def customer_of(self, customer_id: object) -> Customer:
        """Return a customer of this partner; raises Refused 900118, 60003 or 20002."""
        if not isinstance(customer_id, str) or not is_guid(customer_id):
            raise Refused(900118, "not a GUID")
        customer = self.world.customers.get(customer_id.lower())
        if customer is None or (customer.shows_at is not None and self.at < customer.shows_at):
            raise Refused(self.world.settings.unknown_customer)
        if not customer.related or customer.partner != self.partner.tenant_id:
            raise Refused(self.operation.stranger_code)
        return customer

    def effect(self, kind: str, customer: Customer, target: str, **detail: object) -> None:
        """Write a change into the books, with the ids of this call."""
        record(self.world, self.received, kind, customer, target, detail)


@dataclass(frozen=True)
class Operation:
    """An operation of Partner Center: what the gateway, the quota, the faults and the coverage test read."""

    name: str
    method: str
    template: str
    handler: Callable[[Call], Answer]
    auth: Auth = "either"
    effect: bool = False
    """True: the operation changes something, and its MS-RequestId is remembered."""
    busy_code: int = 800060
    """Code of the refusal of a second request with the same MS-RequestId while the first is under way."""
    stranger_code: int = 20002
    """Code of the refusal for a customer without relationship."""
    catalog: bool = False
    speaks: Literal["json", "pdf"] = "json"
    """What it answers; a request must accept it."""
    query: str | None = None
    """Query parameter that a request must have to be this operation."""

    @property
    def family(self) -> str:
        """The resource family that the quota counts: the segment after the customer, or the first one."""
        segments = self.template.split("/")[1:]
        return (segments[2] if segments[0] == "customers" and len(segments) > 2 else segments[0]).lower()

    def match(self, path: str) -> dict[str, str] | None:
        """Return the parameters of a path of this operation, ignoring case; None for another path."""
        return match(self.template, path)


def match(template: str, path: str) -> dict[str, str] | None:
    """Return the parameters of a path of a template, ignoring case; None for another path."""
    found = _compile(template).fullmatch(path)
    return found.groupdict() if found else None


@functools.cache
def _compile(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    pattern = "".join(f"(?P<{part}>[^/]+)" if odd % 2 else re.escape(part) for odd, part in enumerate(parts))
    return re.compile(pattern, re.IGNORECASE)


def is_guid(text: str) -> bool:
    """Tell whether a text is a GUID with its four hyphens, in any case."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def change_by_time(world: World, kind: str, customer: Customer, target: str, **detail: object) -> None:
    """Write a change into the books that no present call caused."""
    record(world, None, kind, customer, target, detail)


def record(
    world: World, cause: Received | None, kind: str, customer: Customer, target: str, detail: Mapping[str, object]
) -> None:
    """Write a change into the books, with the ids of the request that caused it."""
    world.effects.append(
        Effect(
            at=world.now,
            kind=kind,
            partner=customer.partner,
            customer=customer.id,
            target=target,
            request=cause.number if cause else None,
            request_id=cause.request_id if cause else None,
            correlation_id=cause.correlation_id if cause else None,
            detail=dict(detail),
        )
    )
