"""A purchase that an earlier command of the customer began and whose outcome is not known."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from events.codes import RejectedCode, WaitingReason
from events.messages.command_status import Blocker, PartnerCenterError
from worker.azure_plans.cart import CART
from worker.azure_plans.order import OrderDescription, blocker_of_cart, blocker_of_order, order_ids, order_of
from worker.azure_plans.purchase import CHECKOUT, EFFECT, is_gone
from worker.errors import Rejected, Wait
from worker.handling import Context, facts
from worker.journal.records import Earlier, Step
from worker.partner_center.errors import Refused
from worker.partner_center.resources import carts, subscriptions


async def close_if_answered(ctx: Context) -> None:
    """Close an earlier purchase. The customer has a plan now, which is the outcome of that purchase."""
    earlier = ctx.earlier(EFFECT)
    if earlier is not None:
        await ctx.close(earlier)


async def refuse_while_unknown(ctx: Context, customer_id: str) -> None:
    """Close an earlier purchase of a customer without a plan, if a look shows that the purchase bought nothing.

    Raises `Rejected` (`earlier_outcome_unknown`) if the purchase is still open or its outcome stays unknown, and `Wait`
    if its plan is about to show.
    """
    earlier = ctx.earlier(EFFECT)
    if earlier is None:
        return
    try:
        is_over = await _is_over(ctx, customer_id, earlier)
    except Refused as no:
        if ctx.may_be_too_new(no):
            raise
        raise _unknown(earlier, f"Partner Center refuses to say more: {no}", _evidence(earlier), facts(no)) from no
    if is_over:
        await ctx.close(earlier)


async def _is_over(ctx: Context, customer_id: str, earlier: Earlier) -> bool:
    """Whether the purchase cannot become a plan any more. Raises `Rejected` and `Wait` like `refuse_while_unknown`."""
    ids = _given(earlier.steps.get(CHECKOUT)).get("orders") or await _traces(ctx, customer_id, earlier)
    if ids is None:
        return True
    if not ids:
        raise _unknown(earlier, "it is not known yet whether the plan was ordered", _evidence(earlier))
    order = await order_of(ctx, customer_id, ids[0])
    if order is None:
        raise _unknown(earlier, f"its order {ids[0]} cannot be read", [blocker_of_order(ids[0])])
    if order.is_completed:
        detail = f"order {order.id} of command {earlier.command_id} is completed, and its plan is not there yet"
        raise Wait(WaitingReason.ORDER_PROVISIONING, detail, awaits=subscriptions.OF_ORDER, limited=True)
    if order.is_open:
        raise _unknown(earlier, f"its order {order.id} is {order.status}", [blocker_of_order(order.id, order)])
    return True


async def _traces(ctx: Context, customer_id: str, earlier: Earlier) -> list[str] | None:
    """The orders of a check-out whose answer was lost, as far as they show; None if the check-out ordered nothing.

    The lane has waited until no request of that command can arrive any more: a cart that is active stays active.
    """
    cart_id = _cart_id(earlier)
    if cart_id is None:
        return []
    cart = _given(earlier.steps.get(CART))
    details: Mapping[str, Any] = earlier.steps[CHECKOUT].details or {}
    sought = OrderDescription(
        customer_id, details["catalogItemId"], datetime.fromisoformat(cart["since"]), details.get("resellerId")
    )
    try:
        is_ordered = (await carts.get(ctx.center, customer_id, cart_id)).is_ordered
    except Refused as no:
        if not is_gone(no):
            raise
        found = await order_ids(ctx.center, sought)
        is_over = ctx.settles_in(step=earlier.steps[CHECKOUT], lag=ctx.policy.order_list_lag) == 0.0
        return found or (None if is_over else [])
    return await order_ids(ctx.center, sought) if is_ordered else None


def _cart_id(earlier: Earlier) -> str | None:
    """The cart of the earlier check-out; None if the journal does not have the cart."""
    known = CHECKOUT in earlier.steps and CART in earlier.steps
    return str(_given(earlier.steps[CART])["id"]) if known else None


def _evidence(earlier: Earlier) -> list[Blocker]:
    cart_id = _cart_id(earlier)
    return [blocker_of_cart(cart_id)] if cart_id else []


def _given(step: Step | None) -> Mapping[str, Any]:
    return (step.result if step else None) or {}


def _unknown(earlier: Earlier, why: str, blockers: list[Blocker], answer: PartnerCenterError | None = None) -> Rejected:
    detail = f"command {earlier.command_id} began to buy an Azure plan for this customer: {why}"
    return Rejected(RejectedCode.EARLIER_OUTCOME_UNKNOWN, detail, blockers=blockers, partner_center=answer)
