"""Partner Center's error codes, explained to people: what happened, whose it is to mend, what to do.

The codes are rows of `codes.tsv` beside this module: those of faults and order errors with their HTTP status, those of
items in a cart with `item` instead.
Source: https://learn.microsoft.com/partner-center/developer/error-codes, and `cart-resources` there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from events.codes import Fault


@dataclass(frozen=True, slots=True)
class Explanation:
    """One meaning of one code. A few codes mean different things with different statuses."""

    code: str
    status: int | None
    """The documented HTTP status; None for the code of an item in a cart."""
    title: str
    cause: str
    fault: Fault
    advice: str
    """What to do next."""


def explanations(code: str) -> tuple[Explanation, ...]:
    """What a code means: as a fault or an order error first, then as an item of a cart. Empty where it is not known."""
    return known_codes().get(code, ())


@cache
def known_codes() -> Mapping[str, tuple[Explanation, ...]]:
    """All explanations by code, in the order of the table."""
    found: dict[str, tuple[Explanation, ...]] = {}
    table = files(__package__).joinpath("codes.tsv").read_text(encoding="utf-8")
    for line in table.splitlines()[1:]:
        code, status, fault, advice, title, cause = line.split("\t")
        explanation = Explanation(
            code, None if status == "item" else int(status), title, cause, Fault(fault), _ADVICE[advice]
        )
        found[code] = (*found.get(code, ()), explanation)
    return MappingProxyType(found)


_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "later": (
            "Nothing to do at once: azplan tries again. If it stays, look at Microsoft's service health and open "
            "a ticket with the request id."
        ),
        "ticket": "Open a support ticket at Microsoft with the request id and the correlation id of the call.",
        "input": (
            "Compare what was sent with the vendor's page of the operation; if the command's own data is right, "
            "report it as a fault of azplan."
        ),
        "customer": (
            "Check customerId: it is the customer's Microsoft Entra tenant id, and ce_partner must name the "
            "account that serves it."
        ),
        "relationship": (
            "Ask the customer to accept a reseller relationship request, or name the account that has one in "
            "ce_partner."
        ),
        "agreement": (
            "Have the customer accept the Microsoft Customer Agreement (or record the acceptance in Partner "
            "Center), then send the command with a new id."
        ),
        "mpa": (
            "Have a global administrator of the company concerned accept the Microsoft Partner Agreement in "
            "Partner Center."
        ),
        "program": (
            "Look at the programme status and the enrolments of the company in Partner Center and mend what is "
            "missing there."
        ),
        "role": (
            "Give the application or the user the role that the vendor's page names for this operation (admin "
            "agent for most)."
        ),
        "user": "Configure a refresh token of a user (AZPLAN_PARTNERS__<NAME>__REFRESH_TOKEN_FILE), then redrive.",
        "token": "Check tenant id, client id, credential and AZPLAN_PARTNERS__<NAME>__AUDIENCE with `azplan check`.",
        "mfa": "Sign the user in again with multi-factor authentication and put the new refresh token into the file.",
        "review": (
            "Look at the customer's account in Partner Center and finish the review there; then send the command "
            "with a new id."
        ),
        "credit": "Raise the credit line or pay what is open in Partner Center, then send the command with a new id.",
        "catalog": (
            "Nothing to do where azplan mends it by itself. Otherwise look in Partner Center whether the item is "
            "sold for this customer and country."
        ),
        "sandbox": (
            "Suspend or remove what the sandbox account no longer needs; production accounts have no such limit."
        ),
        "limit": "Ask Microsoft to raise the limit, or remove what is no longer needed.",
        "reseller": (
            "Check resellerId: it must be the partner id of an active indirect reseller that is linked to this account."
        ),
        "order": "Look at the customer's order history in Partner Center before anything is ordered again.",
        "look": "Nothing to do at once: azplan looks at the state and goes on from there.",
        "state": "Look at the subscription in Partner Center: its state does not allow this change.",
        "day": "Wait a day, then send the command with a new id.",
        "assets": (
            "Cancel the active Azure subscriptions and reservations first, or send SuspendPlan with activeAssets: "
            "cancel."
        ),
        "upgrade": (
            "Follow the upgrade (StartProductUpgrade adopts it) until it has ended, then send the command with a "
            "new id."
        ),
        "upgrade_no": (
            "Mend what the description names (suspended or very new Azure subscriptions, for example), then send "
            "the command with a new id."
        ),
        "nothing": "Nothing to do: it is there already.",
        "other": "This operation is not for such a product; use the way that the description names.",
    }
)
