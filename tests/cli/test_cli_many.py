"""Verbs about many commands read one page at a time, for any number of commands."""

from pathlib import Path
from typing import Any

import pytest

from ops.local.databases import run_apart
from tests.cli.conftest import Azplan
from tests.journal.bench import Bench, accept, command, poison
from worker.journal.database.postgres.transaction import PostgresTransaction
from worker.journal.database.sqlite.transaction import SqliteTransaction
from worker.journal.operator_journal import OperatorJournal
from worker.journal.reading.counts import LivingWorker
from worker.journal.reading.views import Change
from worker.journal.selection import Selection
from worker.operators.journal_event_watch import EventWatch

MANY, CUSTOMERS = 1_201, 40
AT_ONCE = 500
"""The most rows that one read may return."""


async def fill(url: str) -> None:
    """Write many open commands with an event each, and a dead letter for each of them.

    No living worker carries anything out.
    """
    async with Bench(url) as bench:
        one = await bench.worker()
        for start in range(0, MANY, 100):
            some = range(start, min(MANY, start + 100))
            await accept(one, *(command(str(number), customer=f"c-{number % CUSTOMERS}") for number in some))
            await accept(one, *(poison() for _ in some))
        await one.transactions.write(
            lambda tx: tx.run(
                """UPDATE dead_letter SET code = 'retries_exhausted', uid = (SELECT uid FROM command
                     WHERE command.seq = (dead_letter.seq - 1) / 2 * 2 + 1)"""
            )
        )
        await one.transactions.write(lambda tx: tx.run("UPDATE worker SET expires_at = 0"))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a journal with many commands. The settings point to it."""
    made: str = request.getfixturevalue(f"{request.param}_url")
    run_apart(fill(made))
    monkeypatch.setenv("AZPLAN_JOURNAL__URL", made)
    return made


@pytest.fixture
def most(monkeypatch: pytest.MonkeyPatch, url: str) -> list[int]:
    """The number of rows of each later query."""
    counts = [0]
    for kind in (SqliteTransaction, PostgresTransaction):
        read = kind.rows

        async def rows(self: Any, sql: str, *values: Any, read: Any = read) -> Any:
            found = await read(self, sql, *values)
            counts.append(len(found))
            return found

        monkeypatch.setattr(kind, "rows", rows)
    return counts


def test_cancel_asks_and_tells_in_pages(url: str, most: list[int], azplan: Azplan) -> None:
    """Each command gets one request and one line. Requests that no worker has carried out are shown as such."""
    ended = azplan("commands", "cancel", "--type", "SuspendPlan", "--yes", "--json")
    assert ended.code == 5
    assert f"{MANY} SuspendPlan accepted" in ended.err
    assert f"of {CUSTOMERS} customers." in ended.err
    assert [each["id"] for each in ended.json] == [str(number) for number in range(MANY)]
    assert {each["result"] for each in ended.json} == {None}
    assert max(most) <= AT_ONCE
    assert asked(url) == MANY


def test_cancel_counts_the_answers_and_shows_the_first_refusals(
    url: str, most: list[int], azplan: Azplan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code is that of the refusals. The last line has their number."""

    async def answer(journal: OperatorJournal) -> list[LivingWorker]:
        await journal.transactions.write(
            lambda tx: tx.run(
                "UPDATE act SET done_at = 1, result = CASE WHEN seq % 40 = 0 THEN 'it has begun' ELSE 'done' END"
            )
        )
        return [LivingWorker("id", "one", "1.0", 0, 0, 1)]

    monkeypatch.setattr("worker.cli.commands.cancel.living_workers", answer)
    ended = azplan("commands", "cancel", "--type", "SuspendPlan", "--yes")
    assert ended.code == 4
    assert f"30 of {MANY} could not be carried out: it has begun." in ended.err
    lines = [line.split() for line in ended.out.splitlines()]
    assert lines[:3] == [["RESULT", "COMMANDS"], ["done", "1171"], ["refused", "30"]]
    assert ended.out.count("it has begun") == 20
    assert max(most) <= AT_ONCE


def test_dead_letters_are_archived_and_restored_in_pages(url: str, most: list[int], azplan: Azplan) -> None:
    """Each dead letter gets one line and one entry in the audit."""
    ended = azplan("dead-letters", "archive", "--all", "--yes", "--json")
    assert ended.code == 0, ended.err
    assert f"{MANY} archived." in ended.err
    numbers = [each["number"] for each in ended.json]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == MANY
    assert {each["state"] for each in ended.json} == {"archived"}
    assert asked(url) == MANY
    ended = azplan("dead-letters", "restore", *map(str, numbers[:3]), "--yes", "--json")
    assert [each["number"] for each in ended.json] == numbers[:3]
    ended = azplan("dead-letters", "restore", "--code", "retries_exhausted", "--yes")
    assert f"{MANY - 3} restored." in ended.err
    assert max(most) <= AT_ONCE


def test_a_redrive_is_planned_in_pages_with_each_command_once(url: str, most: list[int], azplan: Azplan) -> None:
    """Two dead letters of one command make one command of the replay plan."""
    ended = azplan("dead-letters", "redrive", "--all", "--yes")
    assert f": {(MANY + 1) // 2} commands" in ended.err
    assert max(most) <= AT_ONCE


def test_what_is_watched_is_read_in_pages_and_told_once(url: str, most: list[int]) -> None:
    """This holds even if a minute has more events than a page."""
    told: list[Change] = []

    async def watch() -> None:
        async with Bench(url) as bench:
            watched = EventWatch(OperatorJournal((await bench.journal()).transactions), Selection(), since=0)
            for _ in range(2):
                told.extend([change async for page in watched.pages() for change in page])

    run_apart(watch())
    assert [each.command.id for each in told] == [str(number) for number in range(MANY)]
    assert max(most) <= AT_ONCE


def asked(url: str) -> int:
    """The number of requests and acts in the journal. Each concerns a command, and no two concern the same thing."""

    async def look() -> int:
        async with Bench(url) as bench:
            journal = await bench.journal()
            each = "SELECT DISTINCT verb, uid, details FROM act"
            rows = await journal.transactions.read(
                lambda tx: tx.rows(f"SELECT count(*) AS n FROM ({each}) AS each_one")
            )
            return int(rows[0]["n"])

    return run_apart(look())
