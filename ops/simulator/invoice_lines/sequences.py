"""Which lines of an invoice are served, in which blob, and as what text: planted faults and partial usage included."""

from collections.abc import Iterator
from typing import Any, Literal

from ops.simulator.billing.invoices import Invoice, LineKind, Planted, draw, share_of
from ops.simulator.invoice_lines.aggregated_usage import aggregated_line
from ops.simulator.invoice_lines.consumption import Group, group_of
from ops.simulator.invoice_lines.daily_usage import (
    OF_RESOURCE,
    VARYING,
    additional_info,
    common,
    day,
    of_resource,
    resources,
    usage_line,
)
from ops.simulator.invoice_lines.legacy import azure_line, daily_line, license_line
from ops.simulator.invoice_lines.reconciliation import reconciliation_line
from ops.simulator.invoice_lines.text import MARK, Mark, Style

Line = dict[str, Any]
CHUNK = 500


def line_of(invoice: Invoice, kind: LineKind, number: int, planted: Planted | None = None) -> Line:
    """Return a line of any kind by its number."""
    if invoice.legacy:
        return _legacy_line(invoice, kind, number, planted)
    if kind == "usage":
        return usage_line(invoice, number, planted)
    if kind == "aggregatedUsage":
        return aggregated_line(invoice, number)
    return reconciliation_line(invoice, number, planted)


def _legacy_line(invoice: Invoice, kind: LineKind, number: int, planted: Planted | None) -> Line:
    if kind == "usage":
        return daily_line(invoice, number)
    return (azure_line if number < invoice.groups else license_line)(invoice, number, planted)


def planted_of(invoice: Invoice, kind: LineKind) -> dict[int, Planted]:
    """Return the planted faults of a kind of lines, by number of the line."""
    return {each.line: each for each in invoice.planted if each.lines == kind}


def numbers(invoice: Invoice, kind: LineKind, begin: int, end: int, *, complete: bool) -> Iterator[int]:
    """Return the numbers of the served lines of a range: a missing one is left out, a doubled one comes twice."""
    planted = planted_of(invoice, kind)
    for number in range(begin, end):
        if not complete and not is_early(invoice, number):
            continue
        fault = planted.get(number)
        if fault is None or fault.kind not in ("missing", "doubled"):
            yield number
        elif fault.kind == "doubled":
            yield number
            yield number


def is_early(invoice: Invoice, number: int) -> bool:
    """Tell whether a usage line is there while the usage is partial."""
    return draw(invoice.seed, "early", number) < invoice.partial_share * 2**32


def range_of(invoice: Invoice, kind: LineKind, blob: int) -> tuple[int, int]:
    """Return the numbers of the lines of a blob, as begin and end."""
    return share_of(invoice.lines(kind), invoice.blob_count(kind), blob)


def texts(invoice: Invoice, style: Style, begin: int, end: int, *, complete: bool) -> Iterator[list[str]]:
    """Return the served lines of a range as JSON texts, some hundreds at a time."""
    kind = style.kind
    if kind == "usage" and not invoice.legacy:
        yield from _usage_texts(invoice, style, begin, end, complete=complete)
        return
    planted = planted_of(invoice, kind)
    chunk: list[str] = []
    for number in numbers(invoice, kind, begin, end, complete=complete):
        chunk.append(style.write(line_of(invoice, kind, number, planted.get(number))))
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _usage_texts(invoice: Invoice, style: Style, begin: int, end: int, *, complete: bool) -> Iterator[list[str]]:
    planted = planted_of(invoice, "usage")
    days = [style.text(day(invoice, each)) for each in range(invoice.days)]
    number = begin
    while number < end:
        found = group_of(invoice, number)
        stop = min(end, found.end)
        template = _template(invoice, style, found)
        amounts = _amounts(style, found)
        before, after = style.text(additional_info(found, "ID OF THE LINE")).split("ID OF THE LINE")
        count = resources(invoice, found)
        first, many = number - found.begin, min(count, stop - number)
        own = {(first + each) % count for each in range(many)}
        templates = {whose: _for_resource(template, found, whose) for whose in own}
        while number < stop:
            k = number - found.begin
            last = min(stop, number + CHUNK)
            chunk = [
                templates[each % count]
                % (days[each // count], f"{before}{found.usage_id(each)}{after}", *amounts[each % len(amounts)])
                for each in range(k, k + last - number)
            ]
            if not complete or (planted and any(each in planted for each in range(number, last))):
                served = numbers(invoice, "usage", number, last, complete=complete)
                chunk = [
                    style.write(usage_line(invoice, each, planted[each])) if each in planted else chunk[each - number]
                    for each in served
                ]
            if chunk:
                yield chunk
            number = last


def _template(invoice: Invoice, style: Style, found: Group) -> str:
    """Return the text of a group's lines with marks for what its resources have, and %s for what each line has."""
    text = style.write({**common(invoice, found), **{name: Mark(name) for name in VARYING}}).replace("%", "%%")
    return MARK.sub(lambda mark: mark[0] if mark[1] in OF_RESOURCE else "%s", text)


def _for_resource(template: str, found: Group, number: int) -> str:
    values = of_resource(found, number)
    return MARK.sub(lambda mark: _json_text(values[mark[1]]).replace("%", "%%"), template)


def _amounts(style: Style, found: Group) -> list[tuple[str, str, str]]:
    return [
        (
            style.number("quantity", found.quantity(k)),
            style.number("billingPreTaxTotal", found.billed(k)),
            style.number("pricingPreTaxTotal", found.priced(k)),
        )
        for k in range(min(len(found.quantities), max(1, found.end - found.begin)))
    ]


def _json_text(value: Literal[""] | str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
