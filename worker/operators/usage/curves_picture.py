"""The cost of a month by day as an SVG panel, with the month before as a dashed line. Text is text."""

from collections.abc import Iterator
from decimal import Decimal
from html import escape
from typing import Final

from worker.operators.invoices.bridge_picture import two
from worker.operators.usage.monthly_costs import MonthCosts, TwoMonths

WIDTH: Final = 420
HEIGHT: Final = 236
"""Of one panel, with its heading and its words."""
TOP, BOTTOM = 46, 172
"""The highest and the lowest point of a line, below the top of the panel."""
STYLE: Final = (
    ".now,.then{fill:none;stroke:#0969da;stroke-width:2}.then{stroke:#59636e;stroke-width:1.5;stroke-dasharray:5 4}"
    "@media(prefers-color-scheme:dark){.now{stroke:#4493f8}.then{stroke:#9198a1}}"
)
MARKED: Final = (1, 8, 15, 22, 29)
"""Days that stand at the axis."""
KEY: Final = 26
"""Length of the piece of line before its words."""


def panel(costs: TwoMonths, left: int, top: int) -> Iterator[str]:
    """The panel of one currency at this place of a picture."""
    days = max(month.days for month in costs.months)
    amounts = [Decimal(0), *(total for month in costs.months for total in month.totals)]
    least, most = min(amounts), max(amounts)
    span = (most - least) or Decimal(1)

    def across(day: int) -> float:
        return left + WIDTH * day / days

    def down(amount: Decimal) -> float:
        return top + BOTTOM - float((amount - least) / span) * (BOTTOM - TOP)

    yield f'<text class="head" x="{left}" y="{top + 20}">Cost by day, {escape(costs.currency)}</text>'
    for amount in sorted({Decimal(0), least, most}):
        y, (anchor, x) = down(amount), ("start", left) if amount == most else ("end", left + WIDTH)  # off the lines
        yield f'<line class="line" x1="{left}" x2="{left + WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        words = f"{two(amount)} {escape(costs.currency)}"
        yield f'<text class="small" text-anchor="{anchor}" x="{x}" y="{y - 3:.1f}">{words}</text>'
    for day in MARKED:
        yield (f'<text class="small" text-anchor="middle" x="{across(day):.1f}" y="{top + BOTTOM + 14}">{day}</text>')
    for kind, month in (("then", costs.before), ("now", costs.present)):
        if month is not None:
            points = [(across(day), down(total)) for day, total in enumerate((Decimal(0), *month.totals))]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            yield f'<polyline class="{kind}" points="{path}"/>'
    for index, (kind, words) in enumerate(told(costs)):
        y = top + BOTTOM + 36 + index * 18
        yield f'<line class="{kind}" x1="{left}" x2="{left + KEY}" y1="{y - 4}" y2="{y - 4}"/>'
        yield f'<text x="{left + KEY + 8}" y="{y}">{escape(words)}</text>'


def told(costs: TwoMonths) -> list[tuple[str, str]]:
    """The months in words: what each has cost up to the same day. `now` and `then` are the kinds of their lines."""
    day = max(1, len(costs.months[0].totals))
    kinds = (("now", costs.present), ("then", costs.before))
    return [(kind, _words(month, day, costs.currency)) for kind, month in kinds if month is not None]


def _words(month: MonthCosts, day: int, currency: str) -> str:
    return f"{month.month:%B %Y} up to day {day}: {two(month.up_to(day))} {currency}"


def sources(costs: TwoMonths) -> str:
    """The exported versions behind the panel."""
    versions = ", ".join(f"{month.month:%Y-%m} version {month.version}" for month in costs.months)
    return f"cost by day in {costs.currency}: exported unbilled usage, {versions}"
