"""The smallest amounts of currencies, and Microsoft's way to round.

Source: Microsoft's page "Modern invoice reconciliation file". ROUNDDOWN there rounds toward zero.
"""

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal

from worker.files.conversion.totals import EXACT

CENT = Decimal("0.01")
MINOR_UNITS: Mapping[str, Decimal] = {"JPY": Decimal(1), "KRW": Decimal(1)}
"""Currencies whose smallest amount is another one than a hundredth. Microsoft does not say how it rounds these."""


def minor_unit(currency: str) -> Decimal:
    """The smallest amount of a currency."""
    return MINOR_UNITS.get(currency.upper(), CENT)


def rounded_down(amount: Decimal, unit: Decimal) -> Decimal:
    """ROUNDDOWN of Microsoft's formulas: a multiple of the unit, toward zero. A number of 400 digits stays as it is."""
    units = EXACT.divide(amount, unit)
    if units.adjusted() >= EXACT.prec:
        return amount
    return EXACT.multiply(units.quantize(Decimal(1), ROUND_DOWN, context=EXACT), unit)
