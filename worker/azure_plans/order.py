"""The order of a purchase: found if the answer of the check-out was lost, and followed until its plan is there.

Vendor pages: partner-center/developer/get-an-order-by-id, order-resources, get-all-of-a-customer-s-orders.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from events.codes import BlockerKind, FailedCode, WaitingReason
from events.messages.command_status import Blocker
from worker.azure_plans.lookup import NO_SUBSCRIPTION, azure_plans, sold_through
from worker.errors import Failed, Wait
from worker.handling import Context, facts, plain_id
from worker.looks.awaited import Awaited
from worker.partner_center.answers.resource import same_id
from worker.partner_center.errors import Refused
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources import orders, subscriptions
from worker.partner_center.resources.orders import Order
from worker.partner_center.resources.subscriptions import Subscription

FOUND = "orders found"
"""The name in `Context.known` of the ids of the order, found for a check-out whose answer did not name it."""
NO_ORDER = "20000"
IN_REVIEW = {"pending_review": "it waits for a review", "pending_po_upload": "it waits for a purchase order"}


@dataclass(frozen=True, slots=True)
class OrderDescription:
    """The marks of the order of a cart: its customer, its item, and a date not before the cart."""

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
        """Whether something of this date was made after the cart; without a date, whether it is of the same item."""
        return same_id(item, self.catalog_item_id) if date is None else date >= self.since


async def order_ids(center: PartnerCenter, sought: OrderDescription) -> list[str]:
    """The ids of the orders that the cart became, as far as Partner Center shows them.

    An empty list proves nothing before the lag of the order list has passed: up to 15 minutes
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


async def delivered_plan(
    ctx: Context, sought: OrderDescription, known: list[str], cart_id: str, answered: Order | None = None
) -> Subscription:
    """The plan that was bought, once its order is completed and the plan is there. `known`: ids of the order, if known.

    `answered`: the order as this run has it from the check-out, which needs no further look.
    Raises `Wait` until then, and `Failed`: `order_failed` if Microsoft ended the order, `outcome_unknown` if Partner
    Center refuses to show the order, or if the wait ends first.
    """
    try:
        return await _look(ctx, sought, known or ctx.known.get(FOUND, []), cart_id, answered)
    except Refused as no:
        if ctx.may_be_too_new(no):
            raise
        evidence = blocker_of_order(known[0]) if known else blocker_of_cart(cart_id)
        detail = f"cart {cart_id} was ordered, and Partner Center refuses to show its order: {no}"
        raise Failed(FailedCode.OUTCOME_UNKNOWN, detail, blockers=[evidence], partner_center=facts(no)) from no


async def _look(
    ctx: Context, sought: OrderDescription, known: list[str], cart_id: str, answered: Order | None
) -> Subscription:
    ids = known or await order_ids(ctx.center, sought)
    if ids and not known:
        ctx.known[FOUND] = ids
    order = answered or (await order_of(ctx, sought.customer_id, ids[0]) if ids else None)
    if order is None:
        evidence = blocker_of_order(ids[0]) if ids else blocker_of_cart(cart_id)
        seen = f"order {ids[0]}" if ids else f"the order of cart {cart_id}"
        raise _not_yet(f"{seen} cannot be read yet", orders.COMPLETION if ids else orders.LISTED, evidence)
    evidence = blocker_of_order(order.id, order)
    if order.is_failed:
        detail = f"Microsoft ended order {order.id} of cart {cart_id} with status {order.status}"
        raise Failed(FailedCode.ORDER_FAILED, detail, blockers=[evidence], ended=True)
    if order.is_open:
        review = IN_REVIEW.get(order.status or "")
        detail = f"order {order.id} is {order.status or 'without status'}: {review or 'Microsoft is working on it'}"
        raise _not_yet(detail, orders.REVIEW if review else orders.COMPLETION, evidence)
    plan = await _plan(ctx, sought.customer_id, order)
    if plan is None:
        detail = f"order {order.id} is {order.status}, and its subscription is not there yet"
        raise _not_yet(detail, subscriptions.OF_ORDER, evidence)
    return plan


async def order_of(ctx: Context, customer_id: str, order_id: str) -> Order | None:
    """The order; None while Partner Center does not find it. Right after a check-out None proves nothing."""
    try:
        return await orders.get(ctx.center, customer_id, order_id)
    except Refused as no:
        if no.code == NO_ORDER or no.status == 404:
            return None
        raise


async def _plan(ctx: Context, customer_id: str, order: Order) -> Subscription | None:
    named = next((line.subscription_id for line in order.azure_plan_lines if line.subscription_id), None)
    if named is None:
        made = await subscriptions.list_by_order(ctx.center, customer_id, order.id)
    else:
        made = await _subscription(ctx, customer_id, named)
    return next(iter(azure_plans(made)), None)


async def _subscription(ctx: Context, customer_id: str, subscription_id: str) -> list[Subscription]:
    """The subscription that an order names; none while it does not show."""
    try:
        return [await subscriptions.get(ctx.center, customer_id, subscription_id)]
    except Refused as no:
        if no.code in NO_SUBSCRIPTION:
            return []
        raise


def _not_yet(detail: str, awaits: Awaited, evidence: Blocker) -> Wait:
    ended = f"{detail}; this did not change before the wait ended"
    never = Failed(FailedCode.OUTCOME_UNKNOWN, ended, blockers=[evidence])
    return Wait(WaitingReason.ORDER_PROVISIONING, detail, awaits=awaits, limited=True, give_up=never)


def blocker_of_cart(cart_id: str) -> Blocker:
    """A cart as `blockers` names it, in place of an order whose id is not known."""
    return Blocker(kind=BlockerKind.ORDER, id=plain_id(cart_id), name="cart")


def blocker_of_order(order_id: str, order: Order | None = None) -> Blocker:
    """An order as `blockers` names it."""
    return Blocker(kind=BlockerKind.ORDER, id=plain_id(order_id), status=order.status if order else None)
