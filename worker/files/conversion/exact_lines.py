"""Reads lines with Python's JSON decoder: slow, and right for everything that is JSON.

No value passes through a float. A line that is no JSON object is an error with its number.
"""

import gzip
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from itertools import islice
from pathlib import Path

from worker.files.amounts import amount_of
from worker.files.conversion.layout import Layout
from worker.files.lines import Attribute, ValueType, is_legacy
from worker.partner_center.answers import exact_json
from worker.partner_center.answers.written_number import is_written_number

SCALE = Decimal("1e-20")
LIMIT = Decimal("1e18")
"""decimal(38,20) holds numbers below this one, with 20 decimals."""
EXACT = Context(prec=400)
MIDNIGHT, LAST_SECOND = time(), time(23, 59, 59)
LONGEST_NUMBER = 150
"""Characters. A longer text is no number that a column could hold."""


class UnreadableLines(Exception):
    """The part is not gzip, not UTF-8 or not JSON lines. `line` counts from 0; None where no line can be named."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason if line is None else f"line {line + 1}: {reason}")
        self.line = line


class Unfit(ValueError):
    """The value does not fit the type of its column."""


def lines(path: Path) -> Iterator[exact_json.Members]:
    """The lines of a gzip file of JSON lines. Blank lines are none. Raises `UnreadableLines`."""
    number = -1
    try:
        with gzip.open(path) as file:
            for raw in file:
                if raw.strip():
                    number += 1
                    yield _members(raw, number)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableLines(f"not gzip, or cut: {error}") from error


def _members(raw: bytes, number: int) -> exact_json.Members:
    try:
        return exact_json.load_members(raw)
    except exact_json.NotJson as error:
        raise UnreadableLines(str(error), number) from error


def text_of(value: object) -> str | None:
    """The text of a JSON value: digits as they were received with exponents written out, nested values as JSON."""
    match value:
        case None:
            return None
        case str():
            return exact_json.whole_text(value)
        case bool():
            return "true" if value else "false"
        case exact_json.ExactNumber() if "e" in value.text.lower():
            return f"{value:f}" if abs(value.adjusted()) < LONGEST_NUMBER else value.text
        case exact_json.ExactNumber():
            return value.text
        case int():
            return str(value)
    return exact_json.dumps(value).decode("ascii")


def decimal_of(value: object) -> Decimal | None:
    """The number in a JSON number or string. An empty string is no value. Raises `Unfit` for anything else."""
    if value is None:
        return None
    text = text_of(value)
    text = text.strip() if text is not None else ""
    if isinstance(value, str) and not text:
        return None
    if isinstance(value, bool) or len(text) > LONGEST_NUMBER or not is_written_number(text):
        raise Unfit(text[:40])
    number = Decimal(text)
    try:
        exact = number.quantize(SCALE, context=EXACT)
    except InvalidOperation as error:
        raise Unfit(text[:40]) from error
    if exact != number or number.copy_abs() >= LIMIT:
        raise Unfit(text[:40])
    return exact


def number_in(value: Decimal | str | None) -> Decimal | None:
    """The number in a cell of a column of decimals, which may be text. None where there is none."""
    return amount_of(value) if isinstance(value, str) else value


def timestamp_of(value: object) -> datetime | None:
    """The instant in an ISO text, in UTC. Without a zone it is UTC. Year 1 and an empty text are no value.

    Midnight and the last second of a day mean the day that is written, whatever the offset: they stay that day in UTC.
    The seventh digit of a fraction is dropped: the column has microseconds. Raises `Unfit` for anything else.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise Unfit(str(text_of(value))[:40])
    return _moment(value.strip())


def moment_in(value: datetime | str | None) -> datetime | None:
    """The time in a cell of a column of times, which may be text. None where there is none."""
    try:
        return value if isinstance(value, datetime) else timestamp_of(value)
    except Unfit:
        return None


@lru_cache(maxsize=10_000)
def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
        if moment is None or moment.year == 1:
            return None
        means_day = moment.time() == MIDNIGHT or moment.time() >= LAST_SECOND
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None or means_day else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unfit(text[:40]) from error


@dataclass(slots=True)
class Facts:
    """What the lines hold: kinds of values by the name on the wire, and the columns that some value does not fit."""

    kinds: dict[str, set[str]] = field(default_factory=dict)
    unfit: set[str] = field(default_factory=set)
    doubled: set[str] = field(default_factory=set)
    """Columns for which one line has two values."""

    def layout(self, before: Layout) -> Layout:
        """`before`, joined with what these facts need."""
        legacy = is_legacy(list(self.kinds), before.lines)
        found = Layout(before.lines, legacy, frozenset(self.kinds), frozenset(self.unfit), frozenset(self.doubled))
        return before.joined(found)


def facts(path: Path, layout: Layout, most: int | None = None) -> Facts:
    """The facts of the first `most` lines, or of all of them. Raises `UnreadableLines`."""
    found = Facts()
    typed: dict[str, Attribute] = {}
    plain: set[str] = set()
    ambiguous = False
    for members in islice(lines(path), most):
        if not members.keys() <= typed.keys():
            found.kinds.update({wire: set() for wire in members if wire not in typed})
            layout = found.layout(layout)
            typed = {wire: layout.attribute(wire) for wire in found.kinds}
            plain = {wire for wire, each in typed.items() if each.type is ValueType.TEXT}
            ambiguous = len({each.name for each in typed.values()}) < len(typed)
        for wire, value in members.items():
            if wire in plain and value.__class__ is str and value:
                found.kinds[wire].add("text")
                continue
            found.kinds[wire].add(_kind(value))
            if wire not in plain and not fits(value, typed[wire]):
                found.unfit.add(typed[wire].name)
        if ambiguous:
            found.doubled.update(_with_two_values(members, typed))
        if members.doubled:
            found.doubled.update(typed[wire].name for wire in members.doubled)
    return found


def _with_two_values(members: exact_json.Members, typed: Mapping[str, Attribute]) -> Iterator[str]:
    """The attributes for which a line has two names and two values."""
    values: dict[str, Decimal | datetime | str] = {}
    for wire, value in members.items():
        attribute = typed[wire]
        try:
            cell = convert(value, attribute.type, attribute.factor)
        except Unfit:
            cell = text_of(value)
        if cell is not None and values.setdefault(attribute.name, cell) != cell:
            yield attribute.name


def fits(value: object, attribute: Attribute) -> bool:
    """Whether the column of this attribute can hold the value."""
    try:
        convert(value, attribute.type, attribute.factor)
    except Unfit:
        return False
    return True


def convert(value: object, value_type: ValueType, factor: Decimal | None) -> Decimal | datetime | str | None:
    """The value as its column holds it. Raises `Unfit`."""
    if value_type is ValueType.TIMESTAMP:
        return timestamp_of(value)
    if value_type is ValueType.TEXT:
        text = text_of(value)
        amount = None if factor is None else amount_of(text)
        return text if factor is None or amount is None else f"{EXACT.multiply(amount, factor):f}"
    number = decimal_of(value)
    if number is None or factor is None:
        return number
    return decimal_of(f"{EXACT.multiply(number, factor).normalize(EXACT):f}")


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case "":
            return "empty"
        case str():
            return "text"
        case bool():
            return "boolean"
        case exact_json.ExactNumber():
            return "fraction"
        case int() if -(2**63) <= value < 2**63:
            return "integer"
        case int():
            return "fraction"
    return "nested"
