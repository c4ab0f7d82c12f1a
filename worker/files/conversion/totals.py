"""Sums of lines by currency and kind of charge, and the first and last day, as manifest.json has them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from typing import Any, Self

from worker.files.amounts import AMOUNTS

EXACT = Context(prec=400)
"""For sums and products of amounts, which are exact: none of them needs as many digits."""
DAYS = ("usageDate", "chargeStartDate", "chargeEndDate")
"""The columns of days."""
RANGES: Mapping[bool, Mapping[str, tuple[str, int]]] = {
    True: {"usageFrom": ("usageDate", 0), "usageTo": ("usageDate", 1)},
    False: {"chargeFrom": ("chargeStartDate", 0), "chargeTo": ("chargeEndDate", 1)},
}
"""The names of the range in the manifest of usage (True) and of other lines: the column, its first or its last day."""


def written(amount: Decimal) -> str:
    """The amount as text: all its digits, at least two decimals."""
    text = f"{amount or abs(amount):f}"
    if "." not in text:
        return f"{text}.00"
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


@dataclass(slots=True)
class Totals:
    """Sums by currency and kind of charge, and the first and last day."""

    sums: dict[tuple[str | None, str | None], dict[str, Any]] = field(default_factory=dict)
    days: dict[str, list[date]] = field(default_factory=dict)

    def add(self, currency: str | None, kind: str | None, rows: int, amounts: Mapping[str, Decimal | None]) -> None:
        """Add so many rows, and their amounts by the name of the sum. An amount of None is no amount."""
        sums = self.sums.setdefault((currency and currency.upper(), kind), {"rows": 0})
        sums["rows"] += rows
        for name, amount in amounts.items():
            if amount is not None:
                sums[name] = EXACT.add(sums.get(name, Decimal(0)), amount)

    def add_days(self, column: str, days: Iterable[datetime | None]) -> None:
        """Take note of these days in a column of `DAYS`."""
        found = [*self.days.get(column, ()), *(day.astimezone(UTC).date() for day in days if day is not None)]
        if found:
            self.days[column] = [min(found), max(found)]

    def join(self, other: Self) -> None:
        """Add everything that another part has."""
        for (currency, kind), sums in other.sums.items():
            self.add(currency, kind, sums["rows"], {name: sums[name] for name in AMOUNTS if name in sums})
        for column, days in other.days.items():
            self.days[column] = [min([*self.days.get(column, ()), *days]), max([*self.days.get(column, ()), *days])]

    def described(self) -> list[dict[str, Any]]:
        """The member `totals` of manifest.json, in the order of currency and kind."""
        return [
            {
                "currency": currency,
                "chargeType": kind,
                "rows": sums["rows"],
                **{name: written(sums[name]) for name in AMOUNTS if name in sums},
            }
            for (currency, kind), sums in sorted(self.sums.items(), key=lambda each: [part or "" for part in each[0]])
        ]

    def range(self, lines: str) -> dict[str, str]:
        """The member `range` of manifest.json: first and last day of the usage, or of the charges of other lines."""
        named = RANGES[lines == "usage"].items()
        return {name: self.days[column][end].isoformat() for name, (column, end) in named if column in self.days}

    def plain(self) -> dict[str, Any]:
        """The sums as JSON."""
        sums = [
            [currency, kind, sums["rows"], {name: str(sums[name]) for name in AMOUNTS if name in sums}]
            for (currency, kind), sums in self.sums.items()
        ]
        days = {column: [day.isoformat() for day in days] for column, days in self.days.items()}
        return {"sums": sums, "days": days}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Self:
        """The sums that `plain` was made from."""
        made = cls(days={name: [date.fromisoformat(day) for day in days] for name, days in plain["days"].items()})
        for currency, kind, rows, amounts in plain["sums"]:
            made.add(currency, kind, rows, {name: Decimal(text) for name, text in amounts.items()})
        return made
