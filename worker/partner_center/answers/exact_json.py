"""JSON in which every number keeps its digits: a resource can be sent back exactly as it came."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Self

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class NotJson(ValueError):
    """The bytes are not one JSON value."""


class ExactNumber(Decimal):
    """A JSON number with a fraction or an exponent: an exact decimal that remembers its text."""

    text: str

    def __new__(cls, text: str) -> Self:
        """The number in `text`, which must follow JSON's grammar of numbers."""
        number = super().__new__(cls, text)
        number.text = text
        return number


class Members(dict[str, object]):
    """A JSON object. `doubled`: the names that stand in it more than once; the last value of each is here."""

    doubled: frozenset[str]

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs] if len(self) < len(pairs) else []
        self.doubled = frozenset(name for name in names if names.count(name) > 1)


def loads(body: bytes) -> object:
    """Decode `body`, with or without a byte order mark (Partner Center sends one with most successes).

    Raises `NotJson` for anything other than one JSON value in UTF-8. NaN and Infinity are not JSON.
    """
    try:
        return _decoder().decode(body.decode("utf-8-sig"))
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise NotJson("not JSON in UTF-8") from error


def load_members(body: bytes) -> Members:
    """Decode a JSON object as `loads` does, and note which names stand in the object twice.

    Raises `NotJson` for anything other than one JSON object.
    """
    try:
        value = _noting_decoder().decode(body.decode("utf-8-sig"))
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise NotJson("not JSON in UTF-8") from error
    if not isinstance(value, Members):
        raise NotJson("not a JSON object")
    return value


def whole_text(text: str) -> str:
    """The text with U+FFFD in place of lone surrogates: JSON can name half a character, UTF-8 cannot hold it."""
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)


def dumps(value: object) -> bytes:
    """Encode `value` without spaces. An `ExactNumber` gets the digits that it was read with."""
    return _text(value).encode("ascii")


@cache
def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(parse_float=ExactNumber, parse_constant=_refuse)


@cache
def _noting_decoder() -> json.JSONDecoder:
    return json.JSONDecoder(parse_float=ExactNumber, parse_constant=_refuse, object_pairs_hook=Members)


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


class _Written(str):
    """A piece of JSON that is written already."""


def _text(value: object) -> str:
    """The value as JSON. Without recursion: a value may nest as deeply as the decoder reads it."""
    written: list[str] = []
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, Mapping):
            members = [(f"{json.dumps(str(key))}:", item) for key, item in each.items()]
            left.extend(reversed(_pieces("{", members, "}")))
        elif isinstance(each, list | tuple):
            left.extend(reversed(_pieces("[", [("", item) for item in each], "]")))
        else:
            written.append(each if isinstance(each, _Written) else _scalar(each))
    return "".join(written)


def _pieces(begin: str, members: list[tuple[str, object]], end: str) -> list[object]:
    pieces: list[object] = [_Written(begin)]
    for number, (name, item) in enumerate(members):
        pieces += [_Written(f",{name}" if number else name), item]
    return [*pieces, _Written(end)]


def _scalar(value: object) -> str:
    if isinstance(value, ExactNumber):
        return value.text
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is not a JSON number")
        return str(value)
    return json.dumps(value, allow_nan=False)
