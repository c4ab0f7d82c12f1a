"""The way from daily usage to the invoice, step by step, in one currency. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_UP, Context, Decimal
from enum import StrEnum
from typing import Any

_EXACT = Context(prec=400, rounding=ROUND_UP)
UNEXPLAINED = "unexplained"
PARTS = {"reservations": "reservations", "seats": "seats", "credits": "credits"}


class Kind(StrEnum):
    """What a step is: a sum that stands, a change with a reason, or an amount that nobody can explain."""

    SUM = "sum"
    CHANGE = "change"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the bridge. A sum begins at 0; a change begins where the step before it ended."""

    label: str
    amount: Decimal
    kind: Kind
    begins: Decimal
    note: str = ""

    @property
    def ends(self) -> Decimal:
        """Where the step ends on the axis."""
        return _EXACT.add(self.begins, self.amount)


def bridge(currency: Mapping[str, Any]) -> list[Step]:
    """The steps of one currency of a comparison: usage, rounding, what is not in usage, tax, invoice.

    What no rule explains is a step of its own, and is there with 0 where all is well.
    """
    at = Decimal(0)
    steps = []
    for label, amount, kind, note in _changes(currency):
        begins = Decimal(0) if kind is Kind.SUM else at
        steps.append(Step(label, amount, kind, begins, note))
        at = steps[-1].ends
    return steps


def _changes(currency: Mapping[str, Any]) -> Iterator[tuple[str, Decimal, Kind, str]]:
    explained = {each["kind"]: each for each in currency["explained"]}
    usage, before_tax, lines, invoice = (
        Decimal(currency[name]) for name in ("usage", "linesBeforeTax", "lines", "invoice")
    )
    yield "usage lines", usage, Kind.SUM, ""
    rounding = explained.get("rounding")
    if rounding is not None:
        yield (
            "rounding to invoice lines",
            Decimal(rounding["amount"]),
            Kind.CHANGE,
            f"bound ±{bound(rounding['bound'])}",
        )
    known = [usage, *(Decimal(explained[kind]["amount"]) for kind in ("rounding", "notInUsage") if kind in explained)]
    beyond = before_tax
    for amount in known:
        beyond = _EXACT.subtract(beyond, amount)
    if beyond:
        yield "usage and lines apart", beyond, Kind.UNEXPLAINED, "beyond rounding"
    parts = {each["kind"]: each["amount"] for each in explained.get("notInUsage", {}).get("parts", ())}
    for kind, label in PARTS.items():
        if kind in parts:
            yield label, Decimal(parts[kind]), Kind.CHANGE, ""
    if lines != before_tax:
        yield "tax of the lines", _EXACT.subtract(lines, before_tax), Kind.CHANGE, ""
    yield "reconciliation lines", lines, Kind.SUM, ""
    if "tax" in explained:
        tax = explained["tax"]
        known_rate = "" if tax["rateKnown"] else ", first seen"
        yield "tax, on the document only", Decimal(tax["amount"]), Kind.CHANGE, f"{percent(tax['rate'])}{known_rate}"
    yield UNEXPLAINED, Decimal(currency["unexplained"]), Kind.UNEXPLAINED, ""
    yield "invoice", invoice, Kind.SUM, ""


def bound(text: str) -> str:
    """A bound with two decimals and groups of three digits, rounded away from zero: the exact one is in the files."""
    return f"{_EXACT.quantize(Decimal(text), Decimal('0.01')):,f}".replace(",", " ")


def percent(rate: str) -> str:
    """A rate such as `0.190000` in percent, with one decimal or as many as it has: `19.0 %`."""
    value = (Decimal(rate) * 100).normalize()
    digits = max(1, -int(value.as_tuple().exponent))
    return f"{value:.{digits}f} %"
