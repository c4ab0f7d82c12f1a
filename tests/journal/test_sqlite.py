"""What the embedded database alone brings: one worker to a file; files that are full, foreign, locked or missing."""

import asyncio
import contextlib
import os
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.journal.bench import Bench, accept, change, claim, command, ended, intent, only, rows, run
from worker.clock import Clock
from worker.errors import JournalRefused, JournalUnavailable
from worker.journal.database.sqlite.engine import CLOSE_SECONDS, SqliteEngine
from worker.journal.database.transactions import CLOSE_SECONDS as JOURNAL_SECONDS
from worker.journal.database.transactions import Transactions
from worker.journal.intake_records import Taken
from worker.journal.journal import Journal
from worker.journal.reading import counts
from worker.journal.records import SECOND


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that does not exist yet."""
    return tmp_path / "journal.db"


@contextlib.asynccontextmanager
async def running(path: Path, clock: Clock | None = None) -> AsyncIterator[Journal]:
    """A worker as `azplan run` starts one: alone on the file."""
    clock = clock or Clock()
    journal = Journal(Transactions(SqliteEngine(path, clock=clock, exclusive=True), clock))
    await journal.open()
    await journal.register("worker", "1", 60)
    try:
        yield journal
    finally:
        await journal.close()


async def opened(path: Path) -> None:
    """Open and close the file, as any verb does."""
    journal = Journal(Transactions(SqliteEngine(path, clock=Clock()), Clock()))
    await journal.open()
    await journal.close()


def widen(path: Path) -> None:
    """Let every user read a file."""
    path.chmod(0o644)


def modes(path: Path) -> dict[str, str]:
    """The rights of the journal's files."""
    return {each.name: f"{each.stat().st_mode & 0o777:o}" for each in path.parent.glob("journal.db*")}


async def test_the_files_of_a_journal_are_for_their_owner_alone(path: Path) -> None:
    """This includes the write-ahead log, its index and the lock, whatever the process's umask allows."""
    before = os.umask(0)
    try:
        async with running(path) as worker:
            await accept(worker, command("1"))
            assert modes(path) == dict.fromkeys(
                ("journal.db", "journal.db-wal", "journal.db-shm", "journal.db.lock"), "600"
            )
            assert worker.warnings == []
    finally:
        os.umask(before)


async def test_a_journal_that_others_may_read_is_warned_about_and_left_so(path: Path) -> None:
    """Somebody may want that for a backup. A verb warns too."""
    await opened(path)
    widen(path)
    for guest in (False, True):
        engine = SqliteEngine(path, clock=Clock(), guest=guest)
        await engine.open()
        try:
            (warning,) = engine.warnings
            assert f"chmod 600 {path}" in warning
        finally:
            await engine.close()
    assert modes(path)["journal.db"] == "644"


async def test_a_second_worker_on_the_same_file_is_refused_with_what_to_do(path: Path) -> None:
    """The message names the process that has the file. When that process is gone, the file is free."""
    async with running(path):
        second = Journal(Transactions(SqliteEngine(path, clock=Clock(), exclusive=True), Clock()))
        with pytest.raises(JournalRefused, match=rf"process {os.getpid()}\).*PostgreSQL"):
            await second.open()
    async with running(path) as again:
        assert await again.heartbeat(60)


async def test_a_worker_that_was_killed_leaves_its_lanes_at_once(path: Path) -> None:
    """Its lease is still long, but the lock on the file says that the worker is dead."""
    async with running(path) as one:
        await accept(one, command("1"))
    async with running(path) as two:
        assert await two.take_lanes(10) == 1
        assert (await only(two)).id == "1"
        assert [worker.name for worker in await two.transactions.read(counts.living_workers)] == ["worker"]


async def test_every_other_verb_works_beside_the_worker(path: Path) -> None:
    """Other processes read and write on their own connections while the worker writes too."""
    async with running(path) as one, Bench(f"sqlite:///{path}") as bench:
        verb = await bench.journal()
        await asyncio.gather(
            *(accept(one, command(str(n))) for n in range(20)),
            *(change(verb, "INSERT INTO meta (name, value) VALUES (?, '')", f"note-{n}") for n in range(20)),
            *(verb.gauges() for _ in range(20)),
        )
        assert (await verb.gauges()).open == 20
        assert len(await rows(one, "SELECT name FROM meta")) == 20


async def test_a_verb_that_holds_the_file_makes_the_worker_wait_and_not_fail(path: Path) -> None:
    """The worker waits as long as a verb may reasonably take."""
    async with running(path) as one:
        holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        holder.execute("BEGIN IMMEDIATE")
        accepting = asyncio.create_task(accept(one, command("1")))
        assert await claim(one) == []
        holder.execute("COMMIT")
        assert await accepting == [Taken.NEW]
        holder.close()


async def test_a_file_that_is_locked_by_another_does_not_hold_up_the_close(path: Path) -> None:
    """Writes that have not begun are given up.

    The worker's lock stays, because the commit under way may still be made.
    """
    clock = Clock()
    async with running(path) as one:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            writes = [asyncio.create_task(accept(one, command("1")))]
            await asyncio.sleep(0)
            writes.append(asyncio.create_task(accept(one, command("2"))))
            await asyncio.sleep(0)
            begun = clock.monotonic()
            await one.close()
            assert clock.monotonic() - begun < JOURNAL_SECONDS + CLOSE_SECONDS + 1
            with pytest.raises(JournalUnavailable, match="closed before it was written"):
                await writes[1]
            second = Journal(Transactions(SqliteEngine(path, clock=clock, exclusive=True), clock))
            with pytest.raises(JournalRefused, match="another worker"):
                await second.open()
            other.execute("ROLLBACK")
        await asyncio.gather(*writes, return_exceptions=True)


async def test_a_full_disk_is_reported_and_nothing_is_lost(path: Path) -> None:
    """A batch without room is not half written, and is taken in when there is room again. No record is blamed."""
    async with running(path) as one:
        await accept(one, command("1"))
        work = await only(one)
        (pages,) = await rows(one, "PRAGMA page_count")
        await limit(one, pages["page_count"] + 1)
        large = [command(str(n), key=bytes(4096)) for n in range(2, 60)]
        with pytest.raises(JournalUnavailable, match=r"disk .* is full: make room"):
            await accept(one, *large)
        assert await claim(one) == [work]
        assert await rows(one, "SELECT seq FROM dead_letter") == []
        await limit(one, 2**30)
        assert await accept(one, *large) == [Taken.NEW] * 58
        await one.conclude(work, ended(work))


async def limit(journal: Journal, pages: int) -> None:
    """Give the file this many pages of disk."""
    engine = journal.transactions._engine
    await engine._writing(lambda: engine._writer.execute(f"PRAGMA max_page_count = {pages}"))


@pytest.mark.parametrize("content", [b"this is no database at all" * 200, b"SQLite format 3\x00"])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(path: Path, content: bytes) -> None:
    """The file belongs to another program."""
    path.write_bytes(content)
    with pytest.raises(JournalRefused, match=path.name):
        run(opened(path))
    assert path.read_bytes() == content


async def test_the_database_of_another_program_is_refused(path: Path) -> None:
    """That database has tables of the same names, but is no journal."""
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE event (id integer)")
    other.execute("CREATE TABLE schema_version (version text)")
    other.close()
    with pytest.raises(JournalRefused, match=r"event, schema_version, but no command.*database of its own"):
        await opened(path)


async def test_a_journal_of_a_newer_azplan_is_refused(path: Path) -> None:
    """The message has both versions and the next step."""
    await opened(path)
    other = sqlite3.connect(path)
    other.execute("INSERT INTO schema_version (version, applied_at) VALUES (99, 0)")
    other.commit()
    other.close()
    with pytest.raises(JournalRefused, match=r"schema version 99.*newer azplan"):
        await opened(path)


async def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """The journal makes a file, never a folder."""
    with pytest.raises(JournalRefused, match="nowhere does not exist"):
        await opened(tmp_path / "nowhere" / "journal.db")


@pytest.fixture
def read_only() -> Iterator[Path]:
    """A journal in a folder that every user may enter. Only the owner may write it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        run(opened(path))
        Path(folder).chmod(0o755)
        path.chmod(0o444)
        yield path


@pytest.fixture
def nobody(read_only: Path) -> Iterator[Path]:
    """The journal and a user without rights. The test goes on as this user, because root may write any file.

    Everything needed from this checkout was read before: the checkout may be in a folder that only its owner may enter.
    """
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(65534)
    yield read_only
    os.seteuid(mine)


def test_a_file_without_the_right_to_write_is_refused(nobody: Path) -> None:
    """The refusal comes at the start, and not with the first command."""
    with pytest.raises(JournalRefused, match="not readable and writable"):
        run(opened(nobody))


def test_a_refused_journal_gives_its_lock_back(path: Path) -> None:
    """The next start is refused for the true reason, or not at all."""

    async def start() -> None:
        async with running(path) as one:
            assert await one.is_empty()

    path.write_bytes(b"x" * 5000)
    with pytest.raises(JournalRefused, match="cannot be opened"):
        run(start())
    path.unlink()
    run(start())


class SetClock(Clock):
    """A wall clock that a person sets."""

    def __init__(self) -> None:
        self.off = timedelta()

    def now(self) -> datetime:
        """The time that the wall clock shows."""
        return datetime.now(UTC) + self.off


async def test_setting_the_machines_clock_moves_no_instant_of_the_journal(path: Path) -> None:
    """Set forward, the clock ends no time of settling. Set back, it extends no lease."""
    clock = SetClock()
    async with running(path, clock) as one:
        await accept(one, command("1"))
        until = (await one.intend(await only(one), intent(), 300.0)).until
        for off in (timedelta(days=1), timedelta(days=-1)):
            clock.off = off
            assert await one.heartbeat(60)
            assert until - 310 * SECOND < one.now() < until


async def test_a_commit_survives_the_death_of_its_process(path: Path) -> None:
    """The process was killed right after the answer, without closing anything. The answered write is there."""
    program = f"""
import asyncio, os, sys
from pathlib import Path
from tests.journal.bench import accept, command
from worker.journal.database.transactions import Transactions
from tests.journal.test_sqlite import running
async def main():
    async with running(Path({str(path)!r})) as one:
        await accept(one, command("1"))
        os.kill(os.getpid(), 9)
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=Path(__file__).parents[2])
    assert await process.wait() == -9
    async with running(path) as two:
        await two.take_lanes(10)
        assert (await only(two)).id == "1"
