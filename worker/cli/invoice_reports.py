"""The verbs of `azplan invoices` that show invoices: `list` and `show`. Each sends ReportInvoices and waits."""

from datetime import timedelta
from typing import Annotated, Any, Final, cast

import typer

from events.messages.invoices import InvoicesReported, ReportInvoices
from worker.cli import interruptible
from worker.cli.asking import ask
from worker.cli.options import AnswerWait, Json, OfAccount
from worker.cli.output.json import show_json
from worker.cli.output.spending.invoices import show_invoice, show_invoices
from worker.operators.sending.asking import about_account
from worker.settings import model

PATIENCE: Final = "5m"

Currency = Annotated[str | None, typer.Option(help="Only invoices and balances in this currency (ISO 4217).")]


def list_(
    since: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="Only from this date on; otherwise 13 months.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Only up to this date.")] = None,
    currency: Currency = None,
    partner: OfAccount = None,
    wait: AnswerWait = PATIENCE,  # type: ignore[assignment]  # the parser makes a timedelta of it
    as_json: Json = False,
) -> None:
    """Show the invoices and credit notes of the partner account, the newest first, and what is to pay.

    Sends ReportInvoices and waits for the answer. With `--json` the data of InvoicesReported. Exit code 4 when the
    command was rejected, 1 when it failed, 5 when no answer came in time.
    """
    told = _ask({"from": since, "to": until, "currency": currency}, partner, wait)
    if as_json:
        show_json(told.wire_data())
    else:
        show_invoices(told)


def show_one(
    invoice: Annotated[str, typer.Argument(metavar="ID", help="The invoice, such as G016907411.")],
    partner: OfAccount = None,
    wait: AnswerWait = PATIENCE,  # type: ignore[assignment]  # the parser makes a timedelta of it
    as_json: Json = False,
) -> None:
    """Show one invoice: period, amounts, amendments, receipts, and the way to its lines.

    Sends ReportInvoices and waits for the answer; the account needs a user's token. With `--json` the invoice as in
    InvoicesReported. Exit code 4 when the command was rejected, as for an unknown invoice; 1 when it failed, 5 when no
    answer came in time.
    """
    (found,) = _ask({"invoiceId": invoice, "include": []}, partner, wait).invoices
    if as_json:
        show_json(found.wire_data())
    else:
        show_invoice(found)


def _ask(data: dict[str, Any], partner: str | None, wait: timedelta) -> InvoicesReported:
    settings = model.load(calling=False)
    request = about_account(settings, ReportInvoices, data, partner, wait)
    return cast("InvoicesReported", interruptible.run(ask(settings, request))[-1])
