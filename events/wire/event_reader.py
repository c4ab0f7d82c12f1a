"""Reads events of azplan from the events topic, to wait for an answer or to rebuild a journal.

Anybody who may write to the topic can write a record that looks like an event. This module accepts only records that
azplan itself would write: with azplan's source, in binary mode, with the id derived from command, story and place.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from events.messages.base import Event, events
from events.messages.command_status import CommandIdReused
from events.wire import identity
from events.wire.attributes import LONGEST
from events.wire.codec import SOURCE
from events.wire.instants import parse_instant
from events.wire.read_cloudevent import Mode, NoCommandError, read_cloudevent
from events.wire.record import Record
from events.wire.text import printable

MOST_NUMBERS: Final = 2_000
"""How many places of one kind are tried; no story has more waits."""
LARGEST_NUMBER: Final = 2**31 - 1
FEW: Final = 5
"""How many skipped records are named one by one."""
LONGEST_WHY: Final = 200


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    """An event that was published."""

    id: str
    source: str
    time: datetime | None
    """When the fact became true, in UTC."""
    correlation_id: str | None
    causation_id: str | None
    event: Event


@dataclass(frozen=True, slots=True)
class SkippedRecord:
    """A record of the events topic that azplan would not write: its position, and why it is skipped."""

    topic: str
    partition: int
    offset: int
    why: str

    def __str__(self) -> str:
        return f"partition {self.partition}, offset {self.offset}: {self.why}"


@dataclass(slots=True)
class SkippedRecords:
    """The skipped records: their number, and the first few of them."""

    number: int = 0
    first: list[SkippedRecord] = field(default_factory=list)

    def add(self, one: SkippedRecord) -> None:
        """Count one more skipped record."""
        self.number += 1
        if len(self.first) < FEW:
            self.first.append(one)


def read_event(record: Record) -> PublishedEvent | SkippedRecord:
    """The event in `record`, or why azplan would not write this record. Raises nothing.

    Ignores unknown keys, as every reader of events must. Does not check the id; `has_derived_id` does.
    """
    try:
        opened = read_cloudevent(record)
    except NoCommandError as error:
        return _skipped(record, str(error))
    found = opened.attributes
    kind = events().get(found.required("type"))
    if kind is None:
        return _skipped(record, "its type is no event that this version of azplan knows")
    if found.required("source") != SOURCE:
        return _skipped(record, f"its ce_source is not {SOURCE}")
    if opened.mode is not Mode.BINARY:
        return _skipped(record, "it is in structured mode, in which azplan does not write")
    try:
        event = kind.model_validate(opened.data)
    except ValidationError:
        return _skipped(record, f"its data is not that of {kind.__name__}")
    time = parse_instant(found.text("time") or "")
    if problem := _problem(event, time):
        return _skipped(record, problem)
    return PublishedEvent(
        id=found.required("id"),
        source=found.required("source"),
        time=time,
        correlation_id=found.text("correlationid"),
        causation_id=found.text("causationid"),
        event=event,
    )


def read_own_event(record: Record, refused: str | None = None) -> PublishedEvent | SkippedRecord:
    """As `read_event`, for an event with `has_derived_id`. `refused`: as in `has_derived_id`. Raises nothing."""
    found = read_event(record)
    if isinstance(found, PublishedEvent) and not has_derived_id(found, refused):
        return _skipped(record, "its ce_id does not follow from the command, the story and the place in it")
    return found


def has_derived_id(found: PublishedEvent, refused: str | None = None) -> bool:
    """Whether the id of the event is the one derived from its command, its story and its place.

    `refused`: the fingerprint of the record that a `CommandIdReused` is about; the place of that event depends on it.
    """
    event = found.event
    if event.numbered:
        return number_in_story(found.id, event.command_source, event.command_id, event.redrive, event.nth_place) > 0
    if isinstance(event, CommandIdReused):
        place = "" if refused is None else identity.id_reused(refused)
    else:
        place = identity.TERMINAL if event.terminal else event.place
    return bool(place) and found.id == _id(event, place)


def number_in_story(id: str, source: str, command_id: str, redrive: int, place: Callable[[int], str]) -> int:  # noqa: A002
    """The number of the event with this id among the events of its kind in the story, from 1; 0 if none has the id."""
    numbers = range(1, MOST_NUMBERS + 1)
    return next((each for each in numbers if id == str(identity.event_id(source, command_id, redrive, place(each)))), 0)


def _id(event: Event, place: str) -> str:
    return str(identity.event_id(event.command_source, event.command_id, event.redrive, place))


def _problem(event: Event, time: datetime | None) -> str | None:
    """Why azplan would not write this event and no journal could hold it; None if there is no such reason."""
    texts = (event.command_id, event.command_source, event.command_type, *filter(None, (event.partner,)))
    if any(not 0 < len(text.encode("utf-8", "replace")) <= LONGEST for text in texts):
        return f"an id, source, type or partner in it is empty or has more than {LONGEST} bytes"
    if max(event.redrive, getattr(event, "attempts", 0)) > LARGEST_NUMBER:
        return f"a number in it is larger than {LARGEST_NUMBER}"
    return "it has no ce_time" if time is None else None


def _skipped(record: Record, why: str) -> SkippedRecord:
    return SkippedRecord(record.topic, record.partition, record.offset, printable(why, LONGEST_WHY))
