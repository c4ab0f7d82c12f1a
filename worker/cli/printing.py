"""The one door to a terminal: data to standard output, talk to standard error.

Text comes from Microsoft, from senders and from other people. Whatever passes this door is a line without control,
escape and bidirectional characters; in JSON they are escapes. Without a terminal there is no colour, and nothing is cut
or wrapped.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from events.instants import format_instant
from events.text import json_text, printable, visible

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

Piece = str | tuple[str, str]
"""A part of a line: plain, or with its style."""


def say(text: str, style: str | None = None) -> None:
    """A sentence to the person, not part of the data."""
    _print(_err(), [(text, style or "")])


def show(*pieces: Piece) -> None:
    """A line of data."""
    _print(_out(), pieces)


def show_block(text: str) -> None:
    """Lines of data that belong together, such as an indented document of ours."""
    for line in text.split("\n"):
        show(line)


def show_json(value: Any, *, indent: int | None = 2) -> None:
    """One value as JSON, for programs; with `indent` None in one line."""
    sys.stdout.write(json_text(value, indent) + "\n")
    sys.stdout.flush()


def write_bytes(value: bytes) -> None:
    """Bytes as they are to standard output, for a file or another program: never for a terminal."""
    sys.stdout.buffer.write(value)
    sys.stdout.flush()


def at_terminal() -> bool:
    """Whether a person sees what `show` prints."""
    return sys.stdout.isatty()


def can_ask() -> bool:
    """Whether there is a person to ask."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> str:
    """What the person answers."""
    return _err().input(Text(visible(question) + " "))


class Advance(Protocol):
    """Moves a bar. `rest` is what else there is to say."""

    def __call__(self, completed: int, rest: str) -> None: ...


@contextmanager
def bar(total: int, name: str) -> Iterator[Advance | None]:
    """A bar that fills while something long is done; None where the person sees no terminal."""
    console = _err()
    if not console.is_terminal:
        yield None
        return
    rest = TextColumn("{task.fields[rest]}", markup=False)
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), rest, console=console) as shown:
        task = shown.add_task(name, total=total, rest="")
        yield lambda completed, rest: shown.update(task, completed=completed, rest=visible(rest))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under headings: a table on a terminal, aligned columns that nothing cuts or wraps elsewhere."""
    clean = [[printable(cell, LONGEST_CELL) for cell in row] for row in rows]
    if at_terminal():
        _out().print(_table(columns, clean), soft_wrap=False)
    else:
        _plain(columns, clean)


def _out() -> Console:
    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=True)


def _err() -> Console:
    return Console(file=sys.stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


def _print(console: Console, pieces: Sequence[Piece]) -> None:
    line = Text()
    for piece in pieces:
        text, style = (piece, "") if isinstance(piece, str) else piece
        line.append(visible(text), style)
    console.print(line)


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
