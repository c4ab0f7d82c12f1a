"""A journal on PostgreSQL with few and with many concluded commands: is everything as fast, and how large is it?

    python -m ops.bench.scaling --commands 100000 --commands 10000000     # 15 minutes, 36 GB in the temporary folder
    python -m ops.bench.scaling --commands 10000 --commands 100000        # a minute

A worker concludes some commands; copies of them fill the journal (see `full_journal`): spread over 400 days, those of
the last 30 days with their details, as the settings' defaults keep them. At each size a worker buys some plans one
after the other, and the journal's own methods are timed. Prints milliseconds at each size, and bytes per row.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import asyncpg

from events.wire.record import Record
from ops.bench import figures
from ops.bench.commands import stories
from ops.bench.full_journal import Filling, rows, sizes, written
from ops.bench.ground.load import Line
from ops.bench.ground.subjects import POSTGRES, Ground, azplan, ground
from ops.local.databases import fresh_database, run_apart
from ops.local.kafka_messages import Sent
from ops.local.simulator import TENANT
from worker.clock import Clock
from worker.journal.database.postgres.engine import PostgresEngine
from worker.journal.database.transactions import Transactions
from worker.journal.intake_records import Intake
from worker.journal.journal import Journal
from worker.journal.operating.retention_kinds import KINDS, PORTION, Ages
from worker.journal.operator_journal import OperatorJournal
from worker.journal.selection import Selection
from worker.journal.states import State
from worker.runtime.conclusion import Sender
from worker.runtime.intake_rules import IntakeRules, intake, refused_by_database

DAYS, DETAIL_DAYS = 400, 30
DAY: Final = 86_400.0
SERVER: Final = {
    "shared_buffers": "1GB",
    "maintenance_work_mem": "768MB",
    "autovacuum": "off",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "full_page_writes": "off",
}
"""A server for a fill, and with more memory than that of the tests."""
Times = dict[str, float]
"""Milliseconds, by what was timed."""


def main() -> int:
    """Fill and measure. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, action="append", help="sizes, ascending")
    parser.add_argument("--times", type=int, default=15, help="how often each operation is timed")
    parser.add_argument("--json", type=Path, help="file for everything that was measured")
    given = parser.parse_args()
    wanted: list[int] = given.commands or [10_000, 100_000]
    with tempfile.TemporaryDirectory(prefix="azplan-bench-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as a user of its own
        with ground(Path(folder), "mock", postgres=True, server=SERVER) as where:
            assert where.postgres is not None  # noqa: S101 - it was asked for
            with fresh_database(where.postgres.url()) as url:
                log = lived(where, url)
                found = run_apart(at_each_size(where, url, wanted, given.times))
    sys.stdout.write("\n".join(table(found)) + f"\n\nWAL of a command: {log:,.0f} bytes\n")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def lived(where: Ground, url: str) -> float:
    """Let a worker conclude what is copied: 40 stories, and some commands that are refused.

    Returns the bytes of PostgreSQL's log for a command, without those for the first touch of a page after a checkpoint.
    """
    where.center.reset(0.0)
    with azplan(where, POSTGRES, url=url) as subject, Line(subject.topics, any_answer=True) as line:
        refused = [Sent("ReactivatePlan", str(uuid.uuid4()), source="/bench") for _ in range(20)]
        commands = [*stories(40), *refused]
        line.send(commands[:20])
        line.wait([one.id for one in commands[:20]])
        before = run_apart(written(url))
        line.send(commands[20:])
        line.wait([one.id for one in commands[20:]])
        return (run_apart(written(url)) - before) / (len(commands) - 20)


async def at_each_size(where: Ground, url: str, wanted: Sequence[int], times: int) -> list[dict[str, Any]]:
    """Fill the journal up to each size, and measure there."""
    connection = await asyncpg.connect(url)
    filling, found = Filling(connection, url, days=DAYS, detail=DETAIL_DAYS), []
    await filling.begin()
    for size in wanted:
        begun = time.monotonic()
        await filling.fill(size, say)
        say(f"filled in {time.monotonic() - begun:.0f} s, measuring")
        one = {
            "commands": filling.commands,
            "rows": await rows(connection),
            "bytes": await sizes(connection),
            "milliseconds": {**await asyncio.to_thread(lone, where, url, times), **await timed(url, times)},
        }
        found.append(one)
        await filling.forget_open()
    await connection.close()
    return found


async def timed(url: str, times: int) -> Times:
    """The lower quartiles of the journal's own methods, as a worker and as a person call them."""
    transactions = Transactions(PostgresEngine(url), Clock())
    journal, people = Journal(transactions), OperatorJournal(transactions)
    await journal.open()
    await journal.register("scaling", "bench", 3600)
    tenants = await journal.register_tenants({"contoso": TENANT})
    rules = IntakeRules(tenants.resolve, Sender("bench", "bench"), DAYS * DAY)
    partners = [tenant.lanes for tenant in tenants.accounts.values()]
    ages = Ages(DAYS * DAY, DETAIL_DAYS * DAY * 2 / 3)
    batches = [records(200) for _ in range(times)]

    def instead(item: Intake, error: Exception) -> Any:
        return refused_by_database(item, error, rules)

    def taking(again: bool) -> Callable[[int], Awaitable[object]]:  # noqa: FBT001 - names the two cases
        def take(turn: int) -> Awaitable[object]:
            batch = batches[turn if not again else 0]
            return journal.accept([intake(each, journal.now(), rules) for each in batch], instead)

        return take

    details = next(kind for kind in KINDS if kind.name == "details")

    async def prune(_: int) -> None:
        page = await people.retention.page(details, ages, details.begin, PORTION)
        await people.retention.forget(details, ages, page)

    some = (await people.commands.newest(Selection(state=State.SUCCEEDED), 1))[0]
    operations: dict[str, Callable[[int], Awaitable[object]]] = {
        "take in 200 new records": taking(again=False),
        "take in 200 known records": taking(again=True),
        "claim 64 commands": lambda _: journal.claim(partners, 64, ()),
        "read 500 unsent events": lambda _: journal.unsent(500),
        "heartbeat": lambda _: journal.heartbeat(3600),
        "take 64 lanes": lambda _: journal.take_lanes(64),
        "gauges": lambda _: journal.gauges(),
        "list the newest 50": lambda _: people.commands.newest(Selection(), 50),
        "list 50 failed": lambda _: people.commands.newest(Selection(state=State.FAILED), 50),
        "list 50 of one code": lambda _: people.commands.newest(Selection(code="plan_not_found"), 50),
        "list one customer's": lambda _: people.commands.newest(Selection(customer=some.customer), 50),
        "show a command": lambda _: people.commands.story(some.uid),
        "forget 200 commands' details": prune,
        "statistics of everything": lambda _: people.statistics.whole(),
    }
    found = {}
    for name, work in operations.items():
        say(name)
        found[name] = await quick_of(work, times if "everything" not in name else 3)
    await journal.retire()
    await journal.close()
    return found


async def quick_of(work: Callable[[int], Awaitable[object]], times: int) -> float:
    """The lower quartile of so many runs in milliseconds: whatever else the machine does only makes a run slower."""
    took = []
    for turn in range(times):
        begun = time.perf_counter()
        await work(turn)
        took.append((time.perf_counter() - begun) * 1e3)
    return figures.percentile(took, 25)


def records(number: int) -> list[Record]:
    """Records of new commands of as many customers."""
    now = int(time.time() * 1000)
    return [
        Record("bench", 0, index, now, one.customer.encode(), one.value, tuple(one.headers))
        for index, one in enumerate(stories(number, turns=1))
    ]


def lone(where: Ground, url: str, times: int) -> Times:
    """The lower quartile of purchases that a worker carries out one after the other. Partner Center answers at once."""
    say("purchases of a worker")
    where.center.reset(0.0)
    found = []
    with azplan(where, POSTGRES, url=url) as subject, Line(subject.topics, any_answer=True) as line:
        for one in stories(times + 5, turns=1):
            begun = line.send([one])[one.id]
            found.append((line.wait([one.id])[one.id] - begun) * 1e3)
    return {"a purchase by a worker": figures.percentile(found[5:], 25)}


def table(found: Sequence[dict[str, Any]]) -> list[str]:
    """What was measured, as lines of text."""
    heads = "".join(f"{one['commands']:>14,}" for one in found)
    lines = [f"{'milliseconds at so many commands':44}{heads}{'ratio':>8}"]
    for name in found[0]["milliseconds"]:
        values = [one["milliseconds"][name] for one in found]
        lines.append(f"{name:44}{''.join(f'{value:14.1f}' for value in values)}{values[-1] / values[0]:8.2f}")
    last = found[-1]
    lines += ["", f"{'table, with its indexes':44}{'rows':>14}{'GB':>14}{'bytes a row':>14}"]
    for name, number in last["rows"].items():
        size = last["bytes"][name]
        lines.append(f"{name:44}{number:14,}{size / 1e9:14.2f}{size / max(1, number):14.0f}")
    return lines


def say(text: str) -> None:
    """Show progress."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


if __name__ == "__main__":
    sys.exit(main())
