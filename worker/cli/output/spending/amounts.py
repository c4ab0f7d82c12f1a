"""Amounts, shares and days as a person reads them, and columns of numbers."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal

GROUP = 3
MINUS = "−"
_WIDE = Context(prec=1_000, rounding=ROUND_HALF_UP)


def money(amount: Decimal | None) -> str:
    """An amount with two decimals and groups of three digits, such as `5 000.00`; empty for None."""
    return "" if amount is None else grouped(_WIDE.quantize(amount, Decimal("0.01")))


def grouped(number: Decimal) -> str:
    """A number in groups of three digits before the point."""
    sign, text = (MINUS if number < 0 else "", format(number.copy_abs(), "f"))
    whole, point, part = text.partition(".")
    first = len(whole) % GROUP
    groups = [whole[:first], *(whole[at : at + GROUP] for at in range(first, len(whole), GROUP))]
    return f"{sign}{' '.join(filter(None, groups))}{point}{part}"


def share(percent: Decimal | None) -> str:
    """A share in percent with one decimal, without the sign; empty for None."""
    return "" if percent is None else grouped(_WIDE.quantize(percent, Decimal("0.1")))


def whole_percent(percent: Decimal | None) -> str:
    """A share in whole percent, such as `118 %`; empty for None."""
    return "" if percent is None else f"{grouped(_WIDE.quantize(percent, Decimal(1)))} %"


def day_and_time(at: datetime | None, now: datetime) -> str:
    """When figures were made, in UTC: the time for today and yesterday, else the day; empty for None."""
    if at is None:
        return ""
    at, now = at.astimezone(UTC), now.astimezone(UTC)
    for word, day in (("today", now.date()), ("yesterday", (now - timedelta(days=1)).date())):
        if at.date() == day:
            return f"{word} {at:%H:%M}"
    return f"{at:%Y-%m-%d}"


def right(heading: str, cells: Sequence[str]) -> tuple[str, list[str]]:
    """A column of numbers: heading and cells, all as wide as the widest and aligned at the right."""
    wide = max(map(len, (heading, *cells)))
    return heading.rjust(wide), [cell.rjust(wide) for cell in cells]
