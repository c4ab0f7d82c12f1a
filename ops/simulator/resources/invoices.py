"""Invoices, what is still to pay, and where estimates are.

Pages: partner-center/developer/get-a-collection-of-invoices, get-invoice-by-id, get-invoice-summaries,
get-the-reseller-s-current-account-balance, get-invoice-statement, get-invoice-receipt-statement,
get-invoice-estimate-links, invoice-resources.
"""

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from ops.simulator.billing.documents import pdf
from ops.simulator.billing.figures import invoice_total
from ops.simulator.billing.invoices import SYMBOLS, Invoice
from ops.simulator.commerce.error_codes import Refused
from ops.simulator.requests.answers import Answer, Json, collection, link
from ops.simulator.requests.calls import Call, Operation

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda a, b: a == b,
    "not_equals": lambda a, b: a != b,
    "greater_than": lambda a, b: a > b,
    "greater_than_or_equals": lambda a, b: a >= b,
    "less_than": lambda a, b: a < b,
    "less_than_or_equals": lambda a, b: a <= b,
}
UNSET = "0001-01-01T00:00:00"


def list_invoices(call: Call) -> Answer:
    """Answer the invoices; ``size`` and ``offset`` count for legacy ones alone, the newer ones come all at once."""
    found = [each for each in call.world.ledger.of(call.partner.tenant_id) if _passes(call, each)]
    legacy = [each for each in found if each.legacy]
    size, offset = _number(call, "size", len(legacy)), _number(call, "offset", 0)
    most = call.settings.invoices_page
    size = min(size, most) if most else size
    page = [each for each in found if not each.legacy] if offset == 0 else []
    page += legacy[offset : offset + size]
    links = {}
    text = call.query.get("filter")
    more = f"&filter={quote(text, safe='')}" if text else ""
    if size and offset + size < len(legacy):
        links["next"] = link(f"/invoices?size={size}&offset={offset + size}{more}")
    uri = f"/invoices?size={size}&offset={offset}{more}"
    return Answer(200, collection([_body(each) for each in page], uri, **links))


def get_invoice(call: Call) -> Answer:
    """Answer one invoice, with the period that it bills."""
    invoice = _invoice(call)
    body = _body(invoice)
    end = invoice.first_day + timedelta(days=invoice.days - 1)
    return Answer(
        200,
        {
            **body,
            "billingPeriodStartDate": f"{invoice.first_day}T00:00:00Z",
            "billingPeriodEndDate": f"{end}T00:00:00Z",
        },
    )


def get_summary(call: Call) -> Answer:
    """Answer the balance in the currency of the newest invoice."""
    found = call.world.ledger.of(call.partner.tenant_id)
    currency = found[-1].currency if found else "USD"
    return Answer(200, _summary([each for each in found if each.currency == currency], currency))


def list_summaries(call: Call) -> Answer:
    """Answer the balance in each currency."""
    found = call.world.ledger.of(call.partner.tenant_id)
    currencies = list(dict.fromkeys(each.currency for each in found))
    items = [_summary([each for each in found if each.currency == code], code) for code in currencies]
    return Answer(200, collection(items, "/invoices/summaries"))


def list_estimate_links(call: Call) -> Answer:
    """Answer where usage and purchases that are not billed yet can be read: with the old names of providers."""
    currency = call.query.get("currencycode")
    if not currency:
        raise Refused(800002, "currencyCode is missing")
    items = []
    for kind, provider, lines in (
        ("daily_rated_usage", "Marketplace", "UsageLineItems"),
        ("non_consumption", "all", "billinglineitems"),
    ):
        for period in ("Current", "Previous"):
            uri = (
                f"/invoices/unbilled/lineitems?provider={provider}&invoicelineitemtype={lines}"
                f"&currencycode={currency}&period={period.lower()}&size=2000"
            )
            title = f"{period} {'daily rated usage' if kind == 'daily_rated_usage' else 'purchases'}"
            items.append({"type": kind, "title": title, "description": title, "period": period, "link": link(uri)})
    return Answer(200, {"totalCount": len(items), "items": items, "attributes": {"objectType": "Collection"}})


def get_statement(call: Call) -> Answer:
    """Answer the invoice as a PDF."""
    invoice = _invoice(call)
    return _document(
        f"Invoice_{invoice.id}.pdf", [f"Invoice {invoice.id}", f"Total {_total(invoice)} {invoice.currency}"]
    )


def get_receipt(call: Call) -> Answer:
    """Answer a tax receipt as a PDF."""
    invoice, receipt = _invoice(call), call.params["receipt_id"]
    if receipt.lower() not in {each.lower() for each in invoice.receipts}:
        raise Refused(1000, "no such receipt")
    return _document(f"{receipt}.pdf", [f"Receipt {receipt}", f"of invoice {invoice.id}"])


def _invoice(call: Call) -> Invoice:
    invoice = call.world.ledger.find(call.partner.tenant_id, call.params["invoice_id"])
    if invoice is None or invoice.period is not None:
        raise Refused(1000, "no such invoice")
    return invoice


def _total(invoice: Invoice) -> Decimal:
    return invoice_total(invoice) - sum(invoice.amendments, Decimal(0))


def _body(invoice: Invoice) -> Json:
    kind = "Recurring" if invoice.legacy else "OneTime"
    body: Json = {
        "id": invoice.id,
        "invoiceDate": _date(invoice),
        "totalCharges": _total(invoice),
        "paidAmount": invoice.paid,
        "currencyCode": invoice.currency,
        "currencySymbol": SYMBOLS.get(invoice.currency, invoice.currency),
        "pdfDownloadLink": f"/invoices/{invoice.id}/documents/statement",
    }
    if invoice.receipts:
        body["taxReceipts"] = [
            {"id": each, "taxReceiptPdfDownloadLink": f"/invoices/{invoice.id}/receipts/{each}/documents/statement"}
            for each in invoice.receipts
        ]
    body["invoiceDetails"] = [_detail(invoice, kind, *each) for each in _kinds(invoice)]
    if invoice.amendments:
        body["amendments"] = [_amendment(invoice, number) for number in range(len(invoice.amendments))]
    return body | {
        "documentType": invoice.document_type,
        "invoiceType": kind,
        "status": invoice.status,
        "links": {"self": link(f"/invoices/{kind}-{invoice.id}")},
        "attributes": {"objectType": "Invoice"},
    }


def _kinds(invoice: Invoice) -> list[tuple[str, str]]:
    if invoice.legacy:
        return [
            ("billing_line_items", "office"),
            ("billing_line_items", "azure"),
            ("usage_line_items", "azure"),
        ]
    return [("billing_line_items", "one_time"), ("usage_line_items", "marketplace")]


def _detail(invoice: Invoice, kind: str, lines: str, provider: str) -> Json:
    names = {"one_time": "OneTime", "marketplace": "Marketplace", "office": "Office", "azure": "Azure"}
    spelled = "BillingLineItems" if lines == "billing_line_items" else "UsageLineItems"
    uri = f"/invoices/{kind}-{invoice.id}/lineitems/{names[provider]}/{spelled}"
    return {
        "invoiceLineItemType": lines,
        "billingProvider": provider,
        "links": {"self": link(uri)},
        "attributes": {"objectType": "InvoiceDetail"},
    }


def _amendment(invoice: Invoice, number: int) -> Json:
    return {
        "id": f"{invoice.id}A{number + 1}",
        "invoiceDate": _date(invoice),
        "totalCharges": invoice.amendments[number],
        "paidAmount": Decimal(0),
        "currencyCode": invoice.currency,
        "documentType": "adjustment_note",
        "amendsOf": invoice.id,
        "invoiceType": "OneTime",
        "attributes": {"objectType": "Invoice"},
    }


def _summary(found: list[Invoice], currency: str) -> Json:
    def part(own: list[Invoice]) -> Json:
        balance = sum((_total(each) - each.paid for each in own), Decimal(0))
        return {
            "balanceAmount": balance,
            "currencyCode": currency,
            "currencySymbol": SYMBOLS.get(currency, currency),
            "accountingDate": _date(own[-1]) if own else UNSET,
            "firstInvoiceCreationDate": _date(own[0]) if own else UNSET,
            "lastPaymentDate": UNSET,
            "lastPaymentAmount": Decimal(0),
            "latestInvoiceDate": _date(own[-1]) if own else UNSET,
            "attributes": {"objectType": "InvoiceSummary"},
        }

    kinds = (("Recurring", [each for each in found if each.legacy]), ("OneTime", [e for e in found if not e.legacy]))
    details = [{"invoiceType": name, "summary": part(own)} for name, own in kinds]
    return part(found) | {"details": details, "links": {"self": link("/invoices/summary")}}


def _date(invoice: Invoice) -> str:
    """Return when an invoice was made: on the seventh of the month after."""
    made = (invoice.first_day + timedelta(days=invoice.days)).replace(day=7)
    return f"{made}T22:40:37.5800000Z"


def _document(name: str, lines: list[str]) -> Answer:
    headers = {"Content-Type": "application/pdf", "Content-Disposition": f"attachment; filename={name}"}
    return Answer(200, raw=pdf(lines), headers=headers)


def _number(call: Call, name: str, default: int) -> int:
    text = call.query.get(name)
    if text is None:
        return default
    if not text.isdigit():
        raise Refused(800002, f"{name} must be a whole number")
    return int(text)


def _passes(call: Call, invoice: Invoice) -> bool:
    text = call.query.get("filter")
    if not text:
        return True
    try:
        return _holds({str(name).lower(): value for name, value in json.loads(text).items()}, invoice)
    except (ValueError, KeyError, AttributeError, TypeError):
        raise Refused(800002, "filter must be JSON with Field, Value and Operator") from None


def _holds(wanted: dict[str, Any], invoice: Invoice) -> bool:
    operator = str(wanted["operator"]).lower()
    if operator in ("and", "or"):
        sides = [
            _holds({str(name).lower(): value for name, value in wanted[side].items()}, invoice)
            for side in ("leftfilter", "rightfilter")
        ]
        return all(sides) if operator == "and" else any(sides)
    if str(wanted["field"]).lower() != "invoicedate":
        raise Refused(800002, "invoices can only be filtered by InvoiceDate")
    value = date.fromisoformat(str(wanted["value"])[:10])
    return COMPARISONS[operator](date.fromisoformat(_date(invoice)[:10]), value)


_ONE = "/invoices/{invoice_id}"

OPERATIONS = (
    Operation("invoices.list", "GET", "/invoices", list_invoices),
    Operation("invoices.summary", "GET", "/invoices/summary", get_summary),
    Operation("invoices.summaries", "GET", "/invoices/summaries", list_summaries, auth="billing_user"),
    Operation("invoices.estimate_links", "GET", "/invoices/estimates/links", list_estimate_links),
    Operation("invoices.get", "GET", _ONE, get_invoice, auth="billing_user"),
    Operation(
        "invoices.statement", "GET", f"{_ONE}/documents/statement", get_statement, auth="billing_user", speaks="pdf"
    ),
    Operation(
        "invoices.receipt",
        "GET",
        f"{_ONE}/receipts/{{receipt_id}}/documents/statement",
        get_receipt,
        auth="billing_user",
        speaks="pdf",
    ),
)
