"""No frequent query scans a large table: its cost does not grow with what the journal remembers.

The plans are those of the statements that the code sends, taken while the code sends them. `make plans` takes them at a
million commands in 300 000 lanes.
"""

import os
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.journal.bench import Bench, accept, command, ended, intent
from tests.journal.large_journal import fill
from worker.journal.database.postgres.transaction import PostgresTransaction, numbered
from worker.journal.database.protocol import Transaction, clean
from worker.journal.database.sqlite.transaction import SqliteTransaction, bound
from worker.journal.journal import Journal
from worker.journal.operating.pauses import Pauses
from worker.journal.reading import command_queries, dead_letter_search
from worker.journal.records import State
from worker.journal.selection import Selection

COMMANDS = int(os.environ.get("AZPLAN_TEST_PLANS", "100000"))
LANES = COMMANDS * 3 // 10
LARGE = "command|lane|step|call|event|dead_letter|dataset_version"
SCANS = re.compile(rf"Seq Scan on ({LARGE})\b|^SCAN ({LARGE})\b(?! USING)|^SCAN (command|lane) USING")
"""The words of the two databases for reading a large table, or an index of commands or lanes, from end to end."""
SMALL = re.compile(r"^SCAN command USING (COVERING )?INDEX command_(next_due|oldest_open|paused|foreign)")
"""Indexes that hold open commands only."""


class Plans:
    """The plans of all statements that are sent while this watches."""

    def __init__(self) -> None:
        self.scans: list[str] = []
        self.seen: set[str] = set()

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Ask for the plan of each statement before it is sent."""
        for kind, explain in ((PostgresTransaction, _on_postgres), (SqliteTransaction, _on_sqlite)):
            for name in ("rows", "run", "many"):
                monkeypatch.setattr(kind, name, self._explained(getattr(kind, name), explain, whole=name == "many"))

    def _explained(self, send: Callable[..., Awaitable[Any]], explain: Any, *, whole: bool) -> Any:
        async def explained(tx: Transaction, sql: str, *values: Any) -> Any:
            if sql not in self.seen and (not whole or values[0]):
                self.seen.add(sql)
                plan = await explain(tx, sql, values[0][0] if whole else values)
                lines = [line for line in map(str.strip, plan) if not SMALL.search(line)]
                parts = {f"SCAN {line.split()[-1]}" for line in lines if line.startswith("CO-ROUTINE")}
                if any(SCANS.search(line) for line in lines if line not in parts):
                    self.scans.append("\n".join([sql, *plan]))
            return await send(tx, sql, *values)

        return explained


async def _on_postgres(tx: PostgresTransaction, sql: str, values: Any) -> list[str]:
    rows = await tx.connection.fetch(f"EXPLAIN {numbered(sql)}", *clean(values))
    return [row[0] for row in rows]


async def _on_sqlite(tx: SqliteTransaction, sql: str, values: Any) -> list[str]:
    return [row["detail"] for row in tx._connection.execute(f"EXPLAIN QUERY PLAN {sql}", bound(values))]


async def _a_workers_day(one: Journal) -> None:
    """Everything that a worker does again and again."""
    await accept(one, command("new", customer="1"), command("new too", customer="unknown"))
    work = (await one.claim(["us", "eu", ""], 32, ["uid-1000", "uid-2000"])).work[0]
    step = await one.intend(work, intent(), 60.0, "azure-plan")
    await one.record(work, step, spent=True)
    await one.conclude(work, ended(work, State.FAILED))
    await one.sent(await one.unsent(500))
    await one.unsent(500, (10, 10))
    await one.heartbeat(60.0)
    await one.take_lanes(200)
    await one.give_back(200)
    await one.runnable(10_000)
    await one.partners()
    await one.pauses()
    await one.release_paused()
    await one.requests.open()
    await one.gauges()
    await one.exports.newest(100)


async def _a_persons_lists(one: Journal) -> None:
    """What people ask for most. A list without a condition reads the newest rows, and ends at its limit."""
    for wanted in (Selection(state=State.FAILED), Selection(code="internal_error"), Selection(open=True)):
        await one.transactions.read(lambda tx, wanted=wanted: command_queries.newest(tx, wanted, 50))
    for code, state in (("id_reused", None), ("id_reused", "open"), (None, "open")):
        await one.transactions.read(
            lambda tx, code=code, state=state: dead_letter_search.search(tx, Selection(code=code), state, 50)
        )
    await one.transactions.read(lambda tx: command_queries.find(tx, "17"))
    await one.transactions.read(lambda tx: command_queries.show(tx, "uid-17"))
    await Pauses(one.transactions).in_force()


async def test_no_frequent_query_scans_a_large_table(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """This holds for all that a worker does again and again, and for the lists that people ask for."""
    one = await bench.worker()
    await fill(one, COMMANDS, LANES)
    plans = Plans()
    with monkeypatch.context() as patch:
        plans.watch(patch)
        await _a_workers_day(one)
        await _a_persons_lists(one)
    assert len(plans.seen) > 30
    assert not plans.scans, "\n\n".join(plans.scans)
