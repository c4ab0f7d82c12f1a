"""What a checked-out cart has left at Partner Center, for whoever did not learn it from the check-out's own answer."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from worker.azure_plans.lookup import azure_plans, sold_through
from worker.partner_center.answers.model import same_id
from worker.partner_center.api import PartnerCenter
from worker.partner_center.resources import orders, subscriptions
from worker.partner_center.resources.orders import Order


@dataclass(frozen=True, slots=True)
class Sought:
    """What the order of a cart looks like: for whom, of which item, not older than the cart."""

    customer_id: str
    catalog_item_id: str
    since: datetime
    reseller_id: str | None = None
    others: Collection[str] = ()
    """Orders that are known to be of other carts."""

    def fits(self, order: Order) -> bool:
        """Whether the order can be the one of this cart."""
        return not is_among(order.id, self.others) and any(
            self.made_later(order.creation_date, line.offer_id)
            and sold_through(line.partner_id_on_record, self.reseller_id)
            for line in order.azure_plan_lines
        )

    def made_later(self, date: datetime | None, item: str | None) -> bool:
        """Whether what has this date was made after the cart; without one, whether it is of the very same item."""
        return same_id(item, self.catalog_item_id) if date is None else date >= self.since


async def order_ids(center: PartnerCenter, sought: Sought) -> list[str]:
    """The orders that the cart became, as far as they can be seen.

    None proves nothing before the lag of the order list has passed: up to 15 minutes
    (partner-center/developer/get-all-of-a-customer-s-orders). The list of subscriptions is not documented as late.
    """
    held = await subscriptions.list_all(center, sought.customer_id)
    for plan in azure_plans(held):
        if plan.order_id is None or is_among(plan.order_id, sought.others):
            continue
        if sought.made_later(plan.creation_date, plan.offer_id) and sold_through(plan.partner_id, sought.reseller_id):
            return [plan.order_id]
    return [order.id for order in await orders.list_all(center, sought.customer_id) if sought.fits(order)]


def is_among(identifier: str, known: Collection[str]) -> bool:
    """Whether an id is one of the known ones, ignoring case."""
    return any(same_id(identifier, each) for each in known)
