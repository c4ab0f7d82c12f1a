"""From the order of a purchase to its plan. Microsoft takes its time; an order in review waits like any other.

Vendor pages: partner-center/developer/get-an-order-by-id, order-resources.
"""

from events.codes import BlockerKind, FailedCode, WaitingReason
from events.messages.status import Blocker
from worker.azure_plans import order_search
from worker.azure_plans.lookup import azure_plans
from worker.azure_plans.order_search import Sought
from worker.azure_plans.wording import plain
from worker.errors import Failed, Wait
from worker.handling import Context, facts
from worker.partner_center.errors import Refused
from worker.partner_center.resources import orders, subscriptions
from worker.partner_center.resources.orders import Order
from worker.partner_center.resources.subscriptions import Subscription

NO_ORDER = "20000"
IN_REVIEW = {"pending_review": "it waits for a review", "pending_po_upload": "it waits for a purchase order"}


async def delivered(ctx: Context, sought: Sought, known: list[str], cart_id: str) -> Subscription:
    """The plan that was bought, once its order is completed and it is there.

    Raises `Wait` until then, and `Failed`: `order_failed` where Microsoft ended the order, `outcome_unknown` where it
    cannot be looked at, or not before the wait has come to its end.
    """
    try:
        return await _look(ctx, sought, known, cart_id)
    except Refused as no:
        if ctx.may_be_too_new(no):
            raise
        evidence = blocker_of_order(known[0]) if known else blocker_of_cart(cart_id)
        detail = f"cart {cart_id} was ordered, and Partner Center refuses to say what became of it: {no}"
        raise Failed(FailedCode.OUTCOME_UNKNOWN, detail, blockers=[evidence], partner_center=facts(no)) from no


async def _look(ctx: Context, sought: Sought, known: list[str], cart_id: str) -> Subscription:
    ids = known or await order_search.order_ids(ctx.center, sought)
    order = await order_of(ctx, sought.customer_id, ids[0]) if ids else None
    if order is None:
        evidence = blocker_of_order(ids[0]) if ids else blocker_of_cart(cart_id)
        seen = f"order {ids[0]}" if ids else f"the order of cart {cart_id}"
        raise _not_yet(f"{seen} cannot be read yet", evidence)
    evidence = blocker_of_order(order.id, order)
    if order.is_failed:
        detail = f"Microsoft ended order {order.id} of cart {cart_id} with status {order.status}"
        raise Failed(FailedCode.ORDER_FAILED, detail, blockers=[evidence], ended=True)
    if order.is_open:
        hint = IN_REVIEW.get(order.status or "", "Microsoft is working on it")
        raise _not_yet(f"order {order.id} is {order.status or 'without status'}: {hint}", evidence)
    plan = await _plan(ctx, sought.customer_id, order)
    if plan is None:
        raise _not_yet(f"order {order.id} is {order.status}, and its subscription is not there yet", evidence)
    return plan


async def order_of(ctx: Context, customer_id: str, order_id: str) -> Order | None:
    """The order; None while Partner Center does not find it, which right after a check-out means nothing."""
    try:
        return await orders.get(ctx.center, customer_id, order_id)
    except Refused as no:
        if no.code == NO_ORDER or no.status == 404:
            return None
        raise


async def _plan(ctx: Context, customer_id: str, order: Order) -> Subscription | None:
    made = azure_plans(await subscriptions.list_by_order(ctx.center, customer_id, order.id))
    return made[0] if made else None


def _not_yet(detail: str, evidence: Blocker) -> Wait:
    ended = f"{detail}; this did not change before the wait ended"
    never = Failed(FailedCode.OUTCOME_UNKNOWN, ended, blockers=[evidence])
    return Wait(WaitingReason.ORDER_PROVISIONING, detail, deadline="order", give_up=never)


def blocker_of_cart(cart_id: str) -> Blocker:
    """A cart whose order is not known, named in its place."""
    return Blocker(kind=BlockerKind.ORDER, id=plain(cart_id), name="cart")


def blocker_of_order(order_id: str, order: Order | None = None) -> Blocker:
    """An order as it is named in `blockers`."""
    return Blocker(kind=BlockerKind.ORDER, id=plain(order_id), status=order.status if order else None)
