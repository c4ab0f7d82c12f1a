"""Records of the events topic: azplan accepts only those that it would write itself."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from events.codes import RejectedCode, WaitingReason
from events.messages.base import Event, Origin, events
from events.messages.command_status import (
    CommandAccepted,
    CommandFailed,
    CommandIdReused,
    CommandRejected,
    CommandWaiting,
)
from events.messages.plans import PlanSuspended
from events.messages.upgrades import ProductUpgradeProgressed, ProductUpgradeStarted
from events.wire.codec import encode
from events.wire.event_reader import (
    FEW,
    MOST_NUMBERS,
    PublishedEvent,
    SkippedRecord,
    SkippedRecords,
    number_in_story,
    read_event,
    read_own_event,
)
from events.wire.identity import TERMINAL, event_id, id_reused
from events.wire.record import Record
from tests.events.sample_records import CUSTOMER

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ORIGIN = Origin("c-1", "/crm", "azplan.SuspendPlan.v1", CUSTOMER, "contoso", redrive=2)
SUSPENDED = PlanSuspended.of(ORIGIN, subscription_id="s", already_suspended=False)
REUSED = CommandIdReused.of(ORIGIN, received_at=NOW, detail="other content", topic="commands", partition=0, offset=7)
EVENTS: list[tuple[Event, str]] = [
    (CommandAccepted.of(ORIGIN, received_at=NOW), "accepted"),
    (CommandWaiting.of(ORIGIN, reason=WaitingReason.RETRY, detail="", attempt=1), "waiting-1"),
    (CommandWaiting.of(ORIGIN, reason=WaitingReason.RETRY, detail="", attempt=1), "waiting-321"),
    (ProductUpgradeStarted.of(ORIGIN, upgrade_id="u", adopted=False), "started"),
    (ProductUpgradeProgressed.of(ORIGIN, upgrade_id="u", status="s", line_items=[]), "progress-3"),
    (SUSPENDED, TERMINAL),
    (CommandRejected.of(ORIGIN, code=RejectedCode.ACTIVE_ASSETS, detail="two"), TERMINAL),
]
WRONG_ID = "its ce_id does not follow from the command, the story and the place in it"


def published(event: Event, place: str = TERMINAL, *, id: UUID | None = None) -> Record:  # noqa: A002
    """An event as the worker publishes it, at this place of its story or under another id."""
    origin = event.command_source, event.command_id, event.redrive
    out = encode(event, id=id or event_id(*origin, place), time=NOW, correlation_id="x", causation_id="c-1")
    return Record("events", 3, 14, 1, out.key, out.value, out.headers)


def with_data(**changes: object) -> Record:
    """A good event with other members."""
    good = published(SUSPENDED)
    data = {**json.loads(good.value or b""), **changes}
    origin = str(data["commandSource"]), str(data["commandId"])
    redrive = data["redrive"] if isinstance(data["redrive"], int) else 0
    moved = with_header(good, "ce_id", str(event_id(*origin, redrive, TERMINAL)))
    return replace(moved, value=json.dumps(data).encode())


def with_header(record: Record, name: str, value: str | None) -> Record:
    """The record with another value of a header, or without the header."""
    others = [each for each in record.headers if each[0] != name]
    return replace(record, headers=(*others, *([] if value is None else [(name, value.encode())])))


@pytest.mark.parametrize(("event", "place"), EVENTS, ids=lambda value: str(value)[:24])
def test_an_event_of_the_worker_is_believed(event: Event, place: str) -> None:
    """Each event is accepted at its place."""
    found = read_own_event(published(event, place))
    assert isinstance(found, PublishedEvent)
    assert found.event == event


@pytest.mark.parametrize(("event", "place"), EVENTS, ids=lambda value: str(value)[:24])
def test_an_event_at_another_place_is_not(event: Event, place: str) -> None:
    """An event under any other id is skipped: the id of another story, of another command, or a random id."""
    for wrong in (
        uuid4(),
        event_id("/crm", "c-1", 1, place),
        event_id("/crm", "c-2", 2, place),
        event_id("/erp", "c-1", 2, place),
        event_id("/crm", "c-1", 2, "elsewhere"),
        event_id("/crm", "c-1", 2, "accepted" if place == TERMINAL else TERMINAL),
    ):
        found = read_own_event(published(event, id=wrong))
        assert isinstance(found, SkippedRecord)
        assert found.why == WRONG_ID


def test_a_refused_identity_is_believed_by_the_record_that_was_refused() -> None:
    """The place of the event follows from the content of that record. The event itself does not have that content."""
    record = published(REUSED, id_reused("content"))
    assert isinstance(read_own_event(record, "content"), PublishedEvent)
    assert isinstance(read_own_event(record, "other"), SkippedRecord)
    assert isinstance(read_own_event(record), SkippedRecord)
    assert isinstance(read_event(record), PublishedEvent)


def test_every_event_has_a_place() -> None:
    """A new event without a place would be lost in a rebuild."""
    unplaced = {kind for kind in events().values() if not kind.terminal and not kind.place}
    assert unplaced == {CommandIdReused}, "its place follows from the content of the refused record"
    assert not [kind for kind in events().values() if kind.terminal and (kind.place or kind.numbered)]


UNBELIEVED: dict[str, tuple[Record, str]] = {
    "another source": (with_header(published(SUSPENDED), "ce_source", "/crm"), "its ce_source is not /azplan"),
    "no value": (replace(published(SUSPENDED), value=None), "the record has no value"),
    "no JSON": (replace(published(SUSPENDED), value=b"\xff"), "the value is not UTF-8 at byte 0"),
    "another type": (
        with_header(published(SUSPENDED), "ce_type", "azplan.PlanRenamed.v1"),
        "its type is no event that this version of azplan knows",
    ),
    "other data": (with_data(alreadySuspended="perhaps"), "its data is not that of PlanSuspended"),
    "a number for cut lists": (
        with_data(truncated=5, cancelledAssets=[{}] * 501),
        "its data is not that of PlanSuspended",
    ),
    "lists for cut lists": (
        with_data(truncated=[[1]], cancelledAssets=[{}] * 501),
        "its data is not that of PlanSuspended",
    ),
    "a story beyond numbers": (with_data(redrive=2**40), "a number in it is larger than 2147483647"),
    "an endless id": (
        with_data(commandId="x" * 2000),
        "an id, source, type or partner in it is empty or has more than 1024 bytes",
    ),
    "no time": (with_header(published(SUSPENDED), "ce_time", None), "it has no ce_time"),
    "structured": (
        replace(
            published(SUSPENDED),
            headers=(("content-type", b"application/cloudevents+json"),),
            value=json.dumps(
                {
                    "specversion": "1.0",
                    "id": str(event_id("/crm", "c-1", 2, TERMINAL)),
                    "source": "/azplan",
                    "type": SUSPENDED.wire_type(),
                    "data": SUSPENDED.wire_data(),
                }
            ).encode(),
        ),
        "it is in structured mode, in which azplan does not write",
    ),
}


@pytest.mark.parametrize(("record", "why"), UNBELIEVED.values(), ids=UNBELIEVED.keys())
def test_a_record_that_cannot_be_believed_is_named(record: Record, why: str) -> None:
    """Every other record is skipped with its position and the reason; nothing is raised."""
    found = read_own_event(record)
    assert isinstance(found, SkippedRecord)
    assert found.why == why
    assert str(found) == f"partition 3, offset 14: {why}"


@pytest.mark.parametrize("hostile", [lambda: CommandFailed, lambda: CommandAccepted, lambda: PlanSuspended])
@pytest.mark.parametrize("value", [None, 5, -1, 2**80, 1.5, True, "", "\x00", "\ud800", [], [[]], {}, {"a": [1]}])
def test_no_value_of_any_member_raises(hostile: Callable[[], type[Event]], value: object) -> None:
    """This holds for anything that a foreign producer writes into any member of an event."""
    kind = hostile()
    for name, info in kind.model_fields.items():
        for many in (0, 501):
            data = {info.alias or name: value, "blockers": [{}] * many, "cancelledAssets": [{}] * many}
            body = json.dumps({"customerId": CUSTOMER, **SUSPENDED.wire_data(), **data}).encode()
            record = with_header(replace(published(SUSPENDED), value=body), "ce_type", kind.wire_type())
            assert isinstance(read_own_event(record), PublishedEvent | SkippedRecord)


def test_numbers_of_waits_are_found_and_not_looked_for_without_end() -> None:
    """The last number that is tried is found. The next one is not."""
    for number, found in ((1, 1), (MOST_NUMBERS, MOST_NUMBERS), (MOST_NUMBERS + 1, 0)):
        id_ = str(event_id("/crm", "c-1", 0, CommandWaiting.nth_place(number)))
        assert number_in_story(id_, "/crm", "c-1", 0, CommandWaiting.nth_place) == found


def test_the_first_few_are_kept_and_all_are_counted() -> None:
    """A topic full of rubbish uses no memory."""
    passed = SkippedRecords()
    for offset in range(100):
        passed.add(SkippedRecord("events", 0, offset, "no"))
    assert (passed.number, [each.offset for each in passed.first]) == (100, list(range(FEW)))
