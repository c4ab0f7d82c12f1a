"""Groups of consumption: a customer, a meter and a price tier, with its price and its quantities, drawn from a seed.

A line of the reconciliation is one group, and so are the daily lines of the usage that it sums up:
partner-center/billing/modern-invoice-reconciliation-file, recon-file-charge-types.
"""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from ops.simulator.billing.invoices import Buyer, Invoice, down, draw, part_with, share_of

PERIOD = 31
"""After so many lines of a group its quantities repeat, so that sums need no walk."""
TEN = Decimal("1e-10")
EARNED = Decimal("0.15")


class Meter(NamedTuple):
    """What is metered."""

    product: str
    category: str
    subcategory: str
    name: str
    unit: str
    provider: str
    kind: str
    """Type of the resource under its provider."""
    region: str


_TABLE = """
Virtual Machines BS Series|Virtual Machines|BS Series|B2s|1 Hour|Microsoft.Compute|virtualMachines|EU West
Standard SSD Managed Disks|Storage|Standard SSD Managed Disks|E10 LRS Disk|1/Month|Microsoft.Compute|disks|EU West
Bandwidth Inter-Region|Bandwidth|Inter-Region|Data Transfer Out|1 GB|Microsoft.Network|publicIPAddresses|US East
Azure SQL Database|SQL Database|Single Standard|S0 DTUs|1/Day|Microsoft.Sql|servers|EU North
General Block Blob|Storage|Tables|LRS Data Stored|1 GB/Month|Microsoft.Storage|storageAccounts|US East
Azure Functions|Functions|Functions|Total Executions|10|Microsoft.Web|sites|EU West
Log Analytics|Log Analytics|Log Analytics|Data Ingestion|1 GB|Microsoft.OperationalInsights|workspaces|EU North
"""
METERS = tuple(Meter(*line.split("|")) for line in _TABLE.strip().splitlines())


@dataclass(frozen=True)
class Group:
    """A customer, a meter and a price tier. Every amount is exact."""

    number: int
    buyer: Buyer
    meter: Meter
    product_id: str
    sku_id: str
    meter_id: str
    tier: int
    """0: all of the usage; 1 and 2: tiers of one meter."""
    pricing_currency: str
    rate: Decimal
    unit_price: Decimal
    effective_unit_price: Decimal
    earned: Decimal
    """Rate of the partner earned credit: 0 or 0.15."""
    credited: bool
    """True: fully paid by an Azure credit."""
    covered: bool
    """True: paid by a savings plan, which is a purchase of its own."""
    begin: int
    end: int
    """The numbers of its usage lines."""
    minor: Decimal
    """The smallest amount of the reconciliation."""
    quantities: tuple[Decimal, ...]
    """Quantity of the k-th line: at k modulo PERIOD."""

    def quantity(self, k: int) -> Decimal:
        """Return the quantity of its k-th line."""
        return self.quantities[k % PERIOD]

    def billed(self, k: int) -> Decimal:
        """Return the amount of its k-th line in the billing currency: ten decimals."""
        return (self.effective_unit_price * self.quantity(k) * self.rate).quantize(TEN)

    def priced(self, k: int) -> Decimal:
        """Return the amount of its k-th line in the pricing currency: ten decimals."""
        return (self.effective_unit_price * self.quantity(k)).quantize(TEN)

    @functools.cached_property
    def _stride(self) -> int:
        text = f"{self.meter_id}:{self.tier}:{self.number}"
        halves = (hashlib.sha512(f"{text}:{each}".encode()).digest() for each in "ab")
        return int.from_bytes(b"".join(halves), "big") | 1

    def usage_id(self, k: int) -> str:
        """Return what no other line has: so long that blobs compress about as well as real ones, tenfold."""
        return f"{(k + 1) * self._stride % 2**768:0192x}"

    @functools.cached_property
    def billable_quantity(self) -> Decimal:
        """The quantity of all of its lines."""
        return self.over_all(self.quantity)

    @functools.cached_property
    def usage_total(self) -> Decimal:
        """The amount of all of its usage lines."""
        return self.over_all(self.billed)

    @functools.cached_property
    def subtotal(self) -> Decimal:
        """The amount of its line of the reconciliation, rounded toward zero twice."""
        return down(down(self.effective_unit_price * self.billable_quantity) * self.rate, self.minor)

    def over_all(self, value: Callable[[int], Decimal]) -> Decimal:
        """Return the sum of a value over its lines, which repeats after PERIOD lines."""
        rounds, rest = divmod(self.end - self.begin, PERIOD)
        once = [value(k) for k in range(PERIOD)]
        return rounds * sum(once, Decimal(0)) + sum(once[:rest], Decimal(0))


@functools.lru_cache(maxsize=4096)
def group(invoice: Invoice, number: int) -> Group:
    """Return a group of an invoice by its number, counted from 0."""
    buyer = invoice.buyers[number % len(invoice.buyers)]
    place = number // len(invoice.buyers)
    tier = {2: 1, 3: 2}.get(place % 4, 0)
    product = place - (1 if tier == 2 else 0)
    meter = METERS[product % len(METERS)]
    seed = draw(invoice.seed, buyer.id, product)
    currency = invoice.pricing_currencies[product % len(invoice.pricing_currencies)]
    earned = EARNED if product % 3 != 1 else Decimal(0)
    credited, covered = product % 11 == 9, product % 13 == 12
    price = Decimal(draw(seed, "price", tier) % 90_000 + 1_000).scaleb(-5) + Decimal(draw(seed, "more")).scaleb(-16)
    if tier == 1 and product % 8 == 2:
        price = Decimal(0)
    begin, end = share_of(invoice.usage_lines, invoice.groups, number)
    return Group(
        number=number,
        buyer=buyer,
        meter=meter,
        product_id=f"DZH318Z0{seed % 16**4:04X}",
        sku_id=f"{draw(seed, 'sku') % 16**3:04X}",
        meter_id=f"{seed:08x}-{draw(seed, 'meter') % 65536:04x}-4000-8000-{draw(seed, 'id'):012x}",
        tier=tier,
        pricing_currency=currency,
        rate=invoice.rate(currency),
        unit_price=price,
        effective_unit_price=Decimal(0) if credited or covered else price * (1 - earned),
        earned=Decimal(0) if credited or covered else earned,
        credited=credited,
        covered=covered,
        begin=begin,
        end=end,
        minor=invoice.minor,
        quantities=tuple(Decimal(draw(seed, "q", tier, k) % 96_000_000 + 1).scaleb(-6) for k in range(PERIOD)),
    )


def group_of(invoice: Invoice, line: int) -> Group:
    """Return the group of a usage line."""
    return group(invoice, part_with(invoice.usage_lines, invoice.groups, line))
