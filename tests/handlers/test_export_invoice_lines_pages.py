"""ExportInvoiceLines where Microsoft Graph has nothing: pages of Partner Center, or no way at all."""

import gzip
import json

import pytest

from events.codes import RejectedCode
from tests.handlers.exports import INVOICE, command, export, local, one_kind
from tests.handlers.stage import Cast, Stage

LEGACY = "D030000001"


async def test_the_lines_of_a_legacy_invoice_come_from_pages(stage: Stage) -> None:
    """One part for each provider, an item a line, numbers as they came."""
    stage.simulator.invoice(id=LEGACY)

    told = await export(stage, LEGACY)

    reconciliation, usage = told.datasets
    assert [each.way for each in told.datasets] == ["v1", "v1"]
    assert (len(reconciliation.files), len(usage.files)) == (2, 1)
    for each in told.datasets:
        lines = [
            json.loads(line, parse_float=str)
            for file in each.files
            for line in gzip.decompress(local(file.uri).read_bytes()).splitlines()
        ]
        assert len(lines) == each.rows > 0
    assert not [name for name in stage.calls() if name.startswith("graph")]


async def test_a_legacy_invoice_of_licenses_alone_has_no_usage_and_is_exported(stage: Stage) -> None:
    """Its pages of usage are empty: a version without lines. They are no pages that Microsoft has ended."""
    stage.simulator.invoice(id=LEGACY, usage_lines=0)

    reconciliation, usage = (await export(stage, LEGACY)).datasets

    assert reconciliation.rows > 0
    assert (usage.rows, usage.way) == (0, "v1")


async def test_the_same_pages_are_the_same_version(stage: Stage) -> None:
    """There is no eTag: the content decides."""
    stage.simulator.invoice(id=LEGACY)

    (one,) = (await export(stage, LEGACY, lines=["usage"])).datasets
    (two,) = (await export(stage, LEGACY, lines=["usage"])).datasets

    assert (two.version, two.already_exported) == (one.version, True)


@pytest.mark.parametrize("kind", ["reset_after", "truncated", "error_before", "garbage"])
async def test_a_page_that_breaks_is_read_again(stage: Stage, kind: str) -> None:
    """No line is lost, and none comes twice."""
    stage.simulator.change(lines_page=7)
    stage.simulator.invoice(id=LEGACY)
    (whole,) = (await export(stage, LEGACY, lines=["usage"])).datasets
    stage.fault(kind, "invoices.lines", skip=1)

    (again,) = (await export(stage, LEGACY, lines=["usage"])).datasets

    assert (again.rows, again.version) == (whole.rows, whole.version)


async def test_old_invoices_of_new_commerce_come_from_pages(stage: Stage) -> None:
    """Graph has reconciliation since February 2024, and usage since September 2022."""
    stage.simulator.invoice(id=INVOICE, month="2023-05")

    told = await export(stage)

    assert [(each.lines, each.way) for each in told.datasets] == [("reconciliation", "v1"), ("usage", "graph")]


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_pages_that_microsoft_has_ended_are_not_available(stage: Stage, status: int) -> None:
    """The detail says since when, and what is there instead."""
    stage.simulator.invoice(id=INVOICE, month="2023-05")
    stage.fault("error_before", "invoices.lines", status=status, code=800002, count=None)

    no = await stage.rejected(command(stage, lines=["reconciliation"]))

    assert no.code is RejectedCode.NOT_AVAILABLE
    assert "2025-04-21" in no.detail
    assert "Graph" in no.detail


@pytest.mark.parametrize("asked", [{"invoiceId": LEGACY}, {"unbilled": {"period": "current", "currency": "USD"}}])
async def test_lines_that_no_way_leads_to_are_not_available(stage: Stage, asked: dict[str, object]) -> None:
    """Aggregated usage is of invoices of new commerce."""
    stage.simulator.invoice(id=LEGACY)

    no = await stage.rejected(command(stage, None, lines=["aggregatedUsage"], **asked))

    assert no.code is RejectedCode.NOT_AVAILABLE


async def test_aggregated_usage_is_exported(stage: Stage) -> None:
    """The third kind of lines, off by default."""
    stage.simulator.invoice(id=INVOICE)

    lines = await one_kind(stage, "aggregatedUsage")

    assert lines.rows == stage.simulator.figures(INVOICE, lines="aggregatedUsage").rows


async def test_an_invoice_that_is_not_there_is_refused(stage: Stage) -> None:
    """The list of invoices decides: Graph says of an unknown invoice that it has no data yet."""
    no = await stage.rejected(command(stage))

    assert no.code is RejectedCode.INVOICE_NOT_FOUND
    assert stage.calls() == ["invoices.list"]


async def test_a_currency_without_a_balance_is_refused(stage: Stage) -> None:
    """Graph would answer that it has no data yet, for ten days."""
    stage.simulator.invoice(id=INVOICE, currency="EUR")

    no = await stage.rejected(command(stage, None, unbilled={"period": "current", "currency": "SEK"}))

    assert no.code is RejectedCode.CURRENCY_UNKNOWN
    assert "EUR" in no.detail


@pytest.mark.parametrize("cast", [Cast(user=False)], indirect=True, ids=["app"])
async def test_balances_are_not_read_without_a_user(stage: Stage) -> None:
    """They take a user's token."""
    stage.simulator.unbilled(currency="EUR", period="current")

    told = await export(stage, None, lines=["usage"], unbilled={"period": "current", "currency": "EUR"})

    assert told.datasets[0].rows
    assert "invoices.summaries" not in stage.calls()
