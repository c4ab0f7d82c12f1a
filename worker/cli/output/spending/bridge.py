"""The comparison of an invoice on the terminal: a table that adds up, and the same as blocks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from rich.cells import cell_len

from worker.cli.output.console import show, width
from worker.cli.output.spending.amounts import GROUP, grouped, money, right
from worker.cli.output.tables import show_table
from worker.operators.invoices.bridge import PARTS, UNEXPLAINED, Kind, Step, bridge
from worker.operators.invoices.comparisons import ComparedInvoice, Share

USUAL_WIDTH = 80
Styled = tuple[str, str]
"""A part of a line with its style."""
INDENT = "  "
BLOCK, THIN = "█", "▏"
COUNTED = {"usage lines": "usage", "reconciliation lines": "reconciliation"}
"""Steps beside which the number of lines stands."""
STYLES: Mapping[Kind, str] = {Kind.SUM: "blue", Kind.CHANGE: "cyan", Kind.UNEXPLAINED: "red"}


def show_comparison(invoice: ComparedInvoice) -> None:
    """One table for each currency."""
    status = invoice.comparison["status"].replace("_", " ")
    month = date.fromisoformat(f"{invoice.month}-01")
    currencies = invoice.comparison["currencies"]
    rows = invoice.rows if len(currencies) == 1 else {}  # they are those of all currencies
    for currency in currencies:
        show((f"{invoice.invoice_id} · {month:%B %Y} · {currency['currency']} · {status}", "bold"))
        for line in lines(bridge(currency), rows, width() or USUAL_WIDTH):
            show(*line)
    if not currencies:
        show(f"{invoice.invoice_id} · {month:%B %Y} · {status}")


def lines(steps: Sequence[Step], rows: Mapping[str, int], most: int) -> list[list[Styled]]:
    """The lines of the table: label, number of lines, amount with the points below each other, note."""
    wide = _lines(_told(steps, words=True), rows, most)
    fits = all(cell_len("".join(text for text, _ in line)) <= most for line in wide)
    return wide if fits else _lines(_told(steps, words=False), rows, most)


def _told(steps: Sequence[Step], *, words: bool) -> list[Step]:
    """The steps of the table: one for all that is not in usage; what is unexplained stands beside the invoice."""
    outside = [step for step in steps if step.label in PARTS.values()]
    named = f" ({', '.join(step.label for step in outside)})" if words else ""
    told: list[Step] = []
    for step in steps:
        if step.label == UNEXPLAINED:
            continue
        if step not in outside:
            told.append(step)
        elif step is outside[0]:
            whole = sum((each.amount for each in outside), Decimal(0))
            told.append(replace(step, label=f"not in daily usage{named}", amount=whole))
    unexplained = next(step for step in steps if step.label == UNEXPLAINED)
    told[-1] = replace(told[-1], note=f"unexplained {money(unexplained.amount)}")
    if unexplained.amount:
        told[-1] = replace(told[-1], kind=Kind.UNEXPLAINED)
    return told


def _lines(told: Sequence[Step], rows: Mapping[str, int], most: int) -> list[list[Styled]]:
    kinds = [COUNTED.get(step.label, "") for step in told]
    counts = [grouped(Decimal(rows[kind])) if kind in rows else "" for kind in kinds]
    amounts = [_amount(step.amount).partition(".") for step in told]
    before = max(cell_len(whole) for whole, _, _ in amounts)
    after = max(len(part) for _, _, part in amounts)
    labels = max(len(step.label) for step in told)
    with_count = [len(step.label) + len(INDENT) + len(count) for step, count in zip(told, counts, strict=True) if count]
    label = max([labels, *with_count])
    made = []
    for step, count, (whole, point, part) in zip(told, counts, amounts, strict=True):
        left = f"{INDENT}{step.label}{count.rjust(label - len(step.label))}{INDENT}"
        note = f"({step.note})" if step.note.startswith("bound") else step.note
        style = "red" if step.kind is Kind.UNEXPLAINED else ""
        made.append(_fitted(f"{left}{whole.rjust(before)}{point}{part.ljust(after)}", note, style, most))
    return made


def show_blocks(invoice: ComparedInvoice) -> None:
    """The bridge of each currency as blocks."""
    for currency in invoice.comparison["currencies"]:
        show()
        for line in blocks(bridge(currency), currency["currency"], width() or USUAL_WIDTH):
            show(*line)


def blocks(steps: Sequence[Step], currency: str, most: int) -> list[list[Styled]]:
    """The lines of the bridge as blocks: a sum begins at 0, a change where the one before it ended."""
    label = max(len(step.label) for step in steps)
    amounts = [f"{money(step.amount)} {currency}" for step in steps]
    value = max(map(len, amounts))
    room = max(10, most - label - value - len(INDENT) * 3)
    least = min([Decimal(0), *(min(step.begins, step.ends) for step in steps)])
    span = max([Decimal(0), *(max(step.begins, step.ends) for step in steps)]) - least or Decimal(1)
    made: list[list[Styled]] = []
    for step, amount in zip(steps, amounts, strict=True):
        begins, ends = sorted(int((at - least) / span * room) for at in (step.begins, step.ends))
        bar = BLOCK * (ends - begins) or (THIN if step.amount else "")
        before = min(begins, room - len(bar))
        after = " " * (room - before - len(bar))
        style = STYLES[step.kind]
        made.append(
            [
                (f"{INDENT}{step.label.ljust(label)}{INDENT}{' ' * before}", ""),
                (bar, style),
                (f"{after}{INDENT}{amount:>{value}}", ""),
            ]
        )
    return made


def show_shares(by: str, shares: Sequence[Share]) -> None:
    """The sums by customer, kind of charge or product."""
    columns = [
        (by, [share.name for share in shares]),
        right("usage", [money(share.usage) for share in shares]),
        right("lines", [money(share.lines) for share in shares]),
        right("tax", [money(share.tax) for share in shares]),
        ("", [share.currency for share in shares]),
    ]
    rows = [list(cells) for cells in zip(*(cells for _, cells in columns), strict=True)]
    show_table([heading for heading, _ in columns], rows)


def share_facts(by: str, share: Share) -> dict[str, Any]:
    """The sums of one customer, kind of charge or product as JSON."""
    amounts = {"usage": f"{share.usage:f}", "lines": f"{share.lines:f}", "tax": f"{share.tax:f}"}
    return {by: share.key, "name": share.name, "currency": share.currency, **amounts}


def _amount(amount: Decimal) -> str:
    """All digits, in groups of three on both sides of the point."""
    whole, point, part = grouped(amount).partition(".")
    part = part.rstrip("0").ljust(2, "0")
    return f"{whole}{point or '.'}{' '.join(part[at : at + GROUP] for at in range(0, len(part), GROUP))}"


def _fitted(left: str, note: str, style: str, most: int) -> list[Styled]:
    """The line with its note, without the zeros' place where the note would not fit beside it."""
    if not note:
        return [(left.rstrip(), "")]
    if cell_len(left) + len(INDENT) + cell_len(note) > most:
        left = left.rstrip()
    return [(f"{left}{INDENT}", ""), (note, style)]
