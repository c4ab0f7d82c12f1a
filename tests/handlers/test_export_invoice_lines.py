"""ExportInvoiceLines: the lines of an invoice in files, published once, exact to the byte."""

import asyncio
import gzip
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from events.codes import FailedCode, RejectedCode
from events.messages.base import Event
from events.messages.customers import CustomersReported, ReportCustomers
from events.messages.invoice_lines import ExportedDataset, InvoiceExportProgressed, InvoiceLinesExported
from tests.handlers.exports import command, export, local, one_kind, without_trust
from tests.handlers.stage import Cast, Stage
from worker.partner_center.resources import billing_exports

G = "G016907411"


async def test_the_lines_of_an_invoice_become_a_version_with_microsofts_bytes(stage: Stage) -> None:
    """Rows, sums and SHA-256 of every blob are those of Microsoft's books."""
    stage.simulator.invoice(id=G, blobs=3)

    usage = await one_kind(stage)

    books = stage.simulator.figures(G, lines="usage")
    assert (usage.rows, usage.already_exported, usage.way, usage.supersedes) == (books.rows, False, "graph", None)
    assert [(file.sha256, file.rows) for file in usage.files] == [(blob.sha256, blob.rows) for blob in books.blobs]
    for file in usage.files:
        content = local(file.uri).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file.sha256
        assert gzip.decompress(content).count(b"\n") == file.rows
    assert {(each.currency, each.charge_type): each.before_tax for each in usage.totals} == {
        (each.currency, each.charge_type): each.before_tax for each in books.totals
    }


async def test_the_manifest_names_what_was_exported(stage: Stage) -> None:
    """Blobs, files, rows, sums, attributes and dates; no signature of an address is in it."""
    stage.simulator.invoice(id=G, blobs=2, month="2026-01")

    usage = await one_kind(stage)

    content = local(usage.manifest_uri).read_bytes()
    manifest = json.loads(content)
    assert hashlib.sha256(content).hexdigest() == usage.manifest_sha256
    assert manifest["dataset"] == {
        "partner": "contoso", "lines": "usage", "invoiceId": G, "unbilled": None, "attributes": "full",
    }  # fmt: skip
    assert (manifest["rows"], len(manifest["source"]["blobs"])) == (usage.rows, 2)
    assert manifest["source"]["eTag"] == usage.source.e_tag
    assert manifest["range"]["usageFrom"].startswith("2026-01")
    assert {"name", "wire", "type"} == set(manifest["columns"][0])
    assert {each["name"]: each["type"] for each in manifest["columns"]}["billingPreTaxTotal"] == "decimal(38,20)"
    assert b"sig=" not in content
    pointer = json.loads(local(usage.manifest_uri).parents[1].joinpath("latest.json").read_bytes())
    assert pointer == {"version": usage.version, "manifestSha256": usage.manifest_sha256}


async def test_both_kinds_of_lines_are_exported_by_one_command(stage: Stage) -> None:
    """Without `lines` a command asks for reconciliation and usage; each is a version of its own."""
    stage.simulator.invoice(id=G)

    told = await export(stage)

    assert [each.lines for each in told.datasets] == ["reconciliation", "usage"]
    for each in told.datasets:
        assert each.rows == stage.simulator.figures(G, lines=each.lines).rows
    reconciliation = stage.simulator.figures(G, lines="reconciliation")
    assert [(each.before_tax, each.tax, each.total) for each in told.datasets[0].totals] == [
        (each.before_tax, each.tax, each.total)
        for each in sorted(reconciliation.totals, key=lambda each: (each.currency, each.charge_type))
    ]


@pytest.mark.parametrize(
    "members",
    [
        {"resource_location": "link"},
        {"resource_location": "url"},
        {"manifest_form": "beta"},
        {"success_word": "completed"},
        {"line_keys": "camel", "line_synonyms": "api"},
        {"line_numbers": "text"},
        {"line_numbers": "exponent"},
        {"line_numbers": "mixed", "unknown_attributes": ["PriceBenefits"]},
    ],
    ids=str,
)
async def test_every_form_of_microsofts_answers_is_understood(stage: Stage, members: dict[str, object]) -> None:
    """Address or object, old or new names, numbers or texts: rows and sums are the same."""
    stage.simulator.change(**members)
    stage.simulator.invoice(id=G)

    usage = await one_kind(stage)

    books = stage.simulator.figures(G, lines="usage")
    assert usage.rows == books.rows
    assert sorted(each.before_tax for each in usage.totals) == sorted(each.before_tax for each in books.totals)


@pytest.mark.parametrize("blobs", [0, 1, 7])
async def test_an_export_may_have_any_number_of_blobs(stage: Stage, blobs: int) -> None:
    """None is a version without rows."""
    stage.simulator.invoice(id=G, blobs=blobs)

    usage = await one_kind(stage)

    assert (len(usage.files), usage.source.blobs) == (blobs, blobs)
    assert usage.rows == (stage.simulator.figures(G, lines="usage").rows if blobs else 0)


@pytest.mark.parametrize("asked", [G.lower(), f"OneTime-{G}"], ids=["other case", "with its type"])
async def test_an_invoice_is_one_dataset_however_it_is_asked_for(stage: Stage, asked: str) -> None:
    """Microsoft Graph gets the id that Microsoft itself writes."""
    stage.simulator.invoice(id=G)
    first, again = await export(stage, G, lines=["usage"]), await export(stage, asked, lines=["usage"])
    assert again.datasets[0].already_exported
    assert again.datasets[0].manifest_uri == first.datasets[0].manifest_uri


async def test_basic_attributes_are_a_dataset_of_their_own(stage: Stage) -> None:
    """Full and basic lines do not take each other's place."""
    stage.simulator.invoice(id=G)

    full, basic = await one_kind(stage), await one_kind(stage, attributes="basic")

    assert "/attributes=basic/version=" in basic.manifest_uri
    assert (full.supersedes, basic.supersedes) == (None, None)
    assert stage.simulator.figures(G, lines="usage", attributes="basic").blobs[0].sha256 == basic.files[0].sha256


async def test_unbilled_lines_are_exported_by_month_and_currency(stage: Stage) -> None:
    """The month is that of the moment of the request, in UTC."""
    stage.simulator.unbilled(currency="USD", period="current")

    told = await export(stage, None, lines=["usage"], unbilled={"period": "current", "currency": "USD"})

    (usage,) = told.datasets
    assert "/unbilled/currency=USD/month=2026-03/version=" in usage.manifest_uri
    assert told.unbilled is not None
    assert (told.invoice_id, told.unbilled.currency) == (None, "USD")


async def test_the_same_data_are_not_downloaded_twice(stage: Stage) -> None:
    """The eTag of the published version is trusted: the answer names that version."""
    stage.simulator.invoice(id=G)
    first = await one_kind(stage)
    downloads = stage.calls().count("storage.blob")

    again = await one_kind(stage)

    assert again == first.model_copy(update={"already_exported": True})
    assert stage.calls().count("storage.blob") == downloads


@without_trust
async def test_the_same_content_under_another_etag_is_no_new_version(stage: Stage) -> None:
    """The content decides. With AZPLAN_FILES__TRUST_ETAG=false every export is downloaded."""
    stage.simulator.invoice(id=G)
    first = await one_kind(stage)
    stage.simulator.renew_invoice(G, same_content=True)
    downloads = stage.calls().count("storage.blob")

    again = await one_kind(stage)

    assert (again.version, again.already_exported) == (first.version, True)
    assert stage.calls().count("storage.blob") == 2 * downloads


async def test_other_content_is_a_new_version_that_names_the_one_before(stage: Stage) -> None:
    """The older version stays as it was."""
    stage.simulator.invoice(id=G)
    first = await one_kind(stage)
    stage.simulator.renew_invoice(G, same_content=False)

    second = await one_kind(stage)

    assert (second.supersedes, second.already_exported) == (first.version, False)
    assert hashlib.sha256(local(first.manifest_uri).read_bytes()).hexdigest() == first.manifest_sha256


async def test_a_young_version_is_the_answer_without_a_call(stage: Stage) -> None:
    """`maxAge` decides how young."""
    stage.simulator.invoice(id=G)
    first = await one_kind(stage)
    before = len(stage.calls())

    young = await one_kind(stage, maxAge="PT1H")
    assert (young.version, len(stage.calls())) == (first.version, before)

    await asyncio.sleep(3_700)
    await one_kind(stage, maxAge="PT1H")
    assert len(stage.calls()) > before


async def test_two_commands_for_the_same_lines_export_them_once(stage: Stage) -> None:
    """The later one waits and is answered with the version of the first."""
    stage.simulator.invoice(id=G)
    first = await stage.send(command(stage, G, lines=["usage"]))
    second = await stage.send(command(stage, G, lines=["usage", "reconciliation"]))

    answers = [await stage.answer(each) for each in (first, second)]

    one, two = (told(answer)["usage"] for answer in answers)
    assert (one.already_exported, two.already_exported) == (False, True)
    assert one.version == two.version
    assert stage.calls().count("graph.usage.billed") == 1
    assert "export_preparing" in await stage.waits(second)


async def test_a_command_whose_lines_grew_too_old_leaves_the_rest_to_the_command_that_has_them(stage: Stage) -> None:
    """Each would wait for the other's lines. It goes on with no export of its own, and nothing is downloaded twice."""
    stage.simulator.invoice(id=G, blobs=2)
    await one_kind(stage, "reconciliation")
    stage.simulator.renew_invoice(G, same_content=False)
    stage.simulator.change(export_seconds=(1_200, 1_200))
    mine = await stage.send(command(stage, G, lines=["reconciliation", "usage"], maxAge="PT10M"))
    await asyncio.sleep(300)
    theirs = await stage.send(command(stage, G, lines=["reconciliation", "usage"]))

    my, their = [told(await stage.answer(each))["usage"] for each in (mine, theirs)]

    assert my.version == their.version
    assert (my.already_exported, their.already_exported) == (True, False)
    assert stage.calls().count("storage.blob") == 4


def told(answer: Event) -> dict[str, ExportedDataset]:
    """The datasets of an answer, by their kind of lines."""
    assert isinstance(answer, InvoiceLinesExported), answer
    return {each.lines: each for each in answer.datasets}


async def test_an_export_leaves_the_lane_as_soon_as_it_is_asked_for(stage: Stage) -> None:
    """The other commands of the partner account do not wait for Microsoft's minutes."""
    stage.simulator.invoice(id=G)
    stage.simulator.change(export_seconds=(3_000, 3_000))
    exporting = await stage.send(command(stage, G, lines=["usage"]))

    await stage.done(CustomersReported, ReportCustomers(customer_id=stage.simulator.partner.tenant_id))

    assert not [event for event in await stage.events(exporting) if event.terminal]
    assert isinstance(await stage.answer(exporting), InvoiceLinesExported)


async def test_progress_is_told_at_each_change_of_stage(stage: Stage) -> None:
    """And at most once a minute within a stage."""
    stage.simulator.invoice(id=G, blobs=2)
    stage.simulator.change(export_seconds=(400, 400))
    command_id = await stage.send(command(stage, G, lines=["usage"]))

    await stage.answer(command_id)

    told = [event for event in await stage.events(command_id) if isinstance(event, InvoiceExportProgressed)]
    assert [(each.stage, each.blobs_done, each.blobs) for each in told] == [
        ("preparing", 0, None), ("downloading", 0, 2), ("publishing", 2, 2),
    ]  # fmt: skip
    assert told[-1].rows == stage.simulator.figures(G, lines="usage").rows
    assert told[-1].operation_id


async def test_a_command_that_only_asks_changes_nothing(stage: Stage) -> None:
    """Every read of a command that writes nothing is harmless: there is nothing to say."""
    stage.simulator.invoice(id=G)

    assert await stage.would_do(command(stage, G)) == []
    assert "graph.usage.billed" not in stage.calls()


async def test_a_deadline_ends_the_waiting(stage: Stage) -> None:
    """The command is answered when its deadline comes, not at the next look."""
    stage.simulator.invoice(id=G)
    stage.simulator.change(export_outcome="never")
    begun = stage.clock.now()

    no = await stage.rejected(command(stage, G, deadline=begun + timedelta(minutes=7)))

    assert no.code is RejectedCode.DEADLINE_PASSED
    assert timedelta(minutes=7) <= stage.clock.now() - begun < timedelta(minutes=7, seconds=5)


async def test_an_export_is_looked_at_when_the_answer_to_the_request_says(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before that, though Microsoft has prepared it in the meantime."""
    stage.simulator.invoice(id=G)
    begin, begun = billing_exports.begin, stage.clock.now()

    async def says(*given: Any) -> billing_exports.Begun:
        return replace(await begin(*given), retry_after=1500.0)

    monkeypatch.setattr(billing_exports, "begin", says)

    await one_kind(stage)

    assert stage.calls().count("graph.operation") == 1
    assert stage.clock.now() - begun >= timedelta(seconds=1500)


async def test_a_command_names_the_datasets_that_it_takes_later(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lets go of them where another command has the first one, so that the two do not wait for each other."""
    stage.simulator.invoice(id=G)
    hold, taken = stage.journal.exports.hold, dict[str, list[str]]()

    async def seen(work: Any, dataset: str, partner: str, later: Sequence[str] = ()) -> str | None:
        taken[dataset] = list(later)
        return await hold(work, dataset, partner, later)

    monkeypatch.setattr(stage.journal.exports, "hold", seen)

    await export(stage, G, formats=["source"])

    first, usage, focus, alone = (
        f"partner=contoso/{each}/billed/invoice={G}"
        for each in ("lines=reconciliation", "lines=usage", "focus=1.2", "comparison=1")
    )
    assert taken == {first: [usage, focus, alone], usage: [focus, alone], alone: []}


async def test_a_format_that_the_worker_cannot_write_is_refused(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is asked for."""
    monkeypatch.setattr("worker.handlers.export_invoice_lines.extra_installed", lambda: False)
    stage.simulator.invoice(id=G)

    failed = await stage.failed(command(stage, G, formats=["source", "parquet"]))

    assert failed.code is FailedCode.FILES_UNAVAILABLE
    assert "azplan[finance]" in failed.detail
    assert stage.calls() == []


@pytest.mark.parametrize("cast", [Cast(user=False)], indirect=True, ids=["app"])
async def test_the_applications_token_is_enough(stage: Stage) -> None:
    """An account without a user exports lines."""
    stage.simulator.invoice(id=G)

    assert (await one_kind(stage)).rows
