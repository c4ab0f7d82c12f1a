"""What customers have cost this month: by resource and by meter, drawn from their ids, with sums that add up exactly.

Field sets: partner-center/developer/customer-usage-resources, resource-usage-resources, meter-usage-resources.
"""

import zlib
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from ops.simulator.billing.invoices import CENT, usd_worth
from ops.simulator.invoice_lines.consumption import METERS, Meter
from ops.simulator.state import AzureSubscription, Customer, Subscription
from ops.simulator.world import World

TAIL = Decimal("0.0000000000000051")
"""What sums of floats leave behind: totals of the samples have such digits."""


@dataclass(frozen=True)
class ResourceCost:
    """What one resource has cost this month."""

    number: int
    azure_subscription: AzureSubscription | None
    """None: of a legacy subscription."""
    meter: Meter
    quantity: Decimal
    cost: Decimal

    @property
    def name(self) -> str:
        """The last part of its address."""
        return f"{self.meter.kind[:4]}-{self.number}"

    @property
    def group(self) -> str:
        """Its resource group, in changing case."""
        return f"RG{self.number}" if self.number % 2 else f"rg{self.number}"


@dataclass(frozen=True)
class Spent:
    """What a subscription has cost this month."""

    subscription: Subscription
    resources: tuple[ResourceCost, ...]
    total: Decimal


def spent_by(world: World, customer: Customer) -> list[Spent]:
    """Return what each subscription of a customer has cost this month, in its currency; nothing without usage."""
    if not customer.usage:
        return []
    found = (each for each in customer.subscriptions.values() if each.kind in ("azure_plan", "legacy_azure"))
    return [_spent(customer, each) for each in found]


def usd(customer: Customer, amount: Decimal) -> Decimal:
    """Return an amount in US dollars, rounded to the cent."""
    return amount if customer.currency == "USD" else (amount / usd_worth(customer.currency)).quantize(CENT)


def percent_used(total: Decimal, budget: Decimal | None) -> Decimal:
    """Return the share of a budget that is used, times 100; 0 where there is no budget."""
    return (total / budget * 100).quantize(CENT, ROUND_HALF_UP) if budget else Decimal(0)


def _spent(customer: Customer, subscription: Subscription) -> Spent:
    owners: list[AzureSubscription | None] = [
        each for each in subscription.azure_subscriptions if each.status == "active"
    ]
    if subscription.kind == "legacy_azure":
        owners = [None]
    drawn = [
        _resource(subscription, owner, number)
        for number, owner in enumerate(each for each in owners for _ in range(customer.resources))
    ]
    chosen = customer.spent.get(subscription.id)
    if chosen is None:
        return Spent(subscription, tuple(drawn), sum((each.cost for each in drawn), Decimal(0)))
    if not drawn:
        drawn = [_resource(subscription, owners[0] if owners else None, 0)]
    first = ResourceCost(0, drawn[0].azure_subscription, drawn[0].meter, drawn[0].quantity, chosen)
    return Spent(subscription, (first,), chosen)


def _resource(subscription: Subscription, owner: AzureSubscription | None, number: int) -> ResourceCost:
    seed = zlib.crc32(f"{subscription.id}:{number}".encode())
    cost = Decimal(seed % 10_000_000).scaleb(-5) + (TAIL if seed % 4 == 0 else 0)
    return ResourceCost(number, owner, METERS[seed % len(METERS)], Decimal(seed % 100_000).scaleb(-4), cost)
