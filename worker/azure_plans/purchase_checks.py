"""The checks before a purchase, made before anything is written. Each check has its own refusal."""

from collections.abc import Sequence
from typing import cast

from events.codes import RejectedCode
from events.messages.command_status import Blocker, PartnerCenterError
from worker.azure_plans.upgrade import running_upgrade
from worker.errors import Rejected
from worker.handling import Context
from worker.partner_center.resources import agreements, customers
from worker.partner_center.resources.subscriptions import Subscription

COUNTRY = "country"
"""The name of the customer's country in `Context.known`."""
AGREED = "agreed"
"""The name in `Context.known` of the fact that the customer has accepted the agreement."""
MAY_SELL = frozenset({"reseller", None})
"""Relationships that let the partner sell. None: the answer names none, and the purchase itself tells."""

UPGRADE_LEGACY = "Send StartProductUpgrade: it moves the legacy subscription to an Azure plan."
REACTIVATE_LEGACY = (
    "Reactivate the legacy subscription in Partner Center and then send StartProductUpgrade, which does not move a"
    " suspended one; or buy the plan once Microsoft has deleted it."
)
ACTIVATE_LEGACY = (
    "Bring the legacy subscription back to active in Partner Center and send StartProductUpgrade, or buy the plan once"
    " Microsoft has deleted it."
)
LEGACY_ADVICE = {"active": UPGRADE_LEGACY, "suspended": REACTIVATE_LEGACY}


async def country_of_customer(ctx: Context, customer_id: str) -> str | None:
    """The customer's country; None if it is not known. A story reads the customer once.

    Raises `Refused` if Partner Center knows no such customer, and `Rejected` (`no_relationship`) if the partner may not
    sell to the customer: only this answer names the relationship, so it is read for a command with a country too.
    """
    if COUNTRY in ctx.known:
        return cast("str | None", ctx.known[COUNTRY])
    customer = await customers.get(ctx.center, customer_id)
    if customer.relationship_to_partner not in MAY_SELL:
        detail = (
            f"Partner Center names the relationship with the customer {customer.relationship_to_partner}, not reseller"
        )
        raise Rejected(RejectedCode.NO_RELATIONSHIP, detail)
    ctx.known[COUNTRY] = customer.country
    return customer.country


async def refuse_without_agreement(ctx: Context, customer_id: str) -> None:
    """Raises `Rejected` (`agreement_missing`) unless the customer accepted the agreement, by attestation or directly.

    Reading the agreement takes a user's token (partner-center/developer/get-confirmation-customer-agreement). Without
    one the check is left out, and Partner Center may refuse the purchase itself (13605). A story that has found the
    agreement accepted does not look again.
    """
    if ctx.known.get(AGREED):
        return
    if not ctx.center.permits(agreements.CONFIRMATIONS):
        ctx.note("not checked whether the Microsoft Customer Agreement is accepted: that takes a user's token")
        return
    attested = await agreements.confirmations(ctx.center, customer_id)
    if not attested and not (await agreements.direct_signature(ctx.center, customer_id)).is_signed:
        detail = "the customer has accepted the Microsoft Customer Agreement neither directly nor by attestation"
        raise Rejected(RejectedCode.AGREEMENT_MISSING, detail)
    ctx.known[AGREED] = True


async def refuse_while_upgrading(ctx: Context, customer_id: str, held: Sequence[Subscription]) -> None:
    """Raises `Rejected` (`upgrade_in_progress`) while the customer's legacy subscriptions are being upgraded."""
    upgrade = await running_upgrade(ctx, customer_id, held)
    if upgrade is not None:
        raise upgrade_in_progress(f"the upgrade {upgrade.id} is {upgrade.status or 'under way'}", [upgrade])


def upgrade_in_progress(detail: str, blockers: Sequence[Blocker], answer: PartnerCenterError | None = None) -> Rejected:
    """The refusal of a purchase because of an upgrade that is open."""
    return Rejected(RejectedCode.UPGRADE_IN_PROGRESS, detail, blockers=blockers, partner_center=answer)


def refuse_beside_legacy(held: Sequence[Subscription]) -> None:
    """Raises `Rejected` (`legacy_azure_subscription`) beside a legacy Azure subscription that is not deleted.

    Vendor pages: partner-center/azure-plan-transition, and 900105 in developer/error-codes.
    """
    legacy = [each for each in held if each.is_legacy_azure and not each.is_deleted]
    if legacy:
        first = min(legacy, key=lambda each: not each.is_active)
        named = ", ".join(f"{each.id} ({each.offer_id}, {each.status})" for each in legacy)
        advice = LEGACY_ADVICE.get(first.status or "", ACTIVATE_LEGACY)
        detail = f"the customer has a legacy Azure subscription: {named}"
        raise Rejected(RejectedCode.LEGACY_AZURE_SUBSCRIPTION, detail, advice=advice)
