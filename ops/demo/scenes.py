"""The records that the demo sends, their customers, and the expected answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from events.messages.agreements import ConfirmCustomerAgreement
from events.messages.base import Command
from events.messages.invoice_lines import ExportInvoiceLines
from events.messages.plans import CreateAzurePlan, ReactivatePlan, SuspendPlan
from events.messages.upgrades import StartProductUpgrade
from events.messages.usage import ReportUsage, SetUsageBudget
from events.wire.codec import encode_command
from events.wire.record import Outgoing
from ops.simulator.seed import customer_id
from ops.simulator.simulator import CONTOSO

SOURCE: Final = "/azplan/demo"

CUSTOMERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "new": "ready",
        "quiet": "quiet_plan",
        "busy": "plan",
        "suspended": "suspended_plan",
        "old": "legacy",
        "old too": "legacy",
        "broke": "no_credit",
        "unsigned": "no_agreement",
        "leaving": "reserved",
    }
)
"""The customers by name, each with its profile at the simulator."""

NOBODY: Final = "00000000-0000-4000-8000-00000000d0d0"
"""A customer that no partner has."""

ACCOUNT: Final = "(the account)"
"""In place of a customer: the partner account itself."""

INVOICE: Final[Mapping[str, Any]] = MappingProxyType(
    {"id": "G000000001", "currency": "EUR", "tax": "hidden", "blobs": 2, "usage_lines": 400}
)
"""The invoice of the partner account at the simulator."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One record and its expected answer."""

    id: str
    """`ce_id` of the command."""
    kind: type[Command]
    about: str
    """What the scene shows, for the person who watches."""
    customer: str
    """Name in `CUSTOMERS`, or `ACCOUNT`; any other name is a customer that does not exist."""
    ends: str
    """Type of the event that ends the scene, with the code if it has one; empty if no event may come."""
    members: Mapping[str, Any] = field(default_factory=dict)

    @property
    def customer_id(self) -> str:
        """The customer's id at the simulator, which numbers customers in their order."""
        if self.customer == ACCOUNT:
            return CONTOSO.tenant_id
        names = list(CUSTOMERS)
        return customer_id(names.index(self.customer) + 1) if self.customer in names else NOBODY

    def record(self, now: datetime) -> Outgoing:
        """The record to send, with `members` unchecked: a scene may send wrong data."""
        bare = self.kind.model_construct(customer_id=self.customer_id)
        plain = encode_command(bare, id=self.id, source=SOURCE, time=now)
        data = {"customerId": self.customer_id, **self.members}
        return replace(plain, value=json.dumps(data).encode())


def scenes() -> tuple[Scene, ...]:
    """The whole demo, in order."""
    return (
        Scene("demo-01", CreateAzurePlan, "a customer without a plan buys one", "new", "AzurePlanCreated"),
        Scene("demo-01", CreateAzurePlan, "the same record once more: nothing is bought twice", "new", ""),
        Scene(
            "demo-01",
            CreateAzurePlan,
            "the same id with other content is refused",
            "new",
            "CommandIdReused",
            {"country": "FR"},
        ),
        Scene(
            "demo-02",
            SuspendPlan,
            "validateOnly: says what it would do",
            "quiet",
            "CommandValidated",
            {"validateOnly": True},
        ),
        Scene(
            "demo-03", SuspendPlan, "a plan with an active Azure subscription", "busy", "CommandRejected active_assets"
        ),
        Scene(
            "demo-04",
            SuspendPlan,
            "the same, allowed to cancel it first",
            "busy",
            "PlanSuspended",
            {"activeAssets": "cancel"},
        ),
        Scene("demo-05", ReactivatePlan, "a suspended plan comes back", "suspended", "PlanReactivated"),
        Scene("demo-06", StartProductUpgrade, "a legacy subscription is upgraded", "old", "ProductUpgradeCompleted"),
        Scene(
            "demo-07",
            CreateAzurePlan,
            "beside a legacy subscription no plan can be bought",
            "old too",
            "CommandRejected legacy_azure_subscription",
        ),
        Scene("demo-08", CreateAzurePlan, "the credit line is used up", "broke", "CommandRejected credit_or_review"),
        Scene("demo-09", CreateAzurePlan, "nobody has this customer", "nobody", "CommandRejected customer_not_found"),
        Scene(
            "demo-10",
            CreateAzurePlan,
            "data that does not fit the schema",
            "new",
            "CommandRejected invalid_command",
            {"country": "Germany"},
        ),
        *_agreement_first(),
        _return_first(),
        *_spending(),
    )


def _agreement_first() -> tuple[Scene, ...]:
    """A customer without the agreement, brought to a plan by two commands that are sent at once."""
    return (
        Scene(
            "demo-11",
            ConfirmCustomerAgreement,
            "an accepted agreement is recorded first",
            "unsigned",
            "CustomerAgreementConfirmed",
            {
                "primaryContact": {"firstName": "Ana", "lastName": "Ruiz", "email": "ana@example.com"},
                "dateAgreed": "2026-02-03",
            },
        ),
        Scene("demo-12", CreateAzurePlan, "and then the customer buys a plan", "unsigned", "AzurePlanCreated"),
    )


def _return_first() -> Scene:
    """A customer with a reservation, which Microsoft takes back before the plan is suspended."""
    return Scene(
        "demo-13",
        SuspendPlan,
        "what is reserved is returned for a refund first",
        "leaving",
        "PlanSuspended",
        {"activeAssets": "cancel", "reservations": "return"},
    )


def _spending() -> tuple[Scene, ...]:
    """A budget that is set and reported, and an invoice whose lines become files."""
    return (
        Scene("demo-14", SetUsageBudget, "a budget for Azure is set", "quiet", "UsageBudgetSet", {"amount": "250.00"}),
        Scene("demo-15", ReportUsage, "what Azure costs, beside its budget", "quiet", "UsageReported"),
        Scene(
            "demo-16",
            ExportInvoiceLines,
            "every line of an invoice, in files",
            ACCOUNT,
            "InvoiceLinesExported",
            {"invoiceId": INVOICE["id"], "formats": ["source"]},
        ),
    )


ORDERS: Final = 2
UPGRADES: Final = 1
RETURNS: Final = 1
DEAD_LETTERS: Final = 1
"""What must be in the books afterwards: two plans bought, one upgrade started, one reservation returned, one record
with a taken id."""
