"""The journal on SQLite: the embedded default. One thread writes, one reads; commits reach the disk.

One worker per file: `azplan run` holds an operating-system lock beside the database, and a second one is refused.
Every other verb may work on the file at the same time.
"""

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from worker.clock import Clock, duration_micros
from worker.errors import JournalMissing, JournalRefused, JournalUnavailable
from worker.journal.database.operation_group import perform
from worker.journal.database.protocol import Operation, Transaction
from worker.journal.database.schema import insist, migrate
from worker.journal.database.sqlite.file import connect, made_private, readable_by_others, unavailable
from worker.journal.database.sqlite.lock import take_lock
from worker.journal.database.sqlite.threads import Threads, TwoThreads
from worker.journal.database.sqlite.transaction import SqliteTransaction, drive
from worker.journal.records import Micros

T = TypeVar("T")

WORDS = {"bytes": "blob", "serial": "integer PRIMARY KEY AUTOINCREMENT", "big": "integer"}
CLOSE_SECONDS = 2.0
"""How long closing waits for the threads to finish."""

REFUSED = (sqlite3.DataError, sqlite3.IntegrityError)
"""The values cannot be stored. Every other error is trouble of the database itself."""


class SqliteEngine:
    """A journal file.

    `exclusive`: for `azplan run`; `open` raises `JournalRefused` if another process has the file so. `guest`: the file
    and its schema stay as they are. `threads`: where the statements run.

    The engine's clock is set once, when it is opened. Setting the machine's clock later moves no instant that the
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
        threads: Threads | None = None,
    ) -> None:
        self._path = path
        self._guest = guest
        self._clock = clock
        self._exclusive = exclusive
        self._threads = threads or TwoThreads()
        self._lock: int | None = None
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._began: Micros = 0
        self.warnings: list[str] = []

    @property
    def alone(self) -> bool:
        """True while this process has the operating system's lock."""
        return self._lock is not None

    async def open(self) -> None:
        """Lock the file if asked, open it, and bring its schema up to date or, for a guest, check it."""
        try:
            folder, file = self._path.parent.is_dir(), self._path.exists()
        except OSError as error:
            why = f"{self._path.absolute()} cannot be used as a journal: {error.strerror}"
            raise JournalRefused(f"{why}. Let this user into its folder, or set AZPLAN_JOURNAL__URL") from error
        if not folder:
            raise JournalRefused(f"the folder {self._path.parent} does not exist: make it, or set AZPLAN_JOURNAL__URL")
        if self._guest and not file:
            raise JournalMissing(f"there is no journal at {self._path.absolute()} yet")
        self._began = duration_micros(self._clock.now().timestamp() - self._clock.boot())
        if self._exclusive:
            self._lock = take_lock(self._path)
        self._threads.start()
        try:
            await self._writing(self._open_writer)
            await self._reading(self._open_reader)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close both connections and release the lock.

        If another process holds the file, or the disk does not answer, the threads are left behind after two seconds.
        The lock then stays until the process has ended: a commit under way may still be made.
        """
        closed = await self._closed()
        self._writer = self._reader = None
        self._threads.stop(cancel=not closed)
        if not closed:
            return
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _closed(self) -> bool:
        """Close the connections. False if that takes too long."""
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
        """The result of a query on one state of the database. It blocks no writer."""
        return await self._reading(lambda: self._read(query))

    async def read_statement(self, query: Callable[[Transaction], Awaitable[T]], now: Micros) -> T:
        """As `read`: the clock and a transaction cost nothing here."""
        return await self.read(query)

    async def listen(self, heard: Callable[[str], None]) -> None:
        """Never calls `heard`: there is no other worker, and writes of other processes are found by looking."""

    async def _writing(self, work: Callable[[], T]) -> T:
        return await self._threads.write(work)

    async def _reading(self, work: Callable[[], T]) -> T:
        return await self._threads.read(work)

    def _now(self) -> Micros:
        return self._began + duration_micros(self._clock.boot())

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
        """Raise `JournalUnavailable` if the database is in trouble. The caller raises refusals of values itself."""
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, REFUSED):
            raise unavailable(error, self._path) from error


def undo(connection: sqlite3.Connection) -> None:
    """Roll back the open transaction, if there is one. SQLite may have rolled it back itself."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")
