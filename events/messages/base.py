"""The base classes of messages, commands and events, and the lists of all commands and events.

The messages themselves are in the modules beside this one; azplan finds every class that is defined there.
"""

import inspect
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import import_module
from operator import is_
from types import MappingProxyType, ModuleType
from typing import Any, ClassVar, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from events.messages.fields import Guid, Instant

MOST_ITEMS = 500
"""The most items of a list in an event; `truncated` names the lists that were cut."""
_MOST_LEVELS = 8
"""Lists are cut this far inside an event. No event has so many levels."""


class Message(BaseModel):
    """A command, an event or a part of one. Members are snake_case in Python and camelCase on the wire. Immutable."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        use_attribute_docstrings=True,
        json_schema_serialization_defaults_required=True,
    )

    @classmethod
    def wire_type(cls) -> str:
        """The CloudEvents type of the message, such as `azplan.SuspendPlan.v1`."""
        return f"azplan.{cls.__name__}.v1"

    def wire_data(self) -> dict[str, Any]:
        """The members as JSON values under their camelCase names: the `data` of the CloudEvent."""
        return self.model_dump(mode="json")


class Event(Message):
    """A fact about one command. Readers ignore keys that they do not know."""

    model_config = ConfigDict(extra="ignore")

    terminal: ClassVar[bool] = False
    """Whether the event ends a story: there is exactly one such event for each command identity and redrive."""
    place: ClassVar[str] = ""
    """The event's place in a story, from which its id follows. Terminal events have `identity.TERMINAL` instead."""
    numbered: ClassVar[bool] = False
    """Whether a story has the event any number of times, at `<place>-1`, `<place>-2` and so on."""

    command_id: str
    """`ce_id` of the command."""
    command_source: str
    """`ce_source` of the command. `ce_source` and `ce_id` together are the identity of the command."""
    command_type: str
    """Full type of the command, for example `azplan.SuspendPlan.v1`."""
    customer_id: Guid
    """Microsoft Entra tenant id of the customer, in lower case."""
    partner: str | None
    """Partner account of the command; null if azplan cannot tell which account is meant."""
    redrive: int = Field(ge=0)
    """0 in the first story of the command; one more each time a person redrives or resolves the command."""
    truncated: tuple[str, ...] = Field(default=(), exclude_if=lambda members: not members)
    """Names of the lists that were cut to 500 items; left out if no list was cut."""

    @classmethod
    def of(cls, origin: "Origin", **members: object) -> Self:
        """Make the event about the command `origin`. Raises pydantic.ValidationError for members that do not fit."""
        return cls(
            command_id=origin.command_id,
            command_source=origin.command_source,
            command_type=origin.command_type,
            customer_id=origin.customer_id,
            partner=origin.partner,
            redrive=origin.redrive,
            **members,
        )

    @classmethod
    def nth_place(cls, number: int) -> str:
        """The place of the `number`-th event of this class in a story, counted from 1."""
        return f"{cls.place}-{number}"

    @property
    def nothing_done(self) -> bool:
        """Whether the command changed nothing, because its effect was there before."""
        return False

    @model_validator(mode="before")
    @classmethod
    def _cut_long_lists(cls, members: object) -> object:
        if not isinstance(members, dict):
            return members
        names = {name for field, info in cls.model_fields.items() for name in (field, info.alias or field)}
        cut = {key: _cut(value) for key, value in members.items() if key in names and key != "truncated"}
        long = [key for key, value in cut.items() if value is not members[key]]
        if not long:
            return members
        given = members.get("truncated", ())
        if not isinstance(given, list | tuple) or not all(isinstance(name, str) for name in given):
            return members  # the type of the member refuses this
        told = (*given, *map(to_camel, long))
        return {**members, **cut, "truncated": tuple(dict.fromkeys(told))}


@dataclass(frozen=True, slots=True)
class Origin:
    """The command and the story of an event: the members that all events have in common."""

    command_id: str
    command_source: str
    command_type: str
    customer_id: str
    partner: str | None
    redrive: int = 0


Subject = Literal["customer", "partner_account"]
"""Who a command belongs to."""


class Command(Message):
    """Something that a sender wants done for one customer, or for the partner account itself.

    A closed object: an unknown key, a value of another JSON type or an instant without an offset is refused.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    answered_by: ClassVar[type[Event]]
    """The terminal event of success. `CommandRejected` and `CommandFailed` can answer any command."""
    subject: ClassVar[Subject] = "customer"
    """Who the command belongs to. `customer_id`, the record's key, the lane and `ce_subject` are the tenant id of that
    customer or, for `partner_account`, of the command's partner account."""

    trials: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType({"": MappingProxyType({})})
    """The data, beside the customer, with which `azplan check --customer` tries the command; by words that tell several
    trials apart. A command with required members, or with members that need further rights, has its own."""

    scoped: ClassVar[bool] = False
    """Whether the member `scope` decides who the command belongs to. A customer is then never the partner account."""

    reads: ClassVar[bool] = False
    """Whether the command's deadline ends its waiting: it only reads, and its handler refuses to go on after it."""

    @classmethod
    def subject_of(cls, data: Mapping[str, Any]) -> Subject:
        """Who a command with this data belongs to: `subject`, unless a member decides."""
        return cls.subject

    customer_id: Guid
    """Microsoft Entra tenant id of the customer."""
    validate_only: bool = False
    """Run every read and every check, change nothing, and answer with what azplan would do."""
    deadline: Instant | None = None
    """Instant after which azplan starts no new write at Microsoft. Reports and exports of usage and of invoices stop
    waiting then."""

    def problem_on_receipt(self, received_at: datetime) -> str | None:
        """Why the command is not valid if it is received at this instant, in a sentence; None if nothing is wrong."""
        return None

    def wire_data(self) -> dict[str, Any]:
        """The members as JSON values under their camelCase names, without members that have their default."""
        return self.model_dump(mode="json", exclude_defaults=True)


@cache
def commands() -> Mapping[str, type[Command]]:
    """Every command by its wire type."""
    return _found(Command)


@cache
def events() -> Mapping[str, type[Event]]:
    """Every event by its wire type."""
    return _found(Event)


MessageT = TypeVar("MessageT", bound=Message)


def _found(base: type[MessageT]) -> Mapping[str, type[MessageT]]:
    """The public subclasses of `base` by wire type, in the order of their modules and then of their definition."""
    found: dict[str, type[MessageT]] = {}
    for module in _modules():
        for name, member in vars(module).items():
            defined_here = inspect.isclass(member) and member.__module__ == module.__name__
            if not defined_here or not issubclass(member, base) or member is base or name.startswith("_"):
                continue
            if member.wire_type() in found:
                raise TypeError(f"{member.wire_type()} is defined twice: rename the class in {module.__name__}")
            found[member.wire_type()] = member
    return MappingProxyType(found)


def _modules() -> list[ModuleType]:
    names = sorted(info.name for info in pkgutil.iter_modules(import_module(__package__).__path__))
    return [import_module(f"{__package__}.{name}") for name in names if not name.startswith("_")]


def _cut(value: Any, levels: int = _MOST_LEVELS) -> Any:
    """The value with at most 500 items in each list inside it; the value itself where no list has more."""
    if levels == 0:
        return value
    if isinstance(value, list | tuple):
        items = [_cut(item, levels - 1) for item in value[:MOST_ITEMS]]
        if len(items) == len(value) and all(map(is_, items, value)):
            return value
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, dict | Message):
        members = value if isinstance(value, dict) else vars(value)
        cut = {name: _cut(member, levels - 1) for name, member in members.items()}
        changed = {name: member for name, member in cut.items() if member is not members[name]}
        if not changed:
            return value
        return {**value, **changed} if isinstance(value, dict) else value.model_copy(update=changed)
    return value
