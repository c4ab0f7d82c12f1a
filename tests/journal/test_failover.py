"""A database that fails over or stands behind a pooler: PostgreSQL as companies run it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from ops.local.postgres import LocalPostgres
from ops.local.waiting import eventually
from tests.journal.bench import Bench, accept, claim, command, ended, engine, rows
from tests.journal.test_postgres import impatient, session
from tests.journal.wire import Wire, wire
from tests.support import pgbouncer_local
from tests.support.missing import missing
from tests.support.pgbouncer_local import LocalPgBouncer
from worker.clock import Clock
from worker.journal.database.postgres.connection import Door
from worker.journal.database.postgres.engine import PATIENCE_SECONDS
from worker.journal.database.transactions import Transactions
from worker.journal.intake_records import Taken
from worker.journal.journal import Journal

pytestmark = pytest.mark.postgres

AT_ONCE = 12
"""More writes than there are connections."""


@pytest.fixture
def standby(own_postgres: LocalPostgres) -> Iterator[LocalPostgres]:
    """A server that follows `own_postgres`."""
    server = LocalPostgres(standby_of=own_postgres)
    server.start()
    yield server
    server.remove()


@pytest.fixture
async def name(own_postgres_url: str) -> AsyncIterator[tuple[Wire, str]]:
    """A name that leads to `own_postgres` first, and its URL."""
    async with wire(own_postgres_url) as made:
        yield made


async def taken(journal: Journal, prefix: str) -> set[Taken | str]:
    """The results of writes on all connections at once."""
    found = await asyncio.gather(
        *(accept(journal, command(f"{prefix}-{n}", customer=f"{prefix}-{n}")) for n in range(AT_ONCE)),
        return_exceptions=True,
    )
    return {each[0] if isinstance(each, list) else f"{type(each).__name__}: {each}" for each in found}


async def caught_up(primary: str, standby: str) -> None:
    """Wait until the standby has everything that the primary has."""
    async with session(primary) as here, session(standby) as there:
        written = await here.fetchval("SELECT pg_current_wal_flush_lsn()::text")
        replayed = "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn"
        await eventually(lambda: there.fetchval(replayed, written), "the standby has caught up", within=30)


async def test_a_name_that_led_to_a_standby_for_a_while_is_followed_back(
    own_postgres: LocalPostgres, own_postgres_url: str, standby: LocalPostgres, name: tuple[Wire, str]
) -> None:
    """While the name leads to a standby, every write is refused with the reason, and no connection is kept.

    Then the standby is promoted, the name leads to it, and the journal goes on there.
    """
    line, near = name
    database = urlsplit(own_postgres_url).path.strip("/")
    async with impatient(near, PATIENCE_SECONDS) as one:
        assert await taken(one, "before") == {Taken.NEW}
        await caught_up(own_postgres_url, standby.url(database))
        line.lead_to(standby.port)
        line.cut()
        for n in range(5):
            (said,) = await taken(one, f"during-{n}") or {""}
            assert "PostgreSQL takes no writes" in said or "connection" in said
            await asyncio.gather(*(one.gauges() for _ in range(AT_ONCE)), return_exceptions=True)
        line.lead_to(own_postgres.port)
        assert await taken(one, "again") == {Taken.NEW}
        assert len(await rows(one, "SELECT uid FROM command")) == 2 * AT_ONCE

        await caught_up(own_postgres_url, standby.url(database))
        async with session(standby.url(database)) as there:
            assert await there.fetchval("SELECT pg_promote()")
        line.lead_to(standby.port)
        line.cut()
        await until_written(one)
        assert await taken(one, "promoted") == {Taken.NEW}


async def until_written(journal: Journal) -> None:
    """Return as soon as a write succeeds. The first writes find their connections cut."""

    async def all_written() -> bool:
        return not await taken(journal, "cut") - {Taken.NEW, Taken.DUPLICATE}

    await eventually(all_written, "every connection writes", within=20)


async def test_a_server_that_becomes_read_only_is_left_and_come_back_to(
    own_postgres: LocalPostgres, own_postgres_url: str
) -> None:
    """Managed servers do so when their disk is full: connections that are already open become read-only too."""
    async with impatient(own_postgres_url, PATIENCE_SECONDS) as one, session(own_postgres_url) as admin:
        assert await taken(one, "before") == {Taken.NEW}
        await becomes(admin, "on")
        try:
            for n in range(3):
                said = " ".join(map(str, await taken(one, f"during-{n}")))
                assert "PostgreSQL takes no writes" in said
        finally:
            await becomes(admin, "off")
        assert await taken(one, "after") == {Taken.NEW}


async def becomes(admin: asyncpg.Connection, read_only: str) -> None:
    """Make the whole server refuse writes, or take them again."""
    await admin.execute("SET default_transaction_read_only = off")
    await admin.execute(f"ALTER SYSTEM SET default_transaction_read_only = {read_only}")
    await admin.execute("SELECT pg_reload_conf()")
    await admin.execute("RESET default_transaction_read_only")

    async def shows() -> bool:
        return bool(await admin.fetchval("SHOW default_transaction_read_only") == read_only)

    await eventually(shows, "the server has read its settings", within=20)


# ---- behind a pooler


@pytest.fixture
def pooled_url(own_postgres: LocalPostgres, own_postgres_url: str) -> Iterator[str]:
    """An empty database behind PgBouncer in transaction mode, without prepared statements."""
    if lack := pgbouncer_local.why_not():
        missing("PgBouncer on this machine", lack)
    pooler = LocalPgBouncer(own_postgres.port)
    pooler.start()
    yield pooler.url(urlsplit(own_postgres_url).path.strip("/"))
    pooler.remove()


async def work(worker: Journal, until: int, concluded: list[str]) -> None:
    """Run, publish, take and let go until this many commands are concluded."""
    while len(concluded) < until:
        for item in await claim(worker):
            await worker.conclude(item, ended(item))
            concluded.append(item.id)
        await worker.sent(await worker.unsent(500))
        await worker.give_back(50)
        await worker.take_lanes(5)
        assert await worker.heartbeat(60)


async def busy(bench: Bench, number: int) -> list[str]:
    """Four workers that do everything at once. Returns the commands that they concluded."""
    workers = [await bench.worker(str(n)) for n in range(4)]
    concluded: list[str] = []

    async def take_in(worker: Journal, first: int) -> None:
        for n in range(first, number, len(workers)):
            await accept(worker, command(str(n), customer=str(n % 7)))

    async with asyncio.timeout(120):
        await asyncio.gather(
            *(take_in(worker, n) for n, worker in enumerate(workers)),
            *(work(worker, number, concluded) for worker in workers),
        )
    return concluded


async def test_workers_and_verbs_work_behind_a_pooler_in_transaction_mode(pooled_url: str) -> None:
    """Four workers start on an empty database while verbs look at it. No statement is lost."""
    async with Bench(pooled_url) as bench:
        await bench.worker("first")

        async def look() -> None:
            for _ in range(10):
                guest = Journal(Transactions(engine(pooled_url), Clock()))
                await guest.open()
                await guest.gauges()
                await guest.close()

        concluded, *_ = await asyncio.gather(busy(bench, 80), look(), look())
        assert len(concluded) == len(set(concluded)) == 80


async def test_a_pooler_that_is_not_seen_at_the_start_is_seen_by_the_first_lost_statement(
    pooled_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From then on no statement is prepared by name, and the lost statement is run again."""

    async def blind(door: Door, connection: object) -> None:
        """The pooler looks like the server itself."""

    monkeypatch.setattr(Door, "look", blind)
    async with Bench(pooled_url) as bench:
        concluded = await busy(bench, 40)
        assert len(concluded) == len(set(concluded)) == 40


async def test_behind_a_pooler_nobody_listens(pooled_url: str) -> None:
    """LISTEN would be lost or heard by others. A worker finds the writes of others by looking."""
    async with Bench(pooled_url) as bench:
        one, two = await bench.worker("one"), await bench.worker("two")
        assert not await one.hinted(0.2)
        await accept(one, command("1"))
        await accept(two, command("2"))
        assert not await one.hinted(0.2)
        async with session(pooled_url) as admin:
            found = await admin.fetchval("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        assert found == 0
        assert sorted(each.id for each in await claim(one)) == ["1"]
