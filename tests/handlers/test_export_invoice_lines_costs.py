"""ExportInvoiceLines: Parquet, FOCUS and the comparison with the invoice."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest

from events.codes import FailedCode, RejectedCode, WaitingReason
from events.messages.command_status import CommandWaiting
from events.messages.invoice_lines import ExportedDataset, InvoiceExportProgressed, InvoiceLinesExported
from ops.simulator.resources.invoices import invoice_total
from tests.handlers.exports import command, export, kill_children, local
from tests.handlers.stage import Cast, Stage
from worker.exports import line_check

G = "G016907411"
ALL = ["source", "parquet", "focus"]
LEGACY = "D030000001"
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


@pytest.mark.parametrize("cast", [Cast(), Cast(files={"trust_etag": False})], indirect=True, ids=["trust", "no_trust"])
async def test_a_format_that_the_version_does_not_have_is_said(stage: Stage) -> None:
    """A version never changes: an answer that names an earlier one says what is missing of it, and the manifest not."""
    stage.simulator.invoice(**WIDE)
    first = await export(stage, formats=["source"])

    for asked in ({}, {"maxAge": "PT1H"}):
        again = await export(stage, formats=["source", "parquet"], **asked)

        for before, told in zip(first.datasets, again.datasets, strict=True):
            assert (told.version, told.already_exported) == (before.version, True)
            assert (before.notices, told.notices) == ((), ("format_not_written:parquet",))
            assert told.manifest_sha256 == before.manifest_sha256
    assert all(each.notices == () for each in (await export(stage, formats=["source"])).datasets)


async def test_a_format_is_not_missing_where_there_are_no_lines(stage: Stage) -> None:
    """A version without lines has no Parquet part."""
    stage.simulator.invoice(id=LEGACY, usage_lines=0)
    await export(stage, LEGACY, formats=["source"])

    reconciliation, usage = (await export(stage, LEGACY, formats=["parquet"])).datasets

    assert (reconciliation.notices[-1], usage.notices) == ("format_not_written:parquet", ())


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


KILLED = "the process that converts lines was ended by SIGKILL"


@pytest.mark.parametrize(
    ("program", "times"),
    [("worker.files.focus.invoice", 1), ("worker.files.focus.invoice", 2), ("worker.files.conversion.part", 4)],
)
async def test_a_process_that_is_killed_while_it_converts_is_started_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, program: str, times: int
) -> None:
    """The system kills one where memory is short. The command waits a little and goes on with what is durable."""
    stage.simulator.invoice(**WIDE)
    kill_children(monkeypatch, program, times)

    told = await export(stage, formats=ALL)

    assert told.focus is not None
    assert told.focus.complete
    waits = [event for event in await stage.events() if isinstance(event, CommandWaiting)]
    (told_once,) = [each.detail for each in waits if each.reason is WaitingReason.RETRY]
    assert told_once == KILLED
    assert stage.calls().count("graph.usage.billed") == 1


async def test_a_process_that_is_killed_again_and_again_ends_the_command(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer says how. A redrive goes on with the published lines, once there is memory."""
    stage.simulator.invoice(**WIDE)
    kill_children(monkeypatch, "worker.files.focus.invoice", 3)
    command_id = await stage.send(command(stage, G, formats=ALL))

    answer = await stage.answer(command_id)

    assert (getattr(answer, "code", None), getattr(answer, "detail", None)) == (FailedCode.INTERNAL_ERROR, KILLED)
    assert isinstance(await stage.redrive(command_id), InvoiceLinesExported)


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
    events = [event for event in await stage.events(told.command_id) if isinstance(event, InvoiceExportProgressed)]
    for lines, last in (("reconciliation", ()), ("usage", ("comparing",))):
        stages = tuple(each.stage for each in events if each.lines == lines)
        assert stages == ("preparing", "downloading", "converting", "publishing", *last)
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


async def test_usage_alone_never_takes_the_place_of_costs_that_sum_to_the_invoice(stage: Stage) -> None:
    """Who sums the newest version of each invoice would miss the seats and reservations of this one."""
    stage.simulator.invoice(**WIDE)
    await export(stage, lines=["usage"], formats=ALL)
    whole = await export(stage, formats=ALL)

    alone = await export(stage, lines=["usage"], formats=ALL)

    assert whole.focus is not None
    assert alone.comparison is not None
    assert (alone.comparison.status, alone.focus) == ("not_compared", None)
    latest = json.loads(local(whole.focus.uri).parents[1].joinpath("latest.json").read_bytes())
    assert f"version={latest['version']}" == local(whole.focus.uri).parent.name


NOTHING = {"usage_lines": 0, "groups": 0, "seats": 0, "reservations": 0, "refunds": 0, "credits": 0}


@pytest.mark.parametrize("between", [NOTHING, None])
@pytest.mark.parametrize("attributes", ["full", "basic"])
async def test_the_rate_of_tax_is_that_of_the_last_invoice_that_was_taxed(
    stage: Stage, between: dict[str, int] | None, attributes: str
) -> None:
    """An invoice of nothing has none. It does not matter with which attributes the last one was exported."""
    taxed = WIDE | {"tax": "hidden", "usage_lines": 30, "blobs": 1}
    stage.simulator.invoice(**taxed | {"id": "G1", "month": "2026-01"})
    await export(stage, "G1", attributes=attributes)
    if between is not None:
        stage.simulator.invoice(**taxed | {"id": "G2", "month": "2026-02", **between})
        await export(stage, "G2")
    stage.simulator.invoice(**taxed | {"id": "G3", "month": "2026-03"})

    told = await export(stage, "G3")

    assert told.comparison is not None
    (tax,) = [each for each in told.comparison.currencies[0].explained if each.kind == "tax"]
    assert tax.rate_known


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
    assert not any(dataset.already_exported for dataset in told.datasets)
    assert usage.rows == stage.simulator.figures(G, lines="usage").rows


async def test_incomplete_usage_is_waited_for_where_another_command_exported_it(stage: Stage) -> None:
    """A command for usage alone compares nothing, and its version may be short. The other one goes on."""
    stage.simulator.invoice(**WIDE, usage_complete_after=5 * 3600)
    first = await stage.send(command(stage, G, lines=["usage"]))
    second = await stage.send(command(stage, G, formats=ALL))

    alone, both = await stage.answer(first), await stage.answer(second)

    assert isinstance(alone, InvoiceLinesExported)
    assert isinstance(both, InvoiceLinesExported)
    assert both.comparison is not None
    assert both.comparison.status == "within_rounding"
    whole = stage.simulator.figures(G, lines="usage").rows
    usage = next(dataset for dataset in both.datasets if dataset.lines == "usage")
    assert alone.datasets[0].rows < usage.rows == whole
    waits = [event.reason for event in await stage.events(second) if isinstance(event, CommandWaiting)]
    assert {WaitingReason.EXPORT_PREPARING, WaitingReason.DATA_NOT_READY} <= set(waits)


@pytest.mark.parametrize("formats", [["source"], ALL])
async def test_another_amount_of_the_same_lines_is_another_comparison(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, formats: list[str]
) -> None:
    """Microsoft's document may change after its lines, and no file of the comparison says its amount."""
    stage.simulator.invoice(**WIDE)
    before, same = await export(stage, formats=formats), await export(stage, formats=formats)
    monkeypatch.setattr("ops.simulator.resources.invoices.invoice_total", lambda invoice: invoice_total(invoice) + 1)

    after = await export(stage, formats=formats)

    assert (same.comparison, same.focus) == (before.comparison, before.focus)
    assert before.comparison is not None
    assert after.comparison is not None
    assert after.comparison.currencies[0].invoice != before.comparison.currencies[0].invoice


async def held_elsewhere(stage: Stage) -> None:
    """Let another open command have the FOCUS dataset of the invoice, whose lines are exported."""
    stage.simulator.invoice(**WIDE)
    stage.simulator.invoice(id="G2")
    await export(stage, formats=["source"])
    other = await stage.send(command(stage, "G2"))
    held = f"""INSERT INTO dataset (path, partner, holder)
        SELECT 'partner=contoso/focus=1.2/billed/invoice={G}', 'contoso', uid FROM command WHERE id = '{other}'"""
    await stage.journal.transactions.write(lambda tx: tx.run(held))


async def test_a_command_waits_for_the_one_that_compares_the_same_lines(stage: Stage) -> None:
    """Each would remove the other's files under way, also where neither asks Microsoft for lines."""
    await held_elsewhere(stage)

    mine = await stage.send(command(stage, maxAge="PT1H", formats=ALL))
    told = await stage.answer(mine)

    assert isinstance(told, InvoiceLinesExported)
    assert all(each.already_exported for each in told.datasets)
    assert set(await stage.waits(mine)) == {WaitingReason.EXPORT_PREPARING}
    assert told.focus is not None


async def test_a_deadline_ends_the_wait_for_another_command(stage: Stage) -> None:
    """The command is answered when its deadline comes, as in every wait of an export, and not at the next look."""
    await held_elsewhere(stage)
    soon = stage.clock.now() + timedelta(seconds=5)

    no = await stage.rejected(command(stage, maxAge="PT1H", formats=ALL, deadline=soon.isoformat()))

    assert no.code is RejectedCode.DEADLINE_PASSED
    assert no.detail.startswith("the lines were not exported when the deadline")
    assert stage.clock.now() - soon < timedelta(seconds=1)


async def test_lines_of_an_invoice_without_an_amount_are_exported_and_not_compared(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the source alone is wanted, and no Arrow compares."""
    stage.simulator.invoice(**WIDE)
    monkeypatch.setattr("ops.simulator.resources.invoices._total", lambda _: None)

    told = await export(stage, formats=["source"])

    assert told.comparison is not None
    assert told.comparison.status == "not_compared"


async def test_a_command_that_only_validates_makes_nothing_of_young_versions(stage: Stage) -> None:
    """No comparison, no file under way and no row, also where nothing has to be asked of Microsoft."""
    stage.simulator.invoice(**WIDE)
    await export(stage, formats=["source"])

    assert await stage.would_do(command(stage, maxAge="PT1H", formats=ALL)) == []

    assert not list(stage.files_folder.glob("**/focus=1.2"))
    assert not list(stage.files_folder.glob("**/.tmp-*"))
