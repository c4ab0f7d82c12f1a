"""Customers against their budgets as an SVG bullet list, readable on a light and on a dark page. Text is text."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from html import escape

from worker.operators.invoices.bridge_picture import BAR, LABEL, ROW, STYLE, TOP, WIDTH, Caption, two
from worker.operators.usage.bullets import THRESHOLDS, Bullet, axis_end

AXIS = 270
NAME = 20
"""Characters of a name that fit beside the axis."""
HAIR = 4
"""How far the hairline of a forecast stands out of its bar."""
OURS = ".hair{stroke:#1f2328;stroke-width:1.5}@media(prefers-color-scheme:dark){.hair{stroke:#e6edf3}}"


def picture(caption: Caption, found: Sequence[Bullet]) -> str:
    """The bars, with ticks at the thresholds and a hairline at each forecast."""
    bottom = 30 + TOP + ROW * len(found)
    height = bottom + 34
    about = "; ".join(f"{each.name} {two(each.used)} % of {two(each.budget)} {each.currency}" for each in found)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' role="img" aria-labelledby="title about">',
        f'<title id="title">{escape(caption.title)}</title>',
        f'<desc id="about">{escape(about)}</desc>',
        f"<style>{STYLE}{OURS}</style>",
        f'<text class="head" x="0" y="20">{escape(caption.title)}</text>',
    ]
    end = axis_end(found)
    parts.extend(_axis(end, bottom))
    for index, each in enumerate(found):
        parts.extend(_bullet(each, end, 30 + TOP + index * ROW))
    parts.append(f'<text class="small" x="0" y="{height - 8}">{escape(caption.footer)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _at(share: Decimal, end: Decimal) -> float:
    return LABEL + float(min(share, end) / end) * AXIS


def _axis(end: Decimal, bottom: int) -> Iterator[str]:
    for share in (Decimal(0), *THRESHOLDS):
        x = f"{_at(share, end):.1f}"
        yield f'<line class="line" x1="{x}" x2="{x}" y1="{30 + TOP - 8}" y2="{bottom}"/>'
        yield f'<text class="small" text-anchor="middle" x="{x}" y="{30 + TOP - 14}">{share} %</text>'


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
