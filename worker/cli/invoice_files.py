"""The verbs of `azplan invoices` that end in files: `export` and `statement`. Each sends a command and waits."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer

from events.messages.base import Event
from events.messages.command_status import CommandWaiting
from events.messages.invoice_lines import ExportInvoiceLines, InvoiceExportProgressed, InvoiceLinesExported
from events.messages.invoice_statements import FetchInvoiceStatement, InvoiceStatementFetched
from events.wire.text import counted
from worker.cli import interruptible
from worker.cli.asking import ask
from worker.cli.durations import DURATION, parse_duration
from worker.cli.options import Json
from worker.cli.output.console import say, show
from worker.cli.output.json import show_json
from worker.cli.output.spending.amounts import right
from worker.cli.output.tables import show_table
from worker.operators.errors import InvalidRequest
from worker.operators.sending.asking import about_account
from worker.operators.sending.fetched_document import copy_document
from worker.settings import model

PATIENCE: Final = "2h"
"""An export takes Microsoft minutes, and hours on some days."""
SHORT_PATIENCE: Final = "5m"

OfAccount = Annotated[str | None, typer.Option("--partner", help="The partner account, where several are configured.")]
Wait = Annotated[
    timedelta, typer.Option(parser=parse_duration, metavar=DURATION, help="Wait so long for the worker's answer.")
]


def export(  # noqa: PLR0913, PLR0917 - each is an option
    invoice: Annotated[str | None, typer.Argument(metavar="ID", help="The invoice, such as G016907411.")] = None,
    unbilled: Annotated[
        str | None, typer.Option(metavar="current|previous", help="In place of an invoice: a month without one.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="With --unbilled: the partner's billing currency.")] = None,
    lines: Annotated[
        str | None, typer.Option(metavar="WORD,…", help="reconciliation, usage, aggregatedUsage; the first two.")
    ] = None,
    formats: Annotated[
        str | None, typer.Option(metavar="WORD,…", help="source, parquet, focus; as AZPLAN_FILES__FORMATS says.")
    ] = None,
    basic: Annotated[bool, typer.Option("--basic", help="Only Microsoft's basic attributes.")] = False,
    max_age: Annotated[
        timedelta | None,
        typer.Option(parser=parse_duration, metavar=DURATION, help="A published version so young is good enough."),
    ] = None,
    partner: OfAccount = None,
    wait: Wait = PATIENCE,  # type: ignore[assignment]  # the parser makes a timedelta of it
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Send the command and do not wait.")] = False,
    as_json: Json = False,
) -> None:
    """Export the lines of an invoice into files.

    Sends ExportInvoiceLines and waits for the answer; what Microsoft and azplan are at is told on standard error. With
    `--json` the data of InvoiceLinesExported. Exit code 4 when the command was rejected, 1 when it failed, 5 when no
    answer came in time: the export goes on.
    """
    if (invoice is None) == (unbilled is None):
        raise InvalidRequest("an export is of one invoice or of a month without one.", "Give the ID, or --unbilled.")
    if (unbilled is None) != (currency is None):
        raise InvalidRequest("--unbilled and --currency belong together.", "Give both, or the ID of an invoice alone.")
    settings = model.load(calling=False)
    data: dict[str, Any] = {
        "invoiceId": invoice,
        "unbilled": None if unbilled is None else {"period": unbilled, "currency": currency},
        "lines": _words(lines),
        "formats": _words(formats),
        "attributes": "basic" if basic else None,
        "maxAge": None if max_age is None else f"PT{max_age // timedelta(seconds=1)}S",
    }
    request = about_account(settings, ExportInvoiceLines, data, partner, None if no_wait else wait)
    told = interruptible.run(ask(settings, request, _say_progress))
    if not told:
        _show_sent(request.identity.id, as_json=as_json)
    elif as_json:
        show_json(told[-1].wire_data())
    else:
        _show_export(cast("InvoiceLinesExported", told[-1]))


def statement(
    invoice: Annotated[str, typer.Argument(metavar="ID", help="The invoice, such as G016907411.")],
    receipt: Annotated[str | None, typer.Option(metavar="ID", help="A tax receipt of the invoice (Taiwan).")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Also copy the PDF to this file.")
    ] = None,
    partner: OfAccount = None,
    wait: Wait = SHORT_PATIENCE,  # type: ignore[assignment]  # the parser makes a timedelta of it
    as_json: Json = False,
) -> None:
    """Fetch the PDF of an invoice into the files of the worker.

    Sends FetchInvoiceStatement and waits for the answer. With `-o` the PDF is read from AZPLAN_FILES__URL, which must
    be the worker's. With `--json` the data of InvoiceStatementFetched. Exit code 4 when the command was rejected, 1
    when it failed, 5 when no answer came in time.
    """
    settings = model.load(calling=False)
    request = about_account(
        settings, FetchInvoiceStatement, {"invoiceId": invoice, "receiptId": receipt}, partner, wait
    )
    told = cast("InvoiceStatementFetched", interruptible.run(ask(settings, request))[-1])
    if output is not None:
        interruptible.run(copy_document(settings, told.uri, told.sha256, output))
    if as_json:
        show_json(told.wire_data())
    else:
        show(told.uri)
        before = ", fetched before" if told.already_fetched else ""
        say(f"{counted(told.bytes, 'byte')}{before}.")


def _words(text: str | None) -> list[str] | None:
    return None if text is None else [word.strip() for word in text.split(",")]


def _say_progress(event: Event) -> None:
    match event:
        case InvoiceExportProgressed():
            of = "" if event.blobs is None else f" of {event.blobs}"
            parts = f": {event.blobs_done}{of} parts, {event.rows} lines" if event.blobs is not None else ""
            say(f"{event.lines}: {event.stage}{parts}")
        case CommandWaiting():
            say(f"waiting ({event.reason}): {event.detail}")


def _show_sent(command_id: str, *, as_json: bool) -> None:
    if as_json:
        show_json({"commandId": command_id})
    else:
        show(command_id)


def _show_export(told: InvoiceLinesExported) -> None:
    sums = [(each, total) for each in told.datasets for total in each.totals]
    if sums:
        columns = [
            ("lines", [each.lines for each, _ in sums]),
            ("version", ["before" if each.already_exported else "new" for each, _ in sums]),
            right("rows", [str(total.rows) for _, total in sums]),
            ("", [total.currency or "" for _, total in sums]),
            ("charge", [total.charge_type or "" for _, total in sums]),
            right("before tax", [format(total.before_tax, "f") for _, total in sums]),
            right("total", ["" if total.total is None else format(total.total, "f") for _, total in sums]),
        ]
        cells = zip(*(column for _, column in columns), strict=True)
        show_table([heading for heading, _ in columns], [list(row) for row in cells])
    for each in told.datasets:
        show(each.manifest_uri)
        for notice in each.notices:
            say(f"{each.lines}: {notice}")
