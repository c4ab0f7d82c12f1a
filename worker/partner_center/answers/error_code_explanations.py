"""Error codes of Microsoft's services, explained to people: what happened, who resolves it, how.

Each code is a row of `error_code_explanations.tsv` beside this module, with its service. Codes of faults and order
errors have their HTTP status there; `item` stands for an item in a cart, `operation` for an export that failed.
Sources: https://learn.microsoft.com/partner-center/developer/error-codes, and `cart-resources` there;
https://learn.microsoft.com/graph/errors and https://learn.microsoft.com/graph/api/partners-billing-operation-get.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from events.codes import Fault
from worker.partner_center.answers.graph_access import GRANT_PERMISSION
from worker.partner_center.operation import Api


@dataclass(frozen=True, slots=True)
class Explanation:
    """One meaning of one code. A few codes have different meanings with different statuses."""

    code: str
    service: Api
    status: int | None
    """The documented HTTP status. None for the code of an item in a cart, and of an export that failed."""
    title: str
    cause: str
    fault: Fault
    advice: str
    """What to do next."""


def explanations(code: str) -> tuple[Explanation, ...]:
    """The meanings of a code: as a fault or order error first, then as one without a status. Empty if unknown."""
    return known_codes().get(code, ())


def as_written(code: str) -> str:
    """The code as its service writes it, from a code in upper or lower case. `code` itself if it is unknown."""
    return next((known for known in known_codes() if known.lower() == code.lower()), code)


@cache
def known_codes() -> Mapping[str, tuple[Explanation, ...]]:
    """All explanations by code, in the order of the table."""
    found: dict[str, tuple[Explanation, ...]] = {}
    table = files(__package__).joinpath("error_code_explanations.tsv").read_text(encoding="utf-8")
    for line in table.splitlines()[1:]:
        code, service, status, fault, advice, title, cause = line.split("\t")
        number = int(status) if status.isdigit() else None
        explanation = Explanation(code, Api(service), number, title, cause, Fault(fault), _ADVICE[advice])
        found[code] = (*found.get(code, ()), explanation)
    return MappingProxyType(found)


_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "later": (
            "Nothing to do now: azplan tries again. If the error persists, check Microsoft's service health and open a "
            "ticket with the request id."
        ),
        "ticket": "Open a support ticket at Microsoft with the request id and the correlation id of the call.",
        "input": (
            "Compare the request with the vendor's page of the operation. If the data of the command is right, report "
            "a fault of azplan."
        ),
        "customer": (
            "Check customerId: it must be the customer's Microsoft Entra tenant id, and ce_partner must name the "
            "account that serves this customer."
        ),
        "relationship": (
            "Ask the customer to accept a reseller relationship request, or name the account with the relationship in "
            "ce_partner."
        ),
        "agreement": (
            "Have the customer accept the Microsoft Customer Agreement (or record the acceptance in Partner "
            "Center), then send the command with a new id."
        ),
        "mpa": (
            "Have a global administrator of that company accept the Microsoft Partner Agreement in Partner Center."
        ),
        "program": (
            "Check the programme status and the enrolments of the company in Partner Center, and complete them."
        ),
        "role": (
            "Give the application or the user the role that the vendor's page names for this operation (for most the "
            "role admin agent)."
        ),
        "arm_role": (
            "Give the user of the refresh token the role that the answer's advice names, through AdminAgents and GDAP "
            "or by the customer. `azplan check --customer ID` says what is missing."
        ),
        "arm_tenant": (
            "Cancel or enable this Azure subscription in the Azure portal, as a user of the tenant that owns it."
        ),
        "user": "Configure a refresh token of a user (AZPLAN_PARTNERS__<NAME>__REFRESH_TOKEN_FILE), then redrive.",
        "token": "Check tenant id, client id, credential and AZPLAN_PARTNERS__<NAME>__AUDIENCE with `azplan check`.",
        "mfa": "Sign the user in again with multi-factor authentication and write the new refresh token into the file.",
        "review": (
            "Check the customer's account in Partner Center and finish the review there. Then send the command with a "
            "new id."
        ),
        "credit": "Raise the credit line or pay open invoices in Partner Center, then send the command with a new id.",
        "catalog": (
            "Nothing to do if azplan goes on by itself with a new catalog item. Otherwise check in Partner Center "
            "whether the item is sold to this customer and in this country."
        ),
        "sandbox": (
            "Suspend or remove subscriptions that the sandbox account no longer needs. Production accounts have no "
            "such limit."
        ),
        "limit": "Ask Microsoft to raise the limit, or remove subscriptions that are no longer needed.",
        "reseller": (
            "Check resellerId: it must be the partner id of an active indirect reseller that is linked to this account."
        ),
        "order": "Check the customer's order history in Partner Center before you order again.",
        "look": "Nothing to do now: azplan reads the present state and continues from there.",
        "state": "Check the subscription in Partner Center: its state does not allow this change.",
        "day": "Wait a day, then send the command with a new id.",
        "assets": (
            "Cancel the active Azure subscriptions and reservations first, or send SuspendPlan with activeAssets: "
            "cancel."
        ),
        "upgrade": (
            "Wait for the end of the upgrade (StartProductUpgrade follows a running one), then send the command with a "
            "new id."
        ),
        "upgrade_no": (
            "Remove the cause that the description names (for example suspended or very new Azure subscriptions), then "
            "send the command with a new id."
        ),
        "nothing": "Nothing to do: it exists already.",
        "data": (
            "Nothing to do now: azplan asks again until AZPLAN_WAITS__DATA_DEADLINE. If the lines never come, compare "
            "the invoice id and the currency with `azplan invoices list`."
        ),
        "graph_permission": f"{GRANT_PERMISSION} `azplan check` says whether it is there.",
        "graph_token": (
            "Check AZPLAN_PARTNERS__<NAME>__GRAPH_AUDIENCE, __GRAPH_URL and __AUTHORITY with `azplan check`: all must "
            "belong to the same cloud."
        ),
        "graph_export": (
            "Nothing to do if azplan goes on by itself: it asks for the export again. If the command is rejected, "
            "compare the invoice id with `azplan invoices list`."
        ),
        "graph_throttled": (
            "Nothing to do now: azplan waits as long as the answer says. If it happens often, lower "
            "AZPLAN_PARTNERS__<NAME>__GRAPH_REQUESTS_PER_MINUTE."
        ),
        "other": "This operation does not support such a product. Use the way that the description names.",
    }
)
