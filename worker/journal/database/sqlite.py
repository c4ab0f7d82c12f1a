"""The journal on SQLite: the embedded default. One thread writes, one reads; commits reach the disk.

One worker per file: `azplan run` holds an operating-system lock beside the database, which a second one finds taken.
Every other verb may work on the file at the same time.
"""

import asyncio
import json
import os
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

from worker import operating_system
from worker.clock import Clock
from worker.errors import FULL_DISK, JournalMissing, JournalRefused, JournalUnavailable
from worker.journal.database.group_commit import perform
from worker.journal.database.protocol import (
    Known,
    Operation,
    Row,
    Transaction,
    Value,
    clean,
)
from worker.journal.database.schema import insist, migrate
from worker.journal.database.sqlite_lock import take_lock
from worker.journal.records import SECOND, Micros

T = TypeVar("T")

WORDS = {"bytes": "blob", "serial": "integer PRIMARY KEY AUTOINCREMENT", "big": "integer"}
BUSY_TIMEOUT_MS = 10_000
CLOSE_SECONDS = 2.0
"""For what is under way in the threads to end when the journal is closed."""
LARGEST_LOG = 64 * 1024 * 1024
"""Bytes to which the write-ahead log is cut back after a burst."""

REFUSED = (sqlite3.DataError, sqlite3.IntegrityError)
"""The values cannot be stored. Every other error of the database is its own trouble."""


class SqliteTransaction:
    """One transaction on one connection. Its coroutines never wait, so `drive` can run them to the end in a thread."""

    locking = ""
    skip_locked = ""
    present = "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN (SELECT value FROM json_each(?))"
    size = """SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()
        WHERE ? IS NOT NULL"""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], Micros]) -> None:
        self._connection = connection
        self._clock = clock
        self.now = clock()
        self.known = Known()

    async def rows(self, sql: str, *values: Value | Sequence[str]) -> Sequence[Row]:
        return cast("Sequence[Row]", self._connection.execute(sql, bound(values)).fetchall())

    async def run(self, sql: str, *values: Value | Sequence[str]) -> int:
        return self._connection.execute(sql, bound(values)).rowcount

    async def many(self, sql: str, values: Sequence[Sequence[Value]]) -> None:
        self._connection.executemany(sql, [bound(row) for row in values])

    def among(self, column: str) -> str:
        return f"{column} IN (SELECT value FROM json_each(?))"

    async def hint(self, worker: str) -> None:
        """There is one worker, and it wrote this itself, or finds it when it next looks."""

    async def tick(self) -> None:
        self.now = self._clock()

    def enter(self, operation: Operation[Any]) -> None:
        """Statements run at once, so it need not be known whose they are."""


def bound(values: Sequence[Value | Sequence[str]]) -> list[Any]:
    """Values as sqlite3 takes them: a list travels as JSON, for `among`."""
    return [json.dumps(clean(value)) if isinstance(value, (list, tuple)) else clean(value) for value in values]


def drive(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits, without an event loop."""
    try:
        work.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    work.close()
    raise RuntimeError("a journal operation waited for something that is not the database")


class InlineExecutor(Executor):
    """Runs at once in the calling thread: for tests in virtual time, where a thread would be left behind."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Any:
        """Call the function now; the future that comes back is done."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - the future carries whatever it was
            future.set_exception(error)
        return future


class SqliteEngine:
    """A journal file. `exclusive` is what `azplan run` asks for; raises `JournalRefused` where another has it.
    `guest`: the file and its schema stay as they are found.

    Its clock is set once, when it is opened: whoever sets the machine's clock afterwards moves no instant that the
    journal compares.
    """

    writers = 1

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        exclusive: bool = False,
        guest: bool = False,
        executor: Executor | None = None,
    ) -> None:
        self._path = path
        self._guest = guest
        self._clock = clock
        self._exclusive = exclusive
        self._executor = executor
        self._own: list[Executor] = []
        self._lock: int | None = None
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._began: Micros = 0
        self.warnings: list[str] = []

    @property
    def alone(self) -> bool:
        """The operating system's lock says so."""
        return self._lock is not None

    async def open(self) -> None:
        """Lock the file where asked, open it and bring its schema up to date, or look at it."""
        try:
            folder, file = self._path.parent.is_dir(), self._path.exists()
        except OSError as error:
            why = f"{self._path.absolute()} cannot be used as a journal: {error.strerror}"
            raise JournalRefused(f"{why}. Let this user into its folder, or set AZPLAN_JOURNAL__URL") from error
        if not folder:
            raise JournalRefused(f"the folder {self._path.parent} does not exist: make it, or set AZPLAN_JOURNAL__URL")
        if self._guest and not file:
            raise JournalMissing(f"there is no journal at {self._path.absolute()} yet")
        self._began = micros(self._clock.now().timestamp() - self._clock.boot())
        if self._exclusive:
            self._lock = take_lock(self._path)
        if self._executor is None:
            self._own = [ThreadPoolExecutor(1, "journal-writer"), ThreadPoolExecutor(1, "journal-reader")]
        try:
            await self._writing(self._open_writer)
            await self._reading(self._open_reader)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close both connections and give the lock back.

        Where another process holds the file, or the disk does not answer, the threads are left behind after a moment,
        and the lock stays until the process has ended: a commit that is under way may still be made.
        """
        closed = await self._closed()
        self._writer = self._reader = None
        for executor in self._own:
            executor.shutdown(wait=False, cancel_futures=not closed)
        self._own = []
        if not closed:
            return
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _closed(self) -> bool:
        """Close the connections; False where that takes too long."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                if self._writer is not None:
                    await self._writing(self._writer.close)
                if self._reader is not None:
                    await self._reading(self._reader.close)
        except TimeoutError:
            return False
        return True

    async def commit(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        """All operations in one durable transaction."""
        return await self._writing(lambda: self._commit(operations))

    async def read(self, query: Callable[[Transaction], Awaitable[T]]) -> T:
        """A look at one state of the database, beside the writer."""
        return await self._reading(lambda: self._read(query))

    async def listen(self, heard: Callable[[str], None]) -> None:
        """Nobody calls: there is no other worker, and what other processes write is found by looking."""

    async def _writing(self, work: Callable[[], T]) -> T:
        return await self._in(0, work)

    async def _reading(self, work: Callable[[], T]) -> T:
        return await self._in(1, work)

    async def _in(self, which: int, work: Callable[[], T]) -> T:
        if isinstance(self._executor, InlineExecutor):
            return work()
        executor = self._executor or (self._own[which] if self._own else None)
        if executor is None:
            raise JournalUnavailable("the journal is closed")
        return await asyncio.get_running_loop().run_in_executor(executor, work)

    def _now(self) -> Micros:
        return self._began + micros(self._clock.boot())

    def _open_writer(self) -> None:
        if not self._guest:
            made_private(self._path)
        self._writer = connect(self._path, guest=self._guest)
        if warning := readable_by_others(self._path):
            self.warnings.append(warning)
        if not self._guest:
            self._commit([Operation(run=lambda tx: migrate(tx, WORDS))])

    def _open_reader(self) -> None:
        self._reader = connect(self._path, guest=self._guest)
        self._reader.execute("PRAGMA query_only = ON")
        if self._guest:
            self._read(insist)

    def _commit(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        connection = self._writer
        if connection is None:
            raise JournalUnavailable("the journal is closed")
        try:
            connection.execute("BEGIN IMMEDIATE")
            results = drive(perform(SqliteTransaction(connection, self._now), operations))
            connection.execute("COMMIT")
        except BaseException as error:
            undo(connection)
            self._tell(error)
            raise
        return results

    def _read(self, query: Callable[[Transaction], Awaitable[T]]) -> T:
        connection = self._reader
        if connection is None:
            raise JournalUnavailable("the journal is closed")
        try:
            connection.execute("BEGIN")
            return drive(cast("Coroutine[Any, Any, T]", query(SqliteTransaction(connection, self._now))))
        except sqlite3.DatabaseError as error:
            self._tell(error)
            raise
        finally:
            undo(connection)

    def _tell(self, error: BaseException) -> None:
        """Raise `JournalUnavailable` where the database is in trouble, rather than refusing values."""
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, REFUSED):
            raise unavailable(error, self._path) from error


def micros(seconds: float) -> Micros:
    """Seconds as the journal counts them."""
    return int(seconds * SECOND)


def connect(path: Path, *, guest: bool = False) -> sqlite3.Connection:
    """A connection whose commits survive a power cut. Raises `JournalRefused` where the file cannot be used.

    That a journal has a write-ahead log is written in the file: a guest leaves it at that, whatever file it is.
    """
    if path.exists() and not operating_system.may_use(path):
        raise JournalRefused(
            f"{path} is not readable and writable for this user: run as its owner, or change its rights"
        )
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        # The least that a guest must look at to know that the file is a database.
        connection.execute("PRAGMA schema_version" if guest else "PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")  # on macOS a plain fsync does not reach the disk
        connection.execute(f"PRAGMA journal_size_limit = {LARGEST_LOG}")
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            raise unavailable(error, path) from error
        raise JournalRefused(f"{path} cannot be opened as a journal: {error}") from error
    return connection


def made_private(path: Path) -> None:
    """Make the file, if there is none, for its owner alone; SQLite gives the files beside it the same rights."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def readable_by_others(path: Path) -> str | None:
    """A sentence where others than the owner may read the journal. Their rights stay as they are: they may have been
    given on purpose, to a backup or to a person's own user, and taking them away would break that in silence."""
    files = [each for name in ("", "-wal", "-shm") if (each := path.with_name(path.name + name)).exists()]
    wide = [each for each in files if operating_system.open_to_others(each)]
    if not wide:
        return None
    names = " ".join(map(str, wide))
    return f"others than its owner may read or write the journal: `chmod 600 {names}`, unless that is meant"


def undo(connection: sqlite3.Connection) -> None:
    """End the transaction that is open, if any, without a trace of it. SQLite may have done so itself."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def unavailable(error: sqlite3.DatabaseError, path: Path) -> JournalUnavailable:
    """What the operator must know about a database that is in trouble."""
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        full = f"the disk that holds {path} is full: make room; the worker goes on by itself ({error})"
        return JournalUnavailable(full, plain=FULL_DISK)
    return JournalUnavailable(f"{path}: {error}")
