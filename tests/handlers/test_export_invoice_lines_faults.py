"""ExportInvoiceLines where Microsoft is slow, changes its mind, damages what it sends, or does not answer."""

import asyncio
import hashlib
from dataclasses import replace

import pytest

from events.codes import FailedCode, RejectedCode
from events.messages.command_status import CommandFailed
from events.messages.invoice_lines import InvoiceLinesExported
from tests.handlers.exports import INVOICE, command, export, local, one_kind
from tests.handlers.stage import POLICY, Cast, Stage
from worker.metrics import REGISTRY

DAY = 86_400.0

impatient = pytest.mark.parametrize(
    "cast",
    [Cast(policy=replace(POLICY, deadlines={**POLICY.deadlines, "export": 3_600, "data": 4 * 3_600}))],
    indirect=True,
    ids=["hours"],
)


def posts(stage: Stage) -> int:
    """How many exports were asked for."""
    return len([each for each in stage.calls() if each.startswith("graph.") and each.endswith("billed")])


async def whole(stage: Stage, **members: object) -> InvoiceLinesExported:
    """Export usage, and require the bytes of Microsoft's books: no part twice and none missing."""
    told = await export(stage, lines=["usage"], **members)
    (usage,) = told.datasets
    books = stage.simulator.figures(INVOICE, lines="usage")
    assert [(file.sha256, file.rows) for file in usage.files] == [(blob.sha256, blob.rows) for blob in books.blobs]
    assert [hashlib.sha256(local(file.uri).read_bytes()).hexdigest() for file in usage.files] == [
        blob.sha256 for blob in books.blobs
    ]
    return told


def _is_the_last_look(stage: Stage, failed: CommandFailed, *, status: int = 200) -> None:
    """`partnerCenter` has what Microsoft support asks for: which call it was, and Microsoft's operation."""
    told, last = failed.partner_center, stage.simulator.books.requests_of("graph.operation")[-1]
    assert told is not None
    assert (told.operation, told.http_status) == ("billing_exports.operation", status)
    assert told.request_id == last.headers["client-request-id"]
    assert last.path.rpartition("/")[2].lower() in (told.description or "").lower()


async def test_data_that_come_later_are_waited_for(stage: Stage) -> None:
    """Usage lines come up to two days after the invoice: azplan asks again after 1, 2, 4 … hours."""
    stage.simulator.invoice(id=INVOICE, usage_after=2 * DAY)
    command_id = await stage.send(command(stage, lines=["usage"]))

    answer = await stage.answer(command_id)

    assert isinstance(answer, InvoiceLinesExported)
    assert await stage.waits(command_id) == ["export_preparing", "data_not_ready"]
    assert posts(stage) == 8


async def test_one_kind_of_lines_does_not_wait_for_the_other(stage: Stage) -> None:
    """The reconciliation is published when it is there; the answer comes with the last one."""
    stage.simulator.invoice(id=INVOICE, usage_after=DAY)
    command_id = await stage.send(command(stage))

    await asyncio.sleep(3_000)

    published = await one_kind(stage, "reconciliation", maxAge="PT1H")
    assert published.already_exported
    answer = await stage.answer(command_id)
    assert isinstance(answer, InvoiceLinesExported)
    assert answer.datasets[0].version == published.version


@impatient
async def test_data_that_never_come_fail_the_command(stage: Stage) -> None:
    """The wait ends with its deadline; Microsoft's words are in the detail."""
    stage.simulator.invoice(id=INVOICE)
    stage.simulator.change(export_outcome="5000")
    begun = stage.clock.now()

    failed = await stage.failed(command(stage, lines=["usage"]))

    assert failed.code is FailedCode.DATA_NOT_READY
    _is_the_last_look(stage, failed)
    assert failed.partner_center is not None
    assert failed.partner_center.code == "5000"
    assert 4 * 3_600 <= (stage.clock.now() - begun).total_seconds() < 6 * 3_600


@impatient
async def test_data_of_a_month_without_an_invoice_that_never_come_are_looked_for_there(stage: Stage) -> None:
    """The advice fits lines that no invoice has yet."""
    stage.simulator.unbilled(currency="USD", period="current")
    stage.simulator.change(export_outcome="5000")

    month = {"period": "current", "currency": "USD"}
    failed = await stage.failed(command(stage, None, lines=["usage"], unbilled=month))

    assert failed.code is FailedCode.DATA_NOT_READY
    assert "or of the month without one" in failed.advice


@impatient
@pytest.mark.parametrize("outcome", ["failed", "never"])
async def test_the_third_export_that_microsoft_fails_fails_the_command(stage: Stage, outcome: str) -> None:
    """Two more exports are asked for. A redrive begins from the beginning."""
    stage.simulator.invoice(id=INVOICE)
    stage.simulator.change(export_outcome=outcome)
    command_id = await stage.send(command(stage, lines=["usage"]))
    failed = await stage.answer(command_id)

    assert isinstance(failed, CommandFailed)
    assert failed.code is FailedCode.EXPORT_FAILED
    assert posts(stage) == 3
    _is_the_last_look(stage, failed)
    if outcome == "failed":
        assert failed.partner_center is not None
        assert failed.partner_center.code is not None
        assert (failed.partner_center.description or "").endswith(": The export failed.")

    stage.simulator.change(export_outcome="succeeded")
    assert isinstance(await stage.redrive(command_id), InvoiceLinesExported)


async def test_an_operation_that_expired_is_asked_for_again(stage: Stage) -> None:
    """410: another operation is asked for at once."""
    stage.simulator.invoice(id=INVOICE)
    stage.simulator.change(export_queued=(0, 0), export_seconds=(5, 5), export_lifetime=10.0)
    command_id = await stage.send(command(stage, lines=["usage"]))
    await stage.until("graph.operation")
    stage.simulator.change(export_lifetime=DAY)

    assert isinstance(await stage.answer(command_id), InvoiceLinesExported)
    assert posts(stage) == 2


@pytest.mark.parametrize("old_blobs", ["kept", "gone"])
@pytest.mark.parametrize("changes", [1, 2])
async def test_data_that_change_under_the_download_are_never_mixed(stage: Stage, old_blobs: str, changes: int) -> None:
    """What was stored is dropped, and the export goes on with the new data."""
    stage.simulator.invoice(id=INVOICE, blobs=6)
    stage.simulator.change(etag_changes=changes, etag_after_blobs=3, old_blobs=old_blobs)

    told = await export(stage, lines=["usage"])

    (usage,) = told.datasets
    assert len(usage.files) == 6
    assert usage.rows == stage.simulator.figures(INVOICE, lines="usage").rows


async def test_data_that_keep_changing_fail_the_command(stage: Stage) -> None:
    """The third change is the last."""
    stage.simulator.invoice(id=INVOICE, blobs=6)
    stage.simulator.change(etag_changes=9, etag_after_blobs=2, old_blobs="gone")

    labels = {"partner": "contoso", "lines": "usage", "way": "graph", "outcome": "source_changed"}
    before = REGISTRY.get_sample_value("azplan_exports_total", labels) or 0

    failed = await stage.failed(command(stage, lines=["usage"]))

    assert failed.code is FailedCode.SOURCE_CHANGED
    _is_the_last_look(stage, failed)
    assert REGISTRY.get_sample_value("azplan_exports_total", labels) == before + 1


@pytest.mark.parametrize("damage", ["truncated", "crc", "not_json", "not_utf8", "not_gzip", "missing"])
async def test_a_damaged_blob_is_downloaded_again(stage: Stage, damage: str) -> None:
    """Once damaged is no more than a second download."""
    stage.simulator.invoice(id=INVOICE, blobs=3)
    stage.simulator.change(blob_damage=damage, blob_damage_times=1)

    await whole(stage)

    assert stage.calls().count("storage.blob") == 4


@pytest.mark.parametrize("damage", ["truncated", "crc", "not_json", "not_utf8", "not_gzip", "missing"])
async def test_a_blob_that_is_damaged_twice_fails_the_command(stage: Stage, damage: str) -> None:
    """Nothing is published. A redrive downloads that blob again, and no other."""
    stage.simulator.invoice(id=INVOICE, blobs=3)
    stage.simulator.change(blob_damage=damage)
    command_id = await stage.send(command(stage, lines=["usage"]))

    failed = await stage.answer(command_id)

    assert isinstance(failed, CommandFailed)
    assert failed.code is FailedCode.SOURCE_UNREADABLE
    assert (failed.partner_center is not None) == (damage == "missing")
    assert stage.calls().count("storage.blob") == 4
    assert not list(stage.files_folder.rglob("manifest.json"))
    stage.simulator.change(blob_damage="none")
    assert isinstance(await stage.redrive(command_id), InvoiceLinesExported)
    assert stage.calls().count("storage.blob") == 5


async def test_a_signature_whose_time_is_over_is_replaced(stage: Stage) -> None:
    """403 of storage: the operation is read again, and the download goes on at the first blob that is missing."""
    stage.simulator.invoice(id=INVOICE, blobs=8)
    stage.simulator.change(sas_lifetime=20.0)
    for _ in range(4):
        stage.fault("slow_answer", "storage.blob", seconds=30.0)

    await whole(stage)


async def test_signatures_that_storage_always_refuses_fail_the_export(stage: Stage) -> None:
    """403 for each fresh signature: the detail says so, and it is no matter of more attempts."""
    stage.simulator.invoice(id=INVOICE)
    stage.fault("error_before", "storage.blob", status=403, code="AuthenticationFailed", count=None)

    no = await stage.failed(command(stage, lines=["usage"]))

    assert no.code is FailedCode.EXPORT_FAILED
    assert "storage refused 9 signatures in a row" in no.detail
    assert no.partner_center is not None
    assert (no.partner_center.operation, no.partner_center.http_status) == ("billing_exports.blob", 403)
    assert no.partner_center.code is not None


async def test_an_export_that_microsoft_forgets_every_time_has_the_last_answer(stage: Stage) -> None:
    """410 for each operation: status and ids are there for a support ticket."""
    stage.simulator.invoice(id=INVOICE)
    stage.fault("error_before", "graph.operation", status=410, code="Gone", count=None)

    failed = await stage.failed(command(stage, lines=["usage"]))

    assert failed.code is FailedCode.EXPORT_FAILED
    _is_the_last_look(stage, failed, status=410)


async def test_an_invoice_that_graph_does_not_have_is_not_found(stage: Stage) -> None:
    """404 with a code of Graph's, for an invoice that Partner Center lists."""
    stage.simulator.invoice(id=INVOICE)
    stage.fault("error_before", "graph.*", method="POST", status=404, code="ResourceNotFound", count=None)

    no = await stage.rejected(command(stage, lines=["usage"]))

    assert no.code is RejectedCode.INVOICE_NOT_FOUND


async def test_a_host_that_is_not_on_the_list_is_not_asked(stage: Stage) -> None:
    """The detail names the setting."""
    stage.simulator.invoice(id=INVOICE)
    stage.simulator.world.ledger.storage_url = "https://files.example.net"

    failed = await stage.failed(command(stage, lines=["usage"]))

    assert failed.code is FailedCode.SOURCE_UNREADABLE
    assert "STORAGE_HOSTS" in failed.detail
    assert failed.partner_center is not None
    assert failed.partner_center.operation == "billing_exports.blob"
    assert "storage.blob" not in stage.calls()


@pytest.mark.parametrize("operation", ["graph.usage.billed", "graph.operation", "storage.blob"])
@pytest.mark.parametrize(
    "kind", ["refused", "reset_after", "late", "error_after", "throttle", "truncated", "garbage", "empty"]
)
async def test_a_fault_costs_a_repetition_and_nothing_else(stage: Stage, operation: str, kind: str) -> None:
    """Wherever an answer is lost, cut or replaced by a page: one version, no part twice, none missing."""
    stage.simulator.invoice(id=INVOICE, blobs=3)
    conditions = {"seconds": 200.0} if kind in ("late", "delay") else {}
    stage.fault(kind, operation, **conditions, **({"retry_after": 5} if kind == "throttle" else {}))

    await whole(stage)


async def test_downloads_that_break_off_do_not_use_up_the_attempts_of_an_export_that_comes_further(
    stage: Stage,
) -> None:
    """Twenty broken answers are more than a command has attempts."""
    stage.simulator.invoice(id=INVOICE, blobs=20)
    stage.fault("reset_after", "storage.blob", count=None, probability=0.5)

    await whole(stage)


async def test_an_account_without_the_permission_is_told_so(stage: Stage) -> None:
    """Graph's 403 becomes `not_permitted`."""
    stage.simulator.invoice(id=INVOICE)
    stage.simulator.partner.billing_permission = False

    no = await stage.rejected(command(stage, lines=["usage"]))

    assert no.code is RejectedCode.NOT_PERMITTED


@pytest.mark.parametrize("blobs", [0, 1, 5, 9])
async def test_a_worker_that_dies_goes_on_at_the_first_blob_that_is_not_stored(stage: Stage, blobs: int) -> None:
    """The parts that were stored are not downloaded again."""
    stage.simulator.invoice(id=INVOICE, blobs=10)
    for _ in range(10):
        stage.fault("slow_answer", "storage.blob", seconds=3.0)
    command_id = await stage.send(command(stage, lines=["usage"]))
    await stage.until("storage.blob", blobs + 1)
    await stage.kill()
    asked = stage.calls().count("storage.blob")
    stored = len(list(stage.files_folder.rglob("part-*")))
    await stage.begin_work()

    assert isinstance(await stage.answer(command_id), InvoiceLinesExported)

    assert stage.calls().count("storage.blob") - asked <= 10 - stored
    await whole(stage)


async def test_the_destination_is_waited_for(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that takes nothing for a while makes the command wait, and no part is lost."""
    stage.simulator.invoice(id=INVOICE, blobs=3)
    stage.files_folder.parent.mkdir(exist_ok=True)
    stage.files_folder.write_text("in the way")
    command_id = await stage.send(command(stage, lines=["usage"]))

    failed = await stage.answer(command_id)

    assert getattr(failed, "code", failed) is FailedCode.FILES_UNAVAILABLE
    stage.files_folder.unlink()
    assert isinstance(await stage.redrive(command_id), InvoiceLinesExported)
