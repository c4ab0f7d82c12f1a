"""What becomes of a record: every row of the contract's table, from the bytes to the journal and the events."""

import asyncio
import json
from dataclasses import replace

import pytest

from events.messages.agreements import ConfirmCustomerAgreement
from events.messages.plans import CreateAzurePlan
from events.wire.codec import SOURCE
from events.wire.identity import event_id
from events.wire.record import Record
from tests.runtime.bench import ACCOUNT, CUSTOMER, DAY, OTHER_CUSTOMER, SUSPEND, Bench, desk, record
from worker.journal.intake_records import Taken
from worker.runtime.intake_rules import intake, refused_by_database

OTHER_CONTENT = CreateAzurePlan(customer_id=CUSTOMER)


async def test_a_good_command_is_accepted_with_an_event(bench: Bench) -> None:
    """`CommandAccepted` carries the instant at which the command became durable."""
    assert await bench.accept(record()) == [Taken.NEW]
    (event,) = await bench.said()
    assert event["type"] == "azplan.CommandAccepted.v1"
    assert event["ce_id"] == str(event_id("/crm", "c-1", 0, "accepted"))
    assert (event["ce_source"], event["ce_causationid"], event["ce_partner"]) == (SOURCE, "c-1", ACCOUNT)
    assert event["receivedAt"] == event["ce_time"] == "2026-03-02T09:00:00Z"
    assert (event["commandId"], event["customerId"], event["redrive"]) == ("c-1", CUSTOMER, 0)


async def test_the_same_content_again_is_nothing(bench: Bench) -> None:
    """This holds at any later time, at any other place of the topic, in one batch or in two."""
    assert await bench.accept(record(), record(offset=1)) == [Taken.NEW, Taken.DUPLICATE]
    assert await bench.accept(record(offset=2)) == [Taken.DUPLICATE]
    assert len(await bench.said()) == 1
    assert len(await bench.claim()) == 1


def agreed(at: str) -> Record:
    """The record of an acceptance of the agreement at this instant. Commands are received at 09:00 of 2 March."""
    contact = {"firstName": "Ana", "lastName": "Ruiz", "email": "ana@example.com"}
    data = {"customerId": CUSTOMER, "primaryContact": contact, "dateAgreed": at}
    return record(ConfirmCustomerAgreement.model_validate(data))


@pytest.mark.parametrize("at", ["2026-03-02", "2026-03-02T09:00:00Z", "2026-03-02T10:00:00+01:00"])
async def test_an_agreement_up_to_the_receipt_is_accepted(bench: Bench, at: str) -> None:
    """A date stands for its 00:00 UTC."""
    assert await bench.accept(agreed(at)) == [Taken.NEW]


async def test_an_agreement_in_the_future_is_judged_at_receipt(bench: Bench) -> None:
    """`invalid_command` is the first event and the last one: the command is never accepted."""
    assert await bench.accept(agreed("2026-03-02T09:00:01Z")) == [Taken.REFUSED]
    (event,) = await bench.said()
    assert (event["type"], event["code"]) == ("azplan.CommandRejected.v1", "invalid_command")
    assert event["detail"] == ("dateAgreed must not be in the future: the command was received at 2026-03-02T09:00:00Z")


async def test_the_same_agreement_later_is_the_same_refused_command(bench: Bench) -> None:
    """A replay when the date has passed starts nothing: a refused identity is used up, and its content is the same."""
    late = agreed("2026-03-02T09:00:01Z")
    await bench.accept(late)
    await asyncio.sleep(3_600)
    assert await bench.accept(late) == [Taken.DUPLICATE]
    assert await bench.claim() == []


async def test_other_content_under_a_known_id_is_refused_and_put_aside(bench: Bench) -> None:
    """The journal gets `CommandIdReused` and a dead letter. The first command stays unchanged."""
    assert await bench.accept(record(), record(OTHER_CONTENT, offset=7)) == [Taken.NEW, Taken.REUSED]
    _, reused = await bench.said()
    assert reused["type"] == "azplan.CommandIdReused.v1"
    assert (reused["topic"], reused["partition"], reused["offset"]) == ("azplan.commands.v1", 0, 7)
    (letter,) = await bench.letters()
    assert (letter["azplan_dlq_code"], letter["azplan_dlq_offset"], letter["ce_id"]) == ("id_reused", "7", "c-1")
    (work,) = await bench.claim()
    assert work.type == SUSPEND.wire_type()


async def test_each_other_content_is_refused_once(bench: Bench) -> None:
    """The number of copies does not matter."""
    await bench.accept(record(), record(OTHER_CONTENT, offset=1), record(OTHER_CONTENT, offset=2))
    assert [event["type"] for event in await bench.said()] == ["azplan.CommandAccepted.v1", "azplan.CommandIdReused.v1"]
    assert len(await bench.letters()) == 2


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (replace(record(), value=b"{"), "invalid_json"),
        (record(specversion="0.3"), "invalid_envelope"),
        (replace(record(), value=b"{}"), "invalid_customer"),
    ],
)
async def test_what_is_no_command_becomes_a_dead_letter_with_its_bytes(bench: Bench, bad: Record, code: str) -> None:
    """No event is published, because there is nobody to answer (promise G7)."""
    assert await bench.accept(bad) == [Taken.DEAD_LETTER]
    (row,) = await bench.journal.unsent(10)
    assert (row.letter, row.type, row.key, row.value) == (True, code, bad.key, bad.value)
    assert row.headers[: len(bad.headers)] == bad.headers
    (letter,) = await bench.letters()
    assert (letter["azplan_dlq_code"], letter["azplan_dlq_group"]) == (code, "azplan-worker")
    assert letter["azplan_dlq_worker_version"] == "1.2.3"


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (record(type="azplan.Nonsense.v1"), "unknown_type"),
        (replace(record(), value=json.dumps({"customerId": CUSTOMER, "nonsense": 1}).encode()), "invalid_command"),
        (record(subject=OTHER_CUSTOMER), "invalid_command"),
    ],
)
async def test_a_command_that_is_wrong_is_refused_at_once(bench: Bench, bad: Record, code: str) -> None:
    """One event is its answer. Nothing runs, and its identity is used up."""
    assert await bench.accept(bad) == [Taken.REFUSED]
    (event,) = await bench.said()
    assert (event["type"], event["code"]) == ("azplan.CommandRejected.v1", code)
    assert event["ce_id"] == str(event_id("/crm", "c-1", 0, "terminal"))
    assert await bench.claim() == []
    assert await bench.accept(record(offset=1)) == [Taken.REUSED]


@pytest.mark.parametrize(("days", "taken"), [(400, Taken.NEW), (400.01, Taken.TOO_OLD)])
async def test_a_record_older_than_the_journals_memory_is_never_started(
    bench: Bench, days: float, taken: Taken
) -> None:
    """The command may have been answered and forgotten."""
    now = bench.clock.now().timestamp()
    old = replace(record(), timestamp=int((now - days * DAY) * 1000))
    assert await bench.accept(old) == [taken]
    if taken is Taken.TOO_OLD:
        (letter,) = await bench.letters()
        assert (
            letter["azplan_dlq_detail"] == "the record is 400 days old, and the journal remembers commands for 400 days"
        )
        assert await bench.said() == []


async def test_an_old_record_of_a_known_command_is_a_repeat(bench: Bench) -> None:
    """The journal remembers the command, so the age of the record does not matter."""
    await bench.accept(record())
    assert await bench.accept(replace(record(), timestamp=0)) == [Taken.DUPLICATE]


@pytest.mark.parametrize("timestamp", [None, -1, 2**62, -(2**62)])
async def test_an_odd_timestamp_is_no_reason_to_put_a_record_aside(bench: Bench, timestamp: int | None) -> None:
    """A producer may write any number as a timestamp."""
    assert await bench.accept(replace(record(), timestamp=timestamp)) == [Taken.NEW]


@pytest.mark.parametrize(
    ("asked", "accounts", "partner"),
    [
        (None, ("contoso",), "contoso"),
        (None, ("contoso", "fabrikam"), None),
        ("fabrikam", ("contoso", "fabrikam"), "fabrikam"),
        ("FABRIKAM", ("contoso", "fabrikam"), "fabrikam"),
        ("nobody", ("contoso", "fabrikam"), None),
    ],
)
async def test_a_command_stands_in_the_line_of_its_customer_at_its_account(
    bench: Bench, asked: str | None, accounts: tuple[str, ...], partner: str | None
) -> None:
    """That is the named account, in upper or lower case, or the only one. An unclear account gets a lane of its own.

    Rule OneLine, promise G4.
    """
    await bench.accept(record(partner=asked), among=desk(accounts))
    (work,) = await bench.claim(partner or "")
    assert (work.partner, work.lane) == (partner, f"{partner or ''}/{CUSTOMER}")
    (event,) = await bench.said()
    assert event["partner"] == partner
    assert event.get("ce_partner") == partner


async def test_the_trace_of_the_sender_is_carried_on(bench: Bench) -> None:
    """Every event about the record carries the trace."""
    trace = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    given = record()
    await bench.accept(replace(given, headers=(*given.headers, ("traceparent", trace))))
    (event,) = await bench.said()
    assert event["traceparent"] == trace.decode()


async def test_a_record_that_the_database_refuses_becomes_a_dead_letter(bench: Bench) -> None:
    """The dead letter has the bytes and the reason. No event is published about the record (promise G7)."""
    item = intake(record(), bench.journal.now(), desk())
    letter = refused_by_database(item, ValueError("secret"), desk())
    assert (letter.code, letter.source) == ("internal_error", item.record)
    assert letter.detail == "the journal's database refuses the record: ValueError"
