"""azplan's own messages as records."""

import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from events.messages.base import Origin
from events.messages.plans import PlanSuspended, SuspendPlan
from events.wire.codec import AcceptedCommand, Outgoing, Record, decode, encode, encode_command
from events.wire.event_reader import PublishedEvent, SkippedRecord, read_event
from tests.events.sample_records import CUSTOMER, OTHER_CUSTOMER, PLAN, binary, record

ID = UUID("6ba7b811-9dad-51d1-80b4-00c04fd430c8")
TIME = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ORIGIN = Origin("dunning-0815", "/crm", "azplan.SuspendPlan.v1", CUSTOMER, "contoso")
SUSPENDED = PlanSuspended.of(ORIGIN, subscription_id=PLAN, already_suspended=False)


def told(event: PlanSuspended = SUSPENDED, **more: str) -> Outgoing:
    """The event as a record."""
    return encode(event, id=ID, time=TIME, correlation_id="case-1", causation_id="dunning-0815", **more)


def read(outgoing: Outgoing) -> Record:
    """The record as its reader receives it."""
    return record(outgoing.value, outgoing.headers, outgoing.key)


def test_an_event_is_written_in_binary_mode() -> None:
    """Key, headers and value are those of the contract."""
    outgoing = told(traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", tracestate="a=1")

    assert outgoing.key == CUSTOMER.encode()
    assert dict(outgoing.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": str(ID).encode(),
        "ce_source": b"/azplan",
        "ce_type": b"azplan.PlanSuspended.v1",
        "ce_time": b"2026-03-02T09:30:00Z",
        "ce_subject": CUSTOMER.encode(),
        "ce_correlationid": b"case-1",
        "ce_causationid": b"dunning-0815",
        "ce_partner": b"contoso",
        "content-type": b"application/json",
        "traceparent": b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "tracestate": b"a=1",
    }
    assert json.loads(outgoing.value or b"") == SUSPENDED.wire_data()


def test_the_same_event_is_the_same_bytes() -> None:
    """Publishing again repeats key, headers and value byte for byte."""
    again = PlanSuspended.model_validate(SUSPENDED.wire_data())

    assert told(again) == told()


def test_without_a_partner_there_is_no_partner_header() -> None:
    """If the partner is unknown, the data has null and the header is missing."""
    outgoing = told(
        PlanSuspended.of(Origin("1", "/crm", "x", CUSTOMER, None), subscription_id="s", already_suspended=True)
    )

    assert "ce_partner" not in dict(outgoing.headers)
    assert json.loads(outgoing.value or b"")["partner"] is None


def test_text_beyond_ascii_is_written_as_utf_8() -> None:
    """Names keep their letters and take no more bytes than needed."""
    partner = Origin("1", "/crm", "x", CUSTOMER, "Größe")
    outgoing = told(PlanSuspended.of(partner, subscription_id="s", already_suspended=True))

    assert dict(outgoing.headers)["ce_partner"] == "Größe".encode()
    assert '"partner":"Größe"'.encode() in (outgoing.value or b"")


def test_text_that_cannot_be_utf_8_is_replaced() -> None:
    """A lone surrogate in a header does not stop an event."""
    outgoing = encode(SUSPENDED, id=ID, time=TIME, correlation_id="a\ud800b", causation_id="\udfff")

    assert (dict(outgoing.headers)["ce_correlationid"], dict(outgoing.headers)["ce_causationid"]) == (b"a?b", b"?")


def test_times_are_written_in_utc() -> None:
    """An event's time is the same instant whatever its offset."""
    berlin = TIME.astimezone(timezone(timedelta(hours=1)))

    assert encode(SUSPENDED, id=ID, time=berlin, correlation_id="case-1", causation_id="dunning-0815") == told()


def test_a_naive_time_is_refused() -> None:
    """An event without an instant is a defect of azplan and raises an error."""
    with pytest.raises(ValueError, match="naive"):
        encode(SUSPENDED, id=ID, time=TIME.replace(tzinfo=None), correlation_id="x", causation_id="x")


def test_a_written_event_can_be_read() -> None:
    """A reader gets the event back, with its id, its time and its relations."""
    published = read_event(read(told()))

    assert isinstance(published, PublishedEvent)
    assert published.event == SUSPENDED
    assert (published.id, published.source, published.time) == (str(ID), "/azplan", TIME)
    assert (published.correlation_id, published.causation_id) == ("case-1", "dunning-0815")


UNREADABLE = {
    "a command": binary(),
    "no JSON": binary(b"{"),
    "an event that is not known": binary(type="azplan.PlanRenamed.v1"),
    "an event that lacks members": binary(type="azplan.PlanSuspended.v1"),
}


@pytest.mark.parametrize("sample", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_an_event_that_azplan_would_not_write_is_not_believed(sample: Record) -> None:
    """Readers skip unknown events and can give the reason."""
    found = read_event(sample)
    assert isinstance(found, SkippedRecord)
    assert found.why


def test_a_command_that_azplan_sends_is_a_good_command() -> None:
    """azplan accepts the commands that azplan sends, with the same members and envelope."""
    command = SuspendPlan(
        customer_id=OTHER_CUSTOMER.upper(), subscription_id=PLAN, active_assets="cancel", deadline=TIME
    )
    outgoing = encode_command(
        command, id="1", source="/azplan/cli", time=TIME, partner="contoso", correlation_id="case-1"
    )
    decoded = decode(read(outgoing))

    assert isinstance(decoded, AcceptedCommand)
    assert decoded.command == command
    assert (decoded.envelope.source, decoded.envelope.id, decoded.envelope.time) == ("/azplan/cli", "1", TIME)
    assert (decoded.envelope.partner, decoded.envelope.correlation_id) == ("contoso", "case-1")
