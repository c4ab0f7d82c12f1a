"""What is added up while lines pass: sums of groups, never the lines. Memory grows with the groups of an invoice only.

A row is a mapping from our names of attributes to decimals and texts. Usage comes first, reconciliation after it:
whether a reconciliation line is consumption is also told by the usage of its group.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from worker.files.amounts import AMOUNTS
from worker.files.comparison.currency_units import CENT, minor_unit, rounded_down
from worker.files.conversion.exact_lines import number_in
from worker.files.conversion.totals import EXACT

NONE = Decimal(0)
HALF_OF_LAST_DIGIT = Decimal("5e-11")
"""Daily usage has ten decimals, so each line is at most this far from its exact amount."""
CREDITS = {"customercredit", "credit"}
"""Types of charge, in lower case, that are credits: of new commerce, and of legacy offers."""
BEFORE_TAX = AMOUNTS["beforeTax"]
"""The attributes of the amount of a line before tax."""


class Group(NamedTuple):
    """What usage and reconciliation have in common. Ids in lower case: Microsoft writes them in any."""

    customer: str
    subscription: str
    product: str
    sku: str
    currency: str


USAGE_KEYS = ("customerId", "subscriptionId", "productId", "skuId", "billingCurrency")
USAGE_COLUMNS = (*USAGE_KEYS, "chargeType")
"""The columns that `Sums.add_usage` reads."""
LINE_KEYS = ("customerId", "subscriptionId", "productId", "skuId", "currency")
LINE_COLUMNS = (
    *LINE_KEYS,
    *("customerName", "productName", "chargeType", "subtotal", "taxTotal", "totalForCustomer"),
    *("unitPrice", "effectiveUnitPrice", "billableQuantity", "pcToBCExchangeRate", "pricingCurrency"),
    *("meterDescription", "reservationOrderId", "creditReasonCode", "priceAdjustmentDescription"),
    *("amount", "tax", "pretaxCharges", "taxAmount", "postTaxTotal"),
)
"""The columns that `Sums.add_line` reads. The last five are those of legacy offers."""


def group_of(row: Mapping[str, Any], keys: tuple[str, ...]) -> Group:
    """The group of a row, whose parts are in these columns."""
    customer, subscription, product, sku, currency = ((row.get(key) or "").strip() for key in keys)
    return Group(
        customer.lower().removeprefix("org:"), subscription.lower(), product.upper(), sku.upper(), currency.upper()
    )


@dataclass(slots=True)
class Sum:
    """The sums of one group."""

    usage: Decimal = NONE
    usage_lines: int = 0
    consumption: Decimal = NONE
    consumption_lines: int = 0
    bound: Decimal = NONE
    """The most that rounding can do between the usage and the consumption lines of the group."""
    reasons: set[str] = field(default_factory=set)
    """What the lines say of credits and adjustments."""

    @property
    def apart(self) -> Decimal:
        """Consumption lines minus usage."""
        return EXACT.subtract(self.consumption, self.usage)

    def whole_bound(self, unit: Decimal) -> Decimal:
        """The bound, with what the last digit of usage lines can do.

        `unit`: the smallest amount of the currency. Usage below it is rounded down to nothing, and may have no line.
        """
        no_line = not self.consumption_lines and self.usage.copy_abs() < unit
        bound = EXACT.add(self.bound, unit) if no_line else self.bound
        return EXACT.add(bound, EXACT.multiply(HALF_OF_LAST_DIGIT, Decimal(self.usage_lines)))

    def in_bound(self, unit: Decimal) -> bool:
        """Whether rounding explains the difference, and no consumption is without usage."""
        without_usage = self.consumption_lines > 0 and self.usage_lines == 0
        return not without_usage and self.apart.copy_abs() <= self.whole_bound(unit)


@dataclass(slots=True)
class CurrencySum:
    """The sums of all lines in one currency."""

    total: Decimal = NONE
    before_tax: Decimal = NONE
    tax: Decimal = NONE
    not_in_usage: dict[str, Decimal] = field(default_factory=dict)
    """Lines that no usage explains: reservations, seats, credits."""
    recomputed: dict[str, int] = field(default_factory=lambda: {"equal": 0, "offByCent": 0, "other": 0})


@dataclass(slots=True)
class Breakdown:
    """The lines of one group and one kind of charge, for reports."""

    usage: Decimal = NONE
    lines: Decimal = NONE
    tax: Decimal = NONE


@dataclass(slots=True)
class Sums:
    """Everything that the rules need of the lines of an invoice."""

    groups: dict[Group, Sum] = field(default_factory=dict)
    currencies: dict[str, CurrencySum] = field(default_factory=dict)
    breakdown: dict[tuple[Group, str, str], Breakdown] = field(default_factory=dict)
    """By group, kind of line and kind of charge."""
    names: dict[str, str] = field(default_factory=dict)
    """Names of customers and products by their ids."""
    not_recomputed: list[tuple[Group, str, Decimal, Decimal]] = field(default_factory=list)
    """Some consumption lines that the formula does not give: group, how far, the amounts of line and formula."""
    currency: str = ""
    """That of the document. Lines that name none are in it."""

    def group_of(self, row: Mapping[str, Any], keys: tuple[str, ...]) -> Group:
        """The group of a row."""
        group = group_of(row, keys)
        return group if group.currency else group._replace(currency=self.currency)

    def add_usage(self, row: Mapping[str, Any], amount: Decimal | None, lines: int = 1) -> None:
        """Add usage lines that agree in `USAGE_COLUMNS`. Lines without an amount, of legacy offers, explain nothing."""
        if amount is None:
            return
        group = self.group_of(row, USAGE_KEYS)
        found = self.groups.setdefault(group, Sum())
        found.usage = EXACT.add(found.usage, amount)
        found.usage_lines += lines
        if amount:
            part = self.breakdown.setdefault((group, "consumption", _charge(row)), Breakdown())
            part.usage = EXACT.add(part.usage, amount)

    def add_line(self, row: Mapping[str, Any]) -> None:
        """Add one reconciliation line."""
        group = self.group_of(row, LINE_KEYS)
        subtotal = first_number(row, *BEFORE_TAX) or NONE
        tax = first_number(row, *AMOUNTS["tax"]) or NONE
        total = first_number(row, *AMOUNTS["total"])
        found = self.currencies.setdefault(group.currency, CurrencySum())
        found.before_tax = EXACT.add(found.before_tax, subtotal)
        found.tax = EXACT.add(found.tax, tax)
        found.total = EXACT.add(found.total, EXACT.add(subtotal, tax) if total is None else total)
        kind = self.kind_of(row, group)
        if kind == "consumption":
            self._add_consumption(group, row, subtotal)
        else:
            found.not_in_usage[kind] = EXACT.add(found.not_in_usage.get(kind, NONE), subtotal)
        part = self.breakdown.setdefault((group, kind, _charge(row)), Breakdown())
        part.lines = EXACT.add(part.lines, subtotal)
        part.tax = EXACT.add(part.tax, tax)
        for key, name in (("customerId", "customerName"), ("productId", "productName")):
            if row.get(name):
                self.names.setdefault(group.customer if key == "customerId" else group.product, row[name])

    def kind_of(self, row: Mapping[str, Any], group: Group) -> str:
        """What a reconciliation line is: consumption, reservations, credits or seats.

        Consumption has a meter, or usage with an amount in its group. Seats are all other purchases: usage has savings
        plans and reservations too, by quantity and without cost.
        """
        if (row.get("chargeType") or "").strip().lower() in CREDITS:
            return "credits"
        if row.get("reservationOrderId"):
            return "reservations"
        usage = self.groups.get(group)
        if row.get("meterDescription") or (usage is not None and usage.usage):
            return "consumption"
        return "seats"

    def _add_consumption(self, group: Group, row: Mapping[str, Any], subtotal: Decimal) -> None:
        rate = _number(row, "pcToBCExchangeRate")
        rate = Decimal(1) if rate is None else rate
        unit, priced_in = minor_unit(group.currency), minor_unit(row.get("pricingCurrency") or group.currency)
        found = self.groups.setdefault(group, Sum())
        found.consumption = EXACT.add(found.consumption, subtotal)
        found.consumption_lines += bool(subtotal or _number(row, "billableQuantity") != 0)
        found.bound = EXACT.add(found.bound, EXACT.add(EXACT.multiply(priced_in, rate.copy_abs()), unit))
        said = (row.get("creditReasonCode"), row.get("priceAdjustmentDescription"))
        found.reasons.update(each.strip()[:100] for each in said if each and each.strip() not in {"", "[]"})
        formula = recomputed(row, rate, {unit, CENT}, {priced_in, CENT})
        how = "other"
        if formula:
            nearest = min(formula, key=lambda each: EXACT.subtract(each, subtotal).copy_abs())
            off = EXACT.subtract(nearest, subtotal).copy_abs()
            how = "equal" if not off else "offByCent" if off <= unit else "other"
            if off and len(self.not_recomputed) < MOST_NOT_RECOMPUTED:
                self.not_recomputed.append((group, how, subtotal, nearest))
        self.currencies[group.currency].recomputed[how] += 1


MOST_NOT_RECOMPUTED = 10_000


def recomputed(row: Mapping[str, Any], rate: Decimal, units: set[Decimal], priced_in: set[Decimal]) -> list[Decimal]:
    """The subtotal of a consumption line by Microsoft's formula, for each way to round. Empty without a factor."""
    price, quantity = _number(row, "effectiveUnitPrice"), _number(row, "billableQuantity")
    if price is None or quantity is None:
        return []
    exact = EXACT.multiply(price, quantity)
    priced = [rounded_down(exact, inner) for inner in priced_in]
    return [rounded_down(EXACT.multiply(each, rate), outer) for each in priced for outer in units]


def _charge(row: Mapping[str, Any]) -> str:
    return (row.get("chargeType") or "").strip()


def _number(row: Mapping[str, Any], name: str) -> Decimal | None:
    return number_in(row.get(name))


def first_number(row: Mapping[str, Any], *names: str) -> Decimal | None:
    """The number in the first of these columns that has one."""
    return next((number for name in names if (number := _number(row, name)) is not None), None)
