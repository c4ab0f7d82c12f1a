"""The spending budget of a customer: a threshold for monitoring, without a currency of its own.

Pages: partner-center/developer/get-a-customer-s-usage-spending-budget, update-a-customer-s-usage-spending-budget.
"""

from decimal import Decimal

from ops.simulator.billing.invoices import CENT
from ops.simulator.commerce.error_codes import Refused
from ops.simulator.requests.answers import Answer, Json, link, present
from ops.simulator.requests.calls import Call, Operation
from ops.simulator.state import Customer

PATH = "/customers/{customer_id}/usagebudget"


def get_budget(call: Call) -> Answer:
    """Answer the budget; without one the answer has no amount."""
    customer = call.customer
    if customer.budget is None and call.settings.budget_without_amount == "404":
        raise Refused(1000, "no budget is set")
    return Answer(200, _body(customer, twin=call.settings.budget_shape != "flat"))


def set_budget(call: Call) -> Answer:
    """Set the budget, or remove it where the amount is null."""
    customer = call.customer
    if call.partner.sandbox:
        raise Refused(2032, "budgets cannot be had in a sandbox")
    if "amount" not in call.body:
        raise Refused(800002, "the amount is missing")
    amount = call.body["amount"]
    if isinstance(amount, bool) or (amount is not None and not isinstance(amount, int | Decimal)):
        raise Refused(800002, "the amount must be a number or null")
    if amount is not None and amount < 0:
        raise Refused(800002, "the amount is below zero")
    if call.settings.budget_change != "ignored":
        previous, customer.budget = customer.budget, _kept(amount, rounds=call.settings.budget_change == "rounded")
        call.effect("budget.set", customer, customer.id, amount=_text(customer.budget), previous=_text(previous))
    if call.settings.budget_shape == "empty":
        return Answer(200, {})
    return Answer(200, _body(customer, twin=call.settings.budget_shape == "twin"))


def _kept(amount: int | Decimal | None, *, rounds: bool) -> Decimal | None:
    if amount is None:
        return None
    return Decimal(amount).quantize(CENT) if rounds else Decimal(amount)


def _body(customer: Customer, *, twin: bool) -> Json:
    body = present(amount=customer.budget)
    if twin:
        body |= present(usageSpendingBudget=customer.budget)
    body["attributes"] = {"objectType": "SpendingBudget"}
    return body | ({"links": {"self": link(f"/v1/customers/{customer.id}/usagebudget")}} if twin else {})


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else format(amount, "f")


OPERATIONS = (
    Operation("budgets.get", "GET", PATH, get_budget),
    Operation("budgets.set", "PATCH", PATH, set_budget, effect=True),
)
