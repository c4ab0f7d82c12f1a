"""The budget that a customer has now."""

from decimal import Decimal

from worker.partner_center.errors import Refused
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources import customers
from worker.partner_center.resources.spending import budgets


async def present_budget(center: PartnerCenter, customer_id: str) -> Decimal | None:
    """The amount with Microsoft's digits; None if the customer has no budget. Raises the errors of a call.

    No page says what Microsoft answers about a customer without a budget. A 404 about a customer that exists is taken
    for such an answer; `customers.get` tells whether the customer exists.
    """
    try:
        return (await budgets.get(center, customer_id)).value
    except Refused as no:
        if no.status != 404:
            raise
    await customers.get(center, customer_id)
    return None
