"""Events as a person reads them. They are read from JSON: events of a newer azplan can be shown too."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from events.messages.base import Event
from events.wire.event_reader import SkippedRecords
from events.wire.text import counted, printable
from worker.cli.output.text_wrapping import TIE
from worker.operators.wording.message_types import short

LONGEST: Final = 500

_SHARED: Final = frozenset(field.alias or name for name, field in Event.model_fields.items())

Data = Mapping[str, Any]


def headline(wire_type: str, data: Data) -> str:
    """The most important data of an event in half a line; empty if its type says everything."""
    match short(wire_type):
        case "CommandAccepted":
            return ""
        case "CommandWaiting":
            until = f", until {data['until']}" if data.get("until") else ""
            return printable(f"{data.get('reason')}{until}: {data.get('detail')}", LONGEST)
        case "CommandRejected" | "CommandFailed":
            return printable(f"{data.get('code')}: {data.get('title')}", LONGEST)
        case "CommandValidated":
            return "nothing would be done" if not data.get("wouldDo") else "this would be done:"
        case "CommandIdReused":
            return printable(str(data.get("detail")), LONGEST)
        case _:
            scalars = ((name, value) for name, value in _own(data) if not isinstance(value, list | dict))
            facts = (f"{name}{TIE}{_shown(value)}" for name, value in scalars)
            return printable(", ".join(facts), LONGEST)


def details(wire_type: str, data: Data) -> Iterator[str]:
    """The other data of an event, line by line."""
    match short(wire_type):
        case "CommandRejected" | "CommandFailed":
            yield from (f"{name[0].upper()}{name[1:]}: {text}" for name, text in refusal(data))
        case "CommandValidated":
            yield from (printable(str(sentence), LONGEST) for sentence in data.get("wouldDo", ()))
        case "CommandAccepted" | "CommandWaiting" | "CommandIdReused":
            return
        case _:
            for name, value in _own(data):
                if isinstance(value, list) and value:
                    yield from (f"{name}: {_item(item)}" for item in value)


def passed_over(passed: SkippedRecords, topic: str) -> Iterator[str]:
    """How many records of the events topic were not accepted as events of azplan, and where the first of them are."""
    if not passed.number:
        return
    yield f"{counted(passed.number, 'record')} of {topic} passed over, which azplan has not written so:"
    yield from (f"  {each}" for each in passed.first)
    if passed.number > len(passed.first):
        yield f"  and {passed.number - len(passed.first)} more"


def refusal(data: Data) -> Iterator[tuple[str, str]]:
    """Why a command was refused, what to do, what is in the way, what Partner Center answered; each with a label."""
    yield "why", printable(str(data.get("detail")), LONGEST)
    yield "what to do", printable(str(data.get("advice")), LONGEST)
    if data.get("outcomeUnknown"):
        yield "careful", "Something may have taken effect at Microsoft: look before sending it again."
    for blocker in data.get("blockers") or ():
        yield "in the way", _item(blocker)
    answer = data.get("partnerCenter")
    if answer:
        facts = (f"{name}{TIE}{_shown(value)}" for name, value in answer.items() if value is not None)
        yield "at Microsoft", printable(", ".join(facts), LONGEST)


def _own(data: Data) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in data.items() if name not in _SHARED and value is not None)


def _item(item: Any) -> str:
    if not isinstance(item, Mapping):
        return printable(_shown(item), LONGEST)
    return printable(" ".join(_shown(value) for value in item.values() if value is not None), LONGEST)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return _item(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
