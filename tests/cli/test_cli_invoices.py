"""`azplan invoices list` and `show`: the sent command, the tables, the JSON and the exit codes."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from events.codes import RejectedCode
from events.contract_files import example
from events.messages.base import Event, Origin
from events.messages.command_status import CommandRejected
from events.messages.invoices import InvoicesReported, ReportInvoices
from events.wire.record import Record
from ops.local.topics import Topics
from tests.cli.answering import Answerer
from tests.cli.conftest import Azplan
from tests.cli.test_cli_customers import ACCOUNT, TENANT
from tests.cli.test_cli_layout import COLOUR
from tests.cli.test_cli_terminal import at_a_terminal

REPORT = {
    name: example(InvoicesReported.wire_type())["value"][name] for name in ("invoices", "balances", "estimateLinks")
}


@pytest.fixture
def here(topics: Topics, clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> Topics:
    """The settings point to fresh topics of a real broker, and have one account."""
    for name, value in {**topics.env, **ACCOUNT}.items():
        monkeypatch.setenv(name, value)
    return topics


def _worker(origin: Origin, record: Record) -> Iterable[Event]:
    """Answers as a worker does."""
    data = json.loads(record.value or b"")
    if data.get("invoiceId") == "G0":
        yield CommandRejected.of(origin, code=RejectedCode.INVOICE_NOT_FOUND, detail="there is no G0")
        return
    balances = None if "invoiceId" in data else REPORT["balances"]
    yield InvoicesReported.of(origin, **{**REPORT, "balances": balances, "estimate_links": []})


@pytest.mark.kafka
def test_invoices_fit_a_terminal_of_80_columns(here: Topics, tmp_path: Path) -> None:
    """`azplan invoices` is `azplan invoices list`: amounts grouped and aligned, and what is to pay."""
    with Answerer(here, _worker) as answerer:
        code, shown = at_a_terminal(tmp_path, "invoices", settings={**here.env, **ACCOUNT}, columns=80)
    assert code == 0, shown
    (record,) = answerer.seen
    assert dict(record.headers)["ce_type"].decode() == ReportInvoices.wire_type()
    assert json.loads(record.value or b"") == {"customerId": TENANT}
    lines = [line.rstrip() for line in COLOUR.sub("", shown).splitlines()]
    assert [line for line in lines if line and not line.startswith(("Sent ", "Waiting "))] == [
        "invoice     date        kind          total  paid       exported",
        "─" * 70,
        "G016907411  2026-11-08  invoice  116 871.51  0.00  EUR  reconciliation",
        "1 invoice.",
        "balance 116 751.01 EUR, last payment 98 211.35",
    ]


@pytest.mark.kafka
def test_the_list_can_be_narrowed(here: Topics, azplan: Azplan) -> None:
    """Dates and currency go into the command; JSON has every digit."""
    with Answerer(here, _worker) as answerer:
        ended = azplan(
            *("invoices", "list", "--from", "2026-01-01", "--to", "2026-11-30", "--currency", "eur"),
            *("--json", "--wait", "1m"),
        )
    assert ended.code == 0, ended.err
    asked = json.loads(answerer.seen[0].value or b"")
    assert asked == {"customerId": TENANT, "from": "2026-01-01", "to": "2026-11-30", "currency": "EUR"}
    assert ended.json["invoices"][0]["total"] == "116871.51"


@pytest.mark.kafka
def test_one_invoice_is_shown_with_its_amendments(here: Topics, azplan: Azplan) -> None:
    """And with the way to its lines."""
    with Answerer(here, _worker):
        ended = azplan("invoices", "show", "G016907411", "--wait", "1m")
    assert ended.code == 0, ended.err
    assert "total           116 871.51 EUR" in ended.out
    assert "reconciliation  by Microsoft Graph, exported as 20261108T081959Z-6b1f0c9d2a47" in ended.out
    assert "usage           by Microsoft Graph, not exported" in ended.out
    assert "−120.50" in ended.out


@pytest.mark.kafka
def test_an_unknown_invoice_exits_4(here: Topics, azplan: Azplan) -> None:
    """And says what to do."""
    with Answerer(here, _worker):
        ended = azplan("invoices", "show", "G0", "--wait", "1m")
    assert ended.code == 4
    assert "invoice_not_found" in ended.err


@pytest.mark.parametrize(
    "words", [("--from", "yesterday"), ("--from", "2026-02-01", "--to", "2026-01-01"), ("--currency", "euro")]
)
def test_words_that_do_not_fit_exit_2(
    clean_place: Path, monkeypatch: pytest.MonkeyPatch, azplan: Azplan, words: tuple[str, ...]
) -> None:
    """Before anything is sent."""
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)
    assert azplan("invoices", "list", *words).code == 2
