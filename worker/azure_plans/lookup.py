"""A customer's Azure plans and the Azure subscriptions under them. Reads only."""

from collections.abc import Sequence

from events.codes import BlockerKind, RejectedCode
from events.messages.command_status import Blocker
from events.messages.plans import AzureSubscription
from worker.azure_plans.upgrade import running_upgrade
from worker.errors import Rejected
from worker.handling import Context, plain_id
from worker.partner_center.answers.resource import same_id
from worker.partner_center.errors import CallError, NotPermitted, Refused, Unanswered
from worker.partner_center.resources import azure_entitlements, subscriptions
from worker.partner_center.resources.azure_entitlements import AzureEntitlement
from worker.partner_center.resources.subscriptions import Subscription

UNREADABLE = "the Azure subscriptions could not be read"
ONLY_PLAN = "only plan"
"""The name of the plan's id in `Context.known`, for a command that names no plan."""
MOST_PAGES = 3
NO_SUBSCRIPTION = frozenset({"20003", "800037"})


def sold_through(partner_id: str | None, reseller_id: str | None) -> bool:
    """Whether a plan counts for a command. If the command names a reseller, plans of another reseller do not count."""
    return reseller_id is None or partner_id is None or same_id(partner_id, reseller_id)


def plan_among(held: Sequence[Subscription], reseller_id: str | None) -> Subscription | None:
    """The Azure plan that answers CreateAzurePlan: an active plan before others, and never a deleted one."""
    plans = [each for each in azure_plans(held) if sold_through(each.partner_id, reseller_id)]
    return min(plans, key=lambda plan: not plan.is_active, default=None)


def azure_plans(held: Sequence[Subscription]) -> list[Subscription]:
    """The Azure plans among a customer's subscriptions that are not deleted."""
    return [each for each in held if each.is_azure_plan and not each.is_deleted]


async def plan_meant(ctx: Context, customer_id: str, subscription_id: str | None, goal: str) -> Subscription:
    """The Azure plan that a command is about, read now. `subscription_id` of None means the customer's only plan.

    A plan that is to be changed is read alone, since only that answer may be sent back. The list is enough for a plan
    that has the status `goal` already. The story looks for the only plan once: later runs know its id.

    Raises `Rejected` (`plan_not_found`, `plan_ambiguous`).
    """
    subscription_id = subscription_id or ctx.known.get(ONLY_PLAN)
    if subscription_id is None:
        only = await _only_plan(ctx, customer_id)
        subscription_id = ctx.known[ONLY_PLAN] = only.id
        if only.status == goal:
            return only
    try:
        plan = await subscriptions.get(ctx.center, customer_id, subscription_id)
    except Refused as no:
        if no.code in NO_SUBSCRIPTION:
            raise await _not_found(ctx, customer_id, f"the customer has no subscription {subscription_id}") from no
        raise
    if plan.is_deleted:
        raise await _not_found(ctx, customer_id, f"the subscription {subscription_id} is deleted")
    if not plan.is_azure_plan:
        what = plan.offer_name or plan.friendly_name or "something else"
        raise await _not_found(ctx, customer_id, f"the subscription {subscription_id} is no Azure plan but: {what}")
    return plan


async def _only_plan(ctx: Context, customer_id: str) -> Subscription:
    held = await subscriptions.list_all(ctx.center, customer_id)
    plans = azure_plans(held)
    if not plans:
        raise await _not_found(ctx, customer_id, "the customer has no Azure plan", held)
    if len(plans) > 1:
        named = ", ".join(f"{plain_id(plan.id)} ({plan.status})" for plan in plans)
        raise Rejected(RejectedCode.PLAN_AMBIGUOUS, f"the customer has {len(plans)} Azure plans: {named}")
    return plans[0]


async def _not_found(
    ctx: Context, customer_id: str, detail: str, held: Sequence[Subscription] | None = None
) -> Rejected:
    """The refusal. It names a running upgrade, because a legacy subscription has no plan before its upgrade ends."""
    upgrade = await running_upgrade(ctx, customer_id, held)
    if upgrade is None:
        return Rejected(RejectedCode.PLAN_NOT_FOUND, detail)
    return Rejected(
        RejectedCode.PLAN_NOT_FOUND,
        f"{detail}; an upgrade to one is running",
        advice="Wait until the upgrade in blockers has made the plan, then send the command with a new id.",
        blockers=[upgrade],
    )


async def azure_subscriptions(ctx: Context, customer_id: str, plan: Subscription) -> list[AzureSubscription]:
    """The Azure subscriptions under a plan, for an answer; an empty list if Partner Center does not show them.

    The command can be answered without them: if a gateway answers in Partner Center's place, azplan asks a few times
    only.
    """
    try:
        found = await azure_entitlements.list_all(ctx.center, customer_id, plan.id)
    except (Refused, NotPermitted) as no:
        return _not_named(ctx, no)
    except Unanswered as no:
        met = ctx.memory[UNREADABLE] = int(ctx.memory.get(UNREADABLE, 0)) + 1
        if not no.is_foreign or met <= MOST_PAGES:
            raise
        return _not_named(ctx, no)
    return [AzureSubscription(id=plain_id(each.id), status=each.status or "unknown") for each in found]


def _not_named(ctx: Context, no: CallError) -> list[AzureSubscription]:
    ctx.note(f"the Azure subscriptions under the plan are not named, since they could not be read: {no}")
    return []


def blocker_of(entitlement: AzureEntitlement) -> Blocker:
    """An Azure subscription as `blockers` and `cancelledAssets` name it."""
    return Blocker(
        kind=BlockerKind.AZURE_SUBSCRIPTION,
        id=plain_id(entitlement.id),
        name=entitlement.friendly_name,
        status=entitlement.status,
    )
