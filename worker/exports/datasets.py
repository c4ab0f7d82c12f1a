"""Which datasets a command asks for, and by which way each is had. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from events.codes import RejectedCode
from events.messages.invoice_lines import ExportInvoiceLines
from worker.errors import Rejected
from worker.exports.asked_invoice import InvoiceFacts
from worker.files.layout import SOURCE, Dataset, Unbilled, collection_of
from worker.partner_center.resources.billing_exports import Lines, Wanted
from worker.partner_center.resources.line_ways import Way, way_to


@dataclass(frozen=True, slots=True)
class AskedDataset:
    """One kind of lines that a command asks for."""

    lines: str
    dataset: Dataset
    wanted: Wanted
    way: Way
    currency: str | None = None
    """The currency of the invoice; None if Partner Center does not say."""
    formats: frozenset[str] = frozenset({SOURCE})


def asked_datasets(
    command: ExportInvoiceLines,
    account: str,
    now: datetime,
    invoice: InvoiceFacts,
    formats: frozenset[str] = frozenset({SOURCE}),
) -> list[AskedDataset]:
    """The datasets of a command, always in the same order: two commands never wait for each other's.

    Raises `UnsafeName` for an account whose name no path may have, and `Rejected` (`not_available`) for lines that no
    way leads to. `now` decides about the month of unbilled lines.
    """
    found = []
    invoice_id = invoice.id or command.invoice_id
    for lines in sorted(set(command.lines)):
        unbilled = command.unbilled
        dataset = Dataset(
            account,
            collection_of(lines),
            invoice_id=invoice_id,
            unbilled=Unbilled(month_of(unbilled.period, now), unbilled.currency) if unbilled else None,
            attributes=command.attributes,
        )
        wanted = Wanted(
            Lines(lines),
            invoice_id=invoice_id,
            currency=unbilled.currency if unbilled else None,
            period=unbilled.period if unbilled else None,
            attributes=command.attributes,
        )
        way = way_to(lines, invoice_id=invoice_id, month=invoice.month)
        if way.name == "none":
            raise Rejected(RejectedCode.NOT_AVAILABLE, f"there is no way to these lines: {way.reason}")
        found.append(AskedDataset(lines, dataset, wanted, way, invoice.currency, formats))
    return found


def month_of(period: str, now: datetime) -> str:
    """The month, such as `2026-11`, that an unbilled period means at this instant, in UTC."""
    first = now.replace(day=1)
    return f"{(first if period == 'current' else first - timedelta(days=1)):%Y-%m}"
