"""Whether the account can act for one customer at Azure Resource Manager, and who has to grant what. Reads only.

Vendor pages: partner-center/customers/gdap-faq, partner-center/developer/gdap-and-secure-application-model.
"""

from collections.abc import AsyncIterator
from dataclasses import replace

from worker.clock import Clock
from worker.operators.checks.findings import Finding, Result, ok, skipped
from worker.operators.checks.partner_calls import Probe, failed_call
from worker.partner_center.client.account import Account
from worker.partner_center.errors import CallError, NotPermitted, Refused
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources import arm_reservations, reservations

TOKEN, RESERVATIONS = "azure token", "azure reservations"
"""The check of the customer's consent and of the user's way into the tenant, and the check of the user's role."""
MOST_ORDERS = 20
"""So many reservation orders are looked at."""
NO_USER = (
    "Sign in a user of your tenant with multi-factor authentication, and set"
    " AZPLAN_PARTNERS__<NAME>__REFRESH_TOKEN_FILE."
)


async def azure_findings(account: Account, customer_id: str) -> AsyncIterator[Finding]:
    """A finding about a token of the customer's tenant, and one about the role on the reservations in force.

    A token that the tenant refuses is a warning if the customer has no reservation in force: nothing needs the token.
    """
    probe, name = Probe(), account.name
    center = account.center(probe)
    try:
        held = await reservations.list_all(center, customer_id)
    except CallError as error:
        yield failed_call(RESERVATIONS, error, name)
        return
    orders = [each.resource_id for each in held if each.is_active(Clock().now()) and each.resource_id]
    try:
        await account.sign_in(probe, arm_reservations.QUOTE, customer_id)
    except CallError as error:
        yield _no_token(error, name, needed=bool(orders))
        yield skipped(RESERVATIONS, "there is no token of the customer's tenant", name)
        return
    yield ok(TOKEN, "the customer's tenant gives one", name)
    yield await _reservations(center, customer_id, orders[:MOST_ORDERS])


def _no_token(error: CallError, partner: str, *, needed: bool) -> Finding:
    found = failed_call(TOKEN, error, partner, address="AUTHORITY")
    if not isinstance(error, NotPermitted):
        return found
    found = replace(found, advice=error.advice or NO_USER)
    return found if needed else replace(found, result=Result.WARNING, problem=None)


async def _reservations(center: PartnerCenter, customer_id: str, orders: list[str]) -> Finding:
    refused: dict[str, CallError] = {}
    for order in orders:
        try:
            await arm_reservations.list_all(center, customer_id, order)
        except (NotPermitted, Refused) as no:
            refused[order] = no
        except CallError as error:
            return failed_call(RESERVATIONS, error, center.account, address="ARM_URL")
    if not refused:
        read = f"{len(orders)} can be read" if orders else "the customer has none in force"
        return ok(RESERVATIONS, read, center.account)
    found = failed_call(RESERVATIONS, next(iter(refused.values())), center.account)
    return replace(found, detail=f"{', '.join(refused)}: {found.detail}")
