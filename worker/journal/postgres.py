"""The journal on PostgreSQL: for production, any number of workers. asyncpg, commits that wait for the disk."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar, cast

import asyncpg

from worker.errors import JournalRefused, JournalUnavailable
from worker.journal.records import Micros
from worker.journal.schema import migrate
from worker.journal.sql import LaneRow, Operation, Row, Transaction, Value, clean, lock_lanes

T = TypeVar("T")

WORDS = {"bytes": "bytea", "serial": "bigserial PRIMARY KEY", "big": "bigint"}
NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
MIGRATION_LOCK = 0x617A706C616E  # 'azplan': two workers that start together migrate one after the other
COMMAND_TIMEOUT = 30.0

GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.DiskFullError,
    asyncpg.ReadOnlySQLTransactionError,
    OSError,
    TimeoutError,
)
"""What says that the database is not there, rather than that it refuses what was asked."""

AGAIN = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)


class PostgresTransaction:
    """One transaction on one connection."""

    skip_locked = " FOR UPDATE SKIP LOCKED"

    def __init__(self, connection: Any, now: Micros) -> None:
        self._connection = connection
        self.now = now
        self.lanes: dict[str, LaneRow] = {}

    async def rows(self, sql: str, *values: Value | Sequence[str]) -> Sequence[Row]:
        return cast("Sequence[Row]", await self._connection.fetch(numbered(sql), *clean(values)))

    async def run(self, sql: str, *values: Value | Sequence[str]) -> int:
        status: str = await self._connection.execute(numbered(sql), *clean(values))
        last = status.rsplit(" ", 1)[-1]
        return int(last) if last.isdigit() else 0

    async def many(self, sql: str, values: Sequence[Sequence[Value]]) -> None:
        await self._connection.executemany(numbered(sql), [clean(row) for row in values])

    def among(self, column: str) -> str:
        return f"{column} = ANY(?::text[])"


@lru_cache(maxsize=1024)
def numbered(sql: str) -> str:
    """`?` as PostgreSQL counts them: `$1`, `$2`, …"""
    parts = sql.split("?")
    return "".join(f"{part}${index}" for index, part in enumerate(parts[:-1], 1)) + parts[-1]


async def insist(connection: Any) -> None:
    """Commits of this connection wait for the disk, whatever the server's default."""
    if await connection.fetchval("SHOW synchronous_commit") == "off":
        await connection.execute("SET synchronous_commit = on")


class PostgresEngine:
    """A journal in a PostgreSQL database. `writers` transactions may be under way at once."""

    def __init__(self, url: str, *, writers: int = 3, readers: int = 3) -> None:
        self._url = url
        self.writers = writers
        self._size = writers + readers
        self._pool: Any = None
        self.warnings: list[str] = []

    async def open(self) -> None:
        """Connect, bring the schema up to date, note settings of the server that weaken what is promised."""
        try:
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=1,
                max_size=self._size,
                command_timeout=COMMAND_TIMEOUT,
                timeout=10,
                init=insist,
            )
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK)
                await migrate(PostgresTransaction(connection, await connection.fetchval(NOW)), WORDS)
                await self._judge(connection)
        except (
            asyncpg.InvalidPasswordError,
            asyncpg.InvalidCatalogNameError,
            asyncpg.InsufficientPrivilegeError,
        ) as error:
            raise JournalRefused(
                f"PostgreSQL refuses: {error}. Look at AZPLAN_JOURNAL__URL and the user's rights"
            ) from error
        except GONE as error:
            raise JournalUnavailable(f"PostgreSQL does not answer: {error or type(error).__name__}") from error

    async def close(self) -> None:
        """Close all connections, waiting a moment for what is under way."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            try:
                await asyncio.wait_for(pool.close(), 5)
            except TimeoutError:
                pool.terminate()

    async def commit(self, operations: Sequence[Operation]) -> list[Any]:
        """All operations in one durable transaction; a deadlock with another worker is tried again."""
        for _ in range(5):
            try:
                return await self._guarded(lambda tx: self._run(tx, operations))
            except AGAIN:
                continue
        raise JournalUnavailable("PostgreSQL ended the transaction five times because of locks held by others")

    async def read(self, query: Callable[[Transaction], Awaitable[T]]) -> T:
        """A consistent look beside the writers."""
        return await self._guarded(query)

    async def _run(self, tx: Transaction, operations: Sequence[Operation]) -> list[Any]:
        await lock_lanes(tx, operations)
        return [await operation.run(tx) for operation in operations]

    async def _guarded(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        if self._pool is None:
            raise JournalUnavailable("the journal is closed")
        try:
            async with self._pool.acquire(timeout=COMMAND_TIMEOUT) as connection, connection.transaction():
                tx = PostgresTransaction(connection, await connection.fetchval(NOW))
                return await work(tx)
        except GONE as error:
            raise JournalUnavailable(f"PostgreSQL does not answer: {error or type(error).__name__}") from error

    async def _judge(self, connection: Any) -> None:
        if await connection.fetchval("SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit'") == "off":
            self.warnings.append(
                "the PostgreSQL server has synchronous_commit=off: azplan turns it on for its own commits"
            )
        if await connection.fetchval("SHOW fsync") == "off":
            self.warnings.append("the PostgreSQL server runs with fsync=off: a power cut can lose what was promised")
