"""Quotes of refunds for reservations: which are complete, which can still be used, what a look at one tells. Pure.

Vendor pages: rest/api/reserved-vm-instances/calculate-refund/post, return/post.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from events.messages.command_status import Refund
from worker.partner_center.resources import arm_reservations


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount."""

    amount: Decimal
    currency: str

    @property
    def text(self) -> str:
        """The amount as a person reads it, such as `412.50 EUR`: every digit of Microsoft's text."""
        return f"{self.amount:f} {self.currency}"


@dataclass(frozen=True, slots=True)
class RefundQuote:
    """A quote that a return can name. Microsoft takes the return of one session once."""

    session: str
    quantity: Decimal
    refund: Money
    """The refund in the customer's currency: `billingRefundAmount`."""
    at: datetime
    """When it was quoted."""
    price: Money | None = None
    """The refund in the currency of prices. None if the answer names none."""
    refunded: Money | None = None
    """What the customer has got back so far for all reservations, in the currency of prices. None if not named."""

    def is_usable(self, now: datetime, age: float) -> bool:
        """Whether the quote is younger than `age` seconds."""
        return 0 <= (now - self.at).total_seconds() < age

    def details(self) -> dict[str, Any]:
        """The quote as JSON values."""
        return {
            "sessionId": self.session,
            "quantity": f"{self.quantity:f}",
            "refund": _pair(self.refund),
            "quotedAt": self.at.isoformat(),
            "price": _pair(self.price),
            "refunded": _pair(self.refunded),
        }


def quote_in(details: Mapping[str, Any]) -> RefundQuote:
    """The quote that `RefundQuote.details` wrote down."""
    refund = _money_in(details["refund"])
    if refund is None:
        raise ValueError("a quote without a refund was written down")
    return RefundQuote(
        details["sessionId"],
        Decimal(details["quantity"]),
        refund,
        datetime.fromisoformat(details["quotedAt"]),
        _money_in(details["price"]),
        _money_in(details["refunded"]),
    )


def quote_from(answer: arm_reservations.Quote, quantity: Decimal, now: datetime) -> RefundQuote | None:
    """The quote in an answer. None if it names no session, no refund, or another quantity than was asked for."""
    given = answer.properties
    refund = _money_of(given.billing_refund_amount)
    if given.session_id is None or refund is None or given.quantity not in (None, quantity):
        return None
    refunded = given.policy_result.properties.consumed_refunds_total
    return RefundQuote(
        given.session_id, quantity, refund, now, _money_of(given.pricing_refund_amount), _money_of(refunded)
    )


def quote_to_use(sent: RefundQuote, fresh: RefundQuote, now: datetime, age: float) -> RefundQuote:
    """The quote with which a return is requested again that was not made: the same one, or a fresh one.

    The same session again is the safest: Microsoft takes it once. It is used while it is young and gives the same.
    """
    same = (sent.quantity, sent.refund) == (fresh.quantity, fresh.refund)
    return sent if same and sent.is_usable(now, age) else fresh


def other_refund(sent: RefundQuote, used: RefundQuote) -> str | None:
    """The sentence that says that another refund is quoted now than in the request before; None if it is the same."""
    if sent.refund == used.refund:
        return None
    return f"{used.refund.text} are quoted now instead of {sent.refund.text}"


def may_be_refunded(sent: RefundQuote, fresh: RefundQuote, others: Iterable[Money]) -> bool:
    """Whether the customer has got back so much since a return was requested that this return may have been made.

    `others`: what came back since then for other reservations, in the currency of prices. What Microsoft has refunded
    in all shows a return at once, even while the reservation still looks as before. Amounts are rounded and fall from
    minute to minute: half of the refund counts.
    """
    before, after, price = sent.refunded, fresh.refunded, sent.price
    if before is None or after is None or before.currency != after.currency:
        return False
    known = sum((each.amount for each in others if each.currency == after.currency), Decimal(0))
    more = after.amount - before.amount - known
    if price is None or price.currency != after.currency:
        return more > 0
    return more > 0 and more >= price.amount / 2


def policy_reason(errors: Iterable[arm_reservations.PolicyError]) -> str | None:
    """Microsoft's codes and words against a return; None if there are none."""
    said = [": ".join(part for part in (each.code, each.message) if part) or "not named" for each in errors]
    return "; ".join(said) or None


def totals(refunds: Iterable[Money]) -> list[Refund]:
    """The sums of refunds, one for each currency, in the order of their names."""
    sums: dict[str, Decimal] = {}
    for each in refunds:
        sums[each.currency] = sums.get(each.currency, Decimal(0)) + each.amount
    return [Refund(amount=amount, currency=currency) for currency, amount in sorted(sums.items())]


def _pair(money: Money | None) -> list[str] | None:
    return [f"{money.amount:f}", money.currency] if money else None


def _money_in(pair: Any) -> Money | None:
    return Money(Decimal(pair[0]), pair[1]) if pair else None


def _money_of(amount: arm_reservations.Amount | None) -> Money | None:
    if amount is None or amount.amount is None or not amount.currency_code:
        return None
    return Money(Decimal(f"{amount.amount:f}"), amount.currency_code)
