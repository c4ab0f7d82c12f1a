"""ReportInvoices: what it says of invoices, balances and estimates, and the faults that it survives."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from events.codes import RejectedCode
from events.messages.command_status import CommandValidated
from events.messages.invoices import InvoicesReported, ReportInvoices
from ops.simulator.behaviour import Hostility
from ops.simulator.resources import invoices
from tests.handlers.exports import INVOICE, one_kind
from tests.handlers.stage import Cast, Stage
from worker.files.destination import Destination, Published
from worker.files.layout import Dataset
from worker.files.store import AT_ONCE

APP_ONLY = pytest.mark.parametrize("cast", [Cast(user=False)], indirect=True, ids=["app_only"])


def ask(stage: Stage, **members: object) -> ReportInvoices:
    """The command for the partner account."""
    return ReportInvoices.model_validate({"customerId": stage.simulator.partner.tenant_id, **members})


async def reported(stage: Stage, **members: object) -> dict[str, Any]:
    """The data of the answer."""
    return (await stage.done(InvoicesReported, ask(stage, **members))).wire_data()


async def test_what_is_exported_of_an_invoice_is_found_with_a_type_before_its_id(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Partner Center may write `OneTime-G000000001`, and the folder of the files never has the type."""
    stage.simulator.invoice(id=INVOICE)
    body = invoices._body
    monkeypatch.setattr(invoices, "_body", lambda invoice: body(invoice) | {"id": f"OneTime-{invoice.id}"})
    version = (await one_kind(stage, "usage", formats=["source"])).version

    (told,) = (await reported(stage, **{"from": "2020-01-01"}))["invoices"]

    assert told["exported"] == {"reconciliation": None, "usage": version}


async def test_versions_of_many_invoices_are_looked_up_at_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after another they would take seconds at an object store; all at once they would leave others no room."""
    for number in range(3 * AT_ONCE):
        stage.simulator.invoice(id=f"G{number:09}")
    latest, under_way, most = Destination.latest, 0, 0

    async def slowly(destination: Destination, dataset: Dataset) -> Published | None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(3):
            await asyncio.sleep(0)
        under_way -= 1
        return await latest(destination, dataset)

    monkeypatch.setattr(Destination, "latest", slowly)

    assert len((await reported(stage, **{"from": "2020-01-01"}))["invoices"]) == 3 * AT_ONCE

    assert most == AT_ONCE


async def test_invoices_are_listed_with_the_newest_first(stage: Stage) -> None:
    """New commerce and legacy commerce; amounts with Microsoft's digits; ways by id and period."""
    stage.simulator.change(hostility=Hostility(amounts="mixed"))
    for identity, month in (("G000000001", "2026-01"), ("D000000001", "2026-02"), ("G000000003", "2022-08")):
        stage.simulator.invoice(id=identity, month=month, currency="EUR")
    answer = await reported(stage, **{"from": "2020-01-01"})
    assert [each["id"] for each in answer["invoices"]] == ["D000000001", "G000000001", "G000000003"]
    assert [each["ways"] for each in answer["invoices"]] == [
        {"reconciliation": "v1", "usage": "v1"},
        {"reconciliation": "graph", "usage": "graph"},
        {"reconciliation": "v1", "usage": "v1"},
    ]
    totals = {each["id"]: Decimal(each["total"]) for each in answer["invoices"]}
    assert totals["G000000001"] == stage.simulator.figures("G000000001").invoice_total
    assert {each["type"] for each in answer["invoices"]} == {"OneTime", "Recurring"}
    assert answer["invoices"][1]["exported"] == {"reconciliation": None, "usage": None}
    assert {"lines": "usage_line_items", "provider": "azure"} in answer["invoices"][0]["details"]


async def test_without_dates_the_last_thirteen_months_are_reported(stage: Stage) -> None:
    """It is the first of March 2026, or soon after."""
    for month in ("2026-01", "2025-02", "2025-01"):
        stage.simulator.invoice(id=f"G{month.replace('-', '')}", month=month)
    answer = await reported(stage)
    assert {each["id"] for each in answer["invoices"]} <= {"G202601", "G202502", "G202501"}
    assert "G202601" in {each["id"] for each in answer["invoices"]}
    narrow = await reported(stage, **{"from": "2025-02-01", "to": "2025-02-28"})
    assert {each["id"] for each in narrow["invoices"]} == {"G202501"}, "the invoice of January is of February"


async def test_every_page_of_legacy_invoices_is_read(stage: Stage) -> None:
    """Partner Center ignores the size for invoices of new commerce, and the links lead to the rest."""
    stage.simulator.change(invoices_page=2)
    for number in range(5):
        stage.simulator.invoice(id=f"D00000000{number}", month="2026-01")
        stage.simulator.invoice(id=f"G00000000{number}", month="2026-01")
    answer = await reported(stage)
    assert len({each["id"] for each in answer["invoices"]}) == 10
    assert stage.calls().count("invoices.list") == 3


@pytest.mark.parametrize("asked", ["G000000001", "OneTime-G000000001"])
async def test_one_invoice_has_its_period(stage: Stage, asked: str) -> None:
    """By its id, with the type before it or without."""
    stage.simulator.invoice(id="G000000001", month="2026-01", receipts=("T1",), amendments=(Decimal("-12.50"),))
    answer = await reported(stage, invoiceId=asked)
    (invoice,) = answer["invoices"]
    assert (invoice["id"], invoice["receipts"]) == ("G000000001", ["T1"])
    (amendment,) = invoice["amendments"]
    assert (Decimal(amendment["total"]), amendment["documentType"]) == (Decimal("-12.5"), "adjustment_note")
    assert (invoice["periodStart"], invoice["periodEnd"]) == ("2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z")


async def test_an_unknown_invoice_is_not_found(stage: Stage) -> None:
    """404 on the invoice."""
    no = await stage.rejected(ask(stage, invoiceId="G999999999"))
    assert no.code is RejectedCode.INVOICE_NOT_FOUND
    assert "azplan invoices list" in no.advice


async def test_balances_are_by_currency(stage: Stage) -> None:
    """One for each; a currency chooses among them too."""
    stage.simulator.invoice(id="G000000001", currency="EUR", month="2026-01")
    stage.simulator.invoice(id="G000000002", currency="USD", month="2026-01")
    answer = await reported(stage)
    assert {each["currency"] for each in answer["balances"]} == {"EUR", "USD"}
    assert all(each["lastPayment"] is None for each in answer["balances"]), "the year 1 stands for no date"
    only = await reported(stage, currency="eur")
    assert [each["currency"] for each in only["balances"]] == ["EUR"]
    assert [each["id"] for each in only["invoices"]] == ["G000000001"]


async def test_a_currency_that_the_account_does_not_have_is_refused(stage: Stage) -> None:
    """The detail names those that it has."""
    stage.simulator.invoice(id="G000000001", currency="EUR", month="2026-01")
    no = await stage.rejected(ask(stage, currency="JPY"))
    assert no.code is RejectedCode.CURRENCY_UNKNOWN
    assert "EUR" in no.detail


@APP_ONLY
async def test_without_a_users_token_balances_are_null(stage: Stage) -> None:
    """The list works with the application's token. One invoice by its id does not."""
    stage.simulator.invoice(id="G000000001", month="2026-01")
    answer = await reported(stage)
    assert (answer["balances"], len(answer["invoices"])) == (None, 1)
    assert stage.calls() == ["invoices.list"]
    no = await stage.rejected(ask(stage, invoiceId="G000000001"))
    assert no.code is RejectedCode.NOT_PERMITTED


async def test_estimate_links_are_told_and_not_followed(stage: Stage) -> None:
    """For each currency of the account."""
    stage.simulator.invoice(id="G000000001", currency="EUR", month="2026-01")
    answer = await reported(stage, include=["estimateLinks"])
    assert answer["balances"] is None
    assert len(answer["estimateLinks"]) == 4
    assert answer["estimateLinks"][0]["uri"].startswith("/invoices/unbilled/lineitems?provider=")
    assert stage.calls() == ["invoices.list", "invoices.estimate_links"]


@pytest.mark.parametrize(
    "members", [{"invoiceId": "G1", "from": "2026-01-01"}, {"from": "2026-02-01", "to": "2026-01-31"}]
)
def test_members_that_contradict_each_other_are_a_mistake(members: dict[str, object]) -> None:
    """The worker refuses them when it takes the command in."""
    command = ReportInvoices.model_validate({"customerId": "0a1b2c3d-0000-4000-8000-00000000cafe", **members})
    assert command.problem_on_receipt(None) is not None  # type: ignore[arg-type]


async def test_a_command_that_only_asks_changes_nothing(stage: Stage) -> None:
    """`validateOnly` on a read has an empty `wouldDo`."""
    assert (await stage.done(CommandValidated, ask(stage, validateOnly=True))).would_do == ()


@pytest.mark.parametrize(
    ("kind", "conditions"),
    [
        ("error_before", {"status": 403, "code": 2032}),
        ("error_before", {"status": 404, "code": 1000}),
        ("gateway", {"status": 404, "page": "empty"}),
    ],
    ids=["403", "404", "empty"],
)
async def test_invoices_are_answered_where_balances_and_estimates_are_refused(
    stage: Stage, kind: str, conditions: dict[str, Any]
) -> None:
    """Null and nothing, with a note in the timeline for each."""
    stage.simulator.invoice(id="G000000001", currency="EUR", month="2026-01")
    stage.fault(kind, "invoices.summaries", count=None, **conditions)
    stage.fault(kind, "invoices.estimate_links", count=None, **conditions)

    answer = await reported(stage, include=["balances", "estimateLinks"])

    assert [each["id"] for each in answer["invoices"]] == ["G000000001"]
    assert (answer["balances"], answer["estimateLinks"]) == (None, [])
    notes = " ".join(await stage.notes())
    assert "the balances could not be read" in notes
    assert "the links to estimates could not be read" in notes
