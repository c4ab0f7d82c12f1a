"""The rate of a tax that only the document shows.

Microsoft may leave tax out of reconciliation lines by policy; the document then exceeds the lines by the tax. A missing
line or a cent too many would look like tax as well. They do not if the rate of the last invoice is known.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

from worker.files.conversion.totals import EXACT

MOST_TAX = Decimal("0.35")
"""Part of the amount before tax. More is no tax."""
SURE_DECIMALS, USUAL_DECIMALS, MOST_DECIMALS = 4, 5, 6
"""A rate has five decimals at most as a rule (8.875 %), and most have four."""
CHANCE = Decimal("0.01")
"""A rate is sure where one of so few decimals would be found by less than this chance."""


@dataclass(frozen=True, slots=True)
class LastRate:
    """What the last invoice in a currency said: its amount before tax, and its tax."""

    before_tax: Decimal
    tax: Decimal

    def rate(self, unit: Decimal) -> Decimal:
        """The rate with the fewest decimals that gives this tax, rounded to the unit."""
        found = _simplest(*_bounds(self.before_tax, self.tax, unit))
        return shown_rate(self.before_tax, self.tax) if found is None else found

    def agrees(self, before_tax: Decimal, tax: Decimal, unit: Decimal) -> bool:
        """Whether one rate gives this tax and the last one. The tax of a small amount has many rates.

        The rate may have as many decimals as usual rates, or as the last one, so that a cent too many is no tax.
        """
        ours, last = _bounds(before_tax, tax, unit), _bounds(self.before_tax, self.tax, unit)
        decimals, width = -int(self.rate(unit).as_tuple().exponent), last[1] - last[0]
        if width > Decimal(1).scaleb(-SURE_DECIMALS):
            decimals = MOST_DECIMALS
        else:
            is_sure = EXACT.scaleb(width, Decimal(decimals)) < CHANCE
            decimals = max(decimals, SURE_DECIMALS if is_sure else USUAL_DECIMALS)
        return _simplest(max(ours[0], last[0]), min(ours[1], last[1]), decimals) is not None


def _bounds(before_tax: Decimal, tax: Decimal, unit: Decimal) -> tuple[Decimal, Decimal]:
    """The lowest and the highest rate that give this tax, rounded to the unit."""
    half = EXACT.divide(unit, Decimal(2))
    ends = (EXACT.subtract(tax, half), EXACT.add(tax, half))
    return EXACT.divide(ends[0], before_tax), EXACT.divide(ends[1], before_tax)


def _simplest(lowest: Decimal, highest: Decimal, most: int = MOST_DECIMALS) -> Decimal | None:
    """The rate with the fewest decimals between these two; None where it would have more than `most`."""
    for decimals in range(most + 1):
        digit = Decimal(1).scaleb(-decimals)
        least = lowest.quantize(digit, ROUND_CEILING, context=EXACT)
        if least <= highest.quantize(digit, ROUND_FLOOR, context=EXACT):
            return least
    return None


def shown_rate(before_tax: Decimal, tax: Decimal) -> Decimal:
    """The rate with six decimals."""
    return EXACT.divide(tax, before_tax).quantize(Decimal("1e-6"), ROUND_HALF_EVEN, context=EXACT)


def expected_tax(before_tax: Decimal, rate: Decimal, unit: Decimal) -> Decimal:
    """The tax at this rate, rounded to the unit."""
    exact = EXACT.multiply(before_tax, rate)
    return EXACT.multiply(EXACT.divide(exact, unit).quantize(Decimal(1), ROUND_HALF_UP, context=EXACT), unit)
