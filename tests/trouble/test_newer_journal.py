"""Workers are replaced one by one: an older worker goes on beside a newer one, on a journal that the newer one
migrated.

The newer worker has more columns, more tables and more words. A row that the older worker does not understand waits;
the older worker guesses nothing, and every other command is answered.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

import pytest
import structlog
from structlog.testing import LogCapture

from events.messages.plans import AzurePlanCreated, CreateAzurePlan
from ops.simulator.simulator import Customer
from tests.operators.asking import WHO, WHY, ask, beside, later, uid
from tests.support.harness import World
from tests.trouble.conftest import Play
from worker.errors import JournalRefused
from worker.journal.database import schema
from worker.journal.database.protocol import Row, Transaction
from worker.journal.database.schema import TABLES
from worker.journal.operating.retention_kinds import Ages
from worker.journal.processing.pauses import pauses
from worker.journal.processing.unknown_rows import KIND
from worker.journal.reading import command_queries, counts, dead_letter_search
from worker.journal.records import State
from worker.journal.selection import Selection

BOTH = ["play", pytest.param("play_on_postgres", marks=pytest.mark.postgres)]
PUT_OFF = 60.0


@pytest.fixture(params=BOTH)
def either(request: pytest.FixtureRequest) -> Play:
    """Stories on SQLite, and on PostgreSQL."""
    found: Play = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def log() -> Iterator[LogCapture]:
    """All log lines, of every level."""
    before = structlog.get_config()
    captured = LogCapture()
    structlog.configure(processors=[captured], wrapper_class=structlog.BoundLogger, cache_logger_on_first_use=False)
    yield captured
    structlog.configure(**before)


async def write(world: World, *statements: str) -> None:
    """Change the journal as a newer azplan would."""

    async def change(tx: Transaction) -> None:
        for statement in statements:
            await tx.run(statement)

    async with beside(world) as journal:
        await journal.transactions.write(change)


async def columns(tx: Transaction) -> Mapping[str, set[str]]:
    """The columns of every table."""
    on_postgres = bool(tx.locking)

    async def of(table: str) -> Sequence[Row]:
        if on_postgres:
            names = "SELECT column_name AS name FROM information_schema.columns WHERE table_name = ?"
            return await tx.rows(f"{names} AND table_schema = current_schema()", table)
        return await tx.rows("SELECT name FROM pragma_table_info(?)", table)

    return {table: {row["name"] for row in await of(table)} for table in TABLES}


async def widen(world: World) -> None:
    """Add to every table a column with a new name and one for each name of another table's columns; add one table."""
    async with beside(world) as journal:
        known = await journal.transactions.read(columns)
    names = {"newer", *(name for each in known.values() for name in each)}
    await write(
        world,
        *(
            f'ALTER TABLE {table} ADD COLUMN "{name}" text'
            for table, each in known.items()
            for name in sorted(names - each)
        ),
        "CREATE TABLE newer (id text PRIMARY KEY, command text)",
    )


async def paused(world: World, customers: Sequence[Customer]) -> list[str]:
    """A command of each of these customers, accepted and held by a pause."""
    async with beside(world) as journal:
        await journal.pauses.pause(WHO, WHY, Selection())
    sent = [await world.send(CreateAzurePlan(customer_id=each.id)) for each in customers]
    for _ in range(60):
        waiting = await world.rows("SELECT uid FROM command WHERE reason = 'paused'")
        if len(waiting) >= len({each.id for each in customers}):
            return sent
        await asyncio.sleep(1)
    raise AssertionError("they are never paused")


async def resume(world: World) -> None:
    """Resume all commands."""
    async with beside(world) as journal:
        await journal.pauses.resume(WHO, WHY, Selection())


def bought(world: World, command: str) -> bool:
    """Whether the command has a successful answer."""
    return any(isinstance(each.event, AzurePlanCreated) for each in world.answers(command))


def test_more_columns_and_one_more_table_change_nothing_for_a_worker(either: Play) -> None:
    """Columns with the names of other tables' columns make no statement ambiguous. No row is read by position."""

    async def story(world: World) -> None:
        await world.begin()
        before = await world.send(CreateAzurePlan(customer_id=world.simulator.customer().id))
        await world.answer(before)
        (held,) = await paused(world, [world.simulator.customer()])
        await widen(world)
        await resume(world)
        bad = world.simulator.customer("order_fails")
        failed = await world.send(CreateAzurePlan(customer_id=bad.id))
        after = await world.send(CreateAzurePlan(customer_id=world.simulator.customer().id))
        for command in (held, failed, after):
            await world.answer(command)
        assert bought(world, held)
        assert bought(world, after)
        bad.overrides.clear()
        assert await ask(world, "redrive", failed) == "done"
        await world.until(lambda: bought(world, failed), "the redriven command has its answer")
        assert len(world.letters()) == 1
        await world.until(later(world, 300.0), "every loop has come round")
        async with beside(world) as journal:
            await look_around(journal.transactions.read)
            await journal.retention.forget_all(Ages(1.0, 1.0))

    either(story)


async def look_around(read: Callable[[Callable[[Transaction], Awaitable[object]]], Awaitable[object]]) -> None:
    """The reads of the verbs."""
    await read(lambda tx: command_queries.newest(tx, Selection()))
    for command in ("c-1", "c-2", "c-3", "c-4"):
        await read(lambda tx, command=command: command_queries.show(tx, uid(command)))  # type: ignore[misc]
    await read(lambda tx: command_queries.changes(tx, 0))
    await read(lambda tx: dead_letter_search.search(tx, Selection()))
    await read(lambda tx: dead_letter_search.groups(tx, Selection()))
    await read(counts.gauges)
    await read(counts.stats)
    await read(pauses)


def test_a_worker_that_starts_on_it_and_a_verb_are_refused_as_ever(either: Play) -> None:
    """Only a worker that already runs may go on."""

    async def story(world: World) -> None:
        running = await world.begin()
        await widen(world)
        newer = schema.migrations()[-1][0] + 1
        await write(world, f"INSERT INTO schema_version (version, applied_at) VALUES ({newer}, 1)")
        for _ in range(2):
            with pytest.raises(JournalRefused, match=r"it was written by a newer azplan\. Run that version"):
                async with beside(world):
                    pass
        assert not running.life.dead
        assert bought(world, await answered(world))

    either(story)


async def answered(world: World) -> str:
    """A command of a new customer, with its answer."""
    command = await world.send(CreateAzurePlan(customer_id=world.simulator.customer().id))
    await world.answer(command)
    return command


WORDS = {
    "state": "UPDATE command SET state = 'reviewing' WHERE uid = '{}'",
    "resolution": "UPDATE command SET resolution = 'perhaps' WHERE uid = '{}'",
    "step": """INSERT INTO step (uid, name, effect, state, attempts, intent_until, earlier_until, at)
        VALUES ('{}', 'checkout', 'money', 'queued', 1, 0, 0, 1)""",
    "details of a step": """INSERT INTO step (uid, name, effect, state, attempts, intent_until, earlier_until, details,
        at) VALUES ('{}', 'checkout', 'money', 'intended', 1, 0, 0, 'another form', 1)""",
    "waits": "UPDATE command SET waits = 'another form' WHERE uid = '{}'",
    "memory": "UPDATE command SET memory = 'another form' WHERE uid = '{}'",
    "headers": "UPDATE command SET headers = 'another form' WHERE uid = '{}'",
}
BACK = """UPDATE command SET state = 'accepted', resolution = NULL, waits = '{{}}', memory = '{{}}',
    headers = '{headers}' WHERE uid = '{uid}'"""


def test_commands_with_words_that_it_does_not_know_wait_and_all_others_are_answered(
    either: Play, log: LogCapture
) -> None:
    """Each unknown command is put off with one note and one line in the log. The commands behind it in its lane wait
    too.

    A worker that understands the command finds it unchanged.
    """

    async def story(world: World) -> None:
        await world.begin()
        customers = [world.simulator.customer() for _ in WORDS]
        odd = await paused(world, [*customers, world.simulator.customer()])
        good = odd.pop()
        headers = {row["uid"]: row["headers"] for row in await world.rows("SELECT uid, headers FROM command")}
        await write(world, *(made.format(uid(each)) for made, each in zip(WORDS.values(), odd, strict=True)))
        await resume(world)
        await world.answer(good)
        assert bought(world, await answered(world))
        behind = await world.send(CreateAzurePlan(customer_id=customers[0].id))
        await world.until(later(world, 20 * PUT_OFF), "they are put off many times")
        assert [each for each in (*odd, behind) if world.answers(each)] == []
        notes = await world.rows(f"SELECT uid, detail FROM note WHERE kind = '{KIND}'")
        assert sorted(note["uid"] for note in notes) == sorted(map(uid, odd))
        told = [entry["event"] for entry in log.entries]
        assert told.count("command.not_understood") == len(notes)
        assert "worker.part_broke" not in told
        (row,) = await world.rows(f"SELECT state, attempts FROM command WHERE uid = '{uid(odd[0])}'")
        assert (row["state"], row["attempts"]) == ("reviewing", 0)
        async with beside(world) as journal:
            await look_around(journal.transactions.read)
            (found,) = await journal.transactions.read(lambda tx: command_queries.find(tx, odd[0]))
        assert (found.state, found.state.known, found.state is State.ACCEPTED) == ("reviewing", False, False)
        await write(
            world,
            *(BACK.format(headers=headers[uid(each)], uid=uid(each)) for each in odd),
            "DELETE FROM step WHERE name = 'checkout' AND intent_until = 0 AND state <> 'applied'",
        )
        await world.until(lambda: all(bought(world, each) for each in (*odd, behind)), "all are answered", within=900)

    either(story)


def test_nothing_runs_behind_an_unknown_command_and_its_lane_is_not_given_back(play: Play) -> None:
    """A lane given back as finished would have no owner, and its commands would be lost."""

    async def story(world: World) -> None:
        await world.begin()
        customer = world.simulator.customer()
        odd, behind = await paused(world, [customer, customer])
        await write(
            world,
            WORDS["state"].format(uid(odd)),
            f"UPDATE command SET due_at = 1 WHERE uid = '{uid(behind)}'",  # as a worker from before this version does
        )
        await resume(world)
        await world.until(later(world, 600.0), "lanes were looked over")
        lanes = await world.rows(
            f"SELECT lane.unfinished FROM lane JOIN command ON command.lane = lane.id WHERE uid = '{uid(odd)}'"
        )
        assert [row["unfinished"] for row in lanes] == [1]
        assert not world.answers(behind)
        (note,) = await world.rows(f"SELECT detail FROM note WHERE kind = '{KIND}' AND uid = '{uid(behind)}'")
        assert note["detail"].endswith("an earlier command of the customer is in the state 'reviewing'")

    play(story)


def test_requests_that_it_does_not_know_are_answered_with_not_understood(either: Play) -> None:
    """The requests behind an unknown request are carried out."""

    async def story(world: World) -> None:
        await world.begin()
        first, second = await paused(world, [world.simulator.customer() for _ in range(2)])
        await write(world, WORDS["state"].format(uid(second)))
        assert "not understood" in await ask(world, "defer", first)
        for details in (None, {}, {"found": "perhaps"}, ["applied"]):
            assert "not understood" in await ask(world, "resolve", first, details)
        assert "its state is 'reviewing'" in await ask(world, "cancel", second)
        await write(
            world,
            f"""INSERT INTO act (at, who, why, verb, uid, lane, details)
                SELECT 1, 'ada', 'because', 'cancel', uid, lane, 'another form' FROM command
                WHERE uid = '{uid(first)}'""",
        )
        await world.until(later(world, 30.0), "it is looked at")
        assert "not understood" in (await world.rows("SELECT result FROM act ORDER BY seq DESC LIMIT 1"))[0]["result"]
        assert await ask(world, "cancel", first) == "done"

    either(story)


OTHER_WORDS = (
    "INSERT INTO meta (name, value) VALUES ('newer', 'another form')",
    "INSERT INTO pause (id, type, at, who, why) VALUES ('p', 'azplan.Other.v1', 1, 'ada', 'because')",
    """INSERT INTO act (at, who, why, verb, details)
        VALUES (1, 'ada', 'because', 'pause', '[null,null,null,"newer"]')""",
    "INSERT INTO act (at, who, why, verb, details) VALUES (1, 'ada', 'because', 'pause', '{}')",
    "UPDATE dead_letter SET state = 'snoozed', code = 'newer'",
    "UPDATE command SET code = 'newer' WHERE state = 'failed'",
    "UPDATE note SET kind = 'newer', reason = 'newer'",
    "UPDATE call SET operation = 'newer.call', status = 'newer'",
    "UPDATE event SET type = 'azplan.Other.v1', sent_at = NULL",
    "UPDATE worker SET version = 'newer'",
)


def test_other_words_of_a_newer_azplan_are_taken_as_they_are(either: Play) -> None:
    """Unknown words in pauses, dead letters, notes, calls and events hold up nobody."""

    async def story(world: World) -> None:
        worker = await world.begin()
        failed = await world.send(CreateAzurePlan(customer_id=world.simulator.customer("order_fails").id))
        await world.answer(failed)
        await write(world, *OTHER_WORDS)
        assert bought(world, await answered(world))
        await worker.stop()
        await world.begin()
        assert bought(world, await answered(world))
        async with beside(world) as journal:
            await look_around(journal.transactions.read)

    either(story)


def test_an_event_that_cannot_be_read_holds_up_its_own_lane_only(play: Play, log: LogCapture) -> None:
    """The event is logged once, and sent when a worker can read it."""

    async def story(world: World) -> None:
        await world.begin()
        odd, behind = await paused(world, [world.simulator.customer()] * 2)
        headers = (await world.rows(f"SELECT headers FROM event WHERE uid = '{uid(odd)}' ORDER BY seq"))[0]["headers"]
        before = len(world.said(odd))
        await write(
            world, f"UPDATE event SET sent_at = NULL, headers = 'another form' WHERE uid = '{uid(odd)}' AND seq = 1"
        )
        await resume(world)
        assert bought(world, await answered(world))
        await world.until(later(world, 120.0), "the outbox is looked at many times")
        assert len(world.said(odd)) == before
        assert [entry["event"] for entry in log.entries].count("outbox.not_understood") == 1
        await write(world, f"UPDATE event SET headers = '{headers}' WHERE headers = 'another form'")
        await world.until(lambda: bool(world.answers(odd) and world.answers(behind)), "both are answered")

    play(story)


def test_a_command_that_only_a_newer_version_reads_waits_for_it(play: Play) -> None:
    """The command is not refused. It becomes a dead letter only if no worker could read it for a day."""

    async def story(world: World) -> None:
        await world.begin()
        (odd,) = await paused(world, [world.simulator.customer()])
        value = (await world.rows("SELECT value FROM command"))[0]["value"]
        await write(world, "UPDATE command SET value = CAST('{\"newer\": 1}' AS blob)")
        await resume(world)
        await world.until(later(world, 3600.0), "it waits")
        assert not world.answers(odd)
        assert (await world.rows("SELECT attempts FROM command"))[0]["attempts"] == 0
        await write(world, f"UPDATE command SET value = x'{value.hex()}'")
        await world.until(lambda: bought(world, odd), "it is answered")

    play(story)
