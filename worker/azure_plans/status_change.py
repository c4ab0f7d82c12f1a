"""Whether an Azure plan is active or suspended: changing it, and waiting until the change shows.

Vendor pages: partner-center/developer/suspend-a-subscription, reactivate-a-suspended-a-subscription.
"""

from events.codes import WaitingReason
from worker.errors import Wait
from worker.handling import Change, Context, wait_out_refusal
from worker.partner_center.errors import Refused
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources import subscriptions
from worker.partner_center.resources.subscriptions import Subscription
from worker.step_view import Result, StepView
from worker.steps import State

ACTIVE, SUSPENDED = "active", "suspended"

NOT_READY = "800082"
PENDING_OPERATION = "900278"
STALE_ETAG = "2055"
SOON = frozenset({NOT_READY, STALE_ETAG})
"""Refusals that pass soon: the next run looks before it asks again."""
ACTIVE_ASSETS = "900115"
NOT_MADE = frozenset({ACTIVE_ASSETS, "20002", "20003", "800037"})
"""Refusals that say that the plan is not as wanted, or is not there."""


def change(plan_id: str, before: str | None, status: str) -> Change:
    """The change that brings the plan from one status to another."""
    return Change(subscriptions.PATCH, f"bring the Azure plan {plan_id} from {before} to {status}")


async def bring_to(ctx: Context, customer_id: str, plan: Subscription, step: str, status: str) -> None:
    """Return once the plan is `status`; ask Partner Center for the change once. `plan` was read in this run.

    Raises `Wait` until the change shows, and `Refused` if Partner Center refuses and the change was not made meanwhile.
    """

    async def patch(center: PartnerCenter) -> Result:
        now = await subscriptions.patch(center, customer_id, plan, status=status)
        return {"status": now.status if now else None}

    there = plan.status == status
    try:
        given = await ctx.step(step, State(there=there, act=patch))
    except Refused as no:
        if _may_be_made(ctx.step_state(step), no) and await _status(ctx, customer_id, plan.id) == status:
            return
        wait = _wait_for_its_turn(plan, no)
        if wait is None:
            raise
        raise wait from no
    if not there and (given or {}).get("status") != status:
        detail = f"Partner Center took the change of plan {plan.id} to {status} and is still making it"
        raise Wait(WaitingReason.SETTLING, detail, awaits=subscriptions.CHANGE, limited=True)


async def _status(ctx: Context, customer_id: str, plan_id: str) -> str | None:
    return (await subscriptions.get(ctx.center, customer_id, plan_id)).status


def _may_be_made(step: StepView, no: Refused) -> bool:
    """Whether a look now may show the change in spite of the refusal: made by a lost request, or by somebody else."""
    if step.may_have_happened:
        return True
    return no.code not in NOT_MADE and no.code not in SOON and no.status != 412


def _wait_for_its_turn(plan: Subscription, no: Refused) -> Wait | None:
    """The wait for another change of the subscription to end; None if the refusal has another cause."""
    if no.code not in SOON and no.code != PENDING_OPERATION and no.status != 412:
        return None
    awaits = subscriptions.OPERATION_END if no.code == PENDING_OPERATION else subscriptions.FREEDOM
    detail = f"plan {plan.id} cannot be changed now: {no.description}"
    return wait_out_refusal(WaitingReason.SETTLING, detail, no, awaits)
