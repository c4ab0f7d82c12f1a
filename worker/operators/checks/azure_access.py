"""Whether the account can act for one customer at Azure Resource Manager, and who has to grant what. Reads only.

Vendor pages: partner-center/customers/gdap-faq, partner-center/developer/gdap-and-secure-application-model.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace

from worker.clock import Clock
from worker.operators.checks.findings import Finding, Result, ok, skipped
from worker.operators.checks.partner_calls import Probe, failed_call
from worker.partner_center.client.account import Account
from worker.partner_center.errors import CallError, NotPermitted, Refused
from worker.partner_center.resources import arm_reservations, arm_subscriptions, reservations
from worker.steps import AccountPolicy

TOKEN, SUBSCRIPTIONS, RESERVATIONS = "azure token", "azure subscriptions", "azure reservations"
"""The check of the customer's consent and of the user's way into the tenant, and the checks of the user's roles."""
MOST = 20
"""So many Azure subscriptions, and so many reservation orders, are looked at."""
NO_USER = (
    "Sign in a user of your tenant with multi-factor authentication, and set"
    " AZPLAN_PARTNERS__<NAME>__REFRESH_TOKEN_FILE."
)

Read = Callable[[str], Awaitable[object]]


async def azure_findings(
    account: Account, customer_id: str, active: Sequence[str], policy: AccountPolicy
) -> AsyncIterator[Finding]:
    """Findings about a token of the customer's tenant, and about the roles on what the customer has in use.

    `active`: ids of the customer's active Azure subscriptions. What no command needs at present is a warning: a token
    without a reservation in force, and anything that Partner Center does in place of Azure Resource Manager.
    """
    probe, name, only_way = Probe(), account.name, policy.cancel_through == "arm"
    center = account.center(probe)
    try:
        held = await reservations.list_all(center, customer_id)
    except CallError as error:
        yield failed_call(RESERVATIONS, error, name)
        return
    orders = [order for each in held if each.is_active(Clock().now()) for order in each.reservation_orders]
    try:
        await account.sign_in(probe, arm_reservations.QUOTE, customer_id)
    except CallError as error:
        found = failed_call(TOKEN, error, name, address="AUTHORITY")
        yield _as_needed(_advised(found, error), error, needed=bool(orders) or (only_way and bool(active)))
        for check in (SUBSCRIPTIONS, RESERVATIONS):
            yield skipped(check, "there is no token of the customer's tenant", name)
        return
    yield ok(TOKEN, "the customer's tenant gives one", name)
    if policy.cancel_through == "partner_center":
        yield skipped(SUBSCRIPTIONS, "the account cancels them through Partner Center", name)
    else:
        yield await _roles(
            SUBSCRIPTIONS, active, lambda each: arm_subscriptions.get(center, customer_id, each), name, needed=only_way
        )
    yield await _roles(RESERVATIONS, orders, lambda each: arm_reservations.list_all(center, customer_id, each), name)


async def _roles(check: str, ids: Sequence[str], read: Read, partner: str, *, needed: bool = True) -> Finding:
    """One finding about all these ids. It names each that the user may not read."""
    refused: dict[str, CallError] = {}
    for each in ids[:MOST]:
        try:
            await read(each)
        except (NotPermitted, Refused) as no:
            refused[each] = no
        except CallError as error:
            return failed_call(check, error, partner, address="ARM_URL")
    if not refused:
        return ok(check, f"{len(ids[:MOST])} can be read" if ids else "the customer has none in use", partner)
    first = next(iter(refused.values()))
    found = _advised(failed_call(check, first, partner), first)
    return _as_needed(replace(found, detail=f"{', '.join(refused)}: {found.detail}"), first, needed=needed)


def _advised(found: Finding, error: CallError) -> Finding:
    """The finding, with the advice to sign a user in if the account has none."""
    return replace(found, advice=NO_USER) if isinstance(error, NotPermitted) and not error.advice else found


def _as_needed(found: Finding, error: CallError, *, needed: bool) -> Finding:
    """A warning in place of a failure, if something has to be granted and nothing needs it at present."""
    if needed or not isinstance(error, NotPermitted):
        return found
    return replace(found, result=Result.WARNING, problem=None)
