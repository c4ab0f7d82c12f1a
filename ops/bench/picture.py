"""The picture of a comparison: an SVG whose text is text, readable on a light and on a dark page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from ops.bench.ground.subjects import BARE, POSTGRES, SQLITE

Document = Mapping[str, Any]
WIDTH: Final = 720
COLUMNS: Final = 2
HEIGHT: Final = 104
"""Of one panel."""
LABEL, BAR, ROW = 140, 140, 22
STYLE: Final = (
    "text{font:13px system-ui,sans-serif;fill:#1f2328}.head{font-weight:600}.small{font-size:11px;fill:#59636e}"
    ".bare{fill:#9aa4af}.azplan{fill:#0969da}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}.bare{fill:#6e7681}.azplan{fill:#4493f8}}"
)


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure of one case."""

    title: str
    case: str
    figure: str
    unit: str
    scale: float = 1.0
    """The figure is divided by it."""
    digits: int = 0


PANELS: Final = (
    Panel("CPU of the worker for a call", "cpu", "cpuPerCall", "µs"),
    Panel("Commands a second, 50 ms a call, 64 at once", "50ms", "rate", ""),
    Panel("p95 of others beside a busy customer", "skewed", "p95", "s", 1e3, 1),
    Panel("Time added to a lone command, p50", "lone", "p50", "ms", digits=1),
)


def picture(found: Document) -> str:
    """The picture of a document of `report.document`: a panel for each of `PANELS` that was measured."""
    panels = [(panel, values) for panel in PANELS if (values := values_of(found, panel))]
    rows = -(-len(panels) // COLUMNS)
    height = rows * HEIGHT + 24
    about = "; ".join(
        f"{panel.title}: {', '.join(f'{name} {shown(panel, value)}' for name, value in values.items())}"
        for panel, values in panels
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' role="img" aria-labelledby="title about">',
        '<title id="title">azplan beside a bare loop</title>',
        f'<desc id="about">{escape(about)}</desc>',
        f"<style>{STYLE}</style>",
    ]
    for index, (panel, values) in enumerate(panels):
        parts.extend(_panel(panel, values, index % COLUMNS * (WIDTH // COLUMNS), index // COLUMNS * HEIGHT))
    machine = f"{found['machine']['cores']} cores, {found['measured'][:10]}, `make bench`"
    parts.append(f'<text class="small" x="0" y="{height - 8}">{escape(machine)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def values_of(found: Document, panel: Panel) -> dict[str, float]:
    """The medians of a panel's figure by subject, on a real Kafka if that was measured."""
    rows = [row for row in found["results"] if row["case"] == panel.case and panel.figure in row["median"]]
    brokers = {row["broker"] for row in rows}
    broker = "kafka" if "kafka" in brokers else "mock"
    values = {row["subject"]: float(row["median"][panel.figure]) for row in rows if row["broker"] == broker}
    return {name: values[name] for name in (BARE, POSTGRES, SQLITE) if name in values}


def shown(panel: Panel, value: float) -> str:
    """A value with its unit."""
    return f"{value / panel.scale:.{panel.digits}f} {panel.unit}".strip()


def _panel(panel: Panel, values: Mapping[str, float], left: int, top: int) -> Iterator[str]:
    yield f'<text class="head" x="{left}" y="{top + 18}">{escape(panel.title)}</text>'
    most = max(values.values()) or 1.0
    for index, (name, value) in enumerate(values.items()):
        y = top + 28 + index * ROW
        kind = "bare" if name == BARE else "azplan"
        width = max(1.0, value / most * BAR)
        yield f'<text x="{left}" y="{y + 13}">{escape(name)}</text>'
        yield f'<rect class="{kind}" x="{left + LABEL}" y="{y}" width="{width:.1f}" height="16" rx="2"/>'
        yield f'<text x="{left + LABEL + width + 6:.1f}" y="{y + 13}">{escape(shown(panel, value))}</text>'
