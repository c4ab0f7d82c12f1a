"""Invoices, balances, estimate links and documents."""

import json
from decimal import Decimal
from typing import Any

import pytest

from ops.simulator.simulator import Simulator
from tests.simulator.caller import Answered, Caller, exact


def ids(answer: Answered) -> list[str]:
    """The ids of a list of invoices."""
    return [item["id"] for item in answer.body["items"]]


@pytest.fixture
def filed(simulator: Simulator) -> Simulator:
    """Three invoices of new commerce and three legacy ones."""
    for month in ("2025-11", "2025-12", "2026-01"):
        simulator.invoice(id=f"G0{month.replace('-', '')}", month=month)
        simulator.invoice(id=f"D0{month.replace('-', '')}", month=month)
    return simulator


async def test_size_and_offset_count_for_legacy_invoices_alone(filed: Simulator, caller: Caller) -> None:
    """The newer ones come all at once with the first page, so that a page has more than size."""
    first = await caller.get("/invoices", {"size": "2", "offset": "0"})
    assert ids(first) == ["G0202511", "G0202512", "G0202601", "D0202511", "D0202512"]
    assert first.body["totalCount"] == 5
    second = await caller.get(first.body["links"]["next"]["uri"])
    assert (ids(second), "next" in second.body["links"]) == (["D0202601"], False)
    assert len(ids(await caller.get("/invoices"))) == 6


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"Field": "InvoiceDate", "Value": "2026-01-01", "Operator": "greater_than_or_equals"}, {"202512", "202601"}),
        (
            {
                "LeftFilter": {"Field": "InvoiceDate", "Value": "2026-01-01", "Operator": "greater_than"},
                "RightFilter": {"Field": "InvoiceDate", "Value": "2026-02-01", "Operator": "less_than"},
                "Operator": "and",
            },
            {"202512"},
        ),
    ],
)
async def test_invoices_are_filtered_by_date(
    filed: Simulator, caller: Caller, wanted: dict[str, Any], found: set[str]
) -> None:
    """A simple filter and a compound one; the date is the seventh of the month after."""
    answer = await caller.get("/invoices", {"filter": json.dumps(wanted)})
    assert {identity[2:] for identity in ids(answer)} == found


@pytest.mark.parametrize("text", ["{", '{"Field": "Id", "Value": "1", "Operator": "equals"}', "[]"])
async def test_another_filter_is_refused(filed: Simulator, caller: Caller, text: str) -> None:
    """No JSON, another field, or another shape."""
    assert (await caller.get("/invoices", {"filter": text})).code == 800002


async def test_an_invoice_is_found_with_its_type_before_its_id(filed: Simulator, caller: Caller) -> None:
    """Its self link has the type; by id it tells its period, and where its lines are."""
    (item, *_) = (await caller.get("/invoices")).body["items"]
    body = (await caller.get(item["links"]["self"]["uri"])).body
    assert (body["id"], item["links"]["self"]["uri"]) == ("G0202511", "/invoices/OneTime-G0202511")
    assert (body["billingPeriodStartDate"][:10], body["billingPeriodEndDate"][:10]) == ("2025-11-01", "2025-11-30")
    providers = [each["billingProvider"] for each in body["invoiceDetails"]]
    assert providers == ["one_time", "marketplace"]
    legacy = (await caller.get("/invoices/recurring-d0202511")).body
    assert [each["billingProvider"] for each in legacy["invoiceDetails"]] == ["office", "azure", "azure"]
    assert (await caller.get("/invoices/G9")).status == 404


async def test_an_invoice_and_its_notes_are_its_lines(simulator: Simulator, caller: Caller) -> None:
    """An adjustment note names the invoice that it amends; both together are what the lines sum up to."""
    simulator.invoice(amendments=["-10.00", "-2.50"], tax="shown")
    (item,) = exact(await caller.get("/invoices"))["items"]
    notes = sum(note["totalCharges"] for note in item["amendments"])
    books = simulator.figures("G000000001", "reconciliation")
    assert (notes, item["totalCharges"] + notes) == (Decimal("-12.50"), books.invoice_total)
    assert {(note["documentType"], note["amendsOf"]) for note in item["amendments"]} == {
        ("adjustment_note", item["id"])
    }


async def test_there_is_a_balance_for_each_currency(simulator: Simulator, caller: Caller) -> None:
    """What is paid is taken away; the single summary is in the currency of the newest invoice."""
    for currency, month in (("EUR", "2025-12"), ("USD", "2026-01")):
        simulator.invoice(currency=currency, month=month, paid="1.25")
    items = exact(await caller.get("/invoices/summaries"))["items"]
    assert [item["currencyCode"] for item in items] == ["EUR", "USD"]
    total = simulator.figures("G000000001", "reconciliation").invoice_total
    assert total is not None
    assert items[0]["balanceAmount"] == total - Decimal("1.25")
    assert [detail["invoiceType"] for detail in items[0]["details"]] == ["Recurring", "OneTime"]
    assert items[0]["lastPaymentDate"] == "0001-01-01T00:00:00"
    assert (await caller.get("/invoices/summary")).body["currencyCode"] == "USD"


async def test_estimate_links_have_the_old_names_of_providers(caller: Caller) -> None:
    """Two kinds for two periods; the currency is needed."""
    items = (await caller.get("/invoices/estimates/links", {"currencyCode": "EUR"})).body["items"]
    assert [(item["type"], item["period"]) for item in items] == [
        ("daily_rated_usage", "Current"),
        ("daily_rated_usage", "Previous"),
        ("non_consumption", "Current"),
        ("non_consumption", "Previous"),
    ]
    assert "provider=Marketplace" in items[0]["link"]["uri"]
    assert (await caller.get("/invoices/estimates/links")).code == 800002


async def test_statement_and_receipt_are_documents(simulator: Simulator, caller: Caller) -> None:
    """A PDF for those who accept one; the same bytes each time; an unknown receipt is 404."""
    simulator.invoice(receipts=("TW1",))
    path = "/invoices/G000000001/documents/statement"
    pdf = {"Accept": "application/pdf"}
    first, second = [await caller.get(path, headers=pdf) for _ in range(2)]
    assert (first.status, first.headers["Content-Type"], first.content[:5]) == (200, "application/pdf", b"%PDF-")
    assert first.content == second.content
    assert (await caller.get(path, headers={"Accept": "application/json"})).status == 406
    (receipt,) = (await caller.get("/invoices/G000000001")).body["taxReceipts"]
    assert (await caller.get(receipt["taxReceiptPdfDownloadLink"], headers=pdf)).content[:5] == b"%PDF-"
    assert (await caller.get("/invoices/G000000001/receipts/TW2/documents/statement", headers=pdf)).status == 404


async def test_invoices_of_another_partner_are_not_there(simulator: Simulator, caller: Caller) -> None:
    """A partner sees its own."""
    simulator.invoice()
    other = type(simulator.partner)("00000000-0000-4000-8000-000000000002", "client", "secret")
    simulator.world.partners[other.tenant_id] = other
    stranger = Caller(simulator, token=simulator.token(user=True, partner=other.tenant_id))
    assert (await stranger.get("/invoices")).body["items"] == []
    assert (await stranger.get("/invoices/G000000001")).status == 404


async def test_a_page_of_legacy_invoices_can_be_limited(filed: Simulator, caller: Caller) -> None:
    """Then there is a next page though nobody asked for pages."""
    filed.change(invoices_page=2)
    first = await caller.get("/invoices")
    second = await caller.get(first.body["links"]["next"]["uri"])
    assert (len(ids(first)), ids(second)) == (5, ["D0202601"])


@pytest.mark.parametrize("tax", ["none", "shown"])
async def test_a_legacy_invoice_is_its_licences_and_its_azure(simulator: Simulator, caller: Caller, tax: str) -> None:
    """What the lines of office and azure ask for is what the invoice asks for, to the cent."""
    simulator.invoice(id="D000000001", tax=tax, seats=5, groups=9)
    total = Decimal(0)
    for provider, name in (("office", "totalForCustomer"), ("azure", "postTaxTotal")):
        query = {"provider": provider, "invoicelineitemtype": "billinglineitems"}
        lines = exact(await caller.get("/invoices/D000000001/lineitems", query))["items"]
        total += sum((line[name] for line in lines), Decimal(0))
    assert exact(await caller.get("/invoices/D000000001"))["totalCharges"] == total
    assert simulator.figures("D000000001", "reconciliation", blobs=False).invoice_total == total
