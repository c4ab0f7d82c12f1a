"""Customers against their budgets as blocks in the terminal, with the cost of the month by day."""

from collections.abc import Sequence
from decimal import Decimal

from worker.cli.output.console import Piece, show, width
from worker.cli.output.spending.amounts import share
from worker.cli.output.spending.curves import beside, curve
from worker.cli.output.spending.usage import short
from worker.operators.usage.bullets import THRESHOLDS, Bullet, axis_end
from worker.operators.usage.monthly_costs import TwoMonths

USUAL_WIDTH = 80
GAP = 4
BLOCK, PART, TICK, HAIR = "█", "▏", "·", "╎"


def show_bullets(found: Sequence[Bullet], costs: Sequence[TwoMonths] = ()) -> None:
    """The list: name, bar with ticks at 50, 80 and 100 %, the forecast as a thin line, and the share.

    The cost of the month by day stands beside it, or below it in a terminal that is not twice as wide as usual.
    """
    for line in chart(found, costs, width() or USUAL_WIDTH):
        show(*line)


def chart(found: Sequence[Bullet], costs: Sequence[TwoMonths], most: int) -> list[list[Piece]]:
    """The lines of the whole picture."""
    wide = costs and most >= 2 * USUAL_WIDTH
    half = (most - GAP) // 2 if wide else most
    left: list[list[Piece]] = [[name, bar, told] for name, bar, told in blocks(found, half)]
    right: list[list[Piece]] = []
    for each in costs:
        right += [*([[]] if right else []), *curve(each, half)]
    if wide:
        return beside(left, right, half + GAP)
    return [*left, *([[]] if left and right else []), *right]


def blocks(found: Sequence[Bullet], most: int) -> list[tuple[str, tuple[str, str], str]]:
    """The lines of the list, each in three parts: the name, the bar with its style, the share."""
    if not found:
        return []
    names = max(len(short(each.name)) for each in found)
    shares = [f"{share(each.used)} %" for each in found]
    told = max(map(len, shares))
    room = max(10, most - names - told - 4)
    end = axis_end(found)
    made = []
    for each, used in zip(found, shares, strict=True):
        cells = [" "] * room
        for threshold in THRESHOLDS:
            cells[_cell(threshold, end, room)] = TICK
        full = int(min(each.used, end) / end * room)
        cells[:full] = BLOCK * full
        if full == 0 and each.used > 0:
            cells[0] = PART
        if each.forecast is not None:
            cells[_cell(each.forecast, end, room)] = HAIR
        style = "red" if each.is_over else "blue"
        made.append((f"{short(each.name):<{names}}  ", ("".join(cells), style), f"  {used:>{told}}"))
    return made


def _cell(percent: Decimal, end: Decimal, room: int) -> int:
    return min(int(min(percent, end) / end * room), room - 1)
