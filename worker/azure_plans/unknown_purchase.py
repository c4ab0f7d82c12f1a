"""A purchase that an earlier command of the customer began and whose outcome it did not learn."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from events.codes import RejectedCode, WaitingReason
from events.messages.status import Blocker, PartnerCenterError
from worker.azure_plans import order_search
from worker.azure_plans.cart import CART
from worker.azure_plans.order import blocker_of_cart, blocker_of_order, order_of
from worker.azure_plans.order_search import Sought
from worker.azure_plans.purchase import CHECKOUT, EFFECT, is_gone
from worker.errors import Rejected, Wait
from worker.handling import Context, facts
from worker.journal.records import Earlier, Step
from worker.partner_center.errors import Refused
from worker.partner_center.resources import carts


async def close_if_answered(ctx: Context) -> None:
    """The customer has a plan now: that is the answer to whatever was left open."""
    earlier = ctx.earlier(EFFECT)
    if earlier is not None:
        await ctx.close(earlier)


async def refuse_while_unknown(ctx: Context, customer_id: str) -> None:
    """Without a plan, what an earlier command left open is closed where looking shows that it bought nothing.

    Raises `Rejected` (`earlier_outcome_unknown`) where it is open still or cannot be told, `Wait` where its plan is
    about to be there.
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
    """Whether it can become a plan no more. Raises `Rejected` and `Wait`, as above."""
    ids = _given(earlier.steps.get(CHECKOUT)).get("orders") or await _traces(ctx, customer_id, earlier)
    if ids is None:
        return True
    if not ids:
        raise _unknown(earlier, "whether it was ordered cannot be told yet", _evidence(earlier))
    order = await order_of(ctx, customer_id, ids[0])
    if order is None:
        raise _unknown(earlier, f"its order {ids[0]} cannot be read", [blocker_of_order(ids[0])])
    if order.is_completed:
        detail = f"order {order.id} of command {earlier.command_id} is completed, and its plan is not there yet"
        raise Wait(WaitingReason.ORDER_PROVISIONING, detail, deadline="order")
    if order.is_open:
        raise _unknown(earlier, f"its order {order.id} is {order.status}", [blocker_of_order(order.id, order)])
    return True


async def _traces(ctx: Context, customer_id: str, earlier: Earlier) -> list[str] | None:
    """The orders of a check-out that was never answered, as far as they can be seen; None where it ordered nothing.

    The lane has waited until no request of it can arrive any more, so a cart that is active stays so.
    """
    cart_id = _cart_id(earlier)
    if cart_id is None:
        return []
    cart = _given(earlier.steps.get(CART))
    details: Mapping[str, Any] = earlier.steps[CHECKOUT].details or {}
    sought = Sought(
        customer_id, details["catalogItemId"], datetime.fromisoformat(cart["since"]), details.get("resellerId")
    )
    try:
        is_ordered = (await carts.get(ctx.center, customer_id, cart_id)).is_ordered
    except Refused as no:
        if not is_gone(no):
            raise
        found = await order_search.order_ids(ctx.center, sought)
        is_over = ctx.settles_in(step=earlier.steps[CHECKOUT], lag=ctx.policy.order_list_lag) == 0.0
        return found or (None if is_over else [])
    return await order_search.order_ids(ctx.center, sought) if is_ordered else None


def _cart_id(earlier: Earlier) -> str | None:
    """The cart that was to be checked out; None where nobody wrote it down."""
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
