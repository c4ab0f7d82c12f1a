"""The cost of a month by day as blocks in the terminal, with the month before as a line across them."""

from collections.abc import Sequence
from decimal import Decimal

from rich.cells import cell_len

from worker.cli.output.console import Piece
from worker.cli.output.spending.amounts import money
from worker.operators.usage.curves_picture import MARKED, told
from worker.operators.usage.monthly_costs import MonthCosts, TwoMonths

HEIGHT = 8
"""Lines of the picture itself."""
EIGHTHS = " ▁▂▃▄▅▆▇█"
LINE, EDGE = "─", "│"
NOW, THEN, BOTH = "blue", "", "white on blue"
KEYS = {"now": (EIGHTHS[-1], NOW), "then": (LINE, THEN)}


def curve(costs: TwoMonths, most: int) -> list[list[Piece]]:
    """The lines of the picture: none is longer than `most`, if there is room for a character a day."""
    amounts = [Decimal(0), *(total for month in costs.months for total in month.totals)]
    least, top = min(amounts), max(amounts)
    labels = {HEIGHT - 1: f"{money(top)} {costs.currency}", 0: f"{money(least)} {costs.currency}"}
    before = max(map(len, labels.values()))
    days = max(month.days for month in costs.months)
    wide = max(1, min(4, (most - before - 2) // days))
    span = (top - least) or Decimal(1)
    now, then = (
        [int((total - least) / span * HEIGHT * 8) for total in _totals(m)] for m in (costs.present, costs.before)
    )
    made: list[list[Piece]] = [[(f"Cost by day, {costs.currency}", "bold")]]
    for row in reversed(range(HEIGHT)):
        cells = [_cell(now, then, day, row) for day in range(days)]
        pieces = [(text * wide, style) for text, style in cells]
        made.append([f"{labels.get(row, ''):>{before}} {EDGE}", *pieces])
    axis = [" "] * (days * wide + 2)
    for day in MARKED:
        axis[(day - 1) * wide : (day - 1) * wide + len(str(day))] = str(day)
    made.append([f"{' ' * before}  {''.join(axis).rstrip()}"])
    for kind, words in told(costs):
        made.append([KEYS[kind], f" {words}"])
    return made


def _totals(month: MonthCosts | None) -> Sequence[Decimal]:
    return () if month is None else month.totals


def _cell(now: Sequence[int], then: Sequence[int], day: int, row: int) -> tuple[str, str]:
    """One day in one line, of levels in eighths of a line: block, line of the month before, or both."""
    full = min(8, max(0, now[day] - row * 8)) if day < len(now) else 0
    crossed = day < len(then) and row == min(then[day] // 8, HEIGHT - 1)
    if crossed:
        return LINE, BOTH if full else THEN
    return EIGHTHS[full], NOW


def beside(left: Sequence[Sequence[Piece]], right: Sequence[Sequence[Piece]], at: int) -> list[list[Piece]]:
    """Two pictures beside each other; the right one begins at this column."""
    made: list[list[Piece]] = []
    for index in range(max(len(left), len(right))):
        line = list(left[index]) if index < len(left) else []
        long = sum(cell_len(piece if isinstance(piece, str) else piece[0]) for piece in line)
        more = right[index] if index < len(right) else []
        made.append([*line, *([" " * (at - long), *more] if more else [])])
    return made
