"""`azplan invoices export` and `statement`: the sent command, progress on standard error, JSON and exit codes."""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from events.codes import FailedCode, RejectedCode, WaitingReason
from events.contract_files import example
from events.messages.base import Event, Origin
from events.messages.command_status import CommandAccepted, CommandFailed, CommandRejected, CommandWaiting
from events.messages.invoice_lines import ExportInvoiceLines, InvoiceExportProgressed, InvoiceLinesExported
from events.messages.invoice_statements import FetchInvoiceStatement, InvoiceStatementFetched
from events.wire.record import Record
from ops.local.topics import Topics
from tests.cli.answering import Answerer
from tests.cli.conftest import Azplan

TENANT = "7e9a1c3b-5d2f-4e80-9a6c-1b3d5f7092e4"
ACCOUNT = {
    "AZPLAN_PARTNERS__CONTOSO__TENANT_ID": TENANT,
    "AZPLAN_PARTNERS__CONTOSO__CLIENT_ID": "c",
    "AZPLAN_PARTNERS__CONTOSO__CLIENT_SECRET": "practice-only",
}
PDF = b"%PDF-1.7 the invoice"


@pytest.fixture
def here(topics: Topics, clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> Topics:
    """The settings point to fresh topics of a real broker, and have one account."""
    for name, value in {**topics.env, **ACCOUNT}.items():
        monkeypatch.setenv(name, value)
    return topics


def _exported(origin: Origin, _: Record) -> Iterable[Event]:
    accepted = CommandAccepted.of(origin, received_at=datetime.now(UTC))
    yield accepted
    yield InvoiceExportProgressed.of(
        origin,
        lines="reconciliation",
        stage="downloading",
        operation_id="o",
        blobs_done=3,
        blobs=40,
        rows=75_000,
        bytes=9,
    )
    shown = example(InvoiceLinesExported.wire_type())["value"]
    yield InvoiceLinesExported.model_validate({**shown, **accepted.wire_data()})


def _without_parquet(origin: Origin, _: Record) -> Iterable[Event]:
    shown = example(InvoiceLinesExported.wire_type())["value"]
    datasets = [{**each, "notices": ["format_not_written:parquet"]} for each in shown["datasets"]]
    yield InvoiceLinesExported.of(origin, invoice_id=shown["invoiceId"], unbilled=None, datasets=datasets)


def _waiting(origin: Origin, _: Record) -> Iterable[Event]:
    yield CommandWaiting.of(origin, reason=WaitingReason.EXPORT_PREPARING, detail="Microsoft is preparing", attempt=0)
    yield CommandFailed.of(
        origin, code=FailedCode.DATA_NOT_READY, detail="no lines yet", attempts=1, outcome_unknown=False
    )


def _refused(origin: Origin, _: Record) -> Iterable[Event]:
    yield CommandRejected.of(origin, code=RejectedCode.INVOICE_NOT_FOUND, detail="there is no G1")


@pytest.mark.kafka
def test_an_export_tells_its_progress_and_then_its_files(here: Topics, azplan: Azplan) -> None:
    """Progress is on standard error; the sums and the manifest's address are the output."""
    with Answerer(here, _exported) as answerer:
        ended = azplan(
            *("invoices", "export", "G016907411", "--lines", "reconciliation", "--formats", "source"),
            *("--max-age", "30d", "--basic", "--wait", "1m"),
        )

    assert ended.code == 0, ended.err
    (record,) = answerer.seen
    assert dict(record.headers)["ce_type"].decode() == ExportInvoiceLines.wire_type()
    assert json.loads(record.value or b"") == {
        "customerId": TENANT,
        "invoiceId": "G016907411",
        "lines": ["reconciliation"],
        "formats": ["source"],
        "attributes": "basic",
        "maxAge": "PT2592000S",
    }
    assert "reconciliation: downloading: 3 of 40 parts, 75000 lines" in ended.err
    heads, row, uri = ended.out.splitlines()
    assert heads.split()[:3] == ["LINES", "VERSION", "ROWS"]
    assert row.split() == ["reconciliation", "new", "8123", "EUR", "new", "98211.35", "98211.35"]
    assert uri.endswith("/manifest.json")


@pytest.mark.kafka
def test_an_export_tells_its_notices(here: Topics, azplan: Azplan) -> None:
    """On standard error, each with its lines."""
    with Answerer(here, _without_parquet):
        ended = azplan("invoices", "export", "G016907411", "--formats", "source,parquet", "--wait", "1m")

    assert ended.code == 0, ended.err
    assert "reconciliation: format_not_written:parquet" in ended.err


@pytest.mark.kafka
def test_an_export_as_json_is_the_data_of_the_event(here: Topics, azplan: Azplan) -> None:
    """Progress does not get into the output."""
    with Answerer(here, _exported) as answerer:
        ended = azplan(
            *("invoices", "export", "--unbilled", "current", "--currency", "eur", "--json", "--wait", "1m"),
        )

    assert ended.code == 0, ended.err
    assert json.loads(answerer.seen[0].value or b"")["unbilled"] == {"period": "current", "currency": "EUR"}
    assert ended.json["datasets"] == example(InvoiceLinesExported.wire_type())["value"]["datasets"]


@pytest.mark.kafka
def test_an_export_need_not_be_waited_for(here: Topics, azplan: Azplan) -> None:
    """`--no-wait` prints the id of the command."""
    ended = azplan("invoices", "export", "G1", "--no-wait")
    as_json = azplan("invoices", "export", "G1", "--no-wait", "--json")

    assert (ended.code, as_json.code) == (0, 0)
    assert len(ended.out.strip()) == len(as_json.json["commandId"]) == 36


@pytest.mark.kafka
def test_exit_codes_are_those_of_every_verb_that_asks(here: Topics, azplan: Azplan) -> None:
    """4 rejected, 1 failed, 5 no answer; the wait of the worker is told."""
    with Answerer(here, _refused):
        ended = azplan("invoices", "export", "G1", "--wait", "1m")
        assert (ended.code, "invoice_not_found" in ended.err) == (4, True)
    with Answerer(here, _waiting):
        ended = azplan("invoices", "export", "G1", "--wait", "1m")
        assert (ended.code, "waiting (export_preparing): Microsoft is preparing" in ended.err) == (1, True)
    assert azplan("invoices", "statement", "G1", "--wait", "1s").code == 5


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("export",), "of one invoice or of a month"),
        (("export", "G1", "--unbilled", "current", "--currency", "EUR"), "of one invoice or of a month"),
        (("export", "--unbilled", "current"), "--unbilled and --currency"),
        (("export", "--unbilled", "next", "--currency", "EUR"), "--unbilled must be"),
        (("export", "G1", "--lines", "invoices"), "--lines must be"),
        (("export", "G1", "--formats", "source,csv"), "--formats must be"),
        (("export", "../G1"), "the invoice's ID must be"),
        (("statement",), "Missing argument"),
    ],
    ids=str,
)
def test_words_that_do_not_fit_are_refused_before_anything_is_sent(
    azplan: Azplan, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], named: str
) -> None:
    """Exit code 2, and the message names the word as it was typed."""
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)

    ended = azplan("invoices", *words)

    assert ended.code == 2, ended.err
    assert ended.out == ""
    assert named in ended.err


@pytest.mark.kafka
def test_a_statement_can_be_copied(
    here: Topics, azplan: Azplan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-o` reads the PDF from AZPLAN_FILES__URL, and only the one that was fetched."""
    store = tmp_path / "files"
    pdf = store / "v1" / "statement.pdf"
    pdf.parent.mkdir(parents=True)
    pdf.write_bytes(PDF)
    monkeypatch.setenv("AZPLAN_FILES__URL", f"file:{store}")
    told = {"invoice_id": "G1", "uri": pdf.as_uri(), "bytes": len(PDF), "already_fetched": True}

    def fetched(sha256: str) -> Answerer:
        return Answerer(here, lambda origin, _: [InvoiceStatementFetched.of(origin, sha256=sha256, **told)])

    with fetched(hashlib.sha256(PDF).hexdigest()) as answerer:
        ended = azplan("invoices", "statement", "G1", "--receipt", "R1", "-o", "copy.pdf", "--wait", "1m")
    assert ended.code == 0, ended.err
    assert dict(answerer.seen[0].headers)["ce_type"].decode() == FetchInvoiceStatement.wire_type()
    assert json.loads(answerer.seen[0].value or b"")["receiptId"] == "R1"
    assert Path("copy.pdf").read_bytes() == PDF
    assert ended.out.strip() == pdf.as_uri()
    assert "fetched before" in ended.err

    with fetched(hashlib.sha256(PDF).hexdigest()):
        ended = azplan("invoices", "statement", "G1", "-o", "nowhere/copy.pdf", "--wait", "1m")
    assert (ended.code, "there is no folder nowhere" in ended.err) == (1, True)
    with fetched("0" * 64):
        assert azplan("invoices", "statement", "G1", "-o", "copy.pdf", "--wait", "1m").code == 1
    monkeypatch.setenv("AZPLAN_FILES__URL", f"file:{tmp_path}/elsewhere")
    with fetched(hashlib.sha256(PDF).hexdigest()):
        ended = azplan("invoices", "statement", "G1", "-o", "copy.pdf", "--wait", "1m")
    assert (ended.code, "AZPLAN_FILES__URL" in ended.err) == (4, True)
