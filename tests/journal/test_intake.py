"""The end of each record: G1, nothing is lost; G5, a replay is harmless; G7, poison never blocks."""

import sqlite3
from dataclasses import replace
from typing import Any, cast

import pytest

from tests.journal.bench import SUSPEND, Bench, accept, change, claim, command, letter, poison, record, rows
from worker.journal.intake_records import Intake, Taken
from worker.journal.journal import Journal
from worker.journal.records import State


async def test_a_new_command_is_due_at_once_and_says_that_it_was_accepted(bench: Bench) -> None:
    """The command and its first event are written together. The worker that accepted the command owns its lane."""
    one = await bench.worker()
    assert await accept(one, command("1")) == [Taken.NEW]
    (work,) = await claim(one)
    (said,) = await one.unsent(10)
    assert (work.id, work.partner, work.customer, work.owner.worker) == ("1", "us", "contoso", one.worker)
    assert (said.type, said.value, said.headers) == (
        "azplan.CommandAccepted.v1",
        b'{"said":1}',
        (("ce_id", b"/crm#1/accepted"),),
    )


async def test_a_record_comes_back_from_the_journal_byte_for_byte(bench: Bench) -> None:
    """Key, value, headers with repeats and without values, place and time come back as they came."""
    one = await bench.worker()
    headers = (("ce_id", b"1"), ("x", None), ("x", b"\x00\xff"), ("", b""), ("\ud800\x00é", b"\xc3"))
    item = command("1", key=b"\x00\xff", headers=headers, timestamp=None, partition=7, offset=2**40)
    await accept(one, item)
    (work,) = await claim(one)
    assert work.record == item.record


async def test_the_same_record_again_changes_nothing(bench: Bench) -> None:
    """The same identity and content, in one batch or a later one, is a duplicate: no event, no dead letter.

    Promise G5.
    """
    one = await bench.worker()
    assert await accept(one, command("1"), command("1")) == [Taken.NEW, Taken.DUPLICATE]
    assert await accept(one, command("1")) == [Taken.DUPLICATE]
    assert len(await claim(one)) == len(await one.unsent(10)) == 1


async def test_other_content_under_a_known_id_is_told_and_leaves_the_first_alone(bench: Bench) -> None:
    """The journal gets `CommandIdReused` and a dead letter, once for each other content, from any source."""
    one = await bench.worker()
    await accept(one, command("1"))
    reused = command("1", fingerprint="other", customer="fabrikam")
    assert await accept(one, reused) == [Taken.REUSED]
    assert await accept(one, reused) == [Taken.REUSED]
    (work,) = await claim(one)
    said = [(row.type, row.letter, row.lane) for row in await one.unsent(10)]
    assert work.customer == "contoso"
    assert said == [
        ("azplan.CommandAccepted.v1", False, "us/contoso"),
        ("azplan.CommandIdReused.v1", False, "us/fabrikam"),
        ("id_reused", True, "dead-letters/0"),
    ]


async def test_content_that_cannot_be_compared_counts_as_the_same(bench: Bench) -> None:
    """Fingerprints of two algorithms cannot be compared. Taking the record for a repeat is the harmless mistake."""
    one = await bench.worker()
    await accept(one, command("1"))
    assert await change(one, "UPDATE command SET algorithm = 0")
    assert await accept(one, command("1", fingerprint="other")) == [Taken.DUPLICATE]


async def test_a_refused_command_is_answered_and_never_runs(bench: Bench) -> None:
    """The command is known from then on and holds nobody up. Its answer is in the outbox."""
    one = await bench.worker()
    assert await accept(one, command("1", state=State.REJECTED), command("2")) == [Taken.REFUSED, Taken.NEW]
    assert [work.id for work in await claim(one)] == ["2"]
    assert [row.seq for row in await one.unsent(10)] == [1, 2]
    assert await accept(one, command("1", state=State.REJECTED)) == [Taken.DUPLICATE]


async def test_a_record_older_than_the_memory_is_not_started_unless_it_is_known(bench: Bench) -> None:
    """A known identity is judged by its content first. An unknown old one is a dead letter `too_old` and no command.

    Promise G5.
    """
    one = await bench.worker()
    await accept(one, command("1"))
    items = [command("1", old=True), command("1", old=True, fingerprint="other"), command("2", old=True)]
    assert await accept(one, *items) == [Taken.DUPLICATE, Taken.REUSED, Taken.TOO_OLD]
    assert [work.id for work in await claim(one)] == ["1"]
    assert [row.type for row in await one.unsent(10) if row.letter] == ["id_reused", "too_old"]


async def test_poison_becomes_a_dead_letter_and_the_next_record_goes_on(bench: Bench) -> None:
    """The dead letter keeps the bytes. Its lane is the lane of the partition of the record (promise G7)."""
    one = await bench.worker()
    assert await accept(one, poison(partition=3), command("1")) == [Taken.DEAD_LETTER, Taken.NEW]
    (dead,) = [row for row in await one.unsent(10) if row.letter]
    assert (dead.value, dead.type, dead.lane) == (b"\xff", "invalid_json", "dead-letters/3")
    assert len(await claim(one)) == 1


async def test_a_redelivered_dead_letter_is_not_doubled(bench: Bench) -> None:
    """Each record has one dead letter, found by place and bytes. Another record at that place has its own."""
    one = await bench.worker()
    again = poison(offset=5)
    await accept(one, again)
    await accept(one, again)
    assert len(await one.unsent(10)) == 1
    await accept(one, poison(offset=5, key=b"another topic of that name"))
    assert len(await one.unsent(10)) == 2


async def test_commands_of_one_batch_keep_their_order(bench: Bench) -> None:
    """Only the first command of a customer is due. Customers do not wait for each other (promise G4)."""
    one = await bench.worker()
    await accept(one, command("1"), command("2"), command("3", customer="fabrikam"), command("4"))
    assert [work.id for work in await claim(one)] == ["1", "3"]
    turns = await rows(one, "SELECT id, turn, due_at FROM command ORDER BY turn")
    assert [(row["id"], row["turn"]) for row in turns] == [("1", 1), ("2", 2), ("3", 3), ("4", 4)]


LIMIT = 50_000
REFUSES = {
    "a limit of the database": "CREATE INDEX letter_value ON dead_letter (value)",
    "memory": """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF octet_length(NEW.value) > 50000 THEN
          RAISE EXCEPTION 'invalid memory alloc request size 1073741824' USING ERRCODE = 'XX000';
        END IF; RETURN NEW; END $$; CREATE TRIGGER refuse BEFORE INSERT ON dead_letter FOR EACH ROW
        EXECUTE FUNCTION refuse()""",
}


async def limit(worker: Journal, bench: Bench, how: str) -> None:
    """From now on the database refuses dead letters with more bytes than this."""
    if bench.url.startswith("sqlite"):
        engine = cast("Any", worker).transactions._engine
        await engine._writing(lambda: engine._writer.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LIMIT))
        return
    for statement in REFUSES[how].split("; CREATE"):
        await change(worker, statement if statement.startswith("CREATE") else f"CREATE{statement}")


@pytest.mark.parametrize("how", REFUSES)
async def test_what_the_database_refuses_by_its_size_is_a_dead_letter_without_bytes(bench: Bench, how: str) -> None:
    """There is no outage: the commands beside the record are accepted, and the record's place is known."""
    one = await bench.worker()
    await limit(one, bench, how)
    large = record(bytes(range(256)) * 1000, key=b"key", headers=(("x", b"y"),))
    taken = await accept(one, command("1"), Intake(record=large, letter=letter(large)), command("2", customer="other"))
    assert taken == [Taken.NEW, Taken.DEAD_LETTER, Taken.NEW]
    (found,) = await rows(one, "SELECT * FROM dead_letter")
    assert (found["topic"], found["partition"], found["position"]) == (large.topic, large.partition, large.offset)
    assert (found["key"], found["value"], found["original_headers"]) == (None, None, "[]")
    assert found["detail"] == "no good; its bytes are not kept, as the journal's database does not take that many"
    (sent,) = [row for row in await one.unsent(10) if row.letter]
    assert (sent.key, sent.value) == (None, None)
    assert sent.headers == (("azplan_dlq_code", b"invalid_json"), ("azplan_dlq_truncated", b"true"))


async def test_a_record_that_is_read_again_is_known_by_its_bytes(bench: Bench) -> None:
    """It need not be decoded, and taking it in writes nothing. A sender that repeats a record gives it a new place.

    Other bytes are not known.
    """
    one = await bench.worker()
    items = [command(f"{n}", partition=n % 2) for n in range(20)]
    records = [item.record for item in items]
    assert await one.repeated(records) == [None] * 20
    await accept(one, *items)
    assert await one.repeated(records) == [SUSPEND] * 20
    assert await one.repeated([replace(each, offset=each.offset + 1_000) for each in records]) == [SUSPEND] * 20
    assert await one.repeated([replace(each, value=b"other") for each in records]) == [None] * 20
    again = [Intake(record=each, repeats=SUSPEND) for each in records]
    assert await accept(one, *again) == [Taken.DUPLICATE] * 20
    assert await accept(one, *again[:2], command("new")) == [Taken.DUPLICATE, Taken.DUPLICATE, Taken.NEW]


async def test_a_command_that_an_older_azplan_stored_is_decoded_when_it_is_read_again(bench: Bench) -> None:
    """An older azplan stores no digest. The ordinary way then finds the identity."""
    one = await bench.worker()
    items = [command(f"{n}") for n in range(20)]
    await accept(one, *items)
    await change(one, "UPDATE command SET digest = NULL")
    assert await one.repeated([item.record for item in items]) == [None] * 20
    assert await accept(one, *items) == [Taken.DUPLICATE] * 20
