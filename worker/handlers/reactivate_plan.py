"""ReactivatePlan: bring a suspended Azure plan back.

Vendor page: partner-center/developer/reactivate-a-suspended-a-subscription.
"""

from events.messages.base import Event
from events.messages.plans import PlanReactivated, ReactivatePlan
from worker.azure_plans import status_change
from worker.azure_plans.lookup import plan_meant
from worker.azure_plans.status_change import ACTIVE
from worker.handling import Context, handles, plain_id

REACTIVATE = "reactivate"


@handles(ReactivatePlan)
async def reactivate_plan(ctx: Context, command: ReactivatePlan) -> Event:
    """Make the plan active. An active plan is left as it is."""
    plan = await plan_meant(ctx, command.customer_id, command.subscription_id, ACTIVE)
    step = ctx.step_state(REACTIVATE)
    if not plan.is_active and not step.is_applied:
        await ctx.confirm_absent(REACTIVATE)
        ctx.about_to(status_change.change(plan.id, plan.status, ACTIVE))
    await status_change.bring_to(ctx, command.customer_id, plan, REACTIVATE, ACTIVE)
    return ctx.answer(PlanReactivated, subscription_id=plain_id(plan.id), already_active=not step.is_ours)
