"""The bridge of an invoice as an SVG waterfall, readable on a light and on a dark page. Text is text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from html import escape
from typing import Final, Self

from worker.operators.invoices import svg
from worker.operators.invoices.bridge import Kind, Step

WIDTH: Final = 720
LABEL, AXIS, ROW, BAR, TOP = 190, 330, 26, 16, 44
AMOUNT, NOTE, GAP = 90, 98, 6
"""Pixels that amounts and notes have at least, and what is between them."""
DIGIT, LETTER = 8.3, 7.0
"""Pixels of a character of an amount and of a small one, at most."""
APART = 100
"""Pixels between two amounts at the axis that do not touch."""
_WIDE = Context(prec=400, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Caption:
    """The words around the bridges."""

    title: str
    footer: str


def picture(caption: Caption, bridges: Sequence[tuple[str, Sequence[Step]]]) -> str:
    """The picture of the bridges of an invoice: one for each currency, with the currency at its axis."""
    heights = [TOP + ROW * len(steps) + 30 for _, steps in bridges]
    height = 30 + sum(heights) + 24
    about = "; ".join(f"{step.label} {two(step.amount)} {currency}" for currency, steps in bridges for step in steps)
    shapes = list[str]()
    top = 30
    for (currency, steps), tall in zip(bridges, heights, strict=True):
        shapes.extend(_bridge(currency, steps, top))
        top += tall
    shapes.append(f'<text class="small" x="0" y="{height - 8}">{escape(caption.footer)}</text>')
    return svg.document(caption.title, about, WIDTH, height, shapes)


def two(amount: Decimal) -> str:
    """The amount with two decimals, groups of three digits and a real minus."""
    text = f"{_WIDE.quantize(amount, Decimal('0.01')):,f}".replace(",", "\u202f")
    return text.replace("-", "−")


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where the parts of a row end. Long amounts and notes make the axis shorter."""

    axis: float
    amounts: float

    @classmethod
    def of(cls, steps: Sequence[Step]) -> Self:
        """The columns of these steps."""
        amount = max(AMOUNT, *(len(two(step.amount)) * DIGIT for step in steps))
        note = max(NOTE, *(len(step.note) * LETTER for step in steps))
        amounts = WIDTH - note - GAP
        return cls(min(AXIS, amounts - amount - GAP - LABEL), amounts)


def _bridge(currency: str, steps: Sequence[Step], top: int) -> Iterator[str]:
    columns = _Columns.of(steps)
    least = min([Decimal(0), *(min(step.begins, step.ends) for step in steps)])
    most = max([Decimal(0), *(max(step.begins, step.ends) for step in steps)])
    span = (most - least) or Decimal(1)

    def at(amount: Decimal) -> float:
        return LABEL + float((amount - least) / span) * columns.axis

    bottom = top + TOP + ROW * len(steps)
    for end in sorted({Decimal(0), most, least}):
        anchor = "start" if end == least else "end" if end == most else "middle"
        yield f'<line class="line" x1="{at(end):.1f}" x2="{at(end):.1f}" y1="{top + TOP - 8}" y2="{bottom}"/>'
        if anchor == "middle" and min(at(end) - at(least), at(most) - at(end)) < APART:
            continue
        yield (
            f'<text class="small" text-anchor="{anchor}" x="{at(end):.1f}" y="{top + TOP - 14}">'
            f"{two(end)} {escape(currency)}</text>"
        )
    for index, step in enumerate(steps):
        y = top + TOP + index * ROW
        yield from _step(step, at(min(step.begins, step.ends)), at(max(step.begins, step.ends)), y, columns.amounts)
        if index + 1 < len(steps):
            x = f"{at(step.ends):.1f}"
            yield f'<line class="line" x1="{x}" x2="{x}" y1="{y + BAR}" y2="{y + ROW}"/>'


def _step(step: Step, left: float, right: float, y: int, amounts: float) -> Iterator[str]:
    alarm = step.kind is Kind.UNEXPLAINED and step.amount != 0
    kind = {Kind.SUM: "sum", Kind.UNEXPLAINED: "unexplained"}.get(step.kind, "up" if step.amount >= 0 else "down")
    words = ' class="alarm"' if alarm else ""
    yield f'<text{words} x="0" y="{y + 13}">{escape(step.label)}</text>'
    if step.amount:
        yield (
            f'<rect class="{kind}" x="{left:.1f}" y="{y}" width="{max(right - left, 1.5):.1f}" height="{BAR}" rx="2"/>'
        )
    value = "alarm" if alarm else "value"
    yield f'<text class="{value}" text-anchor="end" x="{amounts:.1f}" y="{y + 13}">{two(step.amount)}</text>'
    if step.note:
        yield f'<text class="small" x="{amounts + GAP:.1f}" y="{y + 13}">{escape(step.note)}</text>'
