"""SuspendPlan: suspend an Azure plan under which nothing is in use, or after cancelling its Azure subscriptions.

Vendor pages: partner-center/developer/create-azure-plan (a plan with active assets cannot be suspended),
cancel-an-azure-subscription, get-a-collection-of-entitlements.
"""

from collections.abc import Sequence

from events.codes import BlockerKind, RejectedCode, WaitingReason
from events.messages.base import Event
from events.messages.command_status import Blocker
from events.messages.plans import PlanSuspended, SuspendPlan
from events.wire.text import counted
from worker.azure_plans import status_change
from worker.azure_plans.lookup import blocker_of, plan_meant
from worker.azure_plans.status_change import SUSPENDED
from worker.errors import Rejected, Wait
from worker.handling import Change, Context, facts, handles, plain_id, wait_out_refusal
from worker.partner_center.errors import Refused
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources import azure_entitlements, reservations
from worker.partner_center.resources.azure_entitlements import AzureEntitlement
from worker.partner_center.resources.reservations import ReservationEntitlement
from worker.partner_center.resources.subscriptions import Subscription
from worker.step_view import Result, StepView
from worker.steps import State

SUSPEND = "suspend"
STILL_ACTIVE = "900115"
HIDDEN = (
    "Partner Center says that something is active under the plan and lists nothing: look in the Azure portal, cancel"
    " what is found there, and send the command with a new id."
)
FLIP = 900.0
"""Seconds to wait for a cancellation to show. An Azure subscription shows it after about ten minutes."""


@handles(SuspendPlan)
async def suspend_plan(ctx: Context, command: SuspendPlan) -> Event:
    """Suspend the plan. A suspended plan is left as it is."""
    plan = await plan_meant(ctx, command.customer_id, command.subscription_id)
    under = (
        await azure_entitlements.list_all(ctx.center, command.customer_id, plan.id)
        if _needs_assets(command, plan)
        else []
    )
    step = ctx.step_state(SUSPEND)
    if not plan.is_suspended and not step.is_applied:
        await ctx.confirm_absent(SUSPEND)
        await _clear(ctx, command, plan, under)
    cancelled = [blocker_of(each) for each in under if _cancellation(ctx, each).was_sent]
    try:
        await status_change.bring_to(ctx, command.customer_id, plan, SUSPEND, SUSPENDED)
    except Refused as no:
        if no.code != STILL_ACTIVE:
            raise
        raise await _still_active(ctx, command, plan, cancelled, no) from no
    return ctx.answer(
        PlanSuspended,
        subscription_id=plain_id(plan.id),
        already_suspended=not step.is_ours,
        cancelled_assets=cancelled,
    )


def _needs_assets(command: SuspendPlan, plan: Subscription) -> bool:
    return not plan.is_suspended or command.active_assets == "cancel"


async def _clear(ctx: Context, command: SuspendPlan, plan: Subscription, under: Sequence[AzureEntitlement]) -> None:
    """Return once nothing under the plan is active. Cancels Azure subscriptions if the command says so, nothing else.

    Raises `Rejected` (`active_assets`) and `Wait`.
    """
    held = await reservations.list_all(ctx.center, command.customer_id)
    reserved = [each for each in held if each.is_active(ctx.now())]
    active = [each for each in under if each.is_active]
    if reserved or (active and command.active_assets == "refuse"):
        raise _in_use(active, reserved)
    changes = [
        Change(azure_entitlements.CANCEL, f"cancel the Azure subscription {each.id} ({each.friendly_name})")
        for each in active
        if not _cancellation(ctx, each).is_applied
    ]
    ctx.about_to(*changes, status_change.change(plan, SUSPENDED))
    for each in under:
        if each.is_active or _cancellation(ctx, each).was_sent:
            await _cancel(ctx, command.customer_id, plan, each)
    if active:
        cancelled = counted(len(active), "cancelled Azure subscription")
        detail = f"still active: {cancelled}; Microsoft takes about ten minutes"
        raise Wait(WaitingReason.ASSETS_STOPPING, detail, limited=True)


async def _cancel(ctx: Context, customer_id: str, plan: Subscription, entitlement: AzureEntitlement) -> None:
    async def act(center: PartnerCenter) -> Result:
        await azure_entitlements.cancel(center, customer_id, plan.id, entitlement.id)
        return {"id": entitlement.id}

    step = _cancellation(ctx, entitlement)
    may_show = _may_show_yet(ctx, step)
    try:
        await ctx.step(step.name, State(there=not entitlement.is_active, act=act))
    except Refused as no:
        if not may_show:
            raise
        detail = f"Azure subscription {entitlement.id} shows in about ten minutes whether it was cancelled: {no}"
        raise wait_out_refusal(WaitingReason.ASSETS_STOPPING, detail, no, blockers=[blocker_of(entitlement)]) from no


def _may_show_yet(ctx: Context, step: StepView) -> bool:
    """Whether a request without an answer may have cancelled a subscription that still shows as active.

    How Partner Center answers a second cancellation is not documented: a refusal may mean that the first was taken.
    """
    now, shown_by = ctx.now().timestamp(), f"{step.name} shows by"
    if step.may_have_happened:
        ctx.memory[shown_by] = now + FLIP
    return now < float(ctx.memory.get(shown_by, 0))


def _cancellation(ctx: Context, entitlement: AzureEntitlement) -> StepView:
    return ctx.step_state(f"cancel {plain_id(entitlement.id)}")


async def _still_active(
    ctx: Context, command: SuspendPlan, plan: Subscription, cancelled: Sequence[Blocker], no: Refused
) -> Exception:
    """The outcome of a suspension that Partner Center refuses for active assets which did not show in the look."""
    if cancelled:
        detail = (
            f"Partner Center does not see yet that the cancelled Azure subscriptions are inactive: {no.description}"
        )
        return wait_out_refusal(WaitingReason.ASSETS_STOPPING, detail, no, blockers=cancelled)
    under = await azure_entitlements.list_all(ctx.center, command.customer_id, plan.id)
    blockers = [blocker_of(each) for each in under if each.is_active]
    advice = None if blockers else HIDDEN
    return Rejected(
        RejectedCode.ACTIVE_ASSETS, no.description, advice=advice, blockers=blockers, partner_center=facts(no)
    )


def _in_use(active: Sequence[AzureEntitlement], reserved: Sequence[ReservationEntitlement]) -> Rejected:
    counts = {"Azure subscription": len(active), "reservation": len(reserved)}
    detail = "active: " + " and ".join(counted(number, thing) for thing, number in counts.items() if number)
    blockers = [*map(blocker_of, active), *map(_blocker_of_reservation, reserved)]
    if not reserved:
        return Rejected(RejectedCode.ACTIVE_ASSETS, detail, blockers=blockers)
    advice = (
        "Return the reservations in blockers in the Azure portal, which Partner Center cannot do; then send the command"
        " with a new id."
    )
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
