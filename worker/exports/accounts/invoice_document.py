"""The document of an invoice, as the comparison needs it. It is read from the list: an application may read that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from worker.exports.asked_invoice import is_invoice, named
from worker.partner_center.resources.line_ways import number_of
from worker.partner_center.resources.spending.invoices import InvoiceDocument
from worker.spending.invoice_facts import billing_month

LONG_AGO = datetime.min.replace(tzinfo=UTC)
MOST_EARLIER = 13
"""Invoices of the same currency that are asked for their rate of tax."""


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """What the document says. `month`: its billing period; None where Partner Center does not say it."""

    id: str
    currency: str
    total: Decimal
    amendments: Decimal
    month: str | None


def facts_of(documents: Sequence[InvoiceDocument], invoice_id: str) -> DocumentFacts | None:
    """The facts of this invoice; None if it is not in the list, or its amount or currency cannot be read."""
    found = named(documents, invoice_id)
    if found is None or found.total_charges is None or not found.currency_code:
        return None
    inside = [each.id for each in found.amendments]
    outside = [
        each
        for each in documents
        if is_invoice(each.amends_of, invoice_id) and not any(is_invoice(id_, each.id or "") for id_ in inside)
    ]
    amended = (each.total_charges for each in (*found.amendments, *outside))
    total = Decimal(0)
    for amount in amended:
        total += Decimal(amount or 0)
    currency, charges = found.currency_code.upper(), Decimal(found.total_charges)
    return DocumentFacts(number_of(found.id or invoice_id), currency, charges, total, billing_month(found))


def earlier(documents: Sequence[InvoiceDocument], invoice_id: str) -> list[str]:
    """The ids of the invoices before this one in its currency, as datasets are named by them, the newest first."""
    found = named(documents, invoice_id)
    if found is None or found.invoice_date is None:
        return []
    before = [
        each
        for each in documents
        if each.id
        and each.invoice_date is not None
        and each.invoice_date < found.invoice_date
        and (each.currency_code or "").upper() == (found.currency_code or "").upper()
    ]
    before.sort(key=lambda each: (each.invoice_date or LONG_AGO, each.id or ""), reverse=True)
    return [number_of(each.id) for each in before[:MOST_EARLIER] if each.id]
