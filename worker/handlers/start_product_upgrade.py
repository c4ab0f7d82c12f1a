"""StartProductUpgrade: have Microsoft move the customer's legacy Azure subscriptions to an Azure plan, and follow it.

Vendor pages: partner-center/azure-plan-transition, partner-center/developer/get-product-upgrade-status.
"""

from typing import Any

from events.codes import FailedCode
from events.messages.base import Event
from events.messages.upgrades import (
    ProductUpgradeCompleted,
    ProductUpgradeProgressed,
    ProductUpgradeStarted,
    StartProductUpgrade,
    UpgradeLineItem,
    UpgradeProduct,
)
from worker.azure_plans.upgrade import FollowedUpgrade, blocker_of, not_finished, upgrade_of, upgrade_to_follow
from worker.errors import Failed
from worker.handling import Context, facts, handles, plain_id
from worker.partner_center.errors import Refused
from worker.partner_center.resources import upgrades
from worker.partner_center.resources.upgrades import Upgrade, UpgradeState

Told = dict[str, Any]
"""The changes that this story has published. Each change is published once."""


@handles(StartProductUpgrade)
async def start_product_upgrade(ctx: Context, command: StartProductUpgrade) -> Event:
    """Follow the customer's upgrade to its end: the existing upgrade, else a new one."""
    followed = await upgrade_to_follow(ctx, command)
    upgrade = await _read(ctx, command, followed)
    _tell(ctx, followed, upgrade)
    match upgrade.state:
        case UpgradeState.COMPLETED:
            return ctx.answer(
                ProductUpgradeCompleted,
                upgrade_id=plain_id(followed.upgrade_id),
                line_items=_line_items(upgrade),
                adopted=followed.adopted,
            )
        case UpgradeState.FAILED:
            detail = f"Microsoft ended upgrade {followed.upgrade_id} with status {upgrade.status}{_reasons(upgrade)}"
            blockers = [blocker_of(followed.upgrade_id, upgrade)]
            raise Failed(FailedCode.UPGRADE_FAILED, detail, blockers=blockers, ended=True)
        case UpgradeState.RUNNING:
            status = upgrade.status or "not described yet"
            raise not_finished(f"upgrade {followed.upgrade_id} is {status}", followed.upgrade_id, upgrade)


async def _read(ctx: Context, command: StartProductUpgrade, followed: FollowedUpgrade) -> Upgrade:
    """The state of the upgrade. Raises `Failed` (`outcome_unknown`), not a refusal, for an upgrade that this command
    started and that Partner Center refuses to show: the upgrade runs."""
    if followed.seen is not None:
        return followed.seen
    try:
        return await upgrade_of(ctx, followed.upgrade_id, command.customer_id, command.product_family)
    except Refused as no:
        if followed.adopted or ctx.may_be_too_new(no):
            raise
        detail = f"upgrade {followed.upgrade_id} was started, and Partner Center refuses to say how far it is: {no}"
        blockers = [blocker_of(followed.upgrade_id)]
        raise Failed(FailedCode.OUTCOME_UNKNOWN, detail, blockers=blockers, partner_center=facts(no)) from no


def _tell(ctx: Context, followed: FollowedUpgrade, upgrade: Upgrade) -> None:
    """Say once that the upgrade exists, and while it runs each change of its status or of a line item's status."""
    told: Told = ctx.memory.setdefault(f"told {ctx.redrive}", {})
    if not told.get("started"):
        told["started"] = True
        ctx.say(
            ProductUpgradeStarted.place,
            ProductUpgradeStarted,
            upgrade_id=plain_id(followed.upgrade_id),
            adopted=followed.adopted,
        )
    seen = [_word(upgrade.status), *([_name(line.source_product), _word(line.status)] for line in upgrade.line_items)]
    if upgrade.state is not UpgradeState.RUNNING or upgrade.status is None or seen == told.get("seen"):
        return
    told["seen"], told["progress"] = seen, told.get("progress", 0) + 1
    ctx.say(
        ProductUpgradeProgressed.nth_place(told["progress"]),
        ProductUpgradeProgressed,
        upgrade_id=plain_id(followed.upgrade_id),
        status=upgrade.status,
        line_items=_line_items(upgrade),
    )


def _line_items(upgrade: Upgrade) -> list[UpgradeLineItem]:
    return [
        UpgradeLineItem(
            source_product=_product(line.source_product),
            target_product=_product(line.target_product),
            status=line.status,
            upgraded_date=line.upgraded_date,
        )
        for line in upgrade.line_items
    ]


def _product(product: upgrades.UpgradeProduct | None) -> UpgradeProduct | None:
    return UpgradeProduct(id=product.id and plain_id(product.id), name=product.name) if product else None


def _name(product: upgrades.UpgradeProduct | None) -> str | None:
    return _word(product.id or product.name) if product else None


def _word(text: str | None) -> str | None:
    """The text for comparisons: Partner Center writes the same word in several cases."""
    return text.casefold() if text else None


def _reasons(upgrade: Upgrade) -> str:
    """The reasons that Microsoft gives for the failure of the upgrade and of its line items."""
    errors = [upgrade.error_details, *(line.error_details for line in upgrade.line_items)]
    texts = [" ".join(filter(None, (error.code, error.text))) for error in errors if error]
    return f": {'; '.join(texts)}" if texts else ""
