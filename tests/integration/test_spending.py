"""What Azure costs, budgets and invoices: asked by command and by verb, on real parts.

Every figure is the simulator's, to the last digit, and every call is in a timeline.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

import pytest

from ops.local.azplan import Azplan
from ops.local.databases import fresh_database, run_apart
from ops.local.kafka_messages import Heard, Sent
from ops.local.simulator import SimulatorProcess
from ops.local.topics import Topics
from tests.integration.conftest import QUICK
from tests.integration.spending_desk import Desk, of_account

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.xdist_group("spending")]

PROMPT: Final = {"export_queued": [0, 0], "export_seconds": [0, 0], "export_retry_after": 1}
ODD: Final = "20.0100000000000051"
"""An amount that no float holds."""
BUDGET: Final = "1250.50"


@pytest.fixture(scope="module")
def desk(kafka_servers: str, _postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A worker for all tests of this module, and a Partner Center of its own."""
    folder = tmp_path_factory.mktemp("spending")
    topics = Topics(kafka_servers)
    run_apart(topics.create())
    center = SimulatorProcess(folder, "--scale", "600", "--set", "quota_per_minute=100000", user=True)
    center.start()
    center.change(**PROMPT)
    with fresh_database(_postgres_server) as url:
        settings = {**topics.env, **center.env, **QUICK, "AZPLAN_JOURNAL__URL": url, "AZPLAN_FILES__FORMATS": "source"}
        worker = Azplan(settings=settings, cwd=folder, name="worker")
        worker.start()
        yield Desk(topics, center, settings, folder)
        worker.stop()
    center.stop()


@pytest.fixture(scope="module")
def customers(desk: Desk) -> tuple[str, str]:
    """A customer with a plan and a budget, and one with a legacy subscription."""
    (plan,), (legacy,) = desk.center.customers("plan", 1), desk.center.customers("legacy", 1)
    desk.center.change_customer(plan, budget=BUDGET, currency="EUR")
    desk.center.set_usage(legacy, ODD)
    return plan, legacy


@pytest.fixture(scope="module")
def invoice(desk: Desk) -> str:
    """An invoice of new commerce with a tax receipt, lines in two blobs, and tax that only the invoice shows."""
    return desk.center.invoice(currency="EUR", tax="hidden", blobs=2, usage_lines=90, receipts=["T0001"])


def records(events: Sequence[Heard]) -> list[dict[str, Any]]:
    """The usage records of a story."""
    return [record for event in events if event.type == "UsageRecorded" for record in event.data["records"]]


async def test_the_usage_of_all_customers_and_of_the_partner_is_microsofts_to_the_last_digit(
    desk: Desk, customers: tuple[str, str]
) -> None:
    """The scopes `customers` and `partner`, and `azplan usage`, have each customer's total with all of its digits."""
    books = {each: desk.center.usage_of(each) for each in customers}
    with desk.every_call_told():
        listed, summed = await desk.ask(
            of_account("ReportUsage", scope="customers"), of_account("ReportUsage", scope="partner")
        )
        shown = desk.type("usage")

    assert {each["id"]: each["total"] for each in records(listed)} == {each: books[each]["total"] for each in customers}
    assert {each["id"]: each["total"] for each in shown["usageRecords"]} == {
        each: books[each]["total"] for each in customers
    }
    assert next(each["budget"] for each in records(listed) if each["id"] == customers[0]) == BUDGET
    assert listed[-1].data["totals"] == shown["totals"]
    assert summed[-1].data["partnerSummary"] == shown["partnerSummary"]
    assert summed[-1].data["partnerSummary"]["excludesPlanCustomers"] is True


@pytest.mark.parametrize("model", [0, 1], ids=["plan", "legacy"])
async def test_the_usage_of_a_customer_adds_up_over_subscriptions_resources_and_meters(
    desk: Desk, customers: tuple[str, str], model: int
) -> None:
    """Both models of resources: what the parts cost is what the customer costs."""
    customer = customers[model]
    books = desk.center.usage_of(customer)
    ((subscription, total),) = books["subscriptions"].items()
    part = ("resource", "legacyResource")[model]
    of_one: dict[str, Any] = {"scope": "subscription", "subscriptionId": subscription}
    asked = [{"scope": "customer"}, {"scope": "subscriptions"}, of_one, {**of_one, "by": "meter"}]
    with desk.every_call_told():
        whole, listed, one, meters, parts = await desk.ask(
            *(Sent("ReportUsage", customer, each) for each in (*asked, {**of_one, "by": part}))
        )
        shown = desk.type("usage", "--customer", customer)
        shown_parts = desk.type("usage", "--customer", customer, "--subscription", subscription, "--by", part)
        shown_meters = desk.type("usage", "--customer", customer, "--subscription", subscription, "--by", "meter")

    for answer in (whole, listed, one, meters, parts):
        assert answer[-1].type == "UsageReported", answer[-1].data
        assert sum(Decimal(each["total"]) for each in answer[-1].data["totals"]) == Decimal(books["total"])
    assert whole[-1].data["budget"] == (BUDGET if model == 0 else None)
    assert {each["id"]: each["total"] for each in records(listed)} == books["subscriptions"]
    assert [each["total"] for each in shown["usageRecords"]] == [total]
    for told, verb in ((records(parts), shown_parts), (records(meters), shown_meters)):
        assert sum(Decimal(each["total"]) for each in told) == Decimal(total)
        assert sorted(each["total"] for each in told) == sorted(each["total"] for each in verb["usageRecords"])


async def test_a_budget_is_set_removed_and_reported(desk: Desk, customers: tuple[str, str]) -> None:
    """By command and by verb. The books have each change once, with the amount before."""
    customer = customers[1]
    amount = "0.10000000000000001"
    with desk.every_call_told():
        ((*_, first),) = await desk.ask(Sent("SetUsageBudget", customer, {"amount": amount, "ifAmount": None}))
        ((*_, same),) = await desk.ask(Sent("SetUsageBudget", customer, {"amount": amount}))
        ((*_, refused),) = await desk.ask(Sent("SetUsageBudget", customer, {"amount": "9", "ifAmount": "8"}))
        listed = desk.type("budgets")
        typed = desk.type("budgets", "set", customer, "12.5", "--if", amount, "--yes")
        cleared = desk.type("budgets", "clear", customer, "--yes")

    assert (first.data["previous"], first.data["current"], first.data["alreadySet"]) == (None, amount, False)
    assert (same.data["previous"], same.data["alreadySet"]) == (amount, True)
    assert (refused.type, refused.data["code"]) == ("CommandRejected", "budget_changed")
    assert {each["id"]: each["budget"] for each in listed} == {customers[0]: BUDGET, customer: amount}
    assert (typed["previous"], typed["current"]) == (amount, "12.5")
    assert (cleared["previous"], cleared["current"]) == ("12.5", None)
    effects = desk.center.book("effects", customer=customer, kind="budget.set")
    changes = [(each["detail"]["previous"], each["detail"]["amount"]) for each in effects]
    assert changes == [(None, amount), (amount, "12.5"), ("12.5", None)]


async def test_invoices_are_listed_and_shown_with_balances_and_estimate_links(desk: Desk, invoice: str) -> None:
    """The list, one invoice by its id, the balance of each currency, and where Microsoft has estimates."""
    asked = of_account("ReportInvoices", include=["balances", "estimateLinks"], **{"from": "2026-01-01"})
    total = desk.center.figures(invoice, "usage")["invoice_total"]
    with desk.every_call_told():
        (*_, listed), (*_, one) = await desk.ask(asked, of_account("ReportInvoices", invoiceId=invoice))
        shown = desk.type("invoices", "--from", "2026-01-01")
        shown_one = desk.type("invoices", "show", invoice)

    assert [(each["id"], Decimal(each["total"])) for each in listed.data["invoices"]] == [(invoice, Decimal(total))]
    assert [each["id"] for each in shown["invoices"]] == [invoice]
    assert one.data["invoices"][0]["receipts"] == ["T0001"]
    assert (shown_one["id"], shown_one["total"]) == (invoice, one.data["invoices"][0]["total"])
    assert one.data["invoices"][0]["ways"] == {"reconciliation": "graph", "usage": "graph"}
    assert [(each["currency"], each["balance"]) for each in listed.data["balances"]] == [("EUR", total)]
    assert listed.data["estimateLinks"]
