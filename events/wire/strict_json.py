"""JSON as it may come from anybody: read strictly, within limits, without losing sight of doubled keys.

Knows no CloudEvent and no command.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn

LARGEST: Final = 1_048_576
"""Bytes of a value; a larger one is not looked at."""
DEEPEST: Final = 64
"""Levels of objects and arrays, the outermost being the first."""
LONGEST_INTEGER: Final = 1_000
"""An integer with as many digits is refused: no member is that large, and reading it costs quadratic time."""

Container = dict[str, Any] | list[Any]

_CONFLUENT_PREFIX = 5
_WAY_OUT = (
    "Send plain JSON: with a serialiser that puts the schema id into a header (value.schema.id.serializer ="
    " io.confluent.kafka.serializers.schema.id.HeaderSchemaIdSerializer), or with one that has no schema registry"
)
_BYTE_ORDER_MARK = "\ufeff"
_LONG_NUMBER = re.compile(rf"(?<![0-9])[0-9]{{{LONGEST_INTEGER}}}")


class UnreadableError(ValueError):
    """The value is no JSON within the limits; the message says what is wrong with it and repeats nothing of it."""


class DoubledKeys(dict[str, Any]):
    """A JSON object in which keys occur more than once: the last value of each, and the names of those keys."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.doubled = {key for key, times in Counter(key for key, _ in pairs).items() if times > 1}


def json_bytes(data: Mapping[str, Any]) -> bytes:
    """The data of a message as the bytes of its record's value."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def parse(value: bytes | None) -> Any:
    """The JSON value in `value`. A UTF-8 byte order mark is skipped.

    Raises UnreadableError where there is no value, where it is not UTF-8 or not JSON by RFC 8259 (so no NaN), or
    where it goes over a limit.
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
    # Calling our own code for each number is slow, so it is done only where there may be one that is too long.
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
    """The schema id that Confluent's serialisers write before the message, after a byte 00; None where there is none.

    What follows is JSON, or an id as small as registries give them tells it from UTF-16.
    """
    if value[:1] != b"\0" or len(value) <= _CONFLUENT_PREFIX:
        return None
    is_json = value[_CONFLUENT_PREFIX:].lstrip()[:1] in (b"{", b"[", b'"')
    return int.from_bytes(value[1:_CONFLUENT_PREFIX]) if is_json or value[1] == 0 else None


def parsed_object(value: object, name: str) -> dict[str, Any]:
    """`value` where it is a JSON object. Raises UnreadableError, which calls it `name`, where it is not."""
    if isinstance(value, dict):
        return value
    raise UnreadableError(f"{name} is {_kind(value)}, not a JSON object")


def doubled_keys(value: object) -> list[str]:
    """The names of keys that occur more than once in one object anywhere within `value`, sorted."""
    found = (held.doubled for level in _levels(value) for held in level if isinstance(held, DoubledKeys))
    return sorted(set().union(*found))


def _levels(value: object) -> Iterator[list[Container]]:
    """The objects and arrays within `value`, level by level; without recursion, which a sender could exhaust."""
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
