"""Exact books of the lines of an invoice: rows, sums in Decimal, and the hash of every blob."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from weakref import WeakKeyDictionary

from ops.simulator.billing.invoices import Invoice, LineKind, Planted, nearest
from ops.simulator.billing.releases import Release
from ops.simulator.invoice_lines.consumption import PERIOD, group
from ops.simulator.invoice_lines.sequences import Line, is_early, line_of, numbers, planted_of

NOTHING = Decimal(0)


@dataclass
class Total:
    """The sum of the lines of one currency and one type of charge."""

    currency: str
    charge_type: str
    rows: int = 0
    before_tax: Decimal = NOTHING
    tax: Decimal = NOTHING
    total: Decimal = NOTHING

    def add(self, line: Line, times: int = 1) -> None:
        """Add a line, or take it back."""
        before = _first(line, "billingPreTaxTotal", "subtotal", "pretaxCharges")
        tax = _first(line, "taxTotal", "tax", "taxAmount")
        self.rows += times
        self.before_tax += times * before
        self.tax += times * tax
        self.total += times * (before + tax)


def _first(line: Line, *names: str) -> Decimal:
    """Return the first of some amounts that a line has: kinds of lines call it differently."""
    amounts: Iterator[Decimal] = (line[name] for name in names if name in line)
    return next(amounts, NOTHING)


@dataclass(frozen=True)
class Blob:
    """A blob as it is served."""

    name: str
    rows: int
    bytes: int
    sha256: str
    """Of the gzip bytes."""


@dataclass(frozen=True)
class Figures:
    """The books of one kind of lines of an invoice."""

    rows: int
    totals: list[Total]
    currency: str
    invoice_total: Decimal | None
    """What the invoice asks for; None for lines that are not billed yet."""
    etag: str
    blobs: list[Blob] = field(default_factory=list)


def totals(invoice: Invoice, kind: LineKind, *, complete: bool = True, planted: bool = True) -> list[Total]:
    """Return the sums of the lines that are served; without planted faults, of the true ones."""
    sums: dict[tuple[str, str], Total] = {}

    def of(line: Line) -> Total:
        currency = line.get("billingCurrency") or line.get("currency") or invoice.currency
        key = (currency, line.get("chargeType", ""))
        return sums.setdefault(key, Total(*key))

    faults = planted_of(invoice, kind) if planted else {}
    if kind == "usage" and not invoice.legacy:
        _add_groups(invoice, of, complete=complete)
        for number, fault in faults.items():
            if complete or is_early(invoice, number):
                _add_fault(invoice, of, number, fault)
    else:
        wanted: Iterable[int] = range(invoice.lines(kind))
        if planted:
            wanted = numbers(invoice, kind, 0, invoice.lines(kind), complete=complete)
        for number in wanted:
            line = line_of(invoice, kind, number, faults.get(number))
            of(line).add(line)
    return [sums[key] for key in sorted(sums) if sums[key].rows]


def _add_groups(invoice: Invoice, of: Callable[[Line], Total], *, complete: bool) -> None:
    if not invoice.usage_lines:
        return
    whole = of({"billingCurrency": invoice.currency, "chargeType": "new"})
    for number in range(invoice.groups):
        found = group(invoice, number)
        rows, amount = found.end - found.begin, found.usage_total
        if not complete:
            early = Counter(
                (each - found.begin) % PERIOD for each in range(found.begin, found.end) if is_early(invoice, each)
            )
            rows, amount = early.total(), sum((times * found.billed(k) for k, times in early.items()), NOTHING)
        whole.rows += rows
        whole.before_tax += amount
        whole.total += amount


def _add_fault(invoice: Invoice, of: Callable[[Line], Total], number: int, fault: Planted) -> None:
    true = line_of(invoice, "usage", number)
    if fault.kind == "doubled":
        of(true).add(true)
        return
    of(true).add(true, -1)
    if fault.kind != "missing":
        served = line_of(invoice, "usage", number, fault)
        of(served).add(served)


def invoice_total(invoice: Invoice) -> Decimal:
    """Return what an invoice asks for with its adjustment notes, tax included: by its true lines."""
    known: Decimal | None = _TOTALS.get(invoice)
    if known is None:
        lines = totals(invoice, "reconciliation", planted=False)
        known = sum((each.total for each in lines), Decimal("0.00"))
        if invoice.tax == "hidden":
            known += nearest(known * invoice.tax_rate, invoice.minor)
        _TOTALS[invoice] = known
    return known


def figures(release: Release, *, blobs: bool, planted: bool = True) -> Figures:
    """Return the books of a release; with ``blobs``, writes every blob that is not there yet."""
    invoice, kind = release.invoice, release.kind
    sums = totals(invoice, kind, complete=release.complete, planted=planted)
    return Figures(
        rows=sum(each.rows for each in sums),
        totals=sums,
        currency=invoice.currency,
        invoice_total=None if invoice.period else invoice_total(invoice),
        etag=release.etag,
        blobs=[_blob(release, number) for number in range(len(release.names))] if blobs else [],
    )


def _blob(release: Release, number: int) -> Blob:
    file = release.write(number)
    with file.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    return Blob(file.name, release.rows(number), file.stat().st_size, sha256)


_TOTALS: WeakKeyDictionary[Invoice, Decimal] = WeakKeyDictionary()
"""Totals of invoices, which are made of many lines."""
