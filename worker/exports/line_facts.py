"""What is said of JSON lines: how many there are, their sums, attributes and dates. Pure.

Amounts are never rounded: they are decimals of Microsoft's own digits, and their sums are exact. Keys are matched in
any case, and both sets of names are known.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, Inexact, InvalidOperation
from functools import lru_cache
from typing import Any

from worker.files.amounts import AMOUNTS, CURRENCIES, amount_of
from worker.files.conversion.exact_lines import Unfit, timestamp_of
from worker.files.lines import wires_of

MOST_COLUMNS = 1_000
MOST_TOTALS = 1_000
LONGEST_NAME = 200

CHARGE_TYPE = ("chargetype",)
DATES = {"usage": ("usageFrom", "usageTo", "usagedate", "usagedate")}
CHARGED = ("chargeFrom", "chargeTo", "chargestartdate", "chargeenddate")
"""Names of the range in the manifest, and the attributes that it comes from."""
LONGEST_DAY = 64
"""Characters. A longer text is no date."""

_EXACT = Context(prec=10_000, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact, InvalidOperation])


class UnreadableLines(ValueError):
    """The bytes are not gzip of JSON lines in UTF-8. The text says which and where, and repeats no content."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is said of the lines of one part, or of all parts of a version."""

    rows: int
    totals: tuple[Mapping[str, Any], ...]
    """As in the manifest (5.3): by currency and type of charge, amounts as text."""
    columns: tuple[str, ...]
    """The attributes as Microsoft spells them, in the order in which they were first seen."""
    range: Mapping[str, str]
    notices: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The facts without the rows, as the journal keeps them beside a part."""
        return {
            "totals": list(self.totals),
            "columns": list(self.columns),
            "range": dict(self.range),
            "notices": list(self.notices),
        }

    @classmethod
    def of(cls, rows: int, details: Mapping[str, Any]) -> "Facts":
        """The facts of a part in the journal."""
        given = (details.get(name) or () for name in ("totals", "columns"))
        totals, columns = (tuple(each) for each in given)
        return cls(rows, totals, columns, details.get("range") or {}, tuple(details.get("notices") or ()))


@dataclass(slots=True)
class _Sum:
    rows: int = 0
    before_tax: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    total: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class _Roles:
    """The spellings of the attributes that matter, among the attributes seen so far."""

    currency: tuple[str, ...]
    charge_type: tuple[str, ...]
    before_tax: tuple[str, ...]
    tax: tuple[str, ...]
    total: tuple[str, ...]
    first: tuple[str, ...]
    last: tuple[str, ...]


class LineReader:
    """Collects the facts of lines, one line at a time."""

    def __init__(self, lines: str) -> None:
        self._dates = DATES.get(lines, CHARGED)
        self._taxed = lines == "reconciliation"
        self._columns: dict[str, None] = {}
        self._roles = self._learn()
        self._sums: dict[tuple[str | None, str | None], _Sum] = {}
        self._notices: dict[str, None] = {}
        self._first = self._last = ""
        self._decode = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse).decode
        self.rows = 0

    def add(self, line: bytes) -> None:
        """Read one line. A blank line is none. Raises `UnreadableLines`."""
        try:
            text = line.decode("utf-8-sig" if self.rows == 0 else "utf-8")
        except UnicodeDecodeError as error:
            raise UnreadableLines(f"line {self.rows + 1} is not UTF-8") from error
        if not text or text.isspace():
            return
        try:
            item = self._decode(text)
        except (ValueError, ArithmeticError, RecursionError) as error:
            raise UnreadableLines(f"line {self.rows + 1} is not JSON") from error
        if not isinstance(item, dict):
            raise UnreadableLines(f"line {self.rows + 1} is no JSON object")
        self.rows += 1
        self._count(item)

    def facts(self) -> Facts:
        """The facts of the lines read so far."""
        begin, end, *_ = self._dates
        span = {name: day for name, day in ((begin, self._first), (end, self._last)) if day}
        return Facts(self.rows, tuple(self._totals()), tuple(self._columns), span, tuple(self._notices))

    def _count(self, item: dict[str, Any]) -> None:
        if not item.keys() <= self._columns.keys():
            self._columns.update(dict.fromkeys(name[:LONGEST_NAME] for name in item))
            if len(self._columns) > MOST_COLUMNS:
                raise UnreadableLines(f"the lines have more than {MOST_COLUMNS} attributes")
            self._roles = self._learn()
        roles = self._roles
        currency = _word(item, roles.currency)
        key = (currency and currency.upper(), _word(item, roles.charge_type))
        found = self._sums.get(key)
        if found is None:
            if len(self._sums) == MOST_TOTALS:
                raise UnreadableLines(f"the lines have more than {MOST_TOTALS} currencies and types of charge")
            found = self._sums[key] = _Sum()
        found.rows += 1
        found.before_tax = self._plus(found.before_tax, item, roles.before_tax)
        if self._taxed:
            found.tax = self._plus(found.tax, item, roles.tax)
            found.total = self._plus(found.total, item, roles.total)
        first, last = _date(item, roles.first), _date(item, roles.last)
        if first and (not self._first or first < self._first):
            self._first = first
        if last and last > self._last:
            self._last = last

    def _plus(self, so_far: Decimal, item: Mapping[str, Any], names: tuple[str, ...]) -> Decimal:
        for name in names:
            given = item.get(name)
            if given is None or given == "":
                continue
            amount = amount_of(given)
            if amount is not None:
                return _EXACT.add(so_far, amount)
            if not isinstance(given, str) or not given.isspace():
                self._notices[f"unreadable_amount:{name}"] = None
        return so_far

    def _learn(self) -> _Roles:
        spelled: dict[str, list[str]] = {}
        for name in self._columns:
            spelled.setdefault(name.casefold(), []).append(name)

        def of(*known: str) -> tuple[str, ...]:
            return tuple(spelling for name in known for spelling in spelled.get(name, ()))

        amounts = {name: of(*wires_of(attributes)) for name, attributes in AMOUNTS.items()}

        *_, first, last = self._dates
        return _Roles(
            currency=of(*wires_of(CURRENCIES)),
            charge_type=of(*CHARGE_TYPE),
            before_tax=amounts["beforeTax"],
            tax=amounts["tax"],
            total=amounts["total"],
            first=of(first),
            last=of(last),
        )

    def _totals(self) -> Iterator[Mapping[str, Any]]:
        for (currency, charge_type), each in sorted(self._sums.items(), key=lambda item: _order(item[0])):
            taxed = {"tax": plain(each.tax), "total": plain(each.total)} if self._taxed else {}
            yield {
                "currency": currency,
                "chargeType": charge_type,
                "rows": each.rows,
                "beforeTax": plain(each.before_tax),
                **taxed,
            }


def merged(parts: list[Facts]) -> Facts:
    """The facts of all lines of several parts, in their order."""
    columns = tuple(dict.fromkeys(name for part in parts for name in part.columns))
    notices = tuple(dict.fromkeys(notice for part in parts for notice in part.notices))
    sums: dict[tuple[str | None, str | None], dict[str, Any]] = {}
    for total in (total for part in parts for total in part.totals):
        key = total["currency"], total["chargeType"]
        sums[key] = dict(total) if key not in sums else _added(sums[key], total)
    ends: dict[str, str] = {}
    for name, day in ((name, day) for part in parts for name, day in part.range.items() if _is_day(day)):
        choose: Callable[..., str] = max if name.endswith("To") else min
        ends[name] = choose(ends.get(name, day), day)
    totals = tuple(sums[key] for key in sorted(sums, key=_order))
    return Facts(sum(part.rows for part in parts), totals, columns, ends, notices)


def plain(amount: Decimal) -> str:
    """The amount with all of its digits and without an exponent."""
    return format(abs(amount) if amount.is_zero() else amount, "f")


def _added(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    sums = {
        name: plain(_EXACT.add(Decimal(one[name]), Decimal(other[name])))
        for name in ("beforeTax", "tax", "total")
        if name in one
    }
    return {**one, "rows": one["rows"] + other["rows"], **sums}


def _word(item: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        given = item.get(name)
        if isinstance(given, str):
            return given[:LONGEST_NAME]
    return None


def _date(item: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        given = item.get(name)
        if isinstance(given, str) and len(given) <= LONGEST_DAY and (day := _day(given)):
            return day
    return ""


@lru_cache(maxsize=10_000)
def _day(text: str) -> str:
    """The day, in UTC, of an ISO date or time, as an ISO date. Empty where the text is none, or of year 1."""
    try:
        moment = timestamp_of(text)
    except Unfit:
        return ""
    return "" if moment is None else moment.date().isoformat()


def _is_day(text: str) -> bool:
    """Whether the text is an ISO date. Parts in the journal that an older azplan has read may say something else."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _order(key: tuple[str | None, str | None]) -> tuple[str, str]:
    return key[0] or "", key[1] or ""


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")
