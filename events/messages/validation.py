"""Reads the JSON data of a command, or says in sentences what is wrong with the data.

The sentences name keys and rules. They repeat no value, because a value may be long, secret or hostile.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from events.messages.base import Command, commands
from events.wire.text import quoted

CommandT = TypeVar("CommandT", bound=Command)

_MOST_NAMED: Final = 5
_LONGEST_KEY: Final = 64
_LONGEST_TYPE: Final = 100

_RULES: Final = {
    "missing": "is missing",
    "extra_forbidden": "is unknown",
    "bool_type": "must be true or false",
    "string_type": "must be a string",
    "string_unicode": "must be a string of valid Unicode",
    "list_type": "must be a list",
    "model_type": "must be an object",
}
"""Replaces words of pydantic that speak of input and Python types: a sender may use another language."""


def read_command(kind: type[CommandT], data: Mapping[str, Any]) -> CommandT | list[str]:
    """The command of class `kind` with the members `data`, or the problems of `data`, a sentence each."""
    known = _keys(kind)
    problems = _unknown([key for key in data if key not in known], known)
    try:
        command = kind.model_validate({key: value for key, value in data.items() if key in known})
    except ValidationError as error:
        return problems + [_sentence(found) for found in error.errors(include_url=False, include_input=False)]
    return problems or command


def has_unknown_keys(kind: type[Command], data: Mapping[str, Any]) -> bool:
    """Whether `data` has keys that this version of azplan does not know; a later version may know them."""
    return not data.keys() <= set(_keys(kind))


def describe_unknown_type(type_: str) -> str:
    """A sentence about a `ce_type` that no command has: it names the most similar type, or all types."""
    known = sorted(commands())
    near = get_close_matches(type_[:_LONGEST_TYPE], known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the types are {', '.join(known)}"
    return f"{quoted(type_, _LONGEST_TYPE)} is no type of command: {hint}"


def _keys(kind: type[Command]) -> list[str]:
    return [field.alias or name for name, field in kind.model_fields.items()]


def _unknown(keys: list[str], known: list[str]) -> list[str]:
    sentences = [_unknown_key(key, known) for key in keys[:_MOST_NAMED]]
    left = len(keys) - len(sentences)
    return [*sentences, f"{left} more unknown keys"] if left else sentences


def _unknown_key(key: str, known: list[str]) -> str:
    near = get_close_matches(key[:_LONGEST_KEY], known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the keys of this type are {', '.join(known)}"
    return f"the key {quoted(key, _LONGEST_KEY)} is unknown: {hint}"


def _sentence(found: ErrorDetails) -> str:
    where = ".".join(str(part) for part in found["loc"])
    kind = found["type"]
    if kind == "literal_error":
        return f"{where} must be {found['ctx']['expected']}"
    if kind in {"too_short", "too_long"}:
        return f"{where} {_length_rule(kind, found['ctx'])}"
    return f"{where} {_RULES.get(kind, found['msg'])}"


def _length_rule(kind: str, limits: Mapping[str, Any]) -> str:
    """How long a list must be."""
    if kind == "too_long":
        return f"must have at most {limits['max_length']} entries"
    least = limits["min_length"]
    return "must not be empty" if least == 1 else f"must have at least {least} entries"
