"""Invoices as a person reads them: the list with what is to pay, and one invoice with everything that is known."""

from datetime import datetime

from events.messages.invoices import Invoice, InvoicesReported
from events.wire.text import counted
from worker.cli.output.console import say, show, show_wrapped
from worker.cli.output.spending.amounts import money, right
from worker.cli.output.tables import show_table

LABEL = 16
WAYS = {"graph": "Microsoft Graph", "v1": "pages of Partner Center", "none": "none"}


def show_invoices(told: InvoicesReported) -> None:
    """A row for each invoice, and the balances below them."""
    found = told.invoices
    if found:
        columns = [
            ("invoice", [each.id for each in found]),
            ("date", [_day(each.date) for each in found]),
            ("kind", [_kind(each) for each in found]),
            right("total", [money(each.total) for each in found]),
            right("paid", [money(each.paid) for each in found]),
            ("", [each.currency or "" for each in found]),
            ("exported", [_exported(each) for each in found]),
        ]
        cells = zip(*(column for _, column in columns), strict=True)
        show_table([heading for heading, _ in columns], [list(row) for row in cells])
    say(f"{counted(len(found), 'invoice')}.")
    if "invoices" in told.truncated:
        say("There are more than an event holds: ask for fewer months with --from and --to.")
    for each in told.balances or ():
        paid = f", last payment {money(each.last_payment_amount)}" if each.last_payment else ""
        show(f"balance {money(each.balance)} {each.currency or ''}{paid}")
    if told.balances is None:
        say("There are no balances: they take a user's token, and a user who may see them.")


def show_invoice(invoice: Invoice) -> None:
    """Everything that is known of an invoice."""
    _fact("invoice", invoice.id)
    _fact("date", _day(invoice.date))
    if invoice.period_start is not None:
        _fact("period", f"{_day(invoice.period_start)} to {_day(invoice.period_end)}")
    _fact("kind", ", ".join(filter(None, (_kind(invoice), invoice.type, invoice.status))))
    _fact("total", f"{money(invoice.total)} {invoice.currency or ''}")
    _fact("paid", f"{money(invoice.paid)} {invoice.currency or ''}")
    _fact("amends", invoice.amends)
    _fact("tax receipts", ", ".join(invoice.receipts))
    _fact("reconciliation", _way(invoice.ways.reconciliation, invoice.exported.reconciliation))
    _fact("usage", _way(invoice.ways.usage, invoice.exported.usage))
    if invoice.amendments:
        show()
        show((counted(len(invoice.amendments), "amendment"), "bold"))
        heading, totals = right("total", [money(each.total) for each in invoice.amendments])
        rows = [
            [each.id, _day(each.date), each.document_type or "", total, each.currency or ""]
            for each, total in zip(invoice.amendments, totals, strict=True)
        ]
        show_table(["document", "date", "kind", heading, ""], rows)


def _fact(name: str, text: str | None) -> None:
    if text and text.strip():
        show_wrapped(text, indent=LABEL, start=f"{name:<{LABEL}}")


def _way(way: str, version: str | None) -> str:
    return f"by {WAYS[way]}" + (f", exported as {version}" if version else ", not exported")


def _exported(invoice: Invoice) -> str:
    known = {"reconciliation": invoice.exported.reconciliation, "usage": invoice.exported.usage}
    return ", ".join(lines for lines, version in known.items() if version)


def _kind(invoice: Invoice) -> str:
    return (invoice.document_type or "").replace("_", " ")


def _day(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d}"
