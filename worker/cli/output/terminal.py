"""The one door to a terminal: data to standard output, talk to standard error.

Text comes from Microsoft, from senders and from other people. Whatever passes this door is a line without control,
escape and bidirectional characters; in JSON they are escapes. Without a terminal there is no colour, and nothing is cut
or wrapped.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from events.wire.instants import format_instant
from events.wire.text import json_text, printable, visible
from worker.cli.durations import rough
from worker.cli.output.lines import (
    GAP,
    folded,
    untied,
    wrap,
)

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


@contextmanager
def json_array() -> Iterator[Callable[[Any], None]]:
    """An array as `show_json` prints it, a value at a time as they come. It is closed also where an error ends it."""
    number, whole = 0, False

    def add(value: Any) -> None:
        nonlocal number
        text = json_text(value, 2).replace("\n", "\n  ")
        sys.stdout.write(f"{',' if number else '['}\n  {text}")
        number += 1

    try:
        yield add
        whole = True
    finally:
        if number or whole:
            sys.stdout.write("\n]\n" if number else "[]\n")
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


def show_wrapped(text: str, *, indent: int = 0, start: str = "", style: str = "") -> None:
    """A line of data that may be long: after `start`, and on a terminal in as many lines as it takes."""
    for line in wrap(visible(text), _width(), indent, visible(start)):
        show((line, style))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under headings, in aligned columns. Nothing is cut.

    Where a row does not fit the terminal, it takes several lines.
    """
    clean = [[printable(cell, LONGEST_CELL) for cell in row] for row in rows]
    width = _width()
    if width is None:
        _plain(columns, clean)
    else:
        _table(columns, clean, width)


def _out() -> Console:
    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=True)


def _err() -> Console:
    return Console(file=sys.stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


def _print(console: Console, pieces: Sequence[Piece]) -> None:
    line = Text()
    for piece in pieces:
        text, style = (piece, "") if isinstance(piece, str) else piece
        line.append(untied(visible(text)), style)
    console.print(line)


def _width() -> int | None:
    """Characters of a line where a person reads it; None where nothing is wrapped."""
    return _out().width if at_terminal() else None


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> None:
    widths = [max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True)]
    lines = folded(widths, width, len(GAP))
    for number, line in enumerate(lines):
        _row([columns[column] for column in line], [widths[column] for column in line], width, number, "bold")
    show(("─" * min(width, max(_taken(line, widths, number) for number, line in enumerate(lines))), "dim"))
    for row in rows:
        for number, line in enumerate(lines):
            if number and not any(row[column] for column in line):
                continue
            _row([row[column] for column in line], [widths[column] for column in line], width, number)


def _row(cells: Sequence[str], widths: Sequence[int], width: int, number: int, style: str = "") -> None:
    """One line of a row. A cell that is longer than the terminal is wide stands alone, and is wrapped."""
    indent = GAP if number else ""
    if len(cells) == 1:
        show_wrapped(cells[0], indent=len(indent), start=indent, style=style or STYLES.get(cells[0], ""))
        return
    padded = [cell + " " * (wide - cell_len(cell)) for cell, wide in zip(cells, widths, strict=True)]
    padded[-1] = cells[-1]
    pieces: list[Piece] = [indent]
    for cell, text in zip(cells, padded, strict=True):
        pieces.extend([(text, style or STYLES.get(cell, "")), GAP])
    show(*pieces[:-1])


def _taken(line: Sequence[int], widths: Sequence[int], number: int) -> int:
    return sum(widths[column] for column in line) + len(GAP) * (len(line) - 1 + bool(number))


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


def ago(micros: int | None, now: int) -> str:
    """An instant for a person: on a terminal how long ago it was, elsewhere the instant, which stays true in a file."""
    return date_time(micros) if micros is None or not at_terminal() else rough((now - micros) / 1_000_000)


def clock_time(micros: int) -> str:
    """The time of day in UTC, for lines of one day."""
    return f"{_utc(micros):%H:%M:%S}"


def day(micros: int) -> str:
    """The day in UTC."""
    return f"{_utc(micros):%Y-%m-%d}"


def _utc(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1_000_000, UTC)
