"""The customer's product upgrade: which one a command follows or starts, and whether one runs.

The customer's one open upgrade is the key: while it is open, Partner Center keeps a second one from starting (900109).
A second request leaves only when an earlier one cannot arrive any more: an upgrade that fails lets another start.
Vendor pages: partner-center/developer/get-eligibility-for-product-upgrade, create-product-upgrade-entity.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from events.codes import BlockerKind, FailedCode, RejectedCode, WaitingReason
from events.messages.command_status import Blocker
from events.messages.upgrades import StartProductUpgrade
from worker.errors import Failed, Rejected, Validated, Wait
from worker.handling import Change, Context, facts, plain_id
from worker.partner_center.answers.classification import NOT_FOUND as NOTHING_THERE
from worker.partner_center.answers.resource import same_id
from worker.partner_center.errors import NotPermitted, Refused
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources import upgrades
from worker.partner_center.resources.subscriptions import Subscription
from worker.partner_center.resources.upgrades import Eligibility, Upgrade, UpgradeState
from worker.step_view import Result, StepView
from worker.steps import Applied, Money, NotApplied, Verdict

EFFECT = "product_upgrade"
"""The effect's name: one command of a customer at a time starts an upgrade."""
START = "upgrade"
NEW_ID = "new upgrade"
"""The name in `Context.known` of the upgrade's id, if the answer to the request did not name the upgrade."""
IN_PROGRESS = "900109"
ALREADY_COMPLETED = "900110"
NOT_FOUND = frozenset({"900106", NOTHING_THERE})


@dataclass(frozen=True, slots=True)
class FollowedUpgrade:
    """The upgrade of a command, by Partner Center's id. `adopted`: the upgrade was there before the command.

    `seen` is its state, if this run has read it or has just requested the upgrade.
    """

    upgrade_id: str
    adopted: bool
    seen: Upgrade | None = None


async def upgrade_to_follow(ctx: Context, command: StartProductUpgrade) -> FollowedUpgrade:
    """The upgrade that the command started or adopted, now or in an earlier turn.

    Raises `Validated`; `Rejected` if the customer cannot be upgraded; `Wait` until the id of a new one is known.
    """
    step = ctx.step_state(START)
    started = step.result
    if started is not None:
        known = started.get("upgradeId") or ctx.known.get(NEW_ID) or await _new_id(ctx, command)
        return FollowedUpgrade(known, adopted=False)
    adopted = ctx.memory.get(f"adopted {ctx.redrive}")
    if adopted is not None:
        return FollowedUpgrade(adopted, adopted=True)
    found = await _eligibility(ctx, command)
    if not step.may_have_happened:
        named = await _named(ctx, command, found.upgrade_id)
        existing = named if _goes_on(named) else await _leftover(ctx, command)
        if existing is not None:
            return await _adopt(ctx, existing)
        _refuse_if_not_eligible(found, named)
        ctx.about_to(_start(command))
    return await _begin(ctx, command, found)


def not_finished(detail: str, upgrade_id: str | None = None, upgrade: Upgrade | None = None) -> Wait:
    """The wait for an upgrade. If the upgrade exists, the customer's other commands go on meanwhile."""
    blockers = [blocker_of(upgrade_id, upgrade)] if upgrade_id else []
    ended = f"{detail}; this did not change before the wait ended"
    never = Failed(FailedCode.OUTCOME_UNKNOWN, ended, blockers=blockers)
    if upgrade_id is None:
        awaits = upgrades.NAME
    else:
        awaits = upgrades.END if upgrade is not None and upgrade.status else upgrades.DESCRIPTION
    return Wait(
        WaitingReason.UPGRADE_RUNNING,
        detail,
        awaits=awaits,
        limited=True,
        give_up=never,
        release=upgrade_id is not None,
    )


async def _eligibility(ctx: Context, command: StartProductUpgrade) -> Eligibility:
    """Whether the customer can be upgraded, and the customer's upgrade if there is one.

    Raises `Refused`, and `Failed` (`outcome_unknown`) if the look is refused after this command began an upgrade.
    """
    try:
        return await upgrades.eligibility(ctx.center, command.customer_id, product_family=command.product_family)
    except Refused as no:
        step = ctx.step_state(START)
        was_begun = step.may_have_happened or step.result is not None
        if not was_begun or ctx.may_be_too_new(no):
            raise
        detail = f"Partner Center refuses to show whether an upgrade of the customer was started: {no}"
        raise Failed(FailedCode.OUTCOME_UNKNOWN, detail, partner_center=facts(no)) from no


async def _named(ctx: Context, command: StartProductUpgrade, upgrade_id: str | None) -> FollowedUpgrade | None:
    """The upgrade that has this id, with its state; None without an id."""
    if upgrade_id is None:
        return None
    upgrade = await upgrade_of(ctx, upgrade_id, command.customer_id, command.product_family)
    return FollowedUpgrade(upgrade_id, adopted=True, seen=upgrade)


def _goes_on(named: FollowedUpgrade | None) -> bool:
    """Whether the upgrade runs or is completed. A failed one lets another start."""
    return named is not None and named.seen is not None and named.seen.state is not UpgradeState.FAILED


async def _leftover(ctx: Context, command: StartProductUpgrade) -> FollowedUpgrade | None:
    """The upgrade that an earlier command left open, if it runs or is completed. A failed one is closed.

    Raises `Rejected` (`earlier_outcome_unknown`) if the state of the upgrade stays unknown.
    """
    earlier = ctx.earlier(EFFECT)
    if earlier is None:
        return None
    step = earlier.steps.get(START)
    known = (step.result or {}).get("upgradeId") if step else None
    left = await _named(ctx, command, known)
    if _goes_on(left):
        return left
    if known is None and (step is None or step.result is not None):
        detail = (
            f"command {earlier.command_id} began an upgrade of this customer, and Partner Center does not show it yet"
        )
        raise Rejected(RejectedCode.EARLIER_OUTCOME_UNKNOWN, detail)
    # The upgrade failed, or its request did not arrive in its time: eligibility would name the upgrade.
    await ctx.close(earlier)
    return None


async def _adopt(ctx: Context, existing: FollowedUpgrade) -> FollowedUpgrade:
    if ctx.validate_only:
        raise Validated([])
    earlier = ctx.earlier(EFFECT)
    if earlier is not None:
        await ctx.close(earlier)
    ctx.memory[f"adopted {ctx.redrive}"] = existing.upgrade_id
    return existing


def _refuse_if_not_eligible(found: Eligibility, named: FollowedUpgrade | None) -> None:
    if found.is_eligible:
        return
    detail = f"Microsoft says that the customer cannot be upgraded: {found.reason or 'it gives no reason'}"
    blockers = [blocker_of(named.upgrade_id, named.seen)] if named else []
    raise Rejected(RejectedCode.NOT_ELIGIBLE_FOR_UPGRADE, detail, blockers=blockers)


def _start(command: StartProductUpgrade) -> Change:
    sentence = f"start the upgrade of customer {command.customer_id} to the product family {command.product_family}"
    return Change(upgrades.CREATE, sentence)


async def _begin(ctx: Context, command: StartProductUpgrade, found: Eligibility) -> FollowedUpgrade:
    """Start the upgrade, or learn that an earlier request of this command started it."""
    step = ctx.step_state(START)
    before = _before(step) if step.may_have_happened else found.upgrade_id
    requested: Upgrade | None = None

    async def act(center: PartnerCenter) -> Result:
        nonlocal requested
        made = await upgrades.create(center, command.customer_id, product_family=command.product_family)
        requested = Upgrade(id=made)
        return {"upgradeId": made}

    async def reconcile() -> Verdict:
        """Applied if the upgrade was not there before the first request, or had failed before and runs again."""
        if found.upgrade_id is not None and (
            not same_id(found.upgrade_id, before) or _goes_on(await _named(ctx, command, found.upgrade_id))
        ):
            return Applied({"upgradeId": found.upgrade_id})
        # Unlike a cart, this key is gone once the upgrade has failed: then a late first request would start another.
        if (left := ctx.settles_in()) > 0:
            detail = "an unanswered request may still arrive, and no other request is sent before"
            raise Wait(WaitingReason.SETTLING, detail, delay=left)
        ctx.about_to(_start(command))
        return NotApplied()

    try:
        details = {"before": before, "productFamily": command.product_family}
        money = Money(key=EFFECT, details=details, reconcile=reconcile, act=act, spends=False)
        result = await ctx.step(START, money) or {}
    except Refused as no:
        if no.code != IN_PROGRESS:
            raise
        detail = f"an upgrade of the customer is in progress: {no.description}"
        raise not_finished(detail) from no
    return FollowedUpgrade(result.get("upgradeId") or await _new_id(ctx, command), adopted=False, seen=requested)


async def _new_id(ctx: Context, command: StartProductUpgrade) -> str:
    """The id of an upgrade that Partner Center took without naming it. Raises `Wait` while eligibility does not."""
    before = _before(ctx.step_state(START))
    found = await _eligibility(ctx, command)
    if found.upgrade_id is None or same_id(found.upgrade_id, before):
        raise not_finished("Partner Center took the upgrade and does not name it yet")
    ctx.known[NEW_ID] = found.upgrade_id
    return found.upgrade_id


def _before(step: StepView) -> str | None:
    """The upgrade that Partner Center named when the request was sent."""
    return (step.details or {}).get("before")


async def running_upgrade(ctx: Context, customer_id: str, held: Sequence[Subscription] | None = None) -> Blocker | None:
    """The customer's running upgrade; None if none runs, or if Partner Center does not show it.

    `held`: all subscriptions of the customer, if this run has read them. If none of them can belong to an upgrade, the
    customer never had a legacy subscription, and upgrades are not asked for: only owners of one can have an upgrade
    (partner-center/azure-plan-transition; 900108). The list keeps suspended and deleted subscriptions.
    Reading upgrades takes a user's token. A note in the timeline says where the look was left out. Partner Center sells
    no plan while an upgrade is open (900112 to 900114).
    """
    if held is not None and not any(each.may_belong_to_upgrade for each in held):
        return None
    if not ctx.center.permits(upgrades.ELIGIBILITY):
        ctx.note("not checked whether a product upgrade is running: that takes a user's token")
        return None
    try:
        found = await upgrades.eligibility(ctx.center, customer_id)
        if found.upgrade_id is None:
            return None
        upgrade = await upgrade_of(ctx, found.upgrade_id, customer_id)
    except (Refused, NotPermitted) as no:
        ctx.note(f"not known whether a product upgrade is running: {no}")
        return None
    return blocker_of(found.upgrade_id, upgrade) if upgrade.state is UpgradeState.RUNNING else None


async def upgrade_of(ctx: Context, upgrade_id: str, customer_id: str, product_family: str = upgrades.AZURE) -> Upgrade:
    """The state of an upgrade that Partner Center has named.

    An upgrade that Partner Center calls completed instead of describing it (900110) is completed. An upgrade that is
    not found yet (900106, 1000) runs, without a status.
    """
    try:
        return await upgrades.status(ctx.center, upgrade_id, customer_id, product_family=product_family)
    except Refused as no:
        if no.code == ALREADY_COMPLETED:
            return Upgrade(id=upgrade_id, status="Completed")
        if no.code in NOT_FOUND:
            return Upgrade(id=upgrade_id)
        raise


def blocker_of(upgrade_id: str, upgrade: Upgrade | None = None) -> Blocker:
    """An upgrade as `blockers` names it."""
    return Blocker(
        kind=BlockerKind.PRODUCT_UPGRADE, id=plain_id(upgrade_id), status=upgrade.status if upgrade else None
    )
