"""What a report says about an invoice: its document in Microsoft's words, and the ways to its lines. Pure."""

from datetime import UTC, date, timedelta

from events.messages.invoices import (
    Balance,
    EstimateLink,
    ExportedVersions,
    Invoice,
    InvoiceAmendment,
    InvoiceDetail,
    InvoiceWays,
)
from worker.partner_center.resources.line_ways import RECONCILIATION, USAGE, number_of, way_to
from worker.partner_center.resources.spending.invoices import BalanceSummary, Estimate, InvoiceDocument

TYPES = {"recurring": "Recurring", "one_time": "OneTime", "onetime": "OneTime"}
"""Microsoft's page writes the words otherwise than its answers do."""
NOTHING_EXPORTED = ExportedVersions(reconciliation=None, usage=None)


def invoice(document: InvoiceDocument, exported: ExportedVersions) -> Invoice:
    """The invoice of a report. The document must have an id."""
    return Invoice(
        id=number_of(document.id or ""),
        date=document.invoice_date,
        period_start=document.billing_period_start_date,
        period_end=document.billing_period_end_date,
        total=document.total_charges,
        paid=document.paid_amount,
        currency=_currency(document),
        type=_type(document),
        document_type=_document_type(document),
        status=document.status,
        amends=document.amends_of,
        amendments=tuple(_amendment(each) for each in document.amendments if each.id),
        receipts=tuple(each.id for each in document.tax_receipts if each.id),
        details=tuple(
            InvoiceDetail(lines=each.invoice_line_item_type, provider=each.billing_provider)
            for each in document.invoice_details
        ),
        ways=ways(document),
        exported=exported,
    )


def ways(document: InvoiceDocument) -> InvoiceWays:
    """The way to each kind of lines, by the invoice's id and billing period."""
    month = billing_month(document)
    name = {lines: way_to(lines, invoice_id=document.id or "", month=month).name for lines in (RECONCILIATION, USAGE)}
    return InvoiceWays(reconciliation=name[RECONCILIATION], usage=name[USAGE])


def billing_month(document: InvoiceDocument) -> str | None:
    """The month that the invoice bills, such as `2026-10`: the one before its date, where it names no period."""
    if document.billing_period_start_date is not None:
        return f"{document.billing_period_start_date:%Y-%m}"
    if document.invoice_date is None:
        return None
    return f"{document.invoice_date.replace(day=1) - timedelta(days=1):%Y-%m}"


def is_from(document: InvoiceDocument, since: date, until: date | None) -> bool:
    """Whether the invoice's date in UTC lies there, both dates included. An invoice without a date may lie anywhere."""
    if document.invoice_date is None:
        return True
    return since <= document.invoice_date.astimezone(UTC).date() <= (until or date.max)


def is_in(document: InvoiceDocument, currency: str | None) -> bool:
    """Whether the invoice is in this currency; None: in any."""
    return currency is None or _currency(document) == currency


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier; the last of that month where it is shorter."""
    first = day.replace(day=1)
    for _ in range(months):
        first = (first - timedelta(days=1)).replace(day=1)
    last = ((first + timedelta(days=31)).replace(day=1) - timedelta(days=1)).day
    return first.replace(day=min(day.day, last))


def balance(summary: BalanceSummary) -> Balance:
    """What is to pay in one currency."""
    return Balance(
        currency=summary.currency_code and summary.currency_code.upper(),
        balance=summary.balance_amount,
        last_payment=summary.last_payment_date,
        last_payment_amount=summary.last_payment_amount,
        latest_invoice=summary.latest_invoice_date,
    )


def estimate_link(estimate: Estimate) -> EstimateLink:
    """A link as Microsoft names it."""
    return EstimateLink(
        type=estimate.type,
        period=estimate.period,
        title=estimate.title,
        uri=estimate.link.uri if estimate.link else None,
    )


def _amendment(document: InvoiceDocument) -> InvoiceAmendment:
    return InvoiceAmendment(
        id=document.id or "",
        date=document.invoice_date,
        total=document.total_charges,
        currency=_currency(document),
        type=_type(document),
        document_type=_document_type(document),
        status=document.status,
    )


def _currency(document: InvoiceDocument) -> str | None:
    return document.currency_code.upper() if document.currency_code else None


def _type(document: InvoiceDocument) -> str | None:
    written = document.invoice_type
    return TYPES.get(written.casefold(), written) if written else None


def _document_type(document: InvoiceDocument) -> str | None:
    return document.document_type.replace(" ", "_") if document.document_type else None
