"""What a month has cost day by day, beside the month before: summed from exported unbilled usage."""

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial

from worker.files.catalog import unbilled_months
from worker.files.conversion.totals import EXACT
from worker.files.daily_costs import Costs, costs_by_day, readable
from worker.files.destination import Destination, Published
from worker.files.layout import Dataset, collection_of
from worker.partner_center.resources.line_ways import USAGE


@dataclass(frozen=True, slots=True)
class MonthCosts:
    """One month in one currency. `totals`: the cost up to and with each day from the first to the last with usage."""

    month: date
    """Its first day."""
    version: str
    """The version of the exported lines."""
    totals: tuple[Decimal, ...]

    @property
    def days(self) -> int:
        """The number of days that the month has."""
        return calendar.monthrange(self.month.year, self.month.month)[1]

    def up_to(self, day: int) -> Decimal:
        """The cost up to and with this day of the month."""
        return self.totals[min(day, len(self.totals)) - 1] if self.totals else Decimal(0)


@dataclass(frozen=True, slots=True)
class TwoMonths:
    """This month beside the month before, in one currency. A month that was not exported is None; never both."""

    currency: str
    present: MonthCosts | None
    before: MonthCosts | None

    @property
    def months(self) -> list[MonthCosts]:
        """The months that were exported, this one first."""
        return [month for month in (self.present, self.before) if month is not None]


async def monthly_costs(destination: Destination, account: str, at: datetime) -> list[TwoMonths]:
    """The month of the aware instant `at` in UTC and the month before, in each currency that was exported.

    Raises the errors of the destination, and `UnreadableLines` for a part that is damaged.
    """
    first = at.date().replace(day=1)
    wanted = (first, (first - timedelta(days=1)).replace(day=1))
    newest: dict[tuple[str, date], tuple[Dataset, Published]] = {}
    for dataset in await unbilled_months(destination, account, collection_of(USAGE)):
        if dataset.unbilled is None or (month := date.fromisoformat(f"{dataset.unbilled.month}-01")) not in wanted:
            continue
        published, key = await destination.latest(dataset), (dataset.unbilled.currency, month)
        if published is not None and (key not in newest or newest[key][1].version < published.version):
            newest[key] = dataset, published
    read = {key: await _month(destination, key[1], *found) for key, found in newest.items()}
    currencies = sorted({currency for currency, _ in read})
    return [TwoMonths(each, read.get((each, wanted[0])), read.get((each, wanted[1]))) for each in currencies]


async def _month(destination: Destination, month: date, dataset: Dataset, published: Published) -> MonthCosts:
    costs: Costs = {}
    for file in readable(published.manifest.files):
        async with destination.local(f"{dataset.version_folder(published.version)}/{file.path}") as path:
            await destination.in_thread(partial(costs_by_day, path, file.format, costs))
    return MonthCosts(month, published.version, cumulative(costs, month))


def cumulative(costs: Mapping[date | None, Decimal], month: date) -> tuple[Decimal, ...]:
    """The cost up to and with each day of the month, to the last day with usage.

    What is dated outside the month, or not at all, counts on the nearest day, or the first one: no cost is left out.
    """
    last = calendar.monthrange(month.year, month.month)[1]
    by_day: dict[int, Decimal] = {}
    for at, cost in costs.items():
        day = 1 if at is None or at < month else at.day if at <= month.replace(day=last) else last
        by_day[day] = EXACT.add(by_day.get(day, Decimal(0)), cost)
    return tuple(_sums(by_day.get(day, Decimal(0)) for day in range(1, max(by_day, default=0) + 1)))


def _sums(amounts: Iterable[Decimal]) -> Iterable[Decimal]:
    whole = Decimal(0)
    for each in amounts:
        whole = EXACT.add(whole, each)
        yield whole
