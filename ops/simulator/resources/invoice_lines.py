"""Lines of invoices, page by page: of new commerce with continuation tokens, of legacy commerce by index.

Pages: partner-center/developer/get-invoiceline-items, get-invoice-billed-consumption-lineitems,
get-invoice-unbilled-consumption-lineitems, get-invoice-unbilled-recon-lineitems, invoice-resources. Most calls for new
commerce have ended: for usage since September 2022 and reconciliations since February 2024, on 2025-04-21; for
purchases that are not billed yet on 2026-03-15.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from ops.simulator.billing.invoices import Invoice, LineKind
from ops.simulator.billing.ledger import month_of
from ops.simulator.commerce.error_codes import Refused
from ops.simulator.invoice_lines.consumption import group_of
from ops.simulator.invoice_lines.sequences import line_of, numbers, planted_of
from ops.simulator.invoice_lines.tokens import position_in, token_for
from ops.simulator.requests.answers import Answer, Json, collection, link
from ops.simulator.requests.calls import Call, Operation

Provider = Literal["onetime", "marketplace", "all", "azure", "office"]
PROVIDERS = ("onetime", "marketplace", "all", "azure", "office")
KINDS: dict[str, LineKind] = {"billinglineitems": "reconciliation", "usagelineitems": "usage"}
LEGACY = ("azure", "office")
END_OF_BILLED = datetime(2025, 4, 21, tzinfo=UTC)
END_OF_UNBILLED_PURCHASES = datetime(2026, 3, 15, tzinfo=UTC)
SHARE = 0.2
TYPES = {
    ("onetime", "usage"): ("usage_line_items", "marketplace", "DailyRatedUsageLineItem"),
    ("onetime", "reconciliation"): ("billing_line_items", "one_time", "OneTimeInvoiceLineItem"),
    ("azure", "usage"): ("usage_line_items", "azure", "DailyUsageLineItem"),
    ("azure", "reconciliation"): ("billing_line_items", "azure", "UsageBasedLineItem"),
    ("office", "reconciliation"): ("billing_line_items", "office", "LicenseBasedLineItem"),
}


@dataclass(frozen=True)
class Wanted:
    """What a request asks for."""

    invoice: Invoice | None
    """None: a month without lines."""
    provider: str
    kind: LineKind
    size: int
    earned: bool
    """True: only lines with partner earned credit."""
    uri: str
    """The request as links repeat it."""

    @property
    def count(self) -> int:
        """The number of lines, without planted faults."""
        invoice = self.invoice
        if invoice is None or (self.provider in LEGACY) != invoice.legacy:
            return 0
        if self.provider == "office":
            return invoice.lines("reconciliation") - invoice.groups
        if self.provider == "azure" and self.kind == "reconciliation":
            return invoice.groups
        return invoice.lines(self.kind)


def billed_lines(call: Call) -> Answer:
    """Answer lines of an invoice. In the older form the path has provider and kind."""
    invoice = call.world.ledger.find(call.partner.tenant_id, call.params["invoice_id"])
    if invoice is None or invoice.period is not None:
        raise Refused(1000, "no such invoice")
    wanted = _wanted(call, invoice)
    in_query = "provider" not in call.params
    if in_query and wanted.kind == "usage" and wanted.provider not in LEGACY and not call.query.get("currencycode"):
        raise Refused(800002, "currencyCode is missing")
    currency = call.query.get("currencycode", invoice.currency)
    if currency.upper() != invoice.currency:
        wanted = _wanted(call, None)
    return _page(call, wanted)


def unbilled_lines(call: Call) -> Answer:
    """Answer lines of a month that is not billed yet."""
    currency, period = call.query.get("currencycode"), call.query.get("period", "").lower()
    if not currency or period not in ("current", "previous"):
        raise Refused(800002, "currencyCode and period are needed")
    own = [each for each in call.world.ledger.invoices.values() if each.partner == call.partner.tenant_id]
    if call.settings.other_currency == "400" and currency.upper() not in {each.currency for each in own}:
        raise Refused(800002, "the currency is not one of the partner's")
    month = month_of(call.world.clock.date(call.at), period)
    invoice = call.world.ledger.unbilled(call.partner.tenant_id, currency, month)
    wanted = _wanted(call, invoice)
    if wanted.provider in LEGACY:
        raise Refused(800002, "provider")
    return _page(call, wanted)


def _wanted(call: Call, invoice: Invoice | None) -> Wanted:
    provider = call.params.get("provider", call.query.get("provider", "")).lower()
    kind = call.params.get("kind", call.query.get("invoicelineitemtype", "")).lower()
    if provider not in PROVIDERS:
        raise Refused(800002, "provider")
    if kind not in KINDS or (provider == "office" and KINDS[kind] == "usage"):
        raise Refused(800002, text="Invoice Line Item type is not valid.")
    size = call.query.get("size", str(call.settings.lines_page))
    if not size.isdigit() or int(size) < 1:
        raise Refused(800002, "size must be a whole number above zero")
    limited = min(int(size), call.settings.lines_page)
    earned = call.query.get("haspartnerearnedcredit", "").lower() == "true"
    name = call.params.get("invoice_id", "unbilled")
    uri = f"/invoices/{name}/lineitems?provider={provider}&invoicelineitemtype={kind}"
    for member in ("currencycode", "period", "haspartnerearnedcredit"):
        if member in call.query:
            uri += f"&{member}={call.query[member]}"
    return Wanted(invoice, provider, KINDS[kind], limited, earned, f"{uri}&size={limited}")


def _page(call: Call, wanted: Wanted) -> Answer:
    if wanted.provider in LEGACY:
        return _by_index(call, wanted)
    _refuse_retired(call, wanted)
    retired = _has_ended(call, wanted)
    invoice = None if retired else wanted.invoice
    start = _start(call, wanted)
    lines: list[Json] = []
    following, noise = 0, _noise(wanted, start)
    if invoice is not None and invoice.is_there(wanted.kind, call.at) and wanted.count:
        lines, following = _collect(call, wanted, invoice, start, noise)
    links = {}
    body: Json = {}
    if following:
        token = token_for(f"{wanted.uri}:{call.partner.tenant_id}", following)
        place = call.settings.lines_token
        headers = [{"key": "MS-ContinuationToken", "value": token}] if place != "body" else []
        links["next"] = link(_next_uri(call, wanted, noise), headers=headers)
        body = {"continuationToken": token} if place != "header" else {}
    return Answer(200, body | collection(lines, wanted.uri, **links), noise=noise)


def _noise(wanted: Wanted, start: int) -> random.Random:
    """Return what decides the oddities of a page: a page that is read twice has the same bytes."""
    return random.Random(f"{wanted.uri}:{start}")  # noqa: S311 - repeatable by page, guards nothing


def _collect(call: Call, wanted: Wanted, invoice: Invoice, start: int, noise: random.Random) -> tuple[list[Json], int]:
    """Return the lines of a page, and the number of the line after it; 0 if there is none."""
    complete = invoice.is_complete(wanted.kind, call.at)
    planted, lines = planted_of(invoice, wanted.kind), list[Json]()
    for number in _served(wanted, invoice, start, complete=complete):
        if len(lines) == wanted.size:
            return lines, number
        line = line_of(invoice, wanted.kind, number, planted.get(number))
        lines.append(_dressed(call, "onetime", wanted.kind, line, noise))
    return lines, 0


def _served(wanted: Wanted, invoice: Invoice, start: int, *, complete: bool) -> Iterator[int]:
    for number in numbers(invoice, wanted.kind, start, invoice.lines(wanted.kind), complete=complete):
        if not wanted.earned or wanted.kind != "usage" or group_of(invoice, number).earned:
            yield number


def _by_index(call: Call, wanted: Wanted) -> Answer:
    text = call.query.get("offset", "0")
    if not text.isdigit():
        raise Refused(800002, "offset must be a whole number")
    offset, invoice, lines = int(text), wanted.invoice, list[Json]()
    noise = _noise(wanted, offset)
    if invoice is not None and wanted.count:
        first = invoice.groups if wanted.provider == "office" else 0
        planted = planted_of(invoice, wanted.kind)
        for number in range(first + offset, first + min(offset + wanted.size, wanted.count)):
            line = line_of(invoice, wanted.kind, number, planted.get(number))
            lines.append(_dressed(call, wanted.provider, wanted.kind, line, noise))
    links = {}
    if offset + wanted.size < wanted.count:
        links["next"] = link(f"{wanted.uri}&offset={offset + wanted.size}")
    return Answer(200, collection(lines, f"{wanted.uri}&offset={offset}", **links), noise=noise)


def _start(call: Call, wanted: Wanted) -> int:
    seek = call.query.get("seekoperation", "").lower()
    token = call.headers.get("ms-continuationtoken")
    if not seek:
        return 0
    if seek != "next":
        raise Refused(900126, "seekOperation")
    if token is None and "provider" in call.params:
        return 0
    position = position_in(token or "", f"{wanted.uri}:{call.partner.tenant_id}")
    if position is None:
        raise Refused(800002, "the continuation token is not one of ours")
    return position


def _next_uri(call: Call, wanted: Wanted, noise: random.Random) -> str:
    odd = call.settings.odd_next_uri and noise.random()
    if odd and odd < SHARE:
        return f"{wanted.uri}?seekOperation=Next"
    uri = wanted.uri.replace("&invoicelineitemtype", "&nvoicelineitemtype") if odd and odd < 2 * SHARE else wanted.uri
    return f"{uri}&seekOperation=Next"


def _dressed(call: Call, provider: str, kind: LineKind, line: dict[str, Any], noise: random.Random) -> Json:
    lines, by, object_type = TYPES[provider, kind]
    dressed: Json = {name: value for name, value in line.items() if value is not None}
    if "productQualifiers" in dressed:
        dressed["productQualifiers"] = ["Trial"] if dressed["unitType"] == "Licenses" else []
    if not (call.settings.omit_discriminators and noise.random() < SHARE):
        dressed |= {"invoiceLineItemType": lines, "billingProvider": by}
    if call.settings.hostility.extra_fields and noise.random() < SHARE:
        dressed["attributes/objectType"] = object_type
    return dressed | {"attributes": {"objectType": object_type}}


def _has_ended(call: Call, wanted: Wanted) -> bool:
    """Tell whether the call has ended for these lines."""
    if call.settings.retired_lines == "no":
        return False
    invoice, now = wanted.invoice, call.world.clock.date(call.at)
    if "unbilled" in wanted.uri.partition("?")[0]:
        return now >= (END_OF_UNBILLED_PURCHASES if wanted.kind == "reconciliation" else END_OF_BILLED)
    return invoice is not None and now >= END_OF_BILLED and not invoice.is_old(wanted.kind)


def _refuse_retired(call: Call, wanted: Wanted) -> None:
    answer = call.settings.retired_lines
    if answer not in ("no", "empty") and _has_ended(call, wanted):
        raise Refused(800002, status=int(answer), text="This API has been retired. Use the asynchronous API.")


_PAGE = "/invoices/{invoice_id}/lineitems"

OPERATIONS = (
    Operation("invoices.unbilled_lines", "GET", "/invoices/unbilled/lineitems", unbilled_lines),
    Operation("invoices.unbilled_lines", "GET", "/invoices/unbilled/lineitems/{provider}/{kind}", unbilled_lines),
    Operation("invoices.lines", "GET", _PAGE, billed_lines),
    Operation("invoices.lines", "GET", f"{_PAGE}/{{provider}}/{{kind}}", billed_lines),
)
