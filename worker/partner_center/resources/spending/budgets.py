"""The budget of a customer: an amount of the customer's billing currency that Microsoft only watches."""

from decimal import Decimal

from pydantic import model_validator

from worker.partner_center.answers.exact_json import ExactNumber
from worker.partner_center.answers.resource import Amount, Document
from worker.partner_center.operation import MEGABYTE, Auth, EffectClass, Operation
from worker.partner_center.port import PartnerCenter

DOCS = "https://learn.microsoft.com/partner-center/developer/"


class Budget(Document):
    """A budget. Without an amount there is none."""

    amount: Amount = None
    ammount: Amount = None
    """The name in a sample of Microsoft's."""

    @property
    def value(self) -> Decimal | None:
        """The amount, with the digits of the answer; None if there is no budget."""
        return self.ammount if self.amount is None else self.amount


class PresentBudget(Budget):
    """The answer to the question which budget there is. `null` is none.

    An answer without any body is nobody's word, unless its status is 204: the question is asked again.
    """

    @model_validator(mode="before")
    @classmethod
    def _null_is_none(cls, document: object) -> object:
        return {} if document is None else document


GET: Operation[PresentBudget] = Operation(
    name="budgets.get",
    method="GET",
    path="/customers/{customer_id}/usagebudget",
    answer=PresentBudget,
    success=frozenset({200, 204}),
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-a-customer-s-usage-spending-budget",
    largest=MEGABYTE,
)

SET: Operation[Budget] = Operation(
    name="budgets.set",
    method="PATCH",
    path="/customers/{customer_id}/usagebudget",
    answer=Budget,
    success=frozenset({200, 204}),
    effect=EffectClass.STATE,
    auth=Auth.EITHER,
    source=DOCS + "update-a-customer-s-usage-spending-budget",
    largest=MEGABYTE,
)


async def get(center: PartnerCenter, customer_id: str) -> Budget:
    """The customer's budget. Refused with 404 where the customer is unknown, and perhaps where it has no budget."""
    return await center.call(GET, {"customer_id": customer_id})


async def set(center: PartnerCenter, customer_id: str, amount: str | None) -> Budget:  # noqa: A001 - the operation
    """Set the budget to an amount, written with exactly these digits, or remove the budget (None).

    The names are in the case that Microsoft's own samples have.
    """
    number = None if amount is None else ExactNumber(_json_number(amount))
    body = {"Amount": number, "Attributes": {"ObjectType": "SpendingBudget"}}
    return await center.call(SET, {"customer_id": customer_id}, body=body)


def _json_number(amount: str) -> str:
    """The same digits without leading zeros, which a JSON number cannot have."""
    whole, point, part = amount.partition(".")
    return f"{whole.lstrip('0') or '0'}{point}{part}"
