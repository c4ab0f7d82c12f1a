"""The rate of a tax that only the document shows.

Microsoft may leave tax out of reconciliation lines by policy; the document then exceeds the lines by the tax. A missing
line or a cent too many would look like tax as well. They do not if the rate of the last invoice is known.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

from worker.files.comparison.currency_units import EXACT

MOST_TAX = Decimal("0.35")
"""Part of the amount before tax. More is no tax."""
MOST_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class LastRate:
    """What the last invoice in a currency said: its amount before tax, and its tax."""

    before_tax: Decimal
    tax: Decimal

    def rate(self, unit: Decimal) -> Decimal:
        """The rate with the fewest decimals that gives this tax, rounded to the unit."""
        half = EXACT.divide(unit, Decimal(2))
        lowest = EXACT.divide(EXACT.subtract(self.tax, half), self.before_tax)
        highest = EXACT.divide(EXACT.add(self.tax, half), self.before_tax)
        for decimals in range(MOST_DECIMALS):
            digit = Decimal(1).scaleb(-decimals)
            least = lowest.quantize(digit, ROUND_CEILING, context=EXACT)
            if least <= highest.quantize(digit, ROUND_FLOOR, context=EXACT):
                return least
        return shown_rate(self.before_tax, self.tax)


def shown_rate(before_tax: Decimal, tax: Decimal) -> Decimal:
    """The rate with six decimals."""
    return EXACT.divide(tax, before_tax).quantize(Decimal("1e-6"), ROUND_HALF_EVEN, context=EXACT)


def expected_tax(before_tax: Decimal, rate: Decimal, unit: Decimal) -> Decimal:
    """The tax at this rate, rounded to the unit."""
    exact = EXACT.multiply(before_tax, rate)
    return EXACT.multiply(EXACT.divide(exact, unit).quantize(Decimal(1), ROUND_HALF_UP, context=EXACT), unit)
