"""A command composed from a person's words, checked as the worker will check it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from events.contract_files import schema
from events.messages.base import Command
from events.messages.fields import is_guid
from events.messages.validation import read_command
from events.wire.codec import AcceptedCommand, decode, encode_command
from events.wire.record import Outgoing, Record
from events.wire.strict_json import UnreadableError, doubled_keys, parse, parsed_object
from worker.clock import Clock
from worker.operators.errors import InvalidRequest
from worker.operators.selection import partner_name
from worker.settings.model import Settings

SOURCE = "/azplan/cli"
"""`ce_source` of a command that a person sends, unless the person names another one."""
CUSTOMER = "customerId"
"""The member that names the customer. Its option has a name of its own: `--customer`."""


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
    """What a help text shows for the value."""
    default: Any
    description: str


@dataclass(frozen=True, slots=True)
class CommandIdentity:
    """The identity of a command: its id, its source, and the partner account; None if only one is configured."""

    id: str
    source: str
    partner: str | None


def members(kind: type[Command]) -> list[Member]:
    """The members that a command of this class may have beside the customer, from its schema."""
    known = schema(kind.wire_type())["properties"]
    return [_member(name, described) for name, described in known.items() if name != CUSTOMER]


def parse_data(content: bytes, name: str) -> dict[str, Any]:
    """The data of a command from a JSON object. `name` is what errors call the content.

    Raises `InvalidRequest` for anything else, and for an object that gives a member twice.
    """
    try:
        data = parsed_object(parse(content), "the value")
    except UnreadableError as error:
        raise InvalidRequest(f"{name} holds no data of a command: {error}.") from error
    if doubled := doubled_keys(data):
        raise InvalidRequest(f"{name} gives {', '.join(doubled)} more than once.")
    return data


def with_customer(data: Mapping[str, Any], customer: str | None, name: str | None) -> dict[str, Any]:
    """The data with this customer. Raises `InvalidRequest` if the data, read from `name`, has another one."""
    if customer is None:
        return dict(data)
    if str(data.get(CUSTOMER, customer)).lower() != customer.lower():
        raise InvalidRequest(f"--customer and the {CUSTOMER} in {name} are two customers.", "Nothing was sent.")
    return {**data, CUSTOMER: customer}


def own_tenant_id(settings: Settings, partner: str | None, *, may_give_it: bool = False) -> str:
    """The tenant id of a configured partner account: the customerId of a command about the account itself.

    `partner` names the account; None means the only one. `may_give_it`: whether the data may have the id. Raises
    `InvalidRequest` where the settings do not tell which account is meant, and where they name its tenant by a domain.
    """
    otherwise = f", or give its tenant id as {CUSTOMER} yourself" if may_give_it else ""
    advice = f"Nothing was sent. Name the account with --partner{otherwise}."
    name = next(iter(settings.partners), None) if partner is None else partner_name(partner)
    account = settings.partners.get(name) if name is not None else None
    if partner is None and len(settings.partners) > 1:
        raise InvalidRequest(f"the command is about one of the accounts {', '.join(settings.partners)}.", advice)
    if account is None:
        here = (
            "Set its TENANT_ID and CLIENT_ID as for the worker (AZPLAN_PARTNERS__<NAME>__…); no secret is needed here."
        )
        raise InvalidRequest(
            "the command is about a partner account, and no such account is configured here.", f"{advice} {here}"
        )
    if not is_guid(account.tenant_id):
        raise InvalidRequest(f"the settings name the tenant of the account {name} by a domain, not by its id.", advice)
    return account.tenant_id.lower()


def value_of(member: Member, text: Any) -> Any:
    """The JSON value that a text stands for. Text that is not JSON stays text; `compose` refuses it."""
    if member.kind in ("string", "boolean") or not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def compose(
    kind: type[Command], data: Mapping[str, Any], identity: CommandIdentity, words: Mapping[str, str] | None = None
) -> Outgoing:
    """The record of a command with this data. Raises `InvalidRequest` with every problem that a worker would find.

    `words`: what the person typed for a member, where it is not the option of `azplan send`.
    """
    command = read_command(kind, data)
    if isinstance(command, list):
        raise _refused([_in_options(problem, kind, words or {}) for problem in command])
    now = Clock().now()
    if problem := command.problem_on_receipt(now):
        raise _refused([_in_options(problem, kind, words or {})])
    outgoing = encode_command(command, id=identity.id, source=identity.source, time=now, partner=identity.partner)
    decoded = decode(Record("", 0, 0, None, outgoing.key, outgoing.value, outgoing.headers))
    if not isinstance(decoded, AcceptedCommand):
        raise _refused([decoded.detail])
    return outgoing


def _refused(problems: list[str]) -> InvalidRequest:
    advice = "Nothing was sent. `azplan contract <Type>` prints what a command may hold."
    return InvalidRequest("; ".join(problems) + ".", advice)


def _in_options(problem: str, kind: type[Command], words: Mapping[str, str]) -> str:
    """A problem with a member, told of the word or the option that gives the member."""
    options = {CUSTOMER: "--customer", **{member.name: member.option for member in members(kind)}, **words}
    name, space, rest = problem.partition(" ")
    of_list, _, place = name.rpartition(".")
    whole = of_list if place.isdecimal() else name
    return f"{options.get(whole, whole)}{space}{rest}"


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
