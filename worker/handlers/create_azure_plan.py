"""CreateAzurePlan: buy an Azure plan, unless there is one or one is on its way.

Vendor pages: partner-center/developer/create-azure-plan, partner-center/purchase-azure-plan.
"""

from collections.abc import Sequence

from events.codes import FailedCode, WaitingReason
from events.messages.base import Event
from events.messages.plans import AzurePlanCreated, CreateAzurePlan
from worker.azure_plans import purchase_checks, purchase_of_earlier_command
from worker.azure_plans.lookup import azure_subscriptions, plan_among, sold_through
from worker.azure_plans.order import blocker_of_order, delivered_plan, is_among, order_of
from worker.azure_plans.purchase import CHECKOUT, Purchase
from worker.errors import Failed, Validated, Wait
from worker.handling import Context, handles, plain_id
from worker.partner_center.resources import orders, subscriptions
from worker.partner_center.resources.orders import Order
from worker.partner_center.resources.subscriptions import Subscription

OPEN_ORDER = "open order"
"""The name in `Context.known` of an order that the command waits for and did not make."""


@handles(CreateAzurePlan)
async def create_azure_plan(ctx: Context, command: CreateAzurePlan) -> Event:
    """Buy an Azure plan for the customer. An existing plan, or the plan of an open order, answers the command too."""
    purchase = Purchase(ctx, command)
    country = None
    if not await purchase.took_effect():
        if not purchase.in_doubt:
            await _look_at_open_order(ctx, command)
        country = await purchase_checks.country_of_customer(ctx, command.customer_id)
        ordered = await orders.list_all(
            ctx.center, command.customer_id
        )  # first: an order that ends now is a plan below
        held = await subscriptions.list_all(ctx.center, command.customer_id)
        plan = plan_among(held, command.reseller_id)
        if plan is not None:
            return await _answer_with_what_was_there(ctx, command, plan, purchase)
        await purchase_of_earlier_command.refuse_while_unknown(ctx, command.customer_id)
        _wait_for_open_order(ctx, command, ordered)
        await purchase_checks.refuse_without_agreement(ctx, command.customer_id)
        await purchase_checks.refuse_while_upgrading(ctx, command.customer_id, held)
        purchase_checks.refuse_beside_legacy(held)
    bought = await purchase.make(command.country or country)
    plan = await delivered_plan(ctx, purchase.sought(bought), bought["orders"], bought["cartId"], purchase.ordered)
    return ctx.answer(
        AzurePlanCreated,
        subscription_id=plain_id(plan.id),
        status=plan.status or "unknown",
        order_id=plan.order_id or next(iter(bought["orders"]), None),
        cart_id=plain_id(bought["cartId"]),
        catalog_item_id=bought["catalogItemId"],
        azure_subscriptions=await azure_subscriptions(ctx, command.customer_id, plan),
        already_existed=False,
    )


async def _answer_with_what_was_there(
    ctx: Context, command: CreateAzurePlan, plan: Subscription, purchase: Purchase
) -> Event:
    """Answer with a plan that somebody else bought, once this command's cart can no longer buy another."""
    if purchase.in_doubt:
        detail = "the customer has a plan, and an unanswered check-out of another one may still arrive"
        raise Wait(WaitingReason.SETTLING, detail, delay=max(1.0, ctx.settles_in()))
    await purchase_of_earlier_command.close_if_answered(ctx)
    return ctx.answer(
        AzurePlanCreated,
        subscription_id=plain_id(plan.id),
        status=plan.status or "unknown",
        order_id=plan.order_id,
        catalog_item_id=plan.offer_id,
        azure_subscriptions=await azure_subscriptions(ctx, command.customer_id, plan),
        already_existed=True,
    )


def _wait_for_open_order(ctx: Context, command: CreateAzurePlan, ordered: Sequence[Order]) -> None:
    """Raises `Wait` while an order for an Azure plan is open: the plan of that order will be the answer.

    An order of this command that a person declared void is not waited for.
    """
    void = [identifier for former in ctx.step_state(CHECKOUT).former_results for identifier in former.get("orders", ())]
    open_order = next(
        (
            order
            for order in ordered
            if order.is_open and not is_among(order.id, void) and _orders_plan(order, command.reseller_id)
        ),
        None,
    )
    if open_order is None:
        return
    if ctx.validate_only:
        raise Validated([])
    raise _open(ctx, open_order)


async def _look_at_open_order(ctx: Context, command: CreateAzurePlan) -> None:
    """Raises `Wait` while an order that an earlier run found open is still open. The run after that looks at all."""
    known = ctx.known.pop(OPEN_ORDER, None)
    order = await order_of(ctx, command.customer_id, known) if known else None
    if order is not None and order.is_open:
        raise _open(ctx, order)


def _open(ctx: Context, open_order: Order) -> Wait:
    """The wait for an order of another origin. The next run looks at that order and at nothing else."""
    ctx.known[OPEN_ORDER] = open_order.id
    detail = f"order {open_order.id} for an Azure plan is open already: {open_order.status or 'without status'}"
    never = Failed(FailedCode.OUTCOME_UNKNOWN, detail, blockers=[blocker_of_order(open_order.id, open_order)])
    return Wait(WaitingReason.ORDER_PROVISIONING, detail, awaits=orders.END_OF_FOREIGN, limited=True, give_up=never)


def _orders_plan(order: Order, reseller_id: str | None) -> bool:
    return any(sold_through(line.partner_id_on_record, reseller_id) for line in order.azure_plan_lines)
