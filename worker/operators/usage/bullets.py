"""Customers against their budgets: what a bullet of the list shows. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from worker.operators.sending.usage_reports import UsageRow

THRESHOLDS: Final = (Decimal(50), Decimal(80), Decimal(100))
"""Shares of a budget, in percent, at which a person looks up."""
LONGEST: Final = Decimal(200)
"""The share at which bars end. A longer one is cut, and its number says how long it is."""


@dataclass(frozen=True, slots=True)
class Bullet:
    """One customer's bar: shares of the budget in percent."""

    name: str
    used: Decimal
    forecast: Decimal | None
    total: Decimal
    budget: Decimal
    currency: str

    @property
    def is_over(self) -> bool:
        """Whether more than the budget is used."""
        return self.used > THRESHOLDS[-1]


def bullets(rows: Iterable[UsageRow]) -> list[Bullet]:
    """A bullet for each customer with a budget above 0, the largest share first."""
    made = [
        Bullet(row.name, max(row.percent, Decimal(0)), row.forecast, row.total or Decimal(0), row.budget, row.currency)
        for row in rows
        if row.percent is not None and row.budget
    ]
    return sorted(made, key=lambda each: (-each.used, each.name.casefold()))


def axis_end(found: Iterable[Bullet]) -> Decimal:
    """The share at the end of the axis: the largest share or forecast, at least 100 and at most 200."""
    shares = [share for each in found for share in (each.used, each.forecast or Decimal(0))]
    return min(max([THRESHOLDS[-1], *shares]), LONGEST)
