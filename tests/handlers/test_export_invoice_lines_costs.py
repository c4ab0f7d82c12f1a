"""ExportInvoiceLines: Parquet, FOCUS and the comparison with the invoice."""

import json
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest

from events.codes import FailedCode, WaitingReason
from events.messages.command_status import CommandWaiting
from events.messages.invoice_lines import ExportedDataset, InvoiceLinesExported
from tests.handlers.exports import command, export, local
from tests.handlers.stage import Stage
from worker.exports import line_check

G = "G016907411"
ALL = ["source", "parquet", "focus"]
WIDE: dict[str, Any] = {
    "id": G,
    "currency": "EUR",
    "pricing_currencies": ("USD", "EUR"),
    "usage_lines": 120,
    "blobs": 3,
}


def parquet(dataset: ExportedDataset) -> list[dict[str, Any]]:
    """The rows of the Parquet parts of a published version."""
    files = [file for file in dataset.files if file.format == "parquet"]
    return [row for file in files for row in pq.read_table(local(file.uri)).to_pylist()]


async def test_each_source_part_has_a_parquet_part(stage: Stage) -> None:
    """Rows and sums are those of the books, and the manifest lists types; a blob without lines has none."""
    stage.simulator.invoice(**WIDE)

    told = await export(stage, formats=["source", "parquet"])

    for dataset in told.datasets:
        rows = parquet(dataset)
        assert len(rows) == stage.simulator.figures(G, lines=dataset.lines).rows
        amount = "billingPreTaxTotal" if dataset.lines == "usage" else "subtotal"
        assert sum(row[amount] for row in rows) == sum(each.before_tax for each in dataset.totals)
        manifest = json.loads(local(dataset.manifest_uri).read_bytes())
        assert {"name": amount, "wire": amount[0].upper() + amount[1:], "type": "decimal(38,20)"} in manifest["columns"]
        assert {file["path"] for file in manifest["files"] if file["format"] == "parquet"} == {
            f"parquet/part-{number:05}.parquet" for number in range(3 if dataset.lines == "usage" else 1)
        }
    assert told.focus is None


async def test_the_lines_of_large_parts_are_read_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What reads them is their conversion: rows, sums and days of the version come from it."""
    stage.simulator.invoice(**(WIDE | {"usage_lines": 20, "blobs": 1}))
    monkeypatch.setattr(line_check, "LARGE", 0)
    monkeypatch.setattr(line_check, "_apart", None)

    told = await export(stage, formats=["source", "parquet"])

    for dataset in told.datasets:
        books = stage.simulator.figures(G, lines=dataset.lines)
        amount = "billingPreTaxTotal" if dataset.lines == "usage" else "subtotal"
        assert dataset.rows == books.rows
        assert sum(each.before_tax for each in dataset.totals) == sum(row[amount] for row in parquet(dataset))
        assert len(json.loads(local(dataset.manifest_uri).read_bytes())["range"]) == 2


@pytest.mark.parametrize("times", [1, 2])
async def test_an_export_with_a_large_blob_that_is_no_json_is_downloaded_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """Its conversion finds out. A blob that is broken twice fails the command, and a redrive downloads it again."""
    stage.simulator.invoice(id=G, blobs=3)
    stage.simulator.change(blob_damage="not_json", blob_damage_times=times)
    monkeypatch.setattr(line_check, "LARGE", 0)
    command_id = await stage.send(command(stage, G, lines=["usage"], formats=["source", "parquet"]))

    answer = await stage.answer(command_id)

    assert stage.calls().count("storage.blob") == 6
    if times == 2:
        assert getattr(answer, "code", answer) is FailedCode.SOURCE_UNREADABLE
        answer = await stage.redrive(command_id)
    assert isinstance(answer, InvoiceLinesExported)
    assert answer.datasets[0].rows == stage.simulator.figures(G, lines="usage").rows


@pytest.mark.parametrize("tax", ["none", "shown", "hidden"])
async def test_an_invoice_that_adds_up_has_a_complete_focus_dataset(stage: Stage, tax: str) -> None:
    """The sum of `BilledCost` is the invoice, or its net where the tax stands on the document only."""
    stage.simulator.invoice(**WIDE, tax=tax)

    told = await export(stage, formats=ALL)

    assert told.comparison is not None
    assert told.focus is not None
    assert told.comparison.status == ("equal_before_tax" if tax == "hidden" else "within_rounding")
    assert (told.focus.version, told.focus.complete, told.focus.tax_included) == ("1.2", True, tax == "shown")
    lines = stage.simulator.figures(G, lines="reconciliation")
    table = pq.read_table(local(told.focus.uri))
    assert sum(table.column("BilledCost").to_pylist()) == sum(each.total for each in lines.totals)
    assert [Decimal(str(each.total)) for each in told.focus.billed_cost] == [sum(each.total for each in lines.totals)]
    assert told.focus.rows == table.num_rows
    assert set(table.column("BillingAccountId").to_pylist()) == {stage.simulator.partner.tenant_id}
    folder = local(told.focus.uri).parent
    assert {path.name for path in folder.iterdir()} == {
        "costs.parquet", "comparison.jsonl.gz", "groups.jsonl.gz", "manifest.json",
    }  # fmt: skip


async def test_the_source_alone_is_compared_too(stage: Stage) -> None:
    """No file of Parquet is published; the comparison stands alone."""
    stage.simulator.invoice(**WIDE)

    told = await export(stage, formats=["source"])

    assert told.comparison is not None
    assert (told.comparison.status, told.focus) == ("within_rounding", None)
    assert {file.format for dataset in told.datasets for file in dataset.files} == {"source"}


async def test_without_the_extra_the_source_is_exported_and_compared(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base install has no Arrow."""
    for module in ("worker.exports.accounts.costs", "worker.handlers.export_invoice_lines"):
        monkeypatch.setattr(f"{module}.extra_installed", lambda: False)
    stage.simulator.invoice(**WIDE)

    told = await export(stage)
    assert told.comparison is not None
    assert told.comparison.status == "within_rounding"


async def test_one_kind_of_lines_is_not_compared(stage: Stage) -> None:
    """Nor is a month without an invoice."""
    stage.simulator.invoice(**WIDE)
    stage.simulator.unbilled(currency="EUR", period="current")

    one = await export(stage, lines=["usage"], formats=ALL)
    unbilled = await export(stage, None, unbilled={"period": "current", "currency": "EUR"}, formats=ALL)

    for told in (one, unbilled):
        assert told.comparison is not None
        assert told.comparison.status == "not_compared"
        assert told.focus is not None
        assert told.focus.complete is False


@pytest.mark.parametrize(
    ("planted", "status"),
    [
        ({"kind": "cent", "lines": "reconciliation", "line": 1}, "different"),
        ({"kind": "doubled", "lines": "usage", "line": 7}, "different"),
    ],
)
async def test_a_difference_is_an_answer(stage: Stage, planted: dict[str, object], status: str) -> None:
    """Never a failure: the files are good. The FOCUS dataset is not complete."""
    stage.simulator.invoice(**WIDE, planted=[planted])

    told = await export(stage, formats=ALL)

    assert told.comparison is not None
    assert told.focus is not None
    assert (told.comparison.status, told.focus.complete) == (status, False)


async def test_incomplete_usage_is_waited_for_and_exported_again(stage: Stage) -> None:
    """Microsoft's usage may be partial for days: the version that comes then takes the place of the short one."""
    stage.simulator.invoice(**WIDE, usage_complete_after=5 * 3600)

    told = await export(stage, formats=ALL)

    waits = [event.reason for event in await stage.events() if isinstance(event, CommandWaiting)]
    assert WaitingReason.DATA_NOT_READY in waits
    assert told.comparison is not None
    assert told.comparison.status == "within_rounding"
    usage = next(dataset for dataset in told.datasets if dataset.lines == "usage")
    assert usage.supersedes is not None
    assert usage.rows == stage.simulator.figures(G, lines="usage").rows
