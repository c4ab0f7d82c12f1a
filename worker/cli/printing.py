"""Data to standard output, talk to standard error; plain where there is no terminal, JSON where it is asked for."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from events.instants import format_instant
from events.text import printable

LONGEST_CELL = 500

STYLES: Mapping[str, str] = {
    "ok": "green",
    "succeeded": "green",
    "failed": "red",
    "rejected": "yellow",
    "warning": "yellow",
    "waiting": "cyan",
    "accepted": "cyan",
}
"""Words that a terminal shows in colour."""


def out() -> Console:
    """Where data goes."""
    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=True)


def err() -> Console:
    """Where talk goes."""
    return Console(file=sys.stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


def say(text: str, style: str | None = None) -> None:
    """A sentence to the person, not part of the data."""
    err().print(text, style=style)


def show(text: str = "", style: str | None = None) -> None:
    """A line of data."""
    out().print(text, style=style)


def show_json(value: Any) -> None:
    """One value as JSON, for programs."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under headings: a table on a terminal, aligned columns that nothing cuts or wraps elsewhere."""
    clean = [[printable(cell, LONGEST_CELL) for cell in row] for row in rows]
    if sys.stdout.isatty():
        out().print(_table(columns, clean), soft_wrap=False)
    else:
        _plain(columns, clean)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*[Text(cell, style=STYLES.get(cell, "")) for cell in row])
    return table


def _plain(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [[column.upper() for column in columns], *rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def instant(micros: int | None) -> str | None:
    """An instant of the journal, in microseconds, for programs: RFC 3339 in UTC."""
    return None if micros is None else format_instant(_utc(micros))


def date_time(micros: int | None) -> str:
    """The same for a person, to the second; empty where there is none."""
    return "" if micros is None else f"{_utc(micros):%Y-%m-%d %H:%M:%S} UTC"


def clock_time(micros: int) -> str:
    """The time of day in UTC, to the millisecond, for lines of one day."""
    return f"{_utc(micros):%H:%M:%S.%f}"[:-3]


def _utc(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1_000_000, UTC)
