"""Common work of the journal's tests: workers that come, lapse and go, and records for them to take in."""

import asyncio
import itertools
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self, TypeVar

from events.wire.record import Record
from worker.clock import Clock
from worker.journal.database.postgres.engine import PostgresEngine
from worker.journal.database.protocol import Engine, Transaction
from worker.journal.database.sqlite.engine import SqliteEngine
from worker.journal.database.sqlite.threads import Threads
from worker.journal.database.transactions import Transactions
from worker.journal.intake_records import Conflict, Intake, NewCommand, Taken
from worker.journal.journal import Journal
from worker.journal.records import Conclusion, NewDeadLetter, NewEvent, State, Step, StepState, Work

T = TypeVar("T")
TOPIC = "azplan.commands.v1"
SUSPEND, UPGRADE = "azplan.SuspendPlan.v1", "azplan.StartProductUpgrade.v1"
LEASE = 60.0
_offsets = itertools.count(1)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop of its own, from a test without a loop."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


def engine(url: str, *, threads: Threads | None = None) -> Engine:
    """The database behind a URL. `threads`: the place of SQLite's work, if not in two threads."""
    if url.startswith("sqlite:///"):
        return SqliteEngine(Path(url.removeprefix("sqlite:///")), clock=Clock(), threads=threads)
    return PostgresEngine(url)


class Bench:
    """A database with workers. All of them are closed at the end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    async def journal(self) -> Journal:
        """A journal on the database, without a worker, as the command line opens one."""
        journal = Journal(Transactions(engine(self.url), Clock()))
        await journal.open()
        self._stack.push_async_callback(journal.close)
        return journal

    async def worker(self, name: str = "one") -> Journal:
        """A living worker."""
        journal = await self.journal()
        await journal.register(name, "1.0", LEASE)
        return journal


def record(value: bytes = b"{}", *, partition: int = 0, offset: int | None = None, **given: Any) -> Record:
    """A record of the commands topic, at a new place if none is given."""
    facts = {"timestamp": 1_760_000_000_000, "key": b"k", "headers": (("ce_id", b"1"),)} | given
    return Record(
        topic=TOPIC, partition=partition, offset=next(_offsets) if offset is None else offset, value=value, **facts
    )


def event(id: str, type: str = "azplan.CommandAccepted.v1", at: int = 1) -> NewEvent:  # noqa: A002
    """An event for the outbox."""
    return NewEvent(id=id, type=type, key=b"k", value=b'{"said":1}', headers=(("ce_id", id.encode()),), at=at)


def letter(source: Record, code: str = "invalid_json", redrive: int = 0) -> NewDeadLetter:
    """A dead letter of a record."""
    return NewDeadLetter(
        code=code, detail="no good", source=source, headers=(("azplan_dlq_code", code.encode()),), redrive=redrive
    )


def command(
    id: str = "1",  # noqa: A002
    *,
    customer: str = "contoso",
    fingerprint: str = "same",
    type: str = SUSPEND,  # noqa: A002
    partner: str | None = "us",
    account: str | None = None,
    state: State = State.ACCEPTED,
    source: str = "/crm",
    old: bool = False,
    **at: Any,
) -> Intake:
    """A record with a command, and everything that the intake may make of it."""
    came = record(b'{"content":"%s"}' % fingerprint.encode(), **at)
    uid = f"{source}#{id}"
    return Intake(
        record=came,
        command=NewCommand(
            uid=uid,
            source=source,
            id=id,
            type=type,
            lane=f"{partner or ''}/{customer}",
            partner=partner,
            account=account,
            customer=customer,
            fingerprint=fingerprint,
            algorithm=1,
            correlation_id=f"correlation-{id}",
            state=state,
            code=None if state.is_open else "unknown_type",
        ),
        events=(event(f"{uid}/accepted"),),
        conflict=lambda: Conflict(
            event(f"{uid}/reused-{fingerprint}", "azplan.CommandIdReused.v1"), letter(came, "id_reused")
        ),
        too_old=letter(came, "too_old") if old else None,
    )


def poison(**at: Any) -> Intake:
    """A record without a command."""
    came = record(b"\xff", **at)
    return Intake(record=came, letter=letter(came))


def instead(item: Intake, error: Exception) -> NewDeadLetter:
    """The dead letter of a record that the database refuses."""
    return letter(item.record, "internal_error")


async def accept(journal: Journal, *items: Intake) -> list[Taken]:
    """Take a batch in."""
    return await journal.accept(items, instead)


async def claim(journal: Journal, *, partners: Sequence[str] = ("us",), running: Sequence[str] = ()) -> list[Work]:
    """Claim the commands that can run now, by the database's clock.

    A journal estimates that clock, and is behind it by up to a round trip. After this look at the clock its estimate is
    not before anything that another journal has written.
    """
    await journal.transactions.read(_look_at_the_clock)
    return list((await journal.claim(partners, 100, running)).work)


async def _look_at_the_clock(_tx: Transaction) -> None:
    """Every transaction begins with the database's clock."""


async def only(journal: Journal) -> Work:
    """The one command that can run now."""
    (work,) = await claim(journal)
    return work


def ended(work: Work, state: State = State.SUCCEEDED, **facts: Any) -> Conclusion:
    """The end of a command's story, with the terminal event."""
    said = event(f"{work.uid}/{work.redrive}/terminal", "azplan.PlanSuspended.v1")
    code = None if state is State.SUCCEEDED else "outcome_unknown" if state is State.FAILED else "refused"
    failed = {"letter": letter(work.record, str(code), work.redrive), "failed": True} if state is State.FAILED else {}
    return Conclusion(**({"state": state, "code": code, "events": [said]} | failed | facts))


def waiting(seconds: float = 0.0, **facts: Any) -> Conclusion:
    """The end of a run after which the command waits."""
    return Conclusion(**({"state": State.WAITING, "due_in": seconds} | facts))


def intent(name: str = "checkout", effect: str = "money", **facts: Any) -> Step:
    """The intent of a write that is about to leave."""
    return Step(name, effect, StepState.INTENDED, **facts)


async def lapse(journal: Journal) -> None:
    """Silence a worker for longer than its lease."""

    async def change(tx: Transaction) -> None:
        await tx.run("UPDATE worker SET expires_at = ? WHERE id = ?", tx.now - 1, journal.worker)

    await journal.transactions.write(change)


async def rows(journal: Journal, sql: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of the database, for promises about rows that were not written."""

    async def look(tx: Transaction) -> list[dict[str, Any]]:
        return [dict(row) for row in await tx.rows(sql, *values)]

    return await journal.transactions.read(look)


async def change(journal: Journal, sql: str, *values: Any) -> int:
    """Change the database by hand, as time or a person would."""

    async def write(tx: Transaction) -> int:
        return await tx.run(sql, *values)

    return int(await journal.transactions.write(write))
