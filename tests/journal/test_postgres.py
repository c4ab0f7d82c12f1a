"""What PostgreSQL alone brings: many workers at once, servers that restart, freeze and vanish, locks of the silent."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator

import asyncpg
import pytest

from ops.local.postgres import LocalPostgres
from tests.journal.bench import Bench, accept, claim, command, ended, instead, intent, only, rows, waiting
from tests.journal.wire import wire
from worker.clock import Clock
from worker.errors import JournalRefused, JournalUnavailable
from worker.journal.database.postgres.engine import CLOSE_SECONDS, PostgresEngine
from worker.journal.database.postgres.errors import TROUBLE
from worker.journal.database.protocol import Transaction
from worker.journal.database.schema import migrations
from worker.journal.database.transactions import CLOSE_SECONDS as JOURNAL_SECONDS
from worker.journal.database.transactions import Transactions
from worker.journal.intake_records import Taken
from worker.journal.journal import Journal

pytestmark = pytest.mark.postgres

SOON = 0.6
"""Seconds of patience if a test waits for its end."""


@contextlib.asynccontextmanager
async def impatient(url: str, patience: float = SOON) -> AsyncIterator[Journal]:
    """A worker that gives up a silent server soon, or after `patience` seconds."""
    journal = Journal(Transactions(PostgresEngine(url, patience=patience), Clock()))
    await journal.open()
    await journal.register("impatient", "1", 60)
    try:
        yield journal
    finally:
        await journal.close()


@contextlib.asynccontextmanager
async def session(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A foreign connection to the same database."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        connection.terminate()


async def test_many_workers_on_the_same_lanes_never_see_a_deadlock(postgres_url: str) -> None:
    """The workers accept for each other, run, let go and take in any order. Each command is concluded once."""
    async with Bench(postgres_url) as bench:
        workers = [await bench.worker(str(n)) for n in range(4)]
        batches = [
            [command(f"{b}-{n}", customer=str((b * n) % 11), partition=b % 3) for n in range(20)] for b in range(12)
        ]
        concluded: Counter[str] = Counter()

        async def take_in(worker: Journal, mine: int) -> None:
            for batch in batches[mine :: len(workers)]:
                await accept(worker, *batch)

        async def work(worker: Journal) -> None:
            while sum(concluded.values()) < 240:
                for item in await claim(worker):
                    await worker.conclude(item, ended(item))
                    concluded[item.id] += 1
                await worker.sent(await worker.unsent(500))
                await worker.give_back(50)
                await worker.take_lanes(5)

        async with asyncio.timeout(120):
            await asyncio.gather(
                *(take_in(worker, n) for n, worker in enumerate(workers)), *(work(worker) for worker in workers)
            )
        assert len(concluded) == sum(concluded.values()) == 240


async def test_one_identity_under_two_lanes_at_once_is_one_command(postgres_url: str) -> None:
    """Two workers read two contents of one id for two customers.

    One is new, the other is told that the id is reused.
    """
    async with Bench(postgres_url) as bench:
        one, two = await bench.worker("one"), await bench.worker("two")
        for turn in range(20):
            taken = await asyncio.gather(
                accept(one, command(f"{turn}", customer="contoso", fingerprint="a")),
                accept(two, command(f"{turn}", customer="fabrikam", fingerprint="b")),
            )
            assert sorted(result for (result,) in taken) == [Taken.REUSED, Taken.NEW]


async def test_the_journal_recovers_by_itself_when_the_server_restarts(
    own_postgres: LocalPostgres, own_postgres_url: str
) -> None:
    """While the server is away every caller gets an error. Asking again loses and doubles nothing."""
    async with impatient(own_postgres_url) as one:
        await accept(one, command("1"))
        own_postgres.stop()
        for call in (one.heartbeat(60), accept(one, command("2")), one.gauges(), one.take_lanes(1)):
            with pytest.raises(JournalUnavailable):
                await call
        own_postgres.start()
        assert await accept(one, command("1"), command("2")) == [Taken.DUPLICATE, Taken.NEW]
        assert await one.heartbeat(60)
        assert (await only(one)).id == "1"


async def test_a_server_that_freezes_is_given_up_and_serves_again_when_it_thaws(
    own_postgres: LocalPostgres, own_postgres_url: str
) -> None:
    """No caller waits for ever, whatever it was doing, and no connection stays unusable."""
    async with impatient(own_postgres_url) as one:
        await accept(one, command("1"))
        own_postgres.pause()
        async with asyncio.timeout(30):
            calls = (one.heartbeat(60), accept(one, command("2")), one.gauges(), claim(one))
            results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(result) for result in results] == [JournalUnavailable] * 4
        own_postgres.resume()
        assert await one.heartbeat(60)
        assert (await accept(one, command("1")))[0] is Taken.DUPLICATE


async def test_a_server_that_freezes_does_not_hold_up_the_close(
    own_postgres: LocalPostgres, own_postgres_url: str
) -> None:
    """This holds with every operation under way and with a patience longer than the close may take."""
    clock = Clock()
    one = Journal(Transactions(PostgresEngine(own_postgres_url, patience=5), clock))
    await one.open()
    await one.register("one", "1", 60)
    await accept(one, command("1"))
    own_postgres.pause()
    calls = [one.retire(), one.heartbeat(60), one.gauges(), claim(one), *(accept(one, command(str(n))) for n in "2345")]
    tasks = [asyncio.ensure_future(call) for call in calls]
    await asyncio.wait(tasks, timeout=0.2)
    begun = clock.monotonic()
    await one.close()
    assert clock.monotonic() - begun < JOURNAL_SECONDS + CLOSE_SECONDS + 1
    async with asyncio.timeout(20):
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(result) for result in results} == {JournalUnavailable}


async def test_a_worker_retires_though_its_other_writes_wait(postgres_url: str) -> None:
    """Others have its lanes at once, whatever writes this worker still has."""
    async with Bench(postgres_url) as bench:
        one, two = await bench.worker("one"), await bench.worker("two")
        await accept(one, command("1"))
        over, locked = asyncio.Event(), asyncio.Event()

        async def slow(tx: Transaction) -> None:
            await tx.rows("SELECT 1")
            locked.set()
            await over.wait()

        writes = [asyncio.create_task(one.transactions.write(slow)) for _ in range(3)]
        await locked.wait()
        writes += [asyncio.create_task(one.transactions.write(slow)) for _ in range(3)]
        async with asyncio.timeout(10):
            await one.retire()
        assert await two.take_lanes(10) == 1
        over.set()
        await asyncio.gather(*writes)


async def test_a_lost_answer_to_a_commit_is_told_as_unknown_and_found_by_looking(postgres_url: str) -> None:
    """The intent is in the journal although its writer never heard so.

    The run ends, and the next run knows the doubt.
    """
    async with Bench(postgres_url) as bench, wire(postgres_url) as (line, near):
        one = Journal(Transactions(PostgresEngine(near), Clock()))
        await one.open()
        await one.register("one", "1", 60)
        await accept(one, command("1"))
        work = await only(one)
        line.cut_after = b"COMMIT"
        with pytest.raises(JournalUnavailable):
            await one.intend(work, intent(), 900.0, "buy")
        assert line.cuts == 1
        assert (await only(one)).steps["checkout"].in_doubt
        line.cut_after = b"COMMIT"
        with pytest.raises(JournalUnavailable):
            await accept(one, command("2"))
        assert await accept(one, command("2")) == [Taken.DUPLICATE]
        looker = await bench.journal()
        assert len(await rows(looker, "SELECT uid FROM command")) == 2
        await one.close()


async def test_a_worker_silent_within_a_transaction_does_not_keep_its_lanes_locked(
    postgres_url: str,
) -> None:
    """The worker was stopped or cut off without a word. The server ends its transaction, and others go on."""
    async with impatient(postgres_url) as one, session(postgres_url) as silent:
        await accept(one, command("1"))
        await silent.execute(one.transactions._engine._write)
        await silent.execute("SELECT id FROM lane FOR UPDATE")
        work = await only(one)
        assert await one.heartbeat(60), "a heartbeat waits for no lane"
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(JournalUnavailable):
                    await one.conclude(work, waiting())
                    break
        with pytest.raises(TROUBLE):
            await silent.execute("SELECT 1")


async def test_lanes_locked_by_another_session_are_passed_over_when_lanes_are_taken(postgres_url: str) -> None:
    """A worker that looks for lanes never waits for another worker."""
    async with Bench(postgres_url) as bench, session(postgres_url) as other:
        one, two = await bench.worker("one"), await bench.worker("two")
        await accept(one, command("1", customer="a"), command("2", customer="b"))
        await one.retire()
        async with other.transaction():
            await other.execute("SELECT id FROM lane WHERE id = 'us/a' FOR UPDATE")
            assert await two.take_lanes(10) == 1
        assert await two.take_lanes(10) == 1


async def test_a_database_in_trouble_makes_no_dead_letters(postgres_url: str) -> None:
    """The database is read-only, without rights or without tables. No record is blamed; all are taken in later."""
    async with Bench(postgres_url) as bench, session(postgres_url) as admin:
        one = await bench.worker("one")
        name = await admin.fetchval("SELECT current_database()")
        await admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        await end_sessions(admin, one)
        with pytest.raises(JournalUnavailable, match="read-only"):
            await accept(one, command("1"))
        await admin.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        await end_sessions(admin, one)
        await admin.execute("ALTER TABLE event RENAME TO hidden")
        with pytest.raises(JournalUnavailable, match="event"):
            await accept(one, command("1"))
        await admin.execute("ALTER TABLE hidden RENAME TO event")
        assert await accept(one, command("1")) == [Taken.NEW]
        assert await rows(one, "SELECT seq FROM dead_letter") == []


async def end_sessions(admin: asyncpg.Connection, journal: Journal) -> None:
    """The server ends all other sessions of the database. Returns when the journal has noticed."""
    await admin.execute(
        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE pid <> pg_backend_pid() AND datname = current_database()"""
    )
    for _ in range(10):
        with contextlib.suppress(JournalUnavailable):
            await journal.transactions.read(lambda tx: tx.rows("SELECT 1"))


async def test_commits_wait_for_the_disk_whatever_the_server_is_set_to(postgres_url: str) -> None:
    """This holds for every connection and every use of it. The operator is warned."""
    async with session(postgres_url) as admin:
        name = await admin.fetchval("SELECT current_database()")
        await admin.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    async with Bench(postgres_url) as bench:
        one = await bench.worker("one")
        settings = {
            (await one.transactions.write(lambda tx: tx.rows("SHOW synchronous_commit")))[0]["synchronous_commit"]
            for _ in range(12)
        }
        assert settings == {"on"}
        assert any("synchronous_commit=off" in warning for warning in one.warnings)


async def test_a_database_that_cannot_hold_all_characters_is_refused(own_postgres: LocalPostgres) -> None:
    """The message says which database to make instead."""
    url = own_postgres.url()
    async with session(url) as admin:
        await admin.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        try:
            with pytest.raises(JournalRefused, match="UTF8"):
                await Journal(Transactions(PostgresEngine(own_postgres.url("latin")), Clock())).open()
        finally:
            await admin.execute("DROP DATABASE latin WITH (FORCE)")


async def test_a_wrong_url_is_told_with_what_to_look_at(own_postgres: LocalPostgres) -> None:
    """A missing database is refused. A missing server is unavailable and may come back later."""
    with pytest.raises(JournalRefused, match="AZPLAN_JOURNAL__URL"):
        await Journal(Transactions(PostgresEngine(own_postgres.url("nowhere")), Clock())).open()
    own_postgres.stop()
    with pytest.raises(JournalUnavailable):
        await Journal(Transactions(PostgresEngine(own_postgres.url()), Clock())).open()


async def test_workers_that_start_together_make_one_schema(postgres_url: str) -> None:
    """The workers wait for each other. The second one finds the finished schema."""
    journals = [Journal(Transactions(PostgresEngine(postgres_url), Clock())) for _ in range(4)]
    await asyncio.gather(*(journal.open() for journal in journals))
    found = await rows(journals[0], "SELECT version FROM schema_version ORDER BY version")
    assert [row["version"] for row in found] == [number for number, _ in migrations()]
    for journal in journals:
        await journal.close()


async def test_the_owner_is_told_of_commands_that_others_accept_for_it(postgres_url: str) -> None:
    """The owner hears at once, and no other worker does.

    This holds after the server has cut the listening connection.
    """
    async with impatient(postgres_url) as one, Bench(postgres_url) as bench, session(postgres_url) as admin:
        two = await bench.worker("two")
        assert await one.hinted(5), "each new connection may have missed something"
        await accept(one, command("1"))
        assert not await one.hinted(0.05)
        await accept(two, command("2"))
        assert await one.hinted(5)
        await admin.execute("""SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE query LIKE 'LISTEN%' AND datname = current_database()""")
        assert await one.hinted(5)
        await accept(two, command("3"))
        assert await one.hinted(5)


async def test_a_group_costs_few_round_trips(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The statements of all operations of a group travel together, for any number of commands."""
    trips: Counter[str] = Counter()

    def counted(name: str) -> None:
        original = getattr(asyncpg.Connection, name)

        async def count(self: asyncpg.Connection, query: str, *values: object, **options: object) -> object:
            trips[query] += 1
            return await original(self, query, *values, **options)

        monkeypatch.setattr(asyncpg.Connection, name, count)

    for name in ("execute", "fetch", "fetchval", "executemany"):
        counted(name)
    async with Bench(postgres_url) as bench:
        one = await bench.worker("one")
        trips.clear()
        await accept(one, *(command(str(n), customer=str(n % 50)) for n in range(500)))
        assert trips.total() <= 14, trips
        works = await claim(one)
        trips.clear()
        await asyncio.gather(*(one.conclude(work, ended(work)) for work in works))
        groups = trips["COMMIT"]
        assert len(works) == 50
        assert groups <= 4
        assert trips.total() <= 11 * groups, trips


async def test_a_value_out_of_range_is_held_against_its_record_alone(postgres_url: str) -> None:
    """The driver refuses the value before the server sees it. The database is not in trouble."""
    async with Bench(postgres_url) as bench:
        one = await bench.worker("one")
        item = command("1", partition=2**40)
        with pytest.raises(asyncpg.DataError):
            await one.accept([item], instead)
        assert await accept(one, command("1")) == [Taken.NEW]
