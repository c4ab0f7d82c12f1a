"""The amounts of lines: which attributes hold them, and how a number is read. Pure, and the same for every reader."""

from collections.abc import Mapping
from decimal import Decimal

from worker.partner_center.answers.written_number import is_written_number

AMOUNTS: Mapping[str, tuple[str, ...]] = {
    "beforeTax": ("billingPreTaxTotal", "subtotal", "pretaxCharges", "amount"),
    "tax": ("taxTotal", "tax", "taxAmount"),
    "total": ("totalForCustomer", "postTaxTotal"),
}
"""The attributes of each sum, by our names. The first one with an amount is that of a line.

Before tax: of usage, of new commerce and licenses, of legacy usage, of licenses without a subtotal.
"""
CURRENCIES = ("billingCurrency", "currency")
"""The attributes of the currency of a line, by our names. The first one that a line has is its currency."""
MOST_DIGITS = 200
"""Digits before or after the point of an amount that is added up: a larger number is no amount of money."""


def amount_of(value: object) -> Decimal | None:
    """The exact number in a JSON number or in a text; None if it is none, or no amount of money for its size."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        if not is_written_number(text):
            return None
        value = Decimal(text)
    if isinstance(value, int):
        value = Decimal(value)
    if not isinstance(value, Decimal):
        return None
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or -exponent > MOST_DIGITS or len(digits) + exponent > MOST_DIGITS:
        return None
    return value
