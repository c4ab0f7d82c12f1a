"""From the words of a command line to a command as a record, checked as the worker will check it."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from events.catalog import schema
from events.messages.base import Command
from events.messages.validation import read_command
from events.wire.envelope import AcceptedCommand, decode, encode_command
from events.wire.record import Outgoing, Record
from events.wire.strict_json import (
    UnreadableError,
    doubled_keys,
    parse,
    parsed_object,
)
from worker.cli.exit_codes import Code, Stop
from worker.clock import Clock

CUSTOMER = "customerId"
"""The one member that every command has, and the one with an option of its own name: `--customer`."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a command's data, and the option that gives it."""

    name: str
    """As on the wire: `validateOnly`."""
    option: str
    """As on the command line: `--validate-only`."""
    kind: str
    """JSON type: `string`, `boolean`, `integer`, `number`, `array` or `object`."""
    hint: str
    """What stands in a help text for the value."""
    default: Any
    description: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sends it, under which id, for which partner account."""

    id: str
    source: str
    partner: str | None


def members(kind: type[Command]) -> list[Member]:
    """The members that a command of this class may have beside the customer, from its schema."""
    known = schema(kind.wire_type())["properties"]
    return [_member(name, described) for name, described in known.items() if name != CUSTOMER]


def read_data(path: Path) -> dict[str, Any]:
    """The data of a command from a file that holds a JSON object; from standard input for `-`.

    Raises Stop where it cannot be read.
    """
    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        data = parsed_object(parse(content), "the value")
    except OSError as error:
        raise Stop(Code.USAGE, f"{path} cannot be read: {error.strerror}.") from error
    except UnreadableError as error:
        raise Stop(Code.USAGE, f"{path} holds no data of a command: {error}.") from error
    if doubled := doubled_keys(data):
        raise Stop(Code.USAGE, f"{path} gives {', '.join(doubled)} more than once.")
    return data


def value_of(member: Member, text: Any) -> Any:
    """What was typed, as the JSON value that it stands for. What is no JSON stays text and is refused as such later."""
    if member.kind in ("string", "boolean") or not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def compose(kind: type[Command], data: Mapping[str, Any], identity: Identity) -> Outgoing:
    """The record of a command with this data. Raises Stop with every problem where the worker would not take it."""
    command = read_command(kind, data)
    if isinstance(command, list):
        raise _refused([_in_options(problem, kind) for problem in command])
    outgoing = encode_command(
        command, id=identity.id, source=identity.source, time=Clock().now(), partner=identity.partner
    )
    decoded = decode(Record("", 0, 0, None, outgoing.key, outgoing.value, outgoing.headers))
    if not isinstance(decoded, AcceptedCommand):
        raise _refused([decoded.detail])
    return outgoing


def _refused(problems: list[str]) -> Stop:
    advice = "Nothing was sent. `azplan contract <Type>` prints what a command may hold."
    return Stop(Code.USAGE, "; ".join(problems) + ".", advice)


def _in_options(problem: str, kind: type[Command]) -> str:
    """A problem with a member as a problem with the option that gives it."""
    options = {CUSTOMER: "--customer", **{member.name: member.option for member in members(kind)}}
    name, space, rest = problem.partition(" ")
    return f"{options.get(name, name)}{space}{rest}"


def _member(name: str, described: Mapping[str, Any]) -> Member:
    # A member that may be left out is `anyOf` its type and null.
    typed = next((each for each in described.get("anyOf", ()) if each.get("type") != "null"), described)
    return Member(
        name=name,
        option="--" + "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name),
        kind=typed.get("type", "object"),
        hint=_hint(typed),
        default=described.get("default"),
        description=described.get("description", ""),
    )


def _hint(typed: Mapping[str, Any]) -> str:
    if "enum" in typed:
        return "|".join(map(str, typed["enum"]))
    by_format = {"uuid": "GUID", "date-time": "INSTANT"}.get(typed.get("format", ""))
    by_type = {"string": "TEXT", "integer": "NUMBER", "number": "NUMBER"}.get(typed.get("type", ""))
    return by_format or by_type or "JSON"
