"""Events as their readers find them on the events topic: for whoever waits for an answer or rebuilds a journal."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from events.base import Event, events
from events.instants import parse_instant
from events.opening import NoCommandError, open_record
from events.record import Record


@dataclass(frozen=True, slots=True)
class Published:
    """An event that was published."""

    id: str
    source: str
    time: datetime | None
    """When the fact became true, in UTC."""
    correlation_id: str | None
    causation_id: str | None
    event: Event


def read_event(record: Record) -> Published | None:
    """The event in `record`; None where it holds none that this version of azplan knows. Raises nothing.

    Unknown keys are ignored, as every reader of events must.
    """
    try:
        opened = open_record(record)
    except NoCommandError:
        return None
    found = opened.attributes
    kind = events().get(found.required("type"))
    if kind is None:
        return None
    try:
        event = kind.model_validate(opened.data)
    except ValidationError:
        return None
    return Published(
        id=found.required("id"),
        source=found.required("source"),
        time=parse_instant(found.text("time") or ""),
        correlation_id=found.text("correlationid"),
        causation_id=found.text("causationid"),
        event=event,
    )
