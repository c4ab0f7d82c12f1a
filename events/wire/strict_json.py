"""Reads JSON from senders that nobody trusts: strictly, within limits, and with the names of doubled keys.

Knows no CloudEvent and no command.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn

LARGEST: Final = 1_048_576
"""Most bytes of a value; a larger value is not parsed."""
DEEPEST: Final = 64
"""Most levels of objects and arrays; the outermost is the first."""
LONGEST_INTEGER: Final = 1_000
"""An integer with so many digits is refused: no member is that large, and parsing takes quadratic time."""

Container = dict[str, Any] | list[Any]

_CONFLUENT_PREFIX = 5
_WAY_OUT = (
    "Send plain JSON: with a serialiser that puts the schema id into a header (value.schema.id.serializer ="
    " io.confluent.kafka.serializers.schema.id.HeaderSchemaIdSerializer), or with one that has no schema registry"
)
_BYTE_ORDER_MARK = "\ufeff"
_LONG_NUMBER = re.compile(rf"(?<![0-9])[0-9]{{{LONGEST_INTEGER}}}")


class UnreadableError(ValueError):
    """The value is no JSON within the limits. The message says why and repeats nothing of the value."""


class DoubledKeys(dict[str, Any]):
    """A JSON object in which keys occur more than once: the last value of each key, and the doubled keys."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.doubled = {key for key, times in Counter(key for key, _ in pairs).items() if times > 1}


def json_bytes(data: Mapping[str, Any]) -> bytes:
    """The data of a message as the bytes of its record's value."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def parse(value: bytes | None) -> Any:
    """The JSON value in `value`. A UTF-8 byte order mark is skipped.

    Raises UnreadableError if there is no value, if the value is not UTF-8 or not JSON by RFC 8259 (NaN is not), or if
    the value exceeds a limit.
    """
    if value is None:
        raise UnreadableError("the record has no value")
    if len(value) > LARGEST:
        raise UnreadableError(f"the value has {len(value)} bytes; at most {LARGEST} are read")
    schema = _confluent_schema(value)
    if schema is not None:
        raise UnreadableError(f"the value is in Confluent's wire format (byte 00 and schema id {schema}). {_WAY_OUT}")
    try:
        text = value.decode("utf-8").removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        raise UnreadableError(f"the value is not UTF-8 at byte {error.start}") from None
    if not text.strip():
        raise UnreadableError("the value is empty")
    # Python code for each number is slow: it runs only if the text may hold a number that is too long.
    integer = _integer if _LONG_NUMBER.search(text) else None
    try:
        parsed = json.loads(text, object_pairs_hook=_object, parse_int=integer, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise UnreadableError(f"the value is not JSON at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise UnreadableError(f"the value is nested deeper than {DEEPEST} levels") from None
    if sum(1 for _ in _levels(parsed)) > DEEPEST:
        raise UnreadableError(f"the value is nested deeper than {DEEPEST} levels")
    return parsed


def _confluent_schema(value: bytes) -> int | None:
    """The schema id that Confluent's serialisers write before the message, after a byte 00; None if there is none.

    JSON behind the id, or an id as small as those of registries, distinguishes the format from UTF-16.
    """
    if value[:1] != b"\0" or len(value) <= _CONFLUENT_PREFIX:
        return None
    is_json = value[_CONFLUENT_PREFIX:].lstrip()[:1] in (b"{", b"[", b'"')
    return int.from_bytes(value[1:_CONFLUENT_PREFIX]) if is_json or value[1] == 0 else None


def parsed_object(value: object, name: str) -> dict[str, Any]:
    """`value`, if it is a JSON object. Otherwise raises UnreadableError, which calls the value `name`."""
    if isinstance(value, dict):
        return value
    raise UnreadableError(f"{name} is {_kind(value)}, not a JSON object")


def doubled_keys(value: object) -> list[str]:
    """The sorted names of keys that occur more than once in one object, anywhere within `value`."""
    found = (held.doubled for level in _levels(value) for held in level if isinstance(held, DoubledKeys))
    return sorted(set().union(*found))


def _levels(value: object) -> Iterator[list[Container]]:
    """The objects and arrays within `value`, level by level. No recursion: a sender could exhaust it."""
    level = _held([value])
    while level:
        yield level
        level = [inner for held in level for inner in _held(held.values() if isinstance(held, dict) else held)]


def _held(values: Iterable[object]) -> list[Container]:
    return [value for value in values if isinstance(value, (dict, list))]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else DoubledKeys(pairs)


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) >= LONGEST_INTEGER:
        raise UnreadableError(f"the value holds an integer of {LONGEST_INTEGER} digits or more")
    return int(digits)


def _constant(name: str) -> NoReturn:
    raise UnreadableError(f"the value holds {name}, which is not JSON")


def _kind(value: object) -> str:
    kinds = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")
