"""What each command writes at Partner Center without trouble, and what stays true when an answer is lost."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from events.messages.agreements import ConfirmCustomerAgreement, CustomerAgreementConfirmed
from events.messages.base import Command, Event
from events.messages.customers import CustomerReported, CustomersReported, ReportCustomer, ReportCustomers
from events.messages.invoice_lines import ExportInvoiceLines, InvoiceLinesExported
from events.messages.invoice_statements import FetchInvoiceStatement, InvoiceStatementFetched
from events.messages.invoices import InvoicesReported, ReportInvoices
from events.messages.plans import (
    AzurePlanCreated,
    CreateAzurePlan,
    PlanReactivated,
    PlanSuspended,
    ReactivatePlan,
    SuspendPlan,
)
from events.messages.upgrades import ProductUpgradeCompleted, StartProductUpgrade
from events.messages.usage import ReportUsage, SetUsageBudget, UsageBudgetSet, UsageReported
from ops.simulator.state import Customer
from tests.crash.paths import ACCEPTED, INVOICE, SMALL
from tests.handlers.stage import ARM, ARM_THEN_PARTNER_CENTER, Cast, Stage
from tests.support.published_files import broken_files

Insist = Callable[[Stage, Customer, Event], None]


@dataclass(frozen=True)
class Story:
    """A command that reaches its goal."""

    name: str
    command: type[Command]
    profile: str
    """The profile of the customer in the simulator."""
    writes: tuple[str, ...]
    """The writing operations of the command, in order."""
    insist: Insist
    """What must be true of the answer and of Partner Center's books, whichever answer was lost."""
    losable: tuple[str, ...] | None = None
    """The writes whose answers are lost here. None stands for all of them."""
    asks: Mapping[str, Any] = field(default_factory=dict)
    simulator: Mapping[str, Any] = field(default_factory=dict)
    cast: Cast = field(default_factory=Cast)
    """The settings of the worker."""
    stale: bool = False
    """The catalog's items are replaced when the first check-out has been requested and is held back."""
    invoice: Mapping[str, Any] | None = None
    """Members of an invoice of the partner account; None: the account has none."""

    async def told(self, stage: Stage, customer: Customer) -> Event:
        """The command's answer."""
        stage.cast = self.cast
        stage.simulator.change(**self.simulator)
        if self.invoice is not None:
            stage.simulator.invoice(**self.invoice)
        if self.stale:
            stage.fault("throttle", "carts.checkout", retry_after=60)
        about = customer.partner if self.command.subject_of(self.asks) == "partner_account" else customer.id
        sent = await stage.send(self.command.model_validate({"customer_id": about, **self.asks}))
        if self.stale:
            await stage.until("carts.checkout")
            stage.simulator.rotate_catalog()
        return await stage.answer(sent)


def _the_lines_are_microsofts(stage: Stage, _customer: Customer, answer: Event) -> None:
    """One version was published, with the bytes of Microsoft's books."""
    assert isinstance(answer, InvoiceLinesExported), answer
    (usage,) = answer.datasets
    books = stage.simulator.figures(INVOICE, lines="usage")
    assert [(file.sha256, file.rows) for file in usage.files] == [(blob.sha256, blob.rows) for blob in books.blobs]
    assert not usage.already_exported
    assert list(broken_files(stage.files_folder, stage.simulator)) == []


def _the_statement_is_there(stage: Stage, _customer: Customer, answer: Event) -> None:
    """The PDF is in a file, once."""
    assert isinstance(answer, InvoiceStatementFetched), answer
    (file,) = stage.files_folder.rglob("*.pdf")
    content = file.read_bytes()
    assert content.startswith(b"%PDF")
    assert (answer.uri, answer.sha256) == (f"file://{file}", hashlib.sha256(content).hexdigest())


def _one_plan_is_bought(stage: Stage, _customer: Customer, answer: Event) -> None:
    """The answer and the books have the same bought plan."""
    assert isinstance(answer, AzurePlanCreated), answer
    (order,) = stage.simulator.books.orders
    (plan,) = stage.simulator.books.subscriptions
    assert not answer.already_existed
    assert (answer.subscription_id, answer.order_id, answer.cart_id) == (plan.id, order.id, order.cart_id)
    assert answer.catalog_item_id == order.lines[0].offer_id


def _of_one_cart(stage: Stage, customer: Customer, answer: Event) -> None:
    """No second cart was made: the first cart is the key of the purchase."""
    _one_plan_is_bought(stage, customer, answer)
    assert stage.effects("cart.created") == 1


def _it_is_suspended_once(stage: Stage, _customer: Customer, answer: Event) -> None:
    """This command suspended the plan, as the answer says."""
    assert isinstance(answer, PlanSuspended), answer
    assert not answer.already_suspended
    assert stage.effects("subscription.suspended") == 1


def _and_what_was_under_it_is_cancelled(stage: Stage, customer: Customer, answer: Event) -> None:
    """Each Azure subscription was cancelled once, and the answer names it."""
    _it_is_suspended_once(stage, customer, answer)
    (plan,) = customer.subscriptions.values()
    named = [each.id for each in getattr(answer, "cancelled_assets", ())]
    assert named == [each.id for each in plan.azure_subscriptions]
    assert stage.effects("entitlement.cancel_requested") == 1


def _and_what_was_reserved_is_returned(stage: Stage, customer: Customer, answer: Event) -> None:
    """Each reservation was returned once, and the answer names the refund that Microsoft gave, to the cent."""
    _it_is_suspended_once(stage, customer, answer)
    assert isinstance(answer, PlanSuspended), answer
    wanted = sorted(item.id for order in customer.reservations for item in order.items if item.status_code is None)
    assert sorted(each.quote.item_id for each in customer.returns.values()) == wanted
    paid = {each.quote.item_id: f"{each.quote.amount} {each.quote.currency}" for each in customer.returns.values()}
    named = {each.id: each.refund for each in answer.cancelled_assets if each.refund}
    assert {key: f"{refund.amount} {refund.currency}" for key, refund in named.items()} == paid
    total = sum(Decimal(str(each.quote.amount)) for each in customer.returns.values())
    assert [each.amount for each in answer.refunds] == [total]


def _it_is_active_again_once(stage: Stage, _customer: Customer, answer: Event) -> None:
    """This command reactivated the plan, as the answer says."""
    assert isinstance(answer, PlanReactivated), answer
    assert not answer.already_active
    assert stage.effects("subscription.active") == 1


def _and_what_was_under_it_is_active_again(stage: Stage, customer: Customer, answer: Event) -> None:
    """Each Azure subscription was brought back once, and the answer names it."""
    _it_is_active_again_once(stage, customer, answer)
    (plan,) = customer.subscriptions.values()
    named = [(each.id, each.status, each.reason) for each in getattr(answer, "azure_subscriptions", ())]
    assert named == [(each.id, "active", None) for each in plan.azure_subscriptions]
    assert stage.effects("entitlement.reactivate_requested") == 1


def _one_upgrade_is_started(stage: Stage, _customer: Customer, answer: Event) -> None:
    """The upgrade is followed to its end. A late start may look like another command's."""
    assert isinstance(answer, ProductUpgradeCompleted), answer
    (made,) = stage.simulator.books.upgrades
    assert answer.upgrade_id == made.id


def _the_acceptance_is_recorded_once(_stage: Stage, customer: Customer, answer: Event) -> None:
    """This command recorded the acceptance, as the answer says."""
    assert isinstance(answer, CustomerAgreementConfirmed), answer
    assert (answer.how, answer.already_confirmed) == ("attested", False)
    assert [each.email for each in customer.confirmations] == ["ana@example.com"]


def _the_customer_is_listed(_stage: Stage, _customer: Customer, answer: Event) -> None:
    """The partner's only customer is on the only page."""
    assert isinstance(answer, CustomersReported), answer
    assert (answer.customers, answer.pages) == (1, 1)


def _the_customer_is_reported(_stage: Stage, customer: Customer, answer: Event) -> None:
    """The whole report is there."""
    assert isinstance(answer, CustomerReported), answer
    assert [plan.subscription_id for plan in answer.plans or ()] == list(customer.subscriptions)
    assert answer.left_out == ()


def _the_budget_is_set_once(stage: Stage, customer: Customer, answer: Event) -> None:
    """The customer had no budget. The answer says so, whichever answer was lost."""
    assert isinstance(answer, UsageBudgetSet), answer
    assert (answer.previous, answer.current, answer.already_set) == (None, Decimal("500.10"), False)
    assert customer.budget == Decimal("500.10")
    assert {each.detail["previous"] for each in stage.simulator.books.effects_of(kind="budget.set")} <= {
        None,
        "500.10",
    }


def _the_usage_is_reported(stage: Stage, customer: Customer, answer: Event) -> None:
    """The sums are Partner Center's, to the last digit."""
    assert isinstance(answer, UsageReported), answer
    assert [each.total for each in answer.totals] == [stage.simulator.usage_of(customer)["total"]]


def _the_invoices_are_reported(_stage: Stage, _customer: Customer, answer: Event) -> None:
    """There is none, and that is an answer."""
    assert isinstance(answer, InvoicesReported), answer
    assert (answer.invoices, answer.balances) == ((), ())


BOUGHT = Story(
    "bought",
    CreateAzurePlan,
    "ready",
    ("carts.create", "carts.checkout"),
    _of_one_cart,
    losable=("carts.checkout",),
    simulator={"order_provisioning": [1200, 1200]},
)
STORIES = (
    BOUGHT,
    Story("put into a cart", CreateAzurePlan, "ready", BOUGHT.writes, _one_plan_is_bought, losable=("carts.create",)),
    Story(
        "a stale item",
        CreateAzurePlan,
        "ready",
        ("carts.create", "carts.update", "carts.checkout"),
        _of_one_cart,
        losable=("carts.update",),
        stale=True,
    ),
    Story("suspended", SuspendPlan, "quiet_plan", ("subscriptions.patch",), _it_is_suspended_once),
    Story(
        "assets cancelled",
        SuspendPlan,
        "plan",
        ("azure_entitlements.cancel", "subscriptions.patch"),
        _and_what_was_under_it_is_cancelled,
        losable=("azure_entitlements.cancel",),
        asks={"active_assets": "cancel"},
    ),
    *(
        Story(
            name,
            SuspendPlan,
            "plan",
            ("arm.subscriptions.cancel", "subscriptions.patch"),
            _and_what_was_under_it_is_cancelled,
            losable=("arm.subscriptions.cancel",),
            asks={"active_assets": "cancel"},
            simulator={"azure_repeat": repeat, "azure_warned": (0.0, 200.0)},
            cast=cast,
        )
        for name, cast, repeat in (
            ("assets cancelled through arm", ARM, "accepted"),
            ("assets cancelled through arm, repeats refused", ARM, "refused"),
            ("assets cancelled through arm first", ARM_THEN_PARTNER_CENTER, "refused"),
        )
    ),
    *(
        Story(
            f"reservations returned: {name}",
            SuspendPlan,
            profile,
            ("arm.reservations.return", "azure_entitlements.cancel", "subscriptions.patch"),
            _and_what_was_reserved_is_returned,
            losable=("arm.reservations.return",),
            asks={"active_assets": "cancel", "reservations": "return"},
            simulator=simulator,
        )
        for name, profile, simulator in (
            ("at once", "reserved", {"return_status": 200}),
            ("in an hour", "reserved", {"return_seconds": (3600.0, 3600.0), "return_headers": "location"}),
            ("in an hour, unseen", "two_reserved", {"return_seconds": (3600.0, 3600.0), "return_state": "Succeeded"}),
            ("for less each time", "two_reserved", {"return_status": 200, "quote_change": 10.0}),
            ("repeated", "split_reserved", {"return_repeat": "first_answer", "return_headers": "async"}),
        )
    ),
    Story("reactivated", ReactivatePlan, "suspended_plan", ("subscriptions.patch",), _it_is_active_again_once),
    *(
        Story(
            name,
            ReactivatePlan,
            "suspended_plan",
            ("subscriptions.patch", write),
            _and_what_was_under_it_is_active_again,
            losable=(write,),
            asks={"azure_subscriptions": "reactivate"},
            simulator={"azure_repeat": repeat, "azure_enabled": (0.0, 200.0)},
            cast=cast,
        )
        for name, cast, repeat, write in (
            ("assets reactivated", Cast(), "accepted", "azure_entitlements.reactivate"),
            ("assets enabled", ARM, "accepted", "arm.subscriptions.enable"),
            ("assets enabled, repeats refused", ARM, "refused", "arm.subscriptions.enable"),
            ("assets enabled first", ARM_THEN_PARTNER_CENTER, "refused", "arm.subscriptions.enable"),
        )
    ),
    Story("upgraded", StartProductUpgrade, "legacy", ("upgrades.create",), _one_upgrade_is_started),
    Story(
        "attested",
        ConfirmCustomerAgreement,
        "no_agreement",
        ("agreements.confirm",),
        _the_acceptance_is_recorded_once,
        asks=ACCEPTED,
    ),
    Story(
        "lines exported",
        ExportInvoiceLines,
        "ready",
        (),
        _the_lines_are_microsofts,
        asks={"invoice_id": INVOICE, "lines": ["usage"]},
        invoice=SMALL,
    ),
    Story(
        "a statement fetched",
        FetchInvoiceStatement,
        "ready",
        (),
        _the_statement_is_there,
        asks={"invoice_id": INVOICE},
        invoice=SMALL,
    ),
    Story("listed", ReportCustomers, "ready", (), _the_customer_is_listed),
    Story("reported", ReportCustomer, "plan", (), _the_customer_is_reported),
    *(
        Story(f"a budget{name}", SetUsageBudget, "plan", ("budgets.set",), _the_budget_is_set_once, asks=asks)
        for name, asks in (
            ("", {"amount": "500.10"}),
            (" where there is none", {"amount": "500.10", "ifAmount": None}),
        )
    ),
    *(
        Story(f"usage of the scope {scope}", ReportUsage, "plan", (), _the_usage_is_reported, asks={"scope": scope})
        for scope in ("customer", "subscriptions", "customers", "partner")
    ),
    Story("invoices", ReportInvoices, "plan", (), _the_invoices_are_reported),
)
"""These stories have every command, and every write of every command."""
