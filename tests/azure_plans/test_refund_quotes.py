"""Quotes of refunds for reservations: exact amounts, which quote is used, and what a look at one tells."""

import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from events.messages.command_status import Refund
from tests.support.virtual_time import START
from worker.azure_plans.reservations.refund_quotes import (
    Money,
    RefundQuote,
    may_be_refunded,
    other_refund,
    policy_reason,
    quote_from,
    quote_in,
    quote_to_use,
    totals,
)
from worker.partner_center.answers.exact_json import loads
from worker.partner_center.resources.arm_reservations import ArmReservation, PolicyError, Quote
from worker.partner_center.resources.reservations import ReservationEntitlement

EUR = {"currencyCode": "EUR", "amount": 412.5}
WHOLE = {"sessionId": "s-1", "quantity": 2, "billingRefundAmount": EUR}
QUOTE = RefundQuote("s-1", Decimal(2), Money(Decimal("412.50"), "EUR"), START)


def answer(properties: Mapping[str, Any], amount: str = "412.5") -> Quote:
    """An answer as it comes over the wire; `amount` takes the place of 412.5, to the letter."""
    body = json.dumps({"properties": properties}).replace("412.5", amount)
    return Quote.model_validate(loads(body.encode()))


def quoted(session: str = "s-1", amount: str = "412.50", age: float = 0.0) -> RefundQuote:
    """A quote that was given `age` seconds before the start."""
    return RefundQuote(session, Decimal(2), Money(Decimal(amount), "EUR"), START - timedelta(seconds=age))


@pytest.mark.parametrize(
    "text", ["412.5", "412.50", "0.1", "1234567890.12345678901234567890", "3", "0", '"412.50"', "-0.01"]
)
def test_every_digit_of_a_refund_stays(text: str) -> None:
    """Microsoft's text becomes ours, in the journal and in the event: no amount is ever a float."""
    quote = quote_from(answer(WHOLE, text), Decimal(2), START)
    assert quote is not None
    kept = quote_in(json.loads(json.dumps(quote.details())))
    assert kept == quote
    refund = Refund(amount=kept.refund.amount, currency=kept.refund.currency)
    assert refund.wire_data() == {"amount": text.strip('"'), "currency": "EUR"}


@pytest.mark.parametrize(
    "properties",
    [
        {**WHOLE, "sessionId": None},
        {**WHOLE, "billingRefundAmount": None},
        {**WHOLE, "billingRefundAmount": {"amount": 412.5}},
        {**WHOLE, "billingRefundAmount": {"currencyCode": "EUR"}},
        {**WHOLE, "quantity": 1},
        {},
    ],
    ids=["no session", "no refund", "no currency", "no amount", "another quantity", "nothing"],
)
def test_no_return_can_name_an_incomplete_quote(properties: Mapping[str, Any]) -> None:
    """What would come back, or for what, would be a guess."""
    assert quote_from(answer(properties), Decimal(2), START) is None


@pytest.mark.parametrize("policy", [None, {}, {"properties": None}, {"properties": {"policyErrors": None}}])
def test_a_quote_needs_no_policy_result(policy: object) -> None:
    """Without policy errors nothing speaks against the return, however the answer leaves them out."""
    given = answer({**WHOLE, "policyResult": policy, "pricingRefundAmount": None, "unknown": [1]})
    assert (given.policy_errors, quote_from(given, Decimal(2), START)) == ((), QUOTE)


def test_a_quote_needs_no_quantity() -> None:
    """The quantity is what was asked for."""
    assert quote_from(answer({**WHOLE, "quantity": None}), Decimal(2), START) == QUOTE


@pytest.mark.parametrize(("age", "usable"), [(0.0, True), (599.9, True), (600.0, False), (-1.0, False)])
def test_a_quote_is_used_for_a_while(age: float, *, usable: bool) -> None:
    """It is not used at its full age, nor if it comes from the future: the clock was set."""
    assert quoted(age=age).is_usable(START, 600.0) is usable


@pytest.mark.parametrize(
    ("sent", "fresh", "used"),
    [
        (quoted(), quoted("s-2"), "s-1"),
        (quoted(age=599.0), quoted("s-2"), "s-1"),
        (quoted(age=600.0), quoted("s-2"), "s-2"),
        (quoted(), quoted("s-2", "412.49"), "s-2"),
        (quoted(), quoted("s-2", "412.5"), "s-1"),
    ],
    ids=["the same", "the same, nearly too old", "too old", "another amount", "the same in other digits"],
)
def test_a_return_that_was_not_made_is_requested_under_the_same_session_if_possible(
    sent: RefundQuote, fresh: RefundQuote, used: str
) -> None:
    """Microsoft takes a session once. Another refund, or an old quote, needs the fresh one."""
    assert quote_to_use(sent, fresh, START, 600.0).session == used


def test_another_refund_is_said() -> None:
    """The sentence has both amounts. The same amount says nothing."""
    assert other_refund(quoted(), quoted("s-2", "412.49")) == "412.49 EUR are quoted now instead of 412.50 EUR"
    assert other_refund(quoted(), quoted("s-2")) is None


@pytest.mark.parametrize(
    ("before", "after", "price", "others", "may_be"),
    [
        ("100", "100", "450", [], False),
        ("100", "549.99", "450", [], True),
        ("100", "100.02", "450", [], False),
        ("100", "549.99", "450", ["449"], False),
        ("100", "998.99", "450", ["449"], True),
        ("100", "90", "450", [], False),
        ("100", "100.01", None, [], True),
        ("100", "100", None, [], False),
        (None, "550", "450", [], False),
        ("100", None, "450", [], False),
    ],
    ids=[
        *("nothing came back", "this came back", "a rounding", "another came back", "both came back"),
        *(
            "a year has passed",
            "something came back, price unknown",
            "nothing, price unknown",
            "not said",
            "unsaid now",
        ),
    ],
)
def test_the_sum_of_all_refunds_shows_a_return_that_nothing_else_shows(
    before: str | None, after: str | None, price: str | None, others: list[str], *, may_be: bool
) -> None:
    """What came back in all has grown by about this refund, beside what came back for other reservations."""

    def usd(amount: str | None) -> Money | None:
        return None if amount is None else Money(Decimal(amount), "USD")

    sent = RefundQuote("s-1", Decimal(1), QUOTE.refund, START, usd(price), usd(before))
    fresh = RefundQuote("s-2", Decimal(1), QUOTE.refund, START, usd(price), usd(after))
    known = [Money(Decimal(each), "USD") for each in others]
    assert may_be_refunded(sent, fresh, known) is may_be


def test_sums_of_different_currencies_are_not_compared() -> None:
    """They tell nothing."""
    sent = RefundQuote("s-1", Decimal(1), QUOTE.refund, START, None, Money(Decimal(1), "USD"))
    fresh = RefundQuote("s-2", Decimal(1), QUOTE.refund, START, None, Money(Decimal(9), "EUR"))
    assert not may_be_refunded(sent, fresh, [])


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ([], None),
        ([PolicyError(code="A", message="No.")], "A: No."),
        ([PolicyError(code="A"), PolicyError(message="Never.")], "A; Never."),
        ([PolicyError()], "not named"),
    ],
    ids=["none", "one", "two", "empty"],
)
def test_a_policy_error_has_microsofts_code_and_words(errors: list[PolicyError], said: str | None) -> None:
    """An error without code and words forbids the return as well."""
    assert policy_reason(errors) == said


def test_refunds_are_summed_by_currency() -> None:
    """Exactly, and in the order of the currencies' names."""
    given = [Money(Decimal("0.10"), "USD"), Money(Decimal(1), "EUR"), Money(Decimal("0.20"), "USD")]
    assert [(f"{each.amount:f}", each.currency) for each in totals(given)] == [("1", "EUR"), ("0.30", "USD")]
    assert totals([]) == []


@pytest.mark.parametrize(
    ("state", "quantity", "over"),
    [
        ("Succeeded", 1, False),
        ("Succeeded", 0, True),
        ("Cancelled", 1, True),
        ("Expired", 1, True),
        ("Split", 1, True),
        ("Merged", 1, True),
        ("PendingBilling", 1, False),
        ("SomethingNew", 1, False),
        (None, None, False),
    ],
)
def test_an_unknown_state_counts_as_in_force(state: str | None, quantity: int | None, *, over: bool) -> None:
    """Only a state that says so ends a reservation."""
    facts = {"id": "/x/reservations/r", "properties": {"provisioningState": state, "quantity": quantity}}
    assert ArmReservation.model_validate(facts).is_over is over


@pytest.mark.parametrize(
    "named",
    [
        "o-1",
        "/providers/Microsoft.Capacity/reservationOrders/o-1",
        "/providers/microsoft.capacity/RESERVATIONORDERS/o-1/",
        "/providers/Microsoft.Capacity/reservationOrders/o-1/reservations/r-1",
    ],
)
def test_an_entitlement_names_its_reservation_order_by_id_or_path(named: str) -> None:
    """An artifact without id names none."""
    artifacts = [{"artifactType": "reservedinstance", "resourceId": named}, {"artifactType": "other"}]
    found = ReservationEntitlement.model_validate({"entitledArtifacts": artifacts})
    assert found.reservation_orders == ["o-1"]
