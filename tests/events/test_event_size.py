"""Events that are too large for the broker: their lists are cut, the same way each time."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from events.codes import BlockerKind, RejectedCode
from events.messages.base import Origin
from events.messages.command_status import Blocker, CommandRejected, CommandValidated
from events.wire.codec import encode
from events.wire.dead_letter import record_size
from events.wire.event_reader import read_event
from events.wire.event_size import fit_event
from events.wire.record import Outgoing, Record

ORIGIN = Origin("c-1", "/crm", "azplan.SuspendPlan.v1", "c0ffee00-0000-4000-8000-000000000001", "contoso")
LIMIT = 1_000_000


def encoded(event: CommandRejected | CommandValidated) -> Outgoing:
    """The event as a record."""
    return encode(
        event, id=UUID(int=1), time=datetime(2026, 3, 2, tzinfo=UTC), correlation_id="case-1", causation_id="c-1"
    )


def rejected(items: int, text: str) -> Outgoing:
    """A refusal that names this many things, each with texts."""
    blocker = Blocker(kind=BlockerKind.AZURE_SUBSCRIPTION, id=text, name=text, status=text)
    event = CommandRejected.of(
        ORIGIN, code=RejectedCode.ACTIVE_ASSETS, detail="many are active", blockers=[blocker] * items
    )
    return encoded(event)


def test_an_event_that_fits_is_left_alone() -> None:
    """The event stays the same to the byte."""
    event = rejected(3, "text")
    assert fit_event(event, record_size(event)) is event


@pytest.mark.parametrize(
    ("event", "member"),
    [
        (rejected(500, "\U0001f600" * 256), "blockers"),
        (encoded(CommandValidated.of(ORIGIN, would_do=["\U0001f600" * 2_000] * 500)), "wouldDo"),
    ],
)
def test_an_event_of_the_longest_lists_and_texts_is_cut_to_as_many_items_as_fit(event: Outgoing, member: str) -> None:
    """One more item would not fit. Everything else is unchanged, and `truncated` names the list."""
    cut = fit_event(event, LIMIT)
    whole, data = json.loads(event.value or b""), json.loads(cut.value or b"")

    assert record_size(event) > LIMIT >= record_size(cut)
    assert (cut.key, cut.headers) == (event.key, event.headers)
    assert data["truncated"] == [member]
    items = len(data[member])
    assert data == {**whole, member: whole[member][:items], "truncated": [member]}
    one_more = len(json.dumps(whole[member][0], ensure_ascii=False).encode()) + 1
    assert record_size(cut) + one_more > LIMIT
    assert fit_event(event, LIMIT) == cut


def test_a_list_that_was_cut_to_500_items_before_is_named_once() -> None:
    """The event can still be read."""
    event = fit_event(rejected(501, "x" * 256), 50_000)
    read = read_event(Record("azplan.events.v1", 0, 0, 0, event.key, event.value, event.headers))

    assert read is not None
    assert read.event.truncated == ("blockers",)


def test_an_event_that_cannot_be_cut_further_comes_back_as_small_as_possible() -> None:
    """Its lists are empty, and the broker refuses the event."""
    event = rejected(3, "text")
    smallest = fit_event(event, 10)

    assert json.loads(smallest.value or b"")["blockers"] == []
    assert fit_event(smallest, 10) == smallest
