"""Rows under headings, in aligned columns."""

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

from events.wire.text import printable
from worker.cli.output.console import STYLES, Piece, show, show_wrapped, width, write
from worker.cli.output.text_wrapping import GAP, folded

LONGEST_CELL: Final = 500
"""Characters of a cell that are shown."""


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under headings, in aligned columns. A row that is wider than the terminal takes several lines."""
    clean = [[printable(cell, LONGEST_CELL) for cell in row] for row in rows]
    wide = width()
    if wide is None:
        _plain(columns, clean)
    else:
        _table(columns, clean, wide)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], most: int) -> None:
    widths = [max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True)]
    lines = folded(widths, most, len(GAP))
    for number, line in enumerate(lines):
        _row([columns[column] for column in line], [widths[column] for column in line], most, number, "bold")
    show(("─" * min(most, max(_taken(line, widths, number) for number, line in enumerate(lines))), "dim"))
    for row in rows:
        for number, line in enumerate(lines):
            if number and not any(row[column] for column in line):
                continue
            _row([row[column] for column in line], [widths[column] for column in line], most, number)


def _row(cells: Sequence[str], widths: Sequence[int], most: int, number: int, style: str = "") -> None:
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
        write("  ".join(cells).rstrip() + "\n")
