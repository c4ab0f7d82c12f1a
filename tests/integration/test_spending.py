"""What Azure costs, budgets, invoices and their lines: each is asked by a command and by a verb, on real parts.

Every figure is the simulator's, to the last digit, and every call is in a timeline.
"""

import hashlib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

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
PLAIN: Final = {
    "AZPLAN_FILES__FORMATS": "source",
    "AZPLAN_WAITS__EXPORT_FIRST": "0.3",
    "AZPLAN_WAITS__EXPORT_MAX": "1",
    "AZPLAN_PARTNERS__CONTOSO__GRAPH_REQUESTS_PER_MINUTE": "1000",
}
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
        settings = {**topics.env, **center.env, **QUICK, "AZPLAN_JOURNAL__URL": url, **PLAIN}
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


def file_of(uri: str) -> Path:
    """The file that a `file:` address names."""
    return Path(unquote(urlsplit(uri).path))


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
        shown_one, shown_parts, shown_meters = (
            desk.type("usage", "--customer", customer, "--subscription", subscription, *by)
            for by in ((), ("--by", part), ("--by", "meter"))
        )

    told = [answer[-1].data for answer in (whole, listed, one, meters, parts)]
    for each in (*told, shown, shown_one, shown_parts, shown_meters):
        assert sum(Decimal(total["total"]) for total in each["totals"]) == Decimal(books["total"]), each
    assert whole[-1].data["budget"] == shown["budget"] == (BUDGET if model == 0 else None)
    assert (shown["periodStart"], shown["periodEnd"]) == (told[0]["periodStart"], told[0]["periodEnd"])
    assert (shown_one["subscriptionId"], shown_one["usageRecords"]) == (subscription, [])
    assert {each["id"]: each["total"] for each in records(listed)} == books["subscriptions"]
    assert [each["total"] for each in shown["usageRecords"]] == [total]
    for divided, verb in ((records(parts), shown_parts), (records(meters), shown_meters)):
        assert sum(Decimal(each["total"]) for each in divided) == Decimal(total)
        assert sorted(each["total"] for each in divided) == sorted(each["total"] for each in verb["usageRecords"])


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
        ((*_, again),) = await desk.ask(Sent("SetUsageBudget", customer, {"amount": None}))

    assert (first.data["previous"], first.data["current"], first.data["alreadySet"]) == (None, amount, False)
    assert (same.data["previous"], same.data["alreadySet"]) == (amount, True)
    assert (refused.type, refused.data["code"]) == ("CommandRejected", "budget_changed")
    assert {each["id"]: each["budget"] for each in listed} == {customers[0]: BUDGET, customer: amount}
    assert (typed["previous"], typed["current"]) == (amount, "12.5")
    assert (cleared["previous"], cleared["current"]) == ("12.5", None)
    assert (again.data["previous"], again.data["alreadySet"]) == (None, True)
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
        sent = desk.type("send", "ReportInvoices", "--include", '["estimateLinks"]', "--wait", "1m")

    assert [(each["id"], Decimal(each["total"])) for each in listed.data["invoices"]] == [(invoice, Decimal(total))]
    assert [each["id"] for each in shown["invoices"]] == [invoice]
    assert one.data["invoices"][0]["receipts"] == ["T0001"]
    assert (shown_one["id"], shown_one["total"]) == (invoice, one.data["invoices"][0]["total"])
    assert one.data["invoices"][0]["ways"] == {"reconciliation": "graph", "usage": "graph"}
    assert [(each["currency"], each["balance"]) for each in listed.data["balances"]] == [("EUR", total)]
    assert shown["balances"] == listed.data["balances"]
    assert {(each["type"], each["period"]) for each in listed.data["estimateLinks"]} == {
        (kind, period) for kind in ("daily_rated_usage", "non_consumption") for period in ("Current", "Previous")
    }
    assert sent["events"][-1]["data"]["estimateLinks"] == listed.data["estimateLinks"]


async def test_a_statement_and_a_tax_receipt_are_fetched_into_files_once(desk: Desk, invoice: str) -> None:
    """The command writes the PDF. The verb finds it there and copies it."""
    copy = desk.folder / "statement.pdf"
    with desk.every_call_told():
        told = await desk.ask(
            of_account("FetchInvoiceStatement", invoiceId=invoice),
            of_account("FetchInvoiceStatement", invoiceId=invoice, receiptId="T0001"),
        )
        shown = desk.type("invoices", "statement", invoice, "-o", str(copy))
        receipt = desk.type("invoices", "statement", invoice, "--receipt", "T0001")

    for (*_, answer), again in zip(told, (shown, receipt), strict=True):
        content = file_of(answer.data["uri"]).read_bytes()
        assert content.startswith(b"%PDF-")
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (answer.data["sha256"], answer.data["bytes"])
        assert (again["uri"], again["alreadyFetched"]) == (answer.data["uri"], True)
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == shown["sha256"]
    assert shown["sha256"] != receipt["sha256"]


async def test_billed_lines_are_exported_to_the_byte(desk: Desk, invoice: str) -> None:
    """Consumption and reconciliation of an invoice: rows, sums and the hash of every blob are Microsoft's."""
    with desk.every_call_told():
        ((*_, told),) = await desk.ask(of_account("ExportInvoiceLines", invoiceId=invoice))
        shown = desk.type("invoices", "export", invoice)

    expected = {kind: desk.center.figures(invoice, kind) for kind in ("reconciliation", "usage")}
    exported_exactly(told.data, expected)
    exported_exactly(shown, expected)
    assert [each["alreadyExported"] for each in told.data["datasets"]] == [False, False]
    assert [each["alreadyExported"] for each in shown["datasets"]] == [True, True]


@pytest.mark.usefixtures("invoice")  # it says in which currency the partner is billed
async def test_unbilled_lines_are_exported_to_the_byte(desk: Desk) -> None:
    """Consumption and reconciliation of a month without an invoice, this one and the one before."""
    current = desk.center.unbilled(currency="EUR", period="current")
    previous = desk.center.unbilled(currency="EUR", period="previous", usage_lines=40)
    asked = {"period": "current", "currency": "EUR"}
    with desk.every_call_told():
        ((*_, told),) = await desk.ask(of_account("ExportInvoiceLines", unbilled=asked))
        shown = desk.type("invoices", "export", "--unbilled", "previous", "--currency", "EUR")

    kinds = ("reconciliation", "usage")
    exported_exactly(told.data, {kind: desk.center.figures(current, kind) for kind in kinds})
    exported_exactly(shown, {kind: desk.center.figures(previous, kind) for kind in kinds})
    assert told.data["unbilled"] == asked


async def test_legacy_lines_come_in_pages_and_are_exported(desk: Desk) -> None:
    """Microsoft Graph knows no legacy invoice: its lines are read from pages of Partner Center."""
    legacy = desk.center.invoice(id="D000000777", usage_lines=30)
    with desk.every_call_told():
        ((*_, told),) = await desk.ask(of_account("ExportInvoiceLines", invoiceId=legacy))
        shown = desk.type("invoices", "export", legacy)

    assert told.type == "InvoiceLinesExported", told.data
    rows = {kind: ("v1", desk.center.figures(legacy, kind)["rows"]) for kind in ("reconciliation", "usage")}
    for answer in (told.data, shown):
        assert {each["lines"]: (each["way"], each["rows"]) for each in answer["datasets"]} == rows
    versions = [[each["version"] for each in answer["datasets"]] for answer in (told.data, shown)]
    assert versions[0] == versions[1], "the same pages are the same version"
    assert {each["alreadyExported"] for each in shown["datasets"]} == {True}


def test_every_exported_file_is_what_its_manifest_says(desk: Desk, invoice: str) -> None:
    """`azplan files` lists, shows and verifies what the tests before have exported, and finds a changed byte."""
    desk.type("invoices", "export", invoice, "--lines", "usage")
    listed = desk.type("files", "--invoice", invoice)
    verified = desk.type("files", "verify", "--all")
    assert "usage" in {each.get("lines") for each in listed}
    assert verified
    (part, *_) = sorted(desk.folder.glob(f"azplan-files/v1/**/invoice={invoice}/**/source/*.gz"))
    content = part.read_bytes()
    part.chmod(0o644)
    try:
        part.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        desk.start("files", "verify", code=1)
    finally:
        part.write_bytes(content)


def exported_exactly(told: dict[str, Any], expected: dict[str, dict[str, Any]]) -> None:
    """The datasets of an answer have these rows, sums and blobs."""
    assert {each["lines"] for each in told["datasets"]} == set(expected)
    for dataset in told["datasets"]:
        books = expected[dataset["lines"]]
        assert dataset["way"] == "graph"
        assert dataset["rows"] == books["rows"]
        assert summed(dataset["totals"], "currency", "chargeType", "beforeTax") == summed(
            books["totals"], "currency", "charge_type", "before_tax"
        )
        files = [each for each in dataset["files"] if each["format"] == "source"]
        assert [(each["rows"], each["bytes"], each["sha256"]) for each in files] == [
            (each["rows"], each["bytes"], each["sha256"]) for each in books["blobs"]
        ]
        for each in files:
            assert hashlib.sha256(file_of(each["uri"]).read_bytes()).hexdigest() == each["sha256"]


def summed(
    totals: list[dict[str, Any]], currency: str, charge_type: str, amount: str
) -> dict[Any, tuple[int, Decimal]]:
    """Rows and sum before tax by currency and type of charge."""
    return {(each[currency], each[charge_type]): (each["rows"], Decimal(each[amount])) for each in totals}
