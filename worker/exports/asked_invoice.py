"""What must be known of an invoice, or of a currency, before its lines are asked for. Read once a story."""

from collections.abc import Sequence
from dataclasses import dataclass

from events.codes import RejectedCode
from worker.errors import Rejected
from worker.handling import Context
from worker.partner_center.answers.resource import same_id
from worker.partner_center.errors import NotPermitted
from worker.partner_center.resources.line_ways import number_of
from worker.partner_center.resources.spending import invoices
from worker.partner_center.resources.spending.invoices import InvoiceDocument
from worker.spending.invoice_facts import billing_month

INVOICE, CURRENCY = "invoice", "currency"
"""Names in `Context.known`."""


@dataclass(frozen=True, slots=True)
class InvoiceFacts:
    """An invoice, as far as the way to its lines depends on it."""

    month: str | None = None
    """Its billing period, such as `2026-10`; None if Partner Center does not say."""
    currency: str | None = None
    id: str | None = None
    """Its id as Microsoft writes it, without a type before it: one invoice is one dataset, however it is asked for."""


async def invoice_facts(ctx: Context, invoice_id: str) -> InvoiceFacts:
    """The invoice in the list of invoices: the invoice by itself takes a user's token.

    Raises `Rejected` (`invoice_not_found`) if the list does not have it.
    """
    known = ctx.known.get(INVOICE)
    if known is None:
        found = named(await invoices.list_all(ctx.center), invoice_id)
        if found is None:
            detail = f"the account {ctx.center.account} has no invoice {invoice_id}"
            raise Rejected(RejectedCode.INVOICE_NOT_FOUND, detail)
        known = ctx.known[INVOICE] = {
            "month": billing_month(found),
            "currency": found.currency_code,
            "id": number_of(found.id or invoice_id),
        }
    return InvoiceFacts(known["month"], known["currency"], known.get("id"))


async def refuse_unknown_currency(ctx: Context, currency: str) -> None:
    """Refuse a currency that the partner account has no balance in. Balances take a user's token: without one, none is
    refused.

    Raises `Rejected` (`currency_unknown`).
    """
    if ctx.known.get(CURRENCY) or not ctx.center.permits(invoices.SUMMARIES):
        return
    try:
        balances = await invoices.summaries(ctx.center)
    except NotPermitted as no:
        ctx.note(f"not checked whether the account has a balance in {currency}: {no.description}")
        return
    known = sorted({each.currency_code.upper() for each in balances if each.currency_code})
    if known and currency not in known:
        detail = f"the account {ctx.center.account} has no balance in {currency}, but in {', '.join(known)}"
        raise Rejected(RejectedCode.CURRENCY_UNKNOWN, detail)
    ctx.known[CURRENCY] = True


def named(documents: Sequence[InvoiceDocument], invoice_id: str) -> InvoiceDocument | None:
    """The document with this id. An amendment may stand inside the document that it amends: it has lines of its own."""
    inside = (each for document in documents for each in document.amendments)
    return next((each for each in (*documents, *inside) if is_invoice(each.id, invoice_id)), None)


def is_invoice(listed: str | None, asked: str) -> bool:
    """Whether both are ids of one invoice. Partner Center may put a type before an id, as in `OneTime-G000000001`."""
    if listed is None:
        return False
    return same_id(listed, asked) or same_id(number_of(listed), number_of(asked))
