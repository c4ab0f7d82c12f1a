"""SuspendPlan: suspend an Azure plan under which nothing is in use, or after ending what is in use.

The command says whether Azure subscriptions are cancelled and reservations returned. Reservations come first, because
Microsoft refuses a return more often than a cancellation.

Vendor pages: partner-center/developer/create-azure-plan (a plan with active assets cannot be suspended),
cancel-an-azure-subscription, get-a-collection-of-entitlements.
"""

from collections.abc import Sequence

from events.codes import BlockerKind, RejectedCode, WaitingReason
from events.messages.base import Event
from events.messages.command_status import Blocker
from events.messages.plans import PlanSuspended, SuspendPlan
from events.wire.text import counted
from worker.azure_plans import azure_subscription_change, status_change
from worker.azure_plans.azure_subscription_change import Ask, AzureChange, Kind
from worker.azure_plans.lookup import blocker_of, plan_meant
from worker.azure_plans.reservations import refund_quotes
from worker.azure_plans.reservations import returns as reservation_returns
from worker.azure_plans.reservations.returns import ReservationReturns
from worker.azure_plans.status_change import SUSPENDED
from worker.errors import Rejected, Wait
from worker.handling import Context, facts, handles, plain_id, wait_out_refusal
from worker.journal.records import Json
from worker.partner_center.errors import Refused
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources import arm_subscriptions, azure_entitlements, reservations
from worker.partner_center.resources.azure_entitlements import AzureEntitlement
from worker.partner_center.resources.reservations import ReservationEntitlement
from worker.partner_center.resources.subscriptions import Subscription
from worker.step_view import Result

SUSPEND = "suspend"
STOPPING = "stopping"
"""The name in `Context.known` of the plan, and of its status, whose Azure subscriptions are cancelled and stopping."""
CANCELLED = "cancelled"
"""The name in `Context.known` of the cancelled Azure subscriptions, as the answer names them."""
HIDDEN = (
    "Partner Center says that something is active under the plan and lists nothing: look in the Azure portal, cancel"
    " what is found there, and send the command with a new id."
)
NAMELESS = (
    "Return the reservations in blockers in the Azure portal: Partner Center does not name their reservation orders."
    " Then send the command with a new id."
)
CANCELLATION = Kind(
    sentence="cancel the Azure subscription",
    made=frozenset({"disabled", "deleted"}),
    begun=frozenset({"warned"}),
    reason=WaitingReason.ASSETS_STOPPING,
    awaits=azure_entitlements.INACTIVITY,
)


@handles(SuspendPlan)
async def suspend_plan(ctx: Context, command: SuspendPlan) -> Event:
    """Suspend the plan. A suspended plan is left as it is."""
    await reservation_returns.follow(ctx, command.customer_id)
    under = await _look_at_cancelled(ctx, command)
    plan = await plan_meant(ctx, command.customer_id, command.subscription_id, SUSPENDED)
    step = ctx.step_state(SUSPEND)
    returns = ReservationReturns(ctx, command.customer_id)
    if not plan.is_suspended and not step.is_applied:
        await ctx.confirm_absent(SUSPEND)
        await _clear(ctx, command, plan, under, returns)
    try:
        await status_change.bring_to(ctx, command.customer_id, plan, SUSPEND, SUSPENDED)
    except Refused as no:
        if no.code != status_change.ACTIVE_ASSETS:
            raise
        raise await _still_active(ctx, command, plan, returns, no) from no
    returned = await returns.returned()
    return ctx.answer(
        PlanSuspended,
        subscription_id=plain_id(plan.id),
        already_suspended=not step.is_ours,
        cancelled_assets=[*await _cancelled(ctx, command, plan), *(asset for asset, _ in returned)],
        refunds=refund_quotes.totals(refund for _, refund in returned),
    )


async def _look_at_cancelled(ctx: Context, command: SuspendPlan) -> list[AzureEntitlement] | None:
    """The Azure subscriptions under the plan, if an earlier run has cancelled some and waits; else None.

    Raises `Wait` while those that Partner Center agreed to cancel are active and no other is. The run that goes on
    reads everything again that decides about the suspension.
    """
    stopping = ctx.known.pop(STOPPING, None)  # a look without an answer is followed by a look at everything
    if stopping is None or ctx.step_state(SUSPEND).may_have_happened:
        return None
    ctx.about_to(status_change.change(stopping["plan"], stopping["status"], SUSPENDED))
    try:
        under = await _under(ctx, command, stopping["plan"])
    except Refused:
        return None  # the plan itself tells why
    active = [each for each in under if each.is_active]
    if active and all(_cancellation(command.customer_id, stopping["plan"], each).is_applied(ctx) for each in active):
        raise _stopping(ctx, stopping, active)
    return under


async def _clear(
    ctx: Context,
    command: SuspendPlan,
    plan: Subscription,
    seen: Sequence[AzureEntitlement] | None,
    returns: ReservationReturns,
) -> None:
    """Return once nothing under the plan is active. Ends what the command says, and nothing else.

    `seen`: the Azure subscriptions under the plan, if this run has read them. Raises `Rejected` (`active_assets`) and
    `Wait`.
    """
    under = seen if seen is not None else await _under(ctx, command, plan.id)
    held = await reservations.list_all(ctx.center, command.customer_id)
    reserved = [each for each in held if each.is_active(ctx.now())]
    active = [each for each in under if each.is_active]
    if (reserved and command.reservations == "refuse") or (active and command.active_assets == "refuse"):
        raise _in_use(active, reserved)
    if nameless := [each for each in reserved if not each.reservation_orders]:
        raise _in_use([], nameless, NAMELESS)
    cancellations = [_cancellation(command.customer_id, plan.id, each) for each in under]
    ways = [(each, await azure_subscription_change.choose(ctx, each)) for each in cancellations]
    changes = await returns.prepare(reserved) if command.reservations == "return" else []
    changes += [planned for each, way in ways for planned in azure_subscription_change.planned(ctx, each, way)]
    ctx.about_to(*changes, status_change.change(plan.id, plan.status, SUSPENDED))
    await returns.make()
    for each, way in ways:
        await azure_subscription_change.make(ctx, each, way)
    if active:
        raise _stopping(ctx, {"plan": plan.id, "status": plan.status}, active)
    ctx.known[CANCELLED] = _named(ctx, command.customer_id, plan.id, under)


def _stopping(ctx: Context, under: Json, active: Sequence[AzureEntitlement]) -> Wait:
    """The wait for cancelled Azure subscriptions. The next run looks at them and at nothing else."""
    ctx.known[STOPPING] = under
    cancelled = counted(len(active), "cancelled Azure subscription")
    detail = f"still active: {cancelled}; Microsoft takes about ten minutes"
    return Wait(WaitingReason.ASSETS_STOPPING, detail, awaits=azure_entitlements.INACTIVITY, limited=True)


async def _under(ctx: Context, command: SuspendPlan, plan_id: str) -> list[AzureEntitlement]:
    return await azure_entitlements.list_all(ctx.center, command.customer_id, plan_id)


async def _cancelled(ctx: Context, command: SuspendPlan, plan: Subscription) -> list[Blocker]:
    """The Azure subscriptions that the command has cancelled, as the look before the suspension showed them."""
    if command.active_assets == "refuse":
        return []
    if CANCELLED not in ctx.known:
        under = await _under(ctx, command, plan.id)
        ctx.known[CANCELLED] = _named(ctx, command.customer_id, plan.id, under)
    return [Blocker.model_validate(each) for each in ctx.known[CANCELLED]]


def _named(ctx: Context, customer_id: str, plan_id: str, under: Sequence[AzureEntitlement]) -> list[Json]:
    sent = [each for each in under if _cancellation(customer_id, plan_id, each).was_sent(ctx)]
    return [blocker_of(each).model_dump(mode="json") for each in sent]


def _cancellation(customer_id: str, plan_id: str, entitlement: AzureEntitlement) -> AzureChange:
    result = {"id": entitlement.id}

    async def through_arm(center: PartnerCenter) -> Result:
        await arm_subscriptions.cancel(center, customer_id, entitlement.id)
        return result

    async def through_partner_center(center: PartnerCenter) -> Result:
        await azure_entitlements.cancel(center, customer_id, plan_id, entitlement.id)
        return result

    name = plain_id(entitlement.id)
    return AzureChange(
        CANCELLATION,
        customer_id,
        entitlement,
        shows=not entitlement.is_active,
        by_arm=Ask(f"cancel {name} through arm", arm_subscriptions.CANCEL, through_arm),
        by_center=Ask(f"cancel {name}", azure_entitlements.CANCEL, through_partner_center),
    )


async def _still_active(
    ctx: Context, command: SuspendPlan, plan: Subscription, returns: ReservationReturns, no: Refused
) -> Exception:
    """The outcome of a suspension that Partner Center refuses for active assets which did not show in the look."""
    cancelled = await _cancelled(ctx, command, plan)
    if cancelled or returns.any_over:
        detail = f"Partner Center does not see yet that what was cancelled or returned is inactive: {no.description}"
        return wait_out_refusal(
            WaitingReason.ASSETS_STOPPING, detail, no, azure_entitlements.INACTIVITY, blockers=cancelled
        )
    under = await _under(ctx, command, plan.id)
    blockers = [blocker_of(each) for each in under if each.is_active]
    advice = None if blockers else HIDDEN
    return Rejected(
        RejectedCode.ACTIVE_ASSETS, no.description, advice=advice, blockers=blockers, partner_center=facts(no)
    )


def _in_use(
    active: Sequence[AzureEntitlement], reserved: Sequence[ReservationEntitlement], advice: str | None = None
) -> Rejected:
    counts = {"Azure subscription": len(active), "reservation": len(reserved)}
    detail = "active: " + " and ".join(counted(number, thing) for thing, number in counts.items() if number)
    blockers = [*map(blocker_of, active), *map(_blocker_of_reservation, reserved)]
    return Rejected(RejectedCode.ACTIVE_ASSETS, detail, advice=advice, blockers=blockers)


def _blocker_of_reservation(reservation: ReservationEntitlement) -> Blocker:
    order = reservation.reference_order
    known = reservation.resource_id or (order.id if order else None) or reservation.product_id or "unknown"
    return Blocker(
        kind=BlockerKind.RESERVATION,
        id=plain_id(known),
        name=reservation.sku_title,
        status=reservation.status or "active",
    )
