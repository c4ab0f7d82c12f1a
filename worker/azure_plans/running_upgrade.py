"""A customer's product upgrade, as others than StartProductUpgrade need to know of it: whether one is under way."""

from events.codes import BlockerKind
from events.messages.status import Blocker
from worker.azure_plans.wording import plain
from worker.handling import Context
from worker.partner_center.answers.classification import NOT_FOUND as NOTHING_THERE
from worker.partner_center.errors import NotPermitted, Refused
from worker.partner_center.resources import upgrades
from worker.partner_center.resources.upgrades import Upgrade, UpgradeState

ALREADY_COMPLETED = "900110"
NOT_FOUND = frozenset({"900106", NOTHING_THERE})


async def running_upgrade(ctx: Context, customer_id: str) -> Blocker | None:
    """The customer's upgrade that is running; None where there is none, or where that cannot be read.

    Reading it takes a user's token. The timeline says where it was left out; Partner Center itself sells no plan while
    an upgrade is open (900112 to 900114).
    """
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
    """How far an upgrade is that Partner Center has named.

    One that it calls completed instead of describing it (900110) is completed; one that it does not find yet (900106,
    1000) is running, without a status.
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
    """An upgrade as it is named in `blockers`."""
    return Blocker(kind=BlockerKind.PRODUCT_UPGRADE, id=plain(upgrade_id), status=upgrade.status if upgrade else None)
