"""What a customer will have used of its budget at the end of the month, if the month goes on as it began. Pure."""

import calendar
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal

FIRST_DAY = 5
"""No forecast is made before this day of the month: a few days say little."""


def forecast_percent(percent: Decimal | None, as_of: datetime | None, *, plan: bool) -> Decimal | None:
    """The share of the budget at the end of the month in percent, rounded to one; None where nothing can be said.

    `percent` is the share of the budget at the aware instant `as_of`. The month is that of UTC, as for Azure plans; the
    periods of legacy subscriptions (not `plan`) begin on other days, which Microsoft does not name for all customers.
    """
    if percent is None or as_of is None or not plan:
        return None
    begin = as_of.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    length = timedelta(days=calendar.monthrange(begin.year, begin.month)[1])
    gone = as_of - begin
    if as_of.day < FIRST_DAY:
        return None
    wide = Context(prec=60, rounding=ROUND_HALF_UP)
    share = wide.divide(Decimal(gone // timedelta(microseconds=1)), Decimal(length // timedelta(microseconds=1)))
    return wide.quantize(wide.divide(percent, share), Decimal(1))
