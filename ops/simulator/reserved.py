"""The state of reservations, of the quotes of their refunds, and of their returns."""

import uuid
from dataclasses import dataclass, field
from typing import Literal


@dataclass
class ReservedItem:
    """A reservation of a reservation order, as Azure Resource Manager has it."""

    id: str
    quantity: int
    state: str = "Succeeded"
    """``provisioningState``."""
    status_code: str | None = None
    """Why it is Cancelled without a return: ``Split`` or ``Merged``."""
    returning: bool = False
    """True while a return of it is under way."""
    quotes: int = 0
    """How often its refund was calculated."""
    policy_error: str | None = None
    """Code of the policy that forbids its return; None: the customer's settings decide."""


@dataclass
class Reservation:
    """Reserved instances that a customer owns: an entitlement here, a reservation order at Azure Resource Manager."""

    id: str
    """Id of the reservation order, which Partner Center names as ``resourceId``."""
    order_id: str
    name: str
    quantity: int
    """Active instances that Partner Center shows."""
    expires_at: float
    reseller: str | None = None
    items: list[ReservedItem] = field(default_factory=list)
    returned: int = 0
    """Returned instances that Partner Center shows."""

    def __post_init__(self) -> None:
        self.items = self.items or [ReservedItem(self.item_id(1), self.quantity)]

    def item_id(self, number: int) -> str:
        """Return the id of the n-th reservation of the order."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.id}/{number}"))

    def split(self, parts: int) -> None:
        """Make a history: one reservation that was split into several of equal quantity."""
        whole = ReservedItem(self.item_id(0), self.quantity, "Cancelled", "Split")
        each = self.quantity // parts
        self.items = [whole, *(ReservedItem(self.item_id(number), each) for number in range(1, parts + 1))]


@dataclass
class Quote:
    """A refund that was calculated; its id is the ``sessionId``."""

    id: str
    order_id: str
    item_id: str
    quantity: int
    amount: float
    """In the currency of the customer."""
    currency: str
    pricing_amount: float
    """In US dollars."""
    expires_at: float
    used: bool = False


@dataclass
class Return:
    """A return that was accepted."""

    id: str
    customer_id: str
    quote: Quote
    started_at: float
    status: Literal["InProgress", "Succeeded", "Failed"] = "InProgress"
    ended_at: float | None = None
