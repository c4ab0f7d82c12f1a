"""The books, for tests: every request, every effect, every careless act of the caller."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ops.simulator.billing.ledger import Export
    from ops.simulator.reserved import Return
    from ops.simulator.state import Cart, Order, Subscription, Upgrade
    from ops.simulator.world import World

REQUESTS_KEPT = 200_000


@dataclass
class Received:
    """One request as it arrived, and its result."""

    number: int
    at: float
    method: str
    path: str
    operation: str | None = None
    partner: str | None = None
    customer: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    status: int | None = None
    """Status that was sent to the caller; None while the request waits, or if the connection was dropped."""
    code: int | str | None = None
    outcome: int | None = None
    """Status of the service at ``acted_at``, whether or not the caller ever saw it."""
    acted_at: float | None = None
    fault: str | None = None
    replayed: bool = False
    """True if the answer came from the memory of request ids."""

    @property
    def request_id(self) -> str | None:
        """MS-RequestId or x-ms-client-request-id, as sent."""
        return self.headers.get("ms-requestid") or self.headers.get("x-ms-client-request-id")

    @property
    def correlation_id(self) -> str | None:
        """MS-CorrelationId or x-ms-correlation-request-id, as sent."""
        return self.headers.get("ms-correlationid") or self.headers.get("x-ms-correlation-request-id")


@dataclass(frozen=True)
class Effect:
    """A change at Partner Center."""

    at: float
    kind: str
    """``agreement.confirmed``, ``cart.created``, ``cart.updated``, ``order.created``, ``order.<status>``,
    ``subscription.created``, ``subscription.<status>``, ``subscription.updated``, ``entitlement.cancel_requested``,
    ``entitlement.reactivate_requested``, ``entitlement.<status>``, ``upgrade.created``, ``upgrade.<status>``,
    ``reservation.return_requested``, ``reservation.returned``, ``reservation.return_failed``, ``budget.set`` or
    ``export.created``.
    """
    partner: str
    customer: str
    target: str
    """Id of the cart, order, subscription, Azure subscription, reservation or upgrade."""
    request: int | None = None
    """Number of the request that caused the change; None if time caused it."""
    request_id: str | None = None
    correlation_id: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


class Books:
    """The books of one simulator. Reading them first lets happen what was due by now.

    Seeded subscriptions are in ``subscriptions``: they exist. Seeded orders are not in ``orders``: nobody bought them.
    """

    def __init__(self, world: "World", settle: Callable[[], None]) -> None:
        self._world = world
        self._settle = settle

    @property
    def orders(self) -> "list[Order]":
        """Every order that was bought here, oldest first."""
        self._settle()
        bought = [order for c in self._world.customers.values() for order in c.orders.values() if not order.seeded]
        return sorted(bought, key=lambda order: order.created_at)

    @property
    def carts(self) -> "list[Cart]":
        """Every cart, oldest first."""
        self._settle()
        return sorted(
            (cart for c in self._world.customers.values() for cart in c.carts.values()),
            key=lambda cart: cart.created_at,
        )

    @property
    def subscriptions(self) -> "list[Subscription]":
        """Every subscription that exists, seeded ones included."""
        self._settle()
        return [each for c in self._world.customers.values() for each in c.subscriptions.values()]

    @property
    def upgrades(self) -> "list[Upgrade]":
        """Every product upgrade that was started here, oldest first."""
        self._settle()
        begun = [each for c in self._world.customers.values() for each in c.upgrades if not each.seeded]
        return sorted(begun, key=lambda upgrade: upgrade.created_at)

    @property
    def returns(self) -> "list[Return]":
        """Every return of a reservation that was accepted, oldest first."""
        self._settle()
        accepted = [each for c in self._world.customers.values() for each in c.returns.values()]
        return sorted(accepted, key=lambda each: each.started_at)

    @property
    def exports(self) -> "list[Export]":
        """Every export of lines that was asked for, oldest first."""
        self._settle()
        return [replace(each, release=None) for each in self._world.ledger.exports.values()]

    @property
    def effects(self) -> list[Effect]:
        """Every change, in order of time."""
        self._settle()
        return list(self._world.effects)

    @property
    def requests(self) -> list[Received]:
        """The newest 200 000 requests, oldest first; those under way have no status yet."""
        self._settle()
        return list(self._world.requests)

    @property
    def warnings(self) -> list[str]:
        """Acts that Partner Center accepts and a careful client avoids, a sentence each."""
        self._settle()
        return list(self._world.warnings)

    def effects_of(self, customer: str | None = None, kind: str | None = None) -> list[Effect]:
        """Return the effects on one customer, of one kind, or both."""
        wanted = customer.lower() if customer else None
        return [
            effect
            for effect in self.effects
            if (wanted is None or effect.customer == wanted) and (kind is None or effect.kind == kind)
        ]

    def requests_of(self, operation: str | None = None, customer: str | None = None) -> list[Received]:
        """Return the requests of one operation, of one customer, or both."""
        wanted = customer.lower() if customer else None
        return [
            request
            for request in self.requests
            if (operation is None or request.operation == operation) and (wanted is None or request.customer == wanted)
        ]

    def counts(self) -> dict[str, int]:
        """Return the number of effects of each kind, and of requests and warnings, and of what was begun."""
        counted = Counter(effect.kind for effect in self.effects)
        return {
            **dict(sorted(counted.items())),
            "requests": self._world.received,
            "orders": len(self.orders),
            "upgrades": len(self.upgrades),
            "returns": len(self.returns),
            "exports": len(self._world.ledger.exports),
            "warnings": len(self._world.warnings),
        }


def request_log() -> deque[Received]:
    """Return an empty log that forgets its oldest entries."""
    return deque(maxlen=REQUESTS_KEPT)
