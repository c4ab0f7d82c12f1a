"""Customers against their budgets as an SVG bullet list, beside it the cost of the month by day. Text is text.

It is readable on a light and on a dark page.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from html import escape

from worker.operators.invoices import svg
from worker.operators.invoices.bridge_picture import BAR, LABEL, ROW, TOP, WIDTH, Caption, two
from worker.operators.usage import curves_picture
from worker.operators.usage.bullets import THRESHOLDS, Bullet, axis_end
from worker.operators.usage.monthly_costs import TwoMonths

AXIS = 270
NAME = 20
"""Characters of a name that fit beside the axis."""
GAP = 48
"""Between the bars and the cost by day."""
FOOTER = 14
"""Height of a line of the footer."""
HAIR = 4
"""How far the hairline of a forecast stands out of its bar."""
OURS = ".hair{stroke:#1f2328;stroke-width:1.5}@media(prefers-color-scheme:dark){.hair{stroke:#e6edf3}}"


def picture(caption: Caption, found: Sequence[Bullet], costs: Sequence[TwoMonths] = ()) -> str:
    """The bars, with ticks at the thresholds and a hairline at each forecast; beside them a panel for each of `costs`.

    The footer names the exported versions that the panels are made from.
    """
    bottom = 30 + TOP + ROW * len(found)
    footers = [caption.footer, *map(curves_picture.sources, costs)]
    width = WIDTH + (GAP + curves_picture.WIDTH if costs else 0)
    height = max(bottom, len(costs) * curves_picture.HEIGHT) + 20 + FOOTER * len(footers)
    about = [f"{each.name} {two(each.used)} % of {two(each.budget)} {each.currency}" for each in found]
    about += [words for each in costs for _, words in curves_picture.told(each)]
    end = axis_end(found)
    shapes = [*_axis(end, bottom)]
    for index, bullet in enumerate(found):
        shapes.extend(_bullet(bullet, end, 30 + TOP + index * ROW))
    for index, each in enumerate(costs):
        shapes.extend(curves_picture.panel(each, WIDTH + GAP, index * curves_picture.HEIGHT))
    for index, footer in enumerate(reversed(footers)):
        shapes.append(f'<text class="small" x="0" y="{height - 8 - FOOTER * index}">{escape(footer)}</text>')
    return svg.document(caption.title, "; ".join(about), width, height, shapes, OURS + curves_picture.STYLE)


def _at(share: Decimal, end: Decimal) -> float:
    return LABEL + float(min(share, end) / end) * AXIS


def _axis(end: Decimal, bottom: int) -> Iterator[str]:
    for share in (Decimal(0), *THRESHOLDS):
        x = f"{_at(share, end):.1f}"
        yield f'<line class="line" x1="{x}" x2="{x}" y1="{30 + TOP - 8}" y2="{bottom}"/>'
        words = f"{share} %" if share == THRESHOLDS[-1] else share  # the others would touch each other
        yield f'<text class="small" text-anchor="middle" x="{x}" y="{30 + TOP - 14}">{words}</text>'


def _bullet(each: Bullet, end: Decimal, y: int) -> Iterator[str]:
    name = each.name if len(each.name) <= NAME else f"{each.name[: NAME - 1]}…"
    words = ' class="alarm"' if each.is_over else ""
    yield f'<text{words} x="0" y="{y + 13}">{escape(name)}</text>'
    kind = "unexplained" if each.is_over else "sum"
    long = max(_at(each.used, end) - LABEL, 1.5)
    yield f'<rect class="{kind}" x="{LABEL}" y="{y}" width="{long:.1f}" height="{BAR}" rx="2"/>'
    if each.forecast is not None:
        x = f"{_at(each.forecast, end):.1f}"
        yield f'<line class="hair" x1="{x}" x2="{x}" y1="{y - HAIR}" y2="{y + BAR + HAIR}"/>'
    told = f"{two(each.used)} % · {two(each.total)} of {two(each.budget)} {each.currency}"
    yield f'<text class="small" text-anchor="end" x="{WIDTH}" y="{y + 13}">{escape(told)}</text>'
