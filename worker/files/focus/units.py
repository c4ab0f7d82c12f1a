"""Units of measure as FOCUS writes them: `100 GB` is a block of 100 and the unit GB, `1/Month` is one a month."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

TIMES = ("Year", "Month", "Day", "Hour", "Minute", "Second")
_TIME = {name.lower(): name for word in TIMES for name in (word, f"{word}s")}
_SIZE = {name.lower(): name for name in ("KB", "MB", "GB", "TB", "PB", "KiB", "MiB", "GiB", "TiB", "PiB")}
_THOUSANDS: Mapping[str, int] = {"": 1, "k": 1_000, "m": 1_000_000, "b": 1_000_000_000}
LONGEST = 9
"""Digits of a number of units. A longer number is none."""
_BLOCK = re.compile(r"^\s*(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)(?:s\b)?\s*([KkMmBb](?![A-Za-z]))?\s*(.*)$")
"""A number, with commas between thousands or an `s` of the plural, as in `10000s`; a letter for thousands; the rest."""


class Unit(NamedTuple):
    """How many units one priced unit holds, what one of them is called, and what the priced unit is called."""

    block: Decimal
    name: str
    priced: str


def unit_of(text: str | None) -> Unit:
    """The unit of a text such as `1 Hour`, `100 GB`, `10K`, `10,000 Transactions`, `1 GB/Month`."""
    found = _BLOCK.match(text or "")
    if not found:
        return Unit(Decimal(1), _named(text or ""), _named(text or ""))
    number, thousands, rest = found[1].replace(",", ""), found[2], found[3]
    name = _named(rest)
    if len(number) > LONGEST:
        return Unit(Decimal(1), name, name)
    block = Decimal(number) * _THOUSANDS[(thousands or "").lower()]
    if block == 1 or block != block.to_integral_value():
        return Unit(block, name, name)
    return Unit(block, name, f"{block:f} {name}" if "/" not in name and "-" not in name else name)


def _named(text: str) -> str:
    """A unit in FOCUS's words: times and sizes as FOCUS spells them, other words as they are, else `Units`."""
    left, slash, right = (part.strip() for part in text.partition("/"))
    unit = _words(left)
    if slash and right.lower() in _TIME:
        return f"{unit}/{_TIME[right.lower()].removesuffix('s')}"
    return unit


def _words(text: str) -> str:
    words = re.sub(r"[^A-Za-z0-9 ]+", " ", text).split()
    if len(words) == 1 and words[0].lower() in _TIME | _SIZE:
        return _TIME.get(words[0].lower()) or _SIZE[words[0].lower()]
    if len(words) == 2 and words[1].lower() in _TIME:
        return f"{_words(words[0])}-{_TIME[words[1].lower()].removesuffix('s')}s"
    while words and not words[0][0].isalpha():
        words.pop(0)
    return " ".join(word for word in words if word[0].isalpha()) or "Units"
