"""Customers against their budgets as blocks in the terminal, and the picture's words."""

from collections.abc import Sequence
from decimal import Decimal

from worker.cli.output.console import show, width
from worker.cli.output.spending.amounts import share
from worker.cli.output.spending.usage import short
from worker.operators.usage.bullets import THRESHOLDS, Bullet, axis_end

USUAL_WIDTH = 80
BLOCK, PART, TICK, HAIR = "█", "▏", "·", "╎"


def show_bullets(found: Sequence[Bullet]) -> None:
    """The list: name, bar with ticks at 50, 80 and 100 %, the forecast as a thin line, and the share."""
    for line, style in blocks(found, width() or USUAL_WIDTH):
        name, bar, told = line
        show(name, (bar, style), told)


def blocks(found: Sequence[Bullet], most: int) -> list[tuple[tuple[str, str, str], str]]:
    """The lines of the list, each in three parts, and the style of its bar."""
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
        parts = (f"{short(each.name):<{names}}  ", "".join(cells), f"  {used:>{told}}")
        made.append((parts, "red" if each.is_over else "blue"))
    return made


def _cell(percent: Decimal, end: Decimal, room: int) -> int:
    return min(int(min(percent, end) / end * room), room - 1)
