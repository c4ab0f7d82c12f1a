"""The journal on SQLite: the embedded default. One writer thread, one reader thread, write-ahead log, full synchronisation.

One worker per file: `azplan run` holds an operating-system lock beside the database, which a second one finds taken.
Every other verb may work on the file at the same time.
"""

import asyncio
import fcntl
import json
import os
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar, cast

from worker.clock import Clock
from worker.errors import JournalRefused, JournalUnavailable
from worker.journal.records import Micros
from worker.journal.schema import migrate
from worker.journal.sql import LaneRow, Operation, Row, Transaction, Value, clean, lock_lanes

T = TypeVar("T")

WORDS = {"bytes": "blob", "serial": "integer PRIMARY KEY AUTOINCREMENT", "big": "integer"}
BUSY_TIMEOUT_MS = 10_000


class SqliteTransaction:
    """One transaction on one connection. Its coroutines never wait, so `drive` can run them to the end in a thread."""

    skip_locked = ""

    def __init__(self, connection: sqlite3.Connection, now: Micros) -> None:
        self._connection = connection
        self.now = now
        self.lanes: dict[str, LaneRow] = {}

    async def rows(self, sql: str, *values: Value | Sequence[str]) -> Sequence[Row]:
        return cast("Sequence[Row]", self._connection.execute(sql, bound(values)).fetchall())

    async def run(self, sql: str, *values: Value | Sequence[str]) -> int:
        return self._connection.execute(sql, bound(values)).rowcount

    async def many(self, sql: str, values: Sequence[Sequence[Value]]) -> None:
        self._connection.executemany(sql, [bound(row) for row in values])

    def among(self, column: str) -> str:
        return f"{column} IN (SELECT value FROM json_each(?))"


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
    """A journal file. `exclusive` is what `azplan run` asks for; raises `JournalRefused` where another has it."""

    writers = 1

    def __init__(self, path: Path, *, clock: Clock, exclusive: bool = False, executor: Executor | None = None) -> None:
        self._path = path
        self._clock = clock
        self._exclusive = exclusive
        self._lock: int | None = None
        self._write_executor = executor or ThreadPoolExecutor(1, "journal-writer")
        self._read_executor = executor or ThreadPoolExecutor(1, "journal-reader")
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Lock the file where asked, open it and bring its schema up to date."""
        if not self._path.parent.is_dir():
            raise JournalRefused(f"the folder {self._path.parent} does not exist: make it, or set AZPLAN_JOURNAL__URL")
        if self._exclusive:
            self._lock = take_lock(self._path)
        await self._in(self._write_executor, self._open_writer)
        await self._in(self._read_executor, self._open_reader)

    async def close(self) -> None:
        """Close both connections and give the lock back."""
        for executor, connection in ((self._write_executor, self._writer), (self._read_executor, self._reader)):
            if connection is not None:
                await self._in(executor, connection.close)
        self._writer = self._reader = None
        for executor in {self._write_executor, self._read_executor}:
            if not isinstance(executor, InlineExecutor):
                executor.shutdown(wait=False)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def commit(self, operations: Sequence[Operation]) -> list[Any]:
        """All operations in one durable transaction."""
        return await self._in(self._write_executor, lambda: self._commit(operations))

    async def read(self, query: Callable[[Transaction], Awaitable[T]]) -> T:
        """A consistent look beside the writer."""
        return await self._in(self._read_executor, lambda: self._read(query))

    async def _in(self, executor: Executor, work: Callable[[], T]) -> T:
        if isinstance(executor, InlineExecutor):
            return work()
        return await asyncio.get_running_loop().run_in_executor(executor, work)

    def _now(self) -> Micros:
        return int(self._clock.now().timestamp() * 1_000_000)

    def _open_writer(self) -> None:
        self._writer = connect(self._path)
        self._commit([Operation(run=lambda tx: migrate(tx, WORDS))])

    def _open_reader(self) -> None:
        self._reader = connect(self._path)
        self._reader.execute("PRAGMA query_only = ON")

    def _commit(self, operations: Sequence[Operation]) -> list[Any]:
        connection = self._writer
        if connection is None:
            raise JournalUnavailable("the journal is closed")
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise JournalUnavailable(str(error)) from error
        try:
            tx = SqliteTransaction(connection, self._now())
            drive(lock_lanes(tx, operations))
            results = [drive(cast("Coroutine[Any, Any, Any]", operation.run(tx))) for operation in operations]
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError):
                raise JournalUnavailable(trouble(error, self._path)) from error
            raise
        return results

    def _read(self, query: Callable[[Transaction], Awaitable[T]]) -> T:
        connection = self._reader
        if connection is None:
            raise JournalUnavailable("the journal is closed")
        connection.execute("BEGIN")
        try:
            tx = SqliteTransaction(connection, self._now())
            return drive(cast("Coroutine[Any, Any, T]", query(tx)))
        finally:
            connection.execute("ROLLBACK")


def connect(path: Path) -> sqlite3.Connection:
    """A connection whose commits survive a power cut. Raises `JournalRefused` where the file is no database of ours."""
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    except sqlite3.DatabaseError as error:
        raise JournalRefused(f"{path} cannot be opened as a journal: {error}") from error
    return connection


def take_lock(path: Path) -> int:
    """An exclusive lock beside the file, held until the process ends. Raises `JournalRefused` where another holds it."""
    handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(handle, 64, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(handle)
        raise JournalRefused(
            f"another worker (process {holder}) already runs on {path}. An SQLite journal serves one worker: "
            "stop that one, or use PostgreSQL (AZPLAN_JOURNAL__URL=postgresql://…) to run several."
        ) from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode("ascii"), 0)
    return handle


def trouble(error: sqlite3.OperationalError, path: Path) -> str:
    """What the operator must know about a database that refuses."""
    if "full" in str(error):
        return f"the disk that holds {path} is full: make room; the worker goes on by itself ({error})"
    return f"{path}: {error}"
