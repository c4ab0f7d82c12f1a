"""ExportInvoiceLines where Microsoft Graph has nothing: pages of Partner Center, or no way at all."""

import gzip
import json
from typing import Any

import pytest

from events.codes import RejectedCode
from tests.handlers.exports import INVOICE, command, export, local, one_kind
from tests.handlers.foreign import answering
from tests.handlers.stage import Cast, Stage
from worker.exports.export_run import refusal_again

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


BEFORE_USAGE = 2
"""Pages that are read before those of usage: reconciliation of both providers, each on one page."""


def refuse(stage: Stage, kind: str, *, skip: int = 0, **conditions: object) -> None:
    """Refuse pages of lines for ever."""
    stage.fault(kind, "invoices.lines", skip=skip, count=None, **conditions)


each_refusal = pytest.mark.parametrize(
    ("kind", "conditions"),
    [
        ("error_before", {"status": 400, "code": 800002}),
        ("error_before", {"status": 404, "code": 800002}),
        ("gateway", {"status": 400, "page": "json"}),
        ("gateway", {"status": 404, "page": "empty"}),
        ("gateway", {"status": 410, "page": "html"}),
    ],
    ids=["400", "404", "400 without code", "empty 404", "410 of HTML"],
)


@each_refusal
async def test_a_legacy_invoice_whose_pages_of_usage_are_refused_has_its_reconciliation(
    stage: Stage, kind: str, conditions: dict[str, object]
) -> None:
    """Whatever the refusal looks like: usage without lines and with a notice, and nothing to compare."""
    stage.simulator.invoice(id=LEGACY)
    refuse(stage, kind, skip=BEFORE_USAGE, **conditions)

    told = await export(stage, LEGACY, formats=["source", "parquet", "focus"])

    reconciliation, usage = told.datasets
    assert reconciliation.rows > 0
    assert (usage.rows, usage.notices) == (0, ("not_available",))
    assert told.comparison is not None
    assert (told.comparison.status, told.focus) == ("not_compared", None)


@each_refusal
async def test_lines_whose_pages_are_refused_are_not_available_where_nothing_else_is_wanted(
    stage: Stage, kind: str, conditions: dict[str, object]
) -> None:
    """No retries that end in a failure, and no version without lines."""
    stage.simulator.invoice(id=LEGACY)
    refuse(stage, kind, **conditions)

    no = await stage.rejected(command(stage, LEGACY))

    assert no.code is RejectedCode.NOT_AVAILABLE
    assert f"Partner Center refuses its pages ({conditions['status']}" in no.detail
    assert "support" in no.advice
    assert no.partner_center is not None
    assert (no.partner_center.operation, no.partner_center.http_status) == ("invoices.list_lines", conditions["status"])
    assert no.partner_center.code == (str(conditions["code"]) if "code" in conditions else None)
    requests = stage.simulator.books.requests_of("invoices.lines")
    assert no.partner_center.request_id in {each.request_id for each in requests}


async def test_an_empty_refusal_that_passes_is_a_gateway_s(stage: Stage) -> None:
    """It is looked at a few times before it counts as the end of the pages."""
    stage.simulator.invoice(id=LEGACY)
    stage.fault("gateway", "invoices.lines", skip=BEFORE_USAGE, count=2, status=404, page="empty")

    _, usage = (await export(stage, LEGACY)).datasets

    assert usage.rows > 0
    assert "not_available" not in usage.notices


async def test_a_refusal_in_the_middle_of_pages_leaves_no_part_of_them(stage: Stage) -> None:
    """Half of a provider's lines is not its end: nothing is published as if it were."""
    stage.simulator.change(lines_page=3)
    stage.simulator.invoice(id=LEGACY)
    refuse(stage, "error_before", skip=1, status=404, code=800002)

    no = await stage.rejected(command(stage, LEGACY, lines=["reconciliation"]))

    assert no.code is RejectedCode.REFUSED_BY_PARTNER_CENTER


async def test_pages_that_end_later_leave_what_was_published(stage: Stage) -> None:
    """The version with lines stays the latest one, and is answered."""
    stage.simulator.invoice(id=LEGACY)
    _, before = (await export(stage, LEGACY)).datasets
    refuse(stage, "error_before", skip=BEFORE_USAGE, status=404, code=800002)

    _, usage = (await export(stage, LEGACY)).datasets

    assert (usage.version, usage.notices) == (before.version, (*before.notices, "not_available"))
    assert usage.rows > 0


async def test_an_old_invoice_of_new_commerce_has_its_usage_without_its_pages(stage: Stage) -> None:
    """Graph has the usage, and pages of reconciliation have ended: they are asked for once, while the export runs."""
    stage.simulator.invoice(id=INVOICE, month="2023-05")
    refuse(stage, "error_before", status=410, code=800002)

    reconciliation, usage = (await export(stage)).datasets

    assert (reconciliation.rows, reconciliation.notices) == (0, ("not_available",))
    assert usage.rows > 0
    assert stage.calls().count("invoices.lines") == 1


async def test_the_same_pages_are_the_same_version(stage: Stage) -> None:
    """There is no eTag: the content decides."""
    stage.simulator.invoice(id=LEGACY)

    (one,) = (await export(stage, LEGACY, lines=["usage"])).datasets
    (two,) = (await export(stage, LEGACY, lines=["usage"])).datasets

    assert (two.version, two.already_exported) == (one.version, True)


async def test_a_worker_that_dies_when_pages_are_durable_is_replaced(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run publishes what the one before has stored, and reads no page again."""
    stage.simulator.invoice(id=LEGACY)
    stored = stage.journal.exports.put_part

    async def dies(*values: Any) -> None:
        monkeypatch.undo()
        await stored(*values)
        raise RuntimeError

    monkeypatch.setattr(stage.journal.exports, "put_part", dies)

    (usage,) = (await export(stage, LEGACY, lines=["usage"])).datasets

    assert usage.rows == stage.simulator.figures(LEGACY, lines="usage").rows
    assert stage.calls().count("invoices.lines") == 1


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


async def test_pages_are_published_again_where_usage_was_incomplete(stage: Stage) -> None:
    """Each time that a story exports them is a step of its own: the pages may hold other lines then."""
    stage.simulator.invoice(id=INVOICE, month="2023-05", usage_lines=60, usage_complete_after=5 * 3600)

    await export(stage, formats=["source"])

    steps = {row["name"] for row in await stage._rows("SELECT name FROM step")}
    assert {"publish reconciliation", "publish reconciliation 2", "publish reconciliation 3"} < steps


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_pages_that_microsoft_has_ended_are_not_available(stage: Stage, status: int) -> None:
    """The detail says since when, and what is there instead."""
    stage.simulator.invoice(id=INVOICE, month="2023-05")
    stage.fault("error_before", "invoices.lines", status=status, code=800002, count=None)

    no = await stage.rejected(command(stage, lines=["reconciliation"]))

    assert no.code is RejectedCode.NOT_AVAILABLE
    assert f"({status}, code 800002: " in no.detail
    assert "2025-04-21" in no.detail
    assert "Graph" in no.detail
    assert no.partner_center is not None
    assert (no.partner_center.http_status, no.partner_center.code) == (status, "800002")


async def test_a_refusal_of_pages_stays_whole_while_other_lines_are_waited_for(stage: Stage) -> None:
    """The run that ends the command did not ask for the pages: it remembers what they answered."""
    stage.simulator.invoice(id=LEGACY)
    stage.fault("error_before", "invoices.lines", count=BEFORE_USAGE, status=410, code=800002)
    refuse(stage, "gateway", status=404, page="empty")

    no = await stage.rejected(command(stage, LEGACY))

    assert stage.calls().count("invoices.lines") > BEFORE_USAGE + 1
    assert no.partner_center is not None
    assert (no.partner_center.http_status, no.partner_center.code) == (410, "800002")
    assert no.partner_center.request_id is not None
    assert "support" in no.advice


def test_a_refusal_that_an_earlier_version_remembers_is_its_detail_alone() -> None:
    """A command may wait while azplan is updated."""
    no = refusal_again("there are no lines")

    assert (no.detail, no.advice, no.partner_center) == ("there are no lines", None, None)


async def test_pages_that_are_empty_since_their_end_say_so(stage: Stage) -> None:
    """Nothing was refused, so there is no answer to pass on."""
    stage.simulator.invoice(id=INVOICE, month="2023-05")
    place = f"/invoices/{INVOICE}/lineitems"
    answering(stage, {f"GET {place}": {"totalCount": 0, "items": []}})

    no = await stage.rejected(command(stage, lines=["reconciliation"]))

    assert no.code is RejectedCode.NOT_AVAILABLE
    assert "its pages have no line. Microsoft ended these pages on 2025-04-21" in no.detail
    assert no.partner_center is None


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
