"""ReactivatePlan: bring a suspended Azure plan back, and the Azure subscriptions under it if the command asks for them.

Vendor pages: partner-center/developer/reactivate-a-suspended-a-subscription, reactivate-an-azure-subscription.
"""

from events.messages.base import Event
from events.messages.plans import PlanReactivated, ReactivatePlan
from worker.azure_plans import azure_subscription_restart, status_change
from worker.azure_plans.lookup import plan_meant
from worker.azure_plans.status_change import ACTIVE
from worker.handling import Context, handles, plain_id

REACTIVATE = "reactivate"


@handles(ReactivatePlan)
async def reactivate_plan(ctx: Context, command: ReactivatePlan) -> Event:
    """Make the plan active, then its Azure subscriptions if asked. What is active is left as it is."""
    restarts = command.azure_subscriptions == "reactivate"
    under = await azure_subscription_restart.look(ctx, command.customer_id) if restarts else None
    plan = await plan_meant(ctx, command.customer_id, command.subscription_id, ACTIVE)
    step = ctx.step_state(REACTIVATE)
    if not plan.is_active and not step.is_applied:
        await ctx.confirm_absent(REACTIVATE)
        later = await azure_subscription_restart.at_start(ctx, command.customer_id, plan.id) if restarts else []
        ctx.about_to(status_change.change(plan.id, plan.status, ACTIVE), *later)
    await status_change.bring_to(ctx, command.customer_id, plan, REACTIVATE, ACTIVE)
    named = await azure_subscription_restart.bring_back(ctx, command.customer_id, plan.id, under) if restarts else []
    return ctx.answer(
        PlanReactivated,
        subscription_id=plain_id(plan.id),
        already_active=not step.is_ours,
        azure_subscriptions=named,
    )
