"""ReactivatePlan: bring a suspended Azure plan back.

Vendor page: partner-center/developer/reactivate-a-suspended-a-subscription.
"""

from events.base import Event
from events.plans import PlanReactivated, ReactivatePlan
from worker.handling import Context, handles
from worker.plans import standing
from worker.plans.holdings import plan_meant
from worker.plans.naming import plain
from worker.plans.standing import ACTIVE

REACTIVATE = "reactivate"


@handles(ReactivatePlan)
async def reactivate_plan(ctx: Context, command: ReactivatePlan) -> Event:
    """Make the plan active. One that is active is left as it is."""
    plan = await plan_meant(ctx, command.customer_id, command.subscription_id)
    if not plan.is_active and not ctx.taken(REACTIVATE):
        await ctx.absent(REACTIVATE)
        ctx.about_to(standing.change(plan, ACTIVE))
    await standing.bring_to(ctx, command.customer_id, plan, REACTIVATE, ACTIVE)
    return ctx.answer(PlanReactivated, subscription_id=plain(plan.id), already_active=not ctx.ours(REACTIVATE))
