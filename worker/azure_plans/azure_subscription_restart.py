"""The Azure subscriptions under an active plan, brought back: those that were inactive when the command began.

Vendor pages: partner-center/developer/reactivate-an-azure-subscription, rest/api/subscription/subscription/enable.
"""

from collections.abc import Sequence

from events.codes import FailedCode, WaitingReason
from events.messages.plans import ReactivatedAzureSubscription
from events.wire.text import counted
from worker.azure_plans import azure_subscription_change
from worker.azure_plans.azure_subscription_change import Ask, AzureChange, Kind, Way
from worker.azure_plans.lookup import blocker_of
from worker.errors import Failed, Validated, Wait
from worker.handling import Change, Context, plain_id, wait_out_refusal
from worker.partner_center.errors import CallError, NotPermitted, Refused
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources import arm_subscriptions, azure_entitlements
from worker.partner_center.resources.azure_entitlements import AzureEntitlement
from worker.step_view import Result

RESTART = Kind(
    sentence="reactivate the Azure subscription",
    made=frozenset({"enabled", "past_due"}),
    begun=frozenset(),
    reason=WaitingReason.ASSETS_STARTING,
    awaits=azure_entitlements.ACTIVITY,
)
INACTIVE = "inactive at the start"
"""The name in `Context.memory` of the ids of the Azure subscriptions that were inactive when the command began."""
REFUSED = "not reactivated"
"""The name in `Context.known` of Microsoft's reasons, by the id of an Azure subscription that stays inactive."""
STARTING = "starting"
"""The name in `Context.known` of the plan whose Azure subscriptions are starting."""
GONE = "Partner Center does not list it any more"
NOT_READY = "800082"
"""A refusal that passes: the Azure subscription or its plan is being changed."""


async def at_start(ctx: Context, customer_id: str, plan_id: str) -> list[Change]:
    """The changes that are still to be made, before anything is changed. Remembers what is inactive at the start.

    Raises `NotPermitted` if the user may not do this at Azure Resource Manager, and nobody else may be asked.
    """
    under = await azure_entitlements.list_all(ctx.center, customer_id, plan_id)
    _, changes = await _chosen(ctx, _restarts(ctx, customer_id, plan_id, under))
    return changes


async def bring_back(
    ctx: Context, customer_id: str, plan_id: str, seen: Sequence[AzureEntitlement] | None
) -> list[ReactivatedAzureSubscription]:
    """The Azure subscriptions that were inactive at the start, each active or with Microsoft's reason.

    The plan is active. `seen`: the Azure subscriptions under it, if this run has read them. Raises `Wait` until
    Partner Center shows that all are active that Microsoft agreed to bring back.
    """
    under = seen if seen is not None else await azure_entitlements.list_all(ctx.center, customer_id, plan_id)
    restarts = _restarts(ctx, customer_id, plan_id, under)
    ways, changes = await _chosen(ctx, restarts)
    if changes:
        ctx.about_to(*changes)
    elif ctx.validate_only:
        raise Validated([])
    for each, way in ways:
        await _make(ctx, each, way)
    if starting := _starting(ctx, restarts):
        raise _wait(ctx, plan_id, starting)
    listed = {plain_id(each.entitlement.id) for each in restarts}
    gone = [each for each in ctx.memory[INACTIVE] if each not in listed]
    return [
        *(_named(ctx, each.entitlement) for each in restarts),
        *(ReactivatedAzureSubscription(id=each, status="unknown", reason=GONE) for each in gone),
    ]


async def look(ctx: Context, customer_id: str) -> list[AzureEntitlement] | None:
    """The Azure subscriptions under the plan, if an earlier run has asked for restarts and waits; else None.

    Raises `Wait` while those that Microsoft agreed to bring back are inactive, and no other is.
    """
    plan_id = ctx.known.pop(STARTING, None)  # a look without an answer is followed by a look at everything
    if plan_id is None:
        return None
    try:
        under = await azure_entitlements.list_all(ctx.center, customer_id, plan_id)
    except Refused:
        return None  # the plan itself tells why
    starting = _starting(ctx, _restarts(ctx, customer_id, plan_id, under))
    if starting and all(each.is_applied(ctx) for each in starting):
        raise _wait(ctx, plan_id, starting)
    return under


def _starting(ctx: Context, restarts: Sequence[AzureChange]) -> list[AzureChange]:
    return [each for each in restarts if not each.shows and _reason(ctx, each.entitlement) is None]


def _wait(ctx: Context, plan_id: str, starting: Sequence[AzureChange]) -> Wait:
    """The wait for Azure subscriptions to become active. The next run looks at them and at nothing else."""
    ctx.known[STARTING] = plan_id
    detail = f"not active yet: {counted(len(starting), 'Azure subscription')}; Microsoft takes about ten minutes"
    never = Failed(
        FailedCode.OUTCOME_UNKNOWN,
        f"{detail}; this did not change before the wait ended",
        blockers=[blocker_of(each.entitlement) for each in starting],
    )
    return Wait(WaitingReason.ASSETS_STARTING, detail, awaits=azure_entitlements.ACTIVITY, limited=True, give_up=never)


async def _chosen(ctx: Context, restarts: Sequence[AzureChange]) -> tuple[list[tuple[AzureChange, Way]], list[Change]]:
    """Of whom each restart is asked, without those that Microsoft has refused; and the changes that this makes."""
    chosen = [(each, await _way(ctx, each)) for each in restarts]
    ways = [(each, way) for each, way in chosen if way is not None]
    return ways, [made for each, way in ways for made in azure_subscription_change.planned(ctx, each, way)]


async def _way(ctx: Context, restart: AzureChange) -> Way | None:
    """Of whom a restart is to be asked. None if Microsoft has refused it for good."""
    if _reason(ctx, restart.entitlement) is not None:
        return None
    try:
        return await azure_subscription_change.choose(ctx, restart)
    except Refused as no:
        _keep_reason(ctx, restart, no)
        return None


async def _make(ctx: Context, restart: AzureChange, way: Way) -> None:
    try:
        await azure_subscription_change.make(ctx, restart, way)
    except (Refused, NotPermitted) as no:
        if no.code == NOT_READY or no.status == 409:
            detail = f"Azure subscription {restart.entitlement.id} cannot be reactivated now: {no.description}"
            raise wait_out_refusal(
                RESTART.reason, detail, no, RESTART.awaits, blockers=[blocker_of(restart.entitlement)]
            ) from no
        _keep_reason(ctx, restart, no)


def _restarts(ctx: Context, customer_id: str, plan_id: str, under: Sequence[AzureEntitlement]) -> list[AzureChange]:
    """The restarts of the Azure subscriptions that were inactive at the start.

    The first look remembers them. A run that died before its end remembers nothing, but its requests stand in the
    journal.
    """
    inactive = ctx.memory.setdefault(INACTIVE, [plain_id(each.id) for each in under if not each.is_active])
    all_of_them = [_restart(customer_id, plan_id, each) for each in under]
    return [each for each in all_of_them if plain_id(each.entitlement.id) in inactive or each.was_sent(ctx)]


def _restart(customer_id: str, plan_id: str, entitlement: AzureEntitlement) -> AzureChange:
    result = {"id": entitlement.id}

    async def through_arm(center: PartnerCenter) -> Result:
        await arm_subscriptions.enable(center, customer_id, entitlement.id)
        return result

    async def through_partner_center(center: PartnerCenter) -> Result:
        await azure_entitlements.reactivate(center, customer_id, plan_id, entitlement.id)
        return result

    name = plain_id(entitlement.id)
    return AzureChange(
        RESTART,
        customer_id,
        entitlement,
        shows=entitlement.is_active,
        by_arm=Ask(f"enable {name}", arm_subscriptions.ENABLE, through_arm),
        by_center=Ask(f"reactivate {name}", azure_entitlements.REACTIVATE, through_partner_center),
    )


def _reason(ctx: Context, entitlement: AzureEntitlement) -> str | None:
    reason: str | None = ctx.known.get(REFUSED, {}).get(plain_id(entitlement.id))
    return None if entitlement.is_active else reason


def _named(ctx: Context, entitlement: AzureEntitlement) -> ReactivatedAzureSubscription:
    status, reason = entitlement.status or "unknown", _reason(ctx, entitlement)
    return ReactivatedAzureSubscription(id=plain_id(entitlement.id), status=status, reason=reason)


def _keep_reason(ctx: Context, restart: AzureChange, no: CallError) -> None:
    reasons = ctx.known.setdefault(REFUSED, {})
    reasons[plain_id(restart.entitlement.id)] = f"{no.code}: {no.description}" if no.code else no.description
