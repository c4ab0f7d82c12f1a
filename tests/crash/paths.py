"""Every handler and each of its paths: a customer, a command, and how the command ends when nothing goes wrong.

A handler without a path here fails a test. All waits of a path are short, since long waits show nothing more.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path as Folder
from typing import Any, Literal

from events.messages.agreements import ConfirmCustomerAgreement, PrimaryContact
from events.messages.base import Command
from events.messages.customers import ReportCustomer, ReportCustomers
from events.messages.invoice_lines import ExportInvoiceLines
from events.messages.invoice_statements import FetchInvoiceStatement
from events.messages.invoices import ReportInvoices
from events.messages.plans import CreateAzurePlan, ReactivatePlan, SuspendPlan
from events.messages.upgrades import StartProductUpgrade
from events.messages.usage import ReportUsage, SetUsageBudget
from ops.simulator.state import Customer
from tests.support.destinations import ObjectsInFolder, in_callers_thread
from tests.support.virtual_time import START
from worker.files.store import Store


@dataclass(frozen=True)
class Path:
    """One way through a handler."""

    name: str
    command: type[Command]
    ends: str
    """Name of the terminal event, or the code of the refusal or failure."""
    customer: Mapping[str, Any] = field(default_factory=dict)
    """Members of the simulator's profile of the customer."""
    asks: Mapping[str, Any] = field(default_factory=dict)
    """Members of the command."""
    simulator: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the simulator."""
    through: Literal["partner_center", "arm", "arm_then_partner_center"] = "partner_center"
    """Through which service Azure subscriptions are cancelled and brought back."""
    patience: float = 240
    """Seconds until a limited wait ends. A refusal after a lost request is waited out for a quarter of an hour."""
    rotates: bool = False
    """The catalog's availabilities are replaced as soon as the customer has a cart."""
    invoice: Mapping[str, Any] | None = None
    """Members of an invoice of the partner account; None: the account has none."""
    store: Callable[[Folder], Store] = in_callers_thread
    """Where files go."""

    def __str__(self) -> str:
        return f"{self.command.__name__}: {self.name}"

    def asked(self, customer: Customer) -> Command:
        """The command for that customer, or for its partner account."""
        about = customer.partner if self.command.subject_of(self.asks) == "partner_account" else customer.id
        return self.command(customer_id=about, **self.asks)


EVERYTHING = os.environ.get("AZPLAN_TEST_CRASH") == "all"
"""Set by `make crash`."""
SLOW = {"patch_mode": "slow", "patch_seconds": (12.0, 12.0)}
LATE = START + timedelta(seconds=-1)
ACCEPTED = {
    "primary_contact": PrimaryContact(first_name="Ana", last_name="Ruiz", email="ana@example.com"),
    "date_agreed": START - timedelta(days=1),
}
"""An acceptance by a person of the customer."""
RETURNED = {"active_assets": "cancel", "reservations": "return"}

CREATE = (
    Path("bought", CreateAzurePlan, "AzurePlanCreated"),
    Path("there already", CreateAzurePlan, "AzurePlanCreated", {"profile": "plan"}),
    Path("a stale item", CreateAzurePlan, "AzurePlanCreated", simulator={"latency": (1.0, 1.0)}, rotates=True),
    Path("no credit", CreateAzurePlan, "credit_or_review", {"profile": "no_credit"}),
    Path("an error in the order", CreateAzurePlan, "credit_or_review", {"profile": "order_error"}),
    Path("a bad item", CreateAzurePlan, "order_refused", {"profile": "bad_item"}),
    Path("an order that fails", CreateAzurePlan, "order_failed", {"profile": "order_fails"}),
    Path("an order that never ends", CreateAzurePlan, "outcome_unknown", {"profile": "order_never_ends"}),
    Path("beside a legacy subscription", CreateAzurePlan, "legacy_azure_subscription", {"profile": "legacy"}),
    Path("while upgrading", CreateAzurePlan, "upgrade_in_progress", {"profile": "upgrading"}),
    Path("without agreement", CreateAzurePlan, "agreement_missing", {"profile": "no_agreement"}),
    Path("no customer of ours", CreateAzurePlan, "no_relationship", {"profile": "no_relationship"}),
    Path("nothing to buy", CreateAzurePlan, "catalog_item_unavailable", {"profile": "not_for_sale"}),
    Path("too late", CreateAzurePlan, "deadline_passed", asks={"deadline": LATE}),
    Path("only asked", CreateAzurePlan, "CommandValidated", asks={"validate_only": True}),
)
SUSPEND = (
    Path("suspended", SuspendPlan, "PlanSuspended", {"profile": "quiet_plan"}),
    Path("suspended slowly", SuspendPlan, "PlanSuspended", {"profile": "quiet_plan"}, simulator=SLOW),
    Path("suspended already", SuspendPlan, "PlanSuspended", {"profile": "suspended_plan"}),
    Path("in use", SuspendPlan, "active_assets", {"profile": "plan"}),
    Path("assets cancelled", SuspendPlan, "PlanSuspended", {"profile": "plan"}, {"active_assets": "cancel"}),
    Path(
        "assets cancelled through arm",
        SuspendPlan,
        "PlanSuspended",
        {"profile": "plan"},
        {"active_assets": "cancel"},
        through="arm",
    ),
    Path(
        "arm refuses repeats",
        SuspendPlan,
        "PlanSuspended",
        {"profile": "plan"},
        {"active_assets": "cancel"},
        {"azure_repeat": "refused", "azure_warned": (15.0, 15.0)},
        through="arm_then_partner_center",
    ),
    Path(
        "no role, so through Partner Center",
        SuspendPlan,
        "PlanSuspended",
        {"profile": "plan", "azure_role": "reader"},
        {"active_assets": "cancel"},
        through="arm_then_partner_center",
        patience=1_200,
    ),
    Path(
        "no consent",
        SuspendPlan,
        "not_permitted",
        {"profile": "no_consent", "reservations": 0},
        {"active_assets": "cancel"},
        through="arm",
    ),
    Path("a reservation", SuspendPlan, "active_assets", {"profile": "reserved"}, {"active_assets": "cancel"}),
    Path("a reservation returned", SuspendPlan, "PlanSuspended", {"profile": "reserved"}, RETURNED),
    Path(
        "two reservations returned at once",
        SuspendPlan,
        "PlanSuspended",
        {"profile": "two_reserved", "azure_subscriptions": 0},
        RETURNED,
        {"return_status": 200, "quote_change": 10.0, "reservation_flip": (0.0, 0.0)},
    ),
    Path(
        "a reservation that Microsoft keeps",
        SuspendPlan,
        "active_assets",
        {"profile": "reserved"},
        RETURNED,
        {"policy_error": "SelfServiceRefundNotSupported"},
    ),
    Path(
        "two reservations, and Microsoft keeps the second",
        SuspendPlan,
        "refused_by_partner_center",
        {"profile": "two_reserved"},
        RETURNED,
        {"refund_limit": 1_500.0},
    ),
    Path("no plan", SuspendPlan, "plan_not_found"),
    Path("two plans", SuspendPlan, "plan_ambiguous", {"profile": "two_plans"}),
    Path("too late", SuspendPlan, "deadline_passed", {"profile": "quiet_plan"}, {"deadline": LATE}),
    Path("only asked", SuspendPlan, "CommandValidated", {"profile": "quiet_plan"}, {"validate_only": True}),
)
ASSETS = {"azure_subscriptions": "reactivate"}
ASLEEP = {"profile": "suspended_plan", "inactive_azure_subscriptions": 2}
REACTIVATE = (
    Path("reactivated", ReactivatePlan, "PlanReactivated", {"profile": "suspended_plan"}),
    Path("reactivated slowly", ReactivatePlan, "PlanReactivated", {"profile": "suspended_plan"}, simulator=SLOW),
    Path("with assets", ReactivatePlan, "PlanReactivated", {"profile": "suspended_plan"}, ASSETS),
    Path("with assets, through arm", ReactivatePlan, "PlanReactivated", ASLEEP, ASSETS, through="arm"),
    Path(
        "with assets that Microsoft refuses",
        ReactivatePlan,
        "PlanReactivated",
        {"profile": "suspended_plan", "azure_role": "reader"},
        ASSETS,
        through="arm",
        patience=1_200,
    ),
    Path("active already", ReactivatePlan, "PlanReactivated", {"profile": "plan"}),
    Path("no plan", ReactivatePlan, "plan_not_found"),
    Path("only asked", ReactivatePlan, "CommandValidated", {"profile": "suspended_plan"}, {"validate_only": True}),
)
UPGRADE = (
    Path("upgraded", StartProductUpgrade, "ProductUpgradeCompleted", {"profile": "legacy"}),
    Path("done before", StartProductUpgrade, "ProductUpgradeCompleted", {"profile": "legacy", "upgrade": "completed"}),
    Path("an upgrade that fails", StartProductUpgrade, "upgrade_failed", {"profile": "upgrade_fails"}),
    Path("not eligible", StartProductUpgrade, "not_eligible_for_upgrade"),
    Path("never ends", StartProductUpgrade, "outcome_unknown", {"profile": "upgrading"}),
    Path("only asked", StartProductUpgrade, "CommandValidated", {"profile": "legacy"}, {"validate_only": True}),
)
AGREE = (
    Path("confirmed", ConfirmCustomerAgreement, "CustomerAgreementConfirmed", {"profile": "no_agreement"}, ACCEPTED),
    Path("confirmed already", ConfirmCustomerAgreement, "CustomerAgreementConfirmed", asks=ACCEPTED),
    Path(
        "refused",
        ConfirmCustomerAgreement,
        "refused_by_partner_center",
        {"profile": "no_agreement", "settings": {"refuse_attestation": 2032}},
        ACCEPTED,
    ),
)
REPORT = (
    Path("listed", ReportCustomers, "CustomersReported"),
    Path("reported", ReportCustomer, "CustomerReported", {"profile": "plan"}),
)
BUDGETED = {"profile": "plan", "budget": "100"}
SPEND = (
    Path("a budget", SetUsageBudget, "UsageBudgetSet", BUDGETED, {"amount": "500.10"}),
    Path("a budget removed", SetUsageBudget, "UsageBudgetSet", BUDGETED, {"amount": None, "if_amount": "100.0"}),
    Path("a budget set already", SetUsageBudget, "UsageBudgetSet", BUDGETED, {"amount": "100.00"}),
    Path("a budget changed", SetUsageBudget, "budget_changed", BUDGETED, {"amount": "5", "if_amount": None}),
    Path("only asked", SetUsageBudget, "CommandValidated", BUDGETED, {"amount": "5", "validate_only": True}),
    Path("usage of a customer", ReportUsage, "UsageReported", BUDGETED),
    Path("usage of all customers", ReportUsage, "UsageReported", BUDGETED, {"scope": "customers"}),
    Path("no usage", ReportUsage, "UsageReported"),
    Path("invoices", ReportInvoices, "InvoicesReported"),
    Path("an unknown invoice", ReportInvoices, "invoice_not_found", asks={"invoice_id": "G000000009"}),
)
INVOICE = "G016907411"
LEGACY_INVOICE = "D030000147"
LINES = {"invoice_id": INVOICE, "lines": ["usage"]}
SMALL = {"id": INVOICE, "blobs": 2, "usage_lines": 20, "groups": 4, "customers": 1}
EXPORT = (
    Path("two blobs", ExportInvoiceLines, "InvoiceLinesExported", asks=LINES, invoice=SMALL),
    Path(
        "two blobs, to an object store",
        ExportInvoiceLines,
        "InvoiceLinesExported",
        asks=LINES,
        invoice=SMALL,
        store=ObjectsInFolder,
    ),
    Path(
        "data that change",
        ExportInvoiceLines,
        "InvoiceLinesExported",
        asks=LINES,
        simulator={"etag_changes": 1, "old_blobs": "gone"},
        invoice=SMALL,
    ),
    Path(
        "a damaged blob",
        ExportInvoiceLines,
        "source_unreadable",
        asks=LINES,
        simulator={"blob_damage": "crc"},
        invoice=SMALL,
    ),
    Path(
        "an export that fails",
        ExportInvoiceLines,
        "export_failed",
        asks=LINES,
        simulator={"export_outcome": "failed"},
        invoice=SMALL,
    ),
    Path(
        "pages of a legacy invoice",
        ExportInvoiceLines,
        "InvoiceLinesExported",
        asks={"invoice_id": LEGACY_INVOICE},
        invoice={**SMALL, "id": LEGACY_INVOICE},
    ),
    Path("a statement", FetchInvoiceStatement, "InvoiceStatementFetched", asks={"invoice_id": INVOICE}, invoice=SMALL),
    Path("no statement", FetchInvoiceStatement, "invoice_not_found", asks={"invoice_id": INVOICE}),
    Path("no invoice", ExportInvoiceLines, "invoice_not_found", asks=LINES),
    Path("too late", ExportInvoiceLines, "deadline_passed", asks={**LINES, "deadline": LATE}, invoice=SMALL),
    Path("only asked", ExportInvoiceLines, "CommandValidated", asks={**LINES, "validate_only": True}, invoice=SMALL),
)
IN_ALL_FORMATS = {"invoice_id": INVOICE, "formats": ["source", "parquet", "focus"]}
LONG = (
    Path(
        "both kinds of lines",
        ExportInvoiceLines,
        "InvoiceLinesExported",
        asks={"invoice_id": INVOICE},
        invoice={**SMALL, "blobs": 1},
    ),
    Path(
        "Parquet and FOCUS, to an object store",
        ExportInvoiceLines,
        "InvoiceLinesExported",
        asks=IN_ALL_FORMATS,
        invoice=SMALL,
        store=ObjectsInFolder,
    ),
    Path("no lines at all", ExportInvoiceLines, "InvoiceLinesExported", asks=LINES, invoice={**SMALL, "blobs": 0}),
)
"""Paths that only `make crash` takes: they have many points, and hardly a new one."""
SAMPLED = LONG[1]
"""The one of them of which every run takes some points."""
PATHS = (*CREATE, *SUSPEND, *REACTIVATE, *UPGRADE, *AGREE, *REPORT, *SPEND, *EXPORT, *(LONG if EVERYTHING else ()))
