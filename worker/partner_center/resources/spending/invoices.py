"""Invoices of the partner account, what is still to pay, and where estimates are. Their lines are elsewhere."""

from typing import Annotated

from worker.partner_center.answers.resource import (
    OBJECTS,
    OR_NONE,
    Collection,
    Link,
    Moment,
    Number,
    Resource,
    Text,
    Word,
    same_id,
)
from worker.partner_center.errors import Unanswered
from worker.partner_center.operation import MEGABYTE, Auth, EffectClass, Operation
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources.line_ways import number_of
from worker.partner_center.resources.spending.listed_objects import objects

DOCS = "https://learn.microsoft.com/partner-center/developer/"
PAGE_SIZE = 200
"""Invoices that a page is asked for. Partner Center heeds it for legacy invoices only."""


class LineKind(Resource):
    """A kind of lines that an invoice names."""

    invoice_line_item_type: Word = None
    billing_provider: Word = None


class TaxReceipt(Resource):
    """A tax receipt of an invoice (Taiwan)."""

    id: Text = None


class InvoiceDocument(Resource):
    """An invoice, a credit note, or an amendment inside one."""

    id: Text = None
    invoice_date: Moment = None
    billing_period_start_date: Moment = None
    billing_period_end_date: Moment = None
    total_charges: Number = None
    paid_amount: Number = None
    currency_code: Text = None
    document_type: Word = None
    invoice_type: Text = None
    status: Word = None
    amends_of: Text = None
    tax_receipts: Annotated[tuple[TaxReceipt, ...], OBJECTS] = ()
    invoice_details: Annotated[tuple[LineKind, ...], OBJECTS] = ()
    amendments: Annotated[tuple["InvoiceDocument", ...], OBJECTS] = ()


class BalanceSummary(Resource):
    """What is to pay in one currency."""

    currency_code: Text = None
    balance_amount: Number = None
    last_payment_date: Moment = None
    last_payment_amount: Number = None
    latest_invoice_date: Moment = None


class Estimate(Resource):
    """Where estimates of what is not billed yet can be read."""

    type: Word = None
    period: Text = None
    title: Text = None
    link: Annotated[Link | None, OR_NONE] = None


LIST: Operation[Collection[InvoiceDocument]] = Operation(
    name="invoices.list",
    method="GET",
    path="/invoices",
    answer=Collection[InvoiceDocument],
    page=True,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-a-collection-of-invoices",
)

GET: Operation[InvoiceDocument] = Operation(
    name="invoices.get",
    method="GET",
    path="/invoices/{invoice_id}",
    answer=InvoiceDocument,
    effect=EffectClass.READ,
    auth=Auth.USER,
    source=DOCS + "get-invoice-by-id",
    largest=MEGABYTE,
)

SUMMARIES: Operation[Collection[BalanceSummary]] = Operation(
    name="invoices.summaries",
    method="GET",
    path="/invoices/summaries",
    answer=Collection[BalanceSummary],
    page=True,
    effect=EffectClass.READ,
    auth=Auth.USER,
    source=DOCS + "get-invoice-summaries",
)

ESTIMATE_LINKS: Operation[Collection[Estimate]] = Operation(
    name="invoices.estimate_links",
    method="GET",
    path="/invoices/estimates/links",
    answer=Collection[Estimate],
    page=True,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-invoice-estimate-links",
)


async def list_all(center: PartnerCenter) -> list[InvoiceDocument]:
    """All invoices, each once. The links lead to the end.

    Partner Center heeds size and offset for legacy invoices only: it may give the others again on every page.
    """
    query = {"size": str(PAGE_SIZE), "offset": "0"}
    found: dict[object, InvoiceDocument] = {}
    async for each in objects(center, LIST, {}, InvoiceDocument, query=query):
        found.setdefault(each.id.casefold() if each.id else len(found), each)
    return list(found.values())


async def get(center: PartnerCenter, invoice_id: str) -> InvoiceDocument:
    """One invoice, with its billing period. Refused with 404 if there is none.

    Raises `Unanswered` if the answer is about another invoice, or about none.
    """
    found = await center.call(GET, {"invoice_id": invoice_id})
    if found.id is None or not same_id(number_of(found.id), number_of(invoice_id)):
        raise Unanswered(GET.name, f"the answer is about {found.id or 'no invoice'}, and not about {invoice_id}")
    return found


async def summaries(center: PartnerCenter) -> list[BalanceSummary]:
    """The balance in each currency."""
    return [each async for each in objects(center, SUMMARIES, {}, BalanceSummary)]


async def estimate_links(center: PartnerCenter, currency: str) -> list[Estimate]:
    """Where estimates in this currency (ISO 4217) can be read."""
    query = {"currencyCode": currency}
    return [each async for each in objects(center, ESTIMATE_LINKS, {}, Estimate, query=query)]
