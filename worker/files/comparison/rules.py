"""The rules: lines to invoice (A), usage to reconciliation (B), status. Pure.

Sources: Microsoft's pages "Modern invoice reconciliation file", "Read your bill", "Reconciliation file charge types".
Consumption lines are rounded down twice from daily usage, so what rounding can do is bounded, and nothing is waved
through with a percentage. Daily usage may be partial for days after the invoice: a short sum is not ready, and waited
for, and only then different.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from worker.files.comparison.currency_units import minor_unit
from worker.files.comparison.sums import NONE, CurrencySum, Group, Sum, Sums
from worker.files.comparison.tax_rate import MOST_TAX, LastRate, expected_tax, shown_rate
from worker.files.conversion.totals import EXACT


class Status(StrEnum):
    """What a comparison found. The order is that of the rules: the first that fits is the status."""

    INCOMPLETE = "incomplete"
    DIFFERENT = "different"
    WITHIN_ROUNDING = "within_rounding"
    EQUAL_BEFORE_TAX = "equal_before_tax"
    EQUAL = "equal"
    NOT_COMPARED = "not_compared"


class Found(StrEnum):
    """Why a group stands among the differences."""

    USAGE_SHORT = "usageShort"
    USAGE_MISSING = "usageMissing"
    USAGE_BEYOND_LINES = "usageBeyondLines"
    LINES_MISSING = "linesMissing"
    FOREIGN_CURRENCY = "foreignCurrency"


WAITED_FOR = {Found.USAGE_SHORT, Found.USAGE_MISSING}
"""What later data of Microsoft's can heal."""


@dataclass(frozen=True, slots=True)
class InvoiceAmounts:
    """What the document says: its currency, its total, the total of its amendments (credit notes are below 0)."""

    currency: str
    total: Decimal
    amendments: Decimal = NONE

    @property
    def whole(self) -> Decimal:
        """The total with amendments."""
        return EXACT.add(self.total, self.amendments)


@dataclass(frozen=True, slots=True)
class Tax:
    """Tax that only the document shows."""

    amount: Decimal
    rate: Decimal
    rate_known: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """A group whose usage and consumption lines differ by more than rounding can do."""

    group: Group
    found: Found
    usage: Decimal
    lines: Decimal
    beyond: Decimal
    reasons: tuple[str, ...] = ()


@dataclass(slots=True)
class CurrencyResult:
    """The comparison in one currency."""

    invoice: Decimal
    sums: CurrencySum
    usage: Decimal = NONE
    tax: Tax | None = None
    rounding: Decimal = NONE
    rounding_bound: Decimal = NONE
    rounding_groups: int = 0
    unexplained: Decimal = NONE


@dataclass(slots=True)
class Result:
    """The comparison of an invoice."""

    status: Status
    currencies: dict[str, CurrencyResult] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)


def compare(sums: Sums, invoice: InvoiceAmounts, last: Mapping[str, LastRate], tolerance: Decimal = NONE) -> Result:
    """Compare an invoice with its lines. `last`: the rates of hidden taxes by currency, as the last invoice had them.

    `tolerance`: the unexplained amount for each currency that still counts as equal.
    """
    found: dict[str, CurrencyResult] = {}
    document = invoice.currency.upper()
    for currency in sorted({document, *sums.currencies, *(group.currency for group in sums.groups)}):
        lines = sums.currencies.get(currency, CurrencySum())
        if currency == document:
            found[currency] = _lines_to_invoice(lines, invoice, last.get(currency))
        else:
            found[currency] = CurrencyResult(NONE, lines, unexplained=EXACT.minus(lines.total))
    differences = []
    for group, each in sums.groups.items():
        result = found[group.currency]
        result.usage = EXACT.add(result.usage, each.usage)
        if each.in_bound(minor_unit(group.currency)):
            result.rounding = EXACT.add(result.rounding, each.apart)
            result.rounding_bound = EXACT.add(result.rounding_bound, each.whole_bound(minor_unit(group.currency)))
            result.rounding_groups += each.apart != 0
        else:
            differences.append(_difference(group, each, foreign=group.currency != document))
    differences.sort(key=lambda each: (-each.beyond, each.group))
    return Result(_status(found, differences, tolerance), found, differences)


def _lines_to_invoice(lines: CurrencySum, invoice: InvoiceAmounts, last: LastRate | None) -> CurrencyResult:
    """Rule A."""
    total = invoice.whole
    result = CurrencyResult(total, lines)
    over = EXACT.subtract(total, lines.before_tax)
    unit = minor_unit(invoice.currency)
    if lines.total == total:
        return result
    if lines.tax == 0 and 0 < over <= EXACT.multiply(MOST_TAX, lines.before_tax):
        _add_hidden_tax(result, over, last if last is not None and last.before_tax > 0 else None, unit)
    else:
        result.unexplained = EXACT.subtract(total, lines.total)
    return result


def _add_hidden_tax(result: CurrencyResult, over: Decimal, last: LastRate | None, unit: Decimal) -> None:
    """What the document has over the lines is tax, as far as it has the rate of the last invoice."""
    before_tax = result.sums.before_tax
    amount = over
    if last is not None and not last.agrees(before_tax, over, unit):
        amount = expected_tax(before_tax, last.rate(unit), unit)
    if amount:
        result.tax = Tax(amount, shown_rate(before_tax, over), rate_known=last is not None)
    result.unexplained = EXACT.subtract(over, amount)


def _difference(group: Group, each: Sum, *, foreign: bool) -> Difference:
    """Rule B, for a group beyond its bound."""
    if foreign:
        found = Found.FOREIGN_CURRENCY
    elif not each.usage_lines:
        found = Found.USAGE_MISSING
    elif not each.consumption_lines and each.usage > 0:
        found = Found.LINES_MISSING
    else:
        found = Found.USAGE_SHORT if each.apart > 0 else Found.USAGE_BEYOND_LINES
    bound = each.whole_bound(minor_unit(group.currency))
    beyond = max(EXACT.subtract(each.apart.copy_abs(), bound), NONE)
    return Difference(group, found, each.usage, each.consumption, beyond, tuple(sorted(each.reasons)))


def _status(found: Mapping[str, CurrencyResult], differences: list[Difference], tolerance: Decimal) -> Status:
    if any(each.found in WAITED_FOR for each in differences):
        return Status.INCOMPLETE
    if differences or any(each.unexplained.copy_abs() > tolerance for each in found.values()):
        return Status.DIFFERENT
    if any(each.tax is not None for each in found.values()):
        return Status.EQUAL_BEFORE_TAX
    if any(each.rounding_groups for each in found.values()):
        return Status.WITHIN_ROUNDING
    return Status.EQUAL
