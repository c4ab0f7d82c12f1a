"""The journal on PostgreSQL: for production, any number of workers. asyncpg, commits that wait for the disk."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import asyncpg

from worker.errors import JournalRefused, JournalUnavailable
from worker.journal.database.operation_group import perform
from worker.journal.database.postgres.address import Address
from worker.journal.database.postgres.connection import LOST_STATEMENT, READ_ONLY, Door, refused
from worker.journal.database.postgres.errors import AGAIN, DENIED, REFUSED, TROUBLE, is_too_large, unavailable
from worker.journal.database.postgres.transaction import CHANNEL, PostgresTransaction
from worker.journal.database.protocol import Operation, Transaction
from worker.journal.database.schema import insist, migrate
from worker.journal.records import Micros

T = TypeVar("T")

WORDS = {"bytes": "bytea", "serial": "bigserial PRIMARY KEY", "big": "bigint"}
MIGRATION_LOCK = 0x617A706C616E  # 'azplan': two workers that start together migrate one after the other

PATIENCE_SECONDS = 15.0
"""The longest time of a statement, in seconds. A silent server is given up after twice that, well within a lease."""
TRIES = 5
CLOSE_SECONDS = 2.0
"""The longest wait for connections to close in good order when the journal is closed, in seconds."""

# The settings are sent with BEGIN, in one message: they hold on any connection and behind any pooler. Without them, a
# worker that is stopped or cut off in a transaction would keep its lanes locked until the server gives the worker up.
WRITE = """BEGIN; SET LOCAL synchronous_commit = {commit}; SET LOCAL lock_timeout = {lock};
    SET LOCAL idle_in_transaction_session_timeout = {idle}"""
READ = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL idle_in_transaction_session_timeout = {idle}"

Work = Callable[[PostgresTransaction], Coroutine[Any, Any, T]]
OnConnection = Callable[[Any], Coroutine[Any, Any, T]]


class PostgresEngine:
    """A journal in a PostgreSQL database.

    `writers` transactions may be under way at once. `patience`: seconds after which a server that does not answer is
    given up, and after which the server itself ends a transaction whose worker is silent. `guest`: the schema stays as
    it is found.
    """

    alone = False

    def __init__(
        self,
        url: str,
        *,
        password: str | None = None,
        ca_file: str | None = None,
        writers: int = 3,
        readers: int = 4,
        patience: float = PATIENCE_SECONDS,
        guest: bool = False,
    ) -> None:
        self._address = Address(url, password, ca_file)
        self._door = Door(self._address, patience)
        self._guest = guest
        self.writers = writers
        self._size = writers + readers
        self._patience = patience
        self._pool: Any = None
        self._reading: set[asyncio.Task[Any]] = set()
        self._write = ""
        self._look = READ.format(idle=milliseconds(patience))
        self.warnings: list[str] = []

    async def open(self) -> None:
        """Connect, bring the schema up to date or check it, and note settings of the server that weaken a promise."""
        if warning := self._address.warning():
            self.warnings.append(warning)
        try:
            connection = await self._door.first()
            try:
                await within(connection, self._look, self._judge)
                await (self._insist(connection) if self._guest else self._migrate(connection))
            finally:
                await close(connection)
            self._pool = await asyncpg.create_pool(
                min_size=0, max_size=self._size, connect=self._door.connect, reset=leave
            )
        except DENIED as error:
            raise refused(error) from error
        except TROUBLE as error:
            raise unavailable(error) from error
        except (ValueError, KeyError) as error:
            raise refused(error) from None  # the text of the error may hold a part of the URL

    async def close(self) -> None:
        """Close all connections. Transactions under way get a moment to end."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await pool.close()
            except TROUBLE:
                pool.terminate()

    async def commit(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        """Run all operations in one durable transaction. A transaction that others made impossible is tried again."""

        async def work(tx: PostgresTransaction) -> list[Any]:
            return await perform(tx, operations)

        return await self._again(lambda connection: within(connection, self._write, work))

    async def read(self, query: Callable[[Transaction], Awaitable[T]]) -> T:
        """The result of a query on one state of the database. If the caller is cancelled, the query still ends."""

        async def work(tx: PostgresTransaction) -> T:
            await tx.tick()
            return await query(tx)

        return await self._to_its_end(self._again(lambda connection: within(connection, self._look, work)))

    async def read_statement(self, query: Callable[[Transaction], Awaitable[T]], now: Micros) -> T:
        """The result of a query of one statement, without a transaction around it."""
        return await self._to_its_end(self._again(lambda connection: alone(connection, query, now)))

    async def _to_its_end(self, reading: Coroutine[Any, Any, T]) -> T:
        """The result of a read that ends in good order even if the caller is cancelled."""
        task = asyncio.ensure_future(reading)
        self._reading.add(task)
        task.add_done_callback(self._read)
        return await asyncio.shield(task)

    async def listen(self, heard: Callable[[str], None]) -> None:
        """Listen to notifications. A new connection counts as a notification, because some may have been missed."""
        while not self._door.pooled:
            with suppress(JournalUnavailable, *TROUBLE):
                await self._hear(heard)
            await asyncio.sleep(self._patience / 3)
        await asyncio.Event().wait()  # behind a pooler no notification comes, and every worker looks by itself

    async def _hear(self, heard: Callable[[str], None]) -> None:
        ended = asyncio.Event()
        connection = await self._door.connect()
        try:
            connection.add_termination_listener(lambda _: ended.set())
            await connection.add_listener(CHANNEL, lambda _c, _pid, _channel, payload: heard(str(payload)))
            heard("")
            await ended.wait()
        finally:
            connection.terminate()

    async def _again(self, run: OnConnection[T]) -> T:
        """Run a transaction, and run it again if others made it impossible."""
        for _ in range(TRIES - 1):
            with suppress(*AGAIN):
                return await self._once(run)
        try:
            return await self._once(run)
        except REFUSED:
            raise
        except AGAIN as error:
            raise unavailable(error) from error

    async def _once(self, run: OnConnection[T]) -> T:
        """Run a transaction. An error of neither the values nor other transactions is trouble of the database."""
        try:
            return await self._connected(run)
        except (*AGAIN, *REFUSED) as error:
            if isinstance(error, LOST_STATEMENT):
                await self._renew(pooled=True)
            raise
        except TROUBLE as error:
            if is_too_large(error):
                raise
            if isinstance(error, READ_ONLY):
                await self._renew()
            raise unavailable(error) from error

    async def _renew(self, *, pooled: bool = False) -> None:
        """Drop every connection as soon as it is unused: the connections lead to a server that azplan cannot use."""
        self._door.pooled |= pooled
        if self._pool is not None:
            await self._pool.expire_connections()

    async def _connected(self, run: OnConnection[T]) -> T:
        pool, limit = self._pool, 2 * self._patience
        if pool is None:
            raise JournalUnavailable("the journal is closed")
        async with asyncio.timeout(limit):  # the pool's own limit would cost a task each time
            connection = await pool.acquire()
        try:
            return await run(connection)
        finally:
            await pool.release(connection, timeout=limit)

    def _read(self, task: asyncio.Task[Any]) -> None:
        self._reading.discard(task)
        if not task.cancelled():
            task.exception()  # if the caller was cancelled, nobody else asks for the exception

    async def _judge(self, tx: PostgresTransaction) -> None:
        connection = tx.connection
        await tx.tick()  # the transaction is open from here on
        await self._door.look(connection)
        if await connection.fetchval("SHOW server_encoding") != "UTF8":
            raise JournalRefused(
                "the PostgreSQL database cannot store all characters: make one with ENCODING 'UTF8' for the journal"
            )
        commit = await connection.fetchval("SHOW synchronous_commit")
        if commit == "off":
            commit = "on"
            self.warnings.append(
                "the PostgreSQL server has synchronous_commit=off: azplan turns it on for its own commits"
            )
        self._write = WRITE.format(
            commit=commit, lock=milliseconds(self._patience * 2 / 3), idle=milliseconds(self._patience)
        )
        for setting, danger in (("fsync", "lose"), ("full_page_writes", "destroy")):
            if await connection.fetchval(f"SHOW {setting}") == "off":
                self.warnings.append(
                    f"the PostgreSQL server runs with {setting}=off: a power cut can {danger} stored work"
                )

    async def _insist(self, connection: Any) -> None:
        async def work(tx: PostgresTransaction) -> None:
            await insist(tx)

        await within(connection, self._look, work)

    async def _migrate(self, connection: Any) -> None:
        async def work(tx: PostgresTransaction) -> None:
            await tx.rows("SELECT pg_advisory_xact_lock(?)", MIGRATION_LOCK)
            await tx.tick()
            await migrate(tx, WORDS)

        await within(connection, self._write, work)


async def within(connection: Any, begin: str, work: Work[T]) -> T:
    """Run `work` in a transaction: committed when it returns, undone when it raises."""
    tx = PostgresTransaction(connection, begin)
    try:
        result = await work(tx)
        ended = await tx.commit()
    except BaseException as error:
        await give_up(connection, error)
        raise
    if ended != "COMMIT":
        raise JournalUnavailable(f"PostgreSQL answered a commit with {ended}")
    return result


async def alone(connection: Any, query: Callable[[Transaction], Awaitable[T]], now: Micros) -> T:
    """Run a query without a transaction around it."""
    try:
        return await query(PostgresTransaction(connection, now=now))
    except BaseException as error:
        await give_up(connection, error)
        raise


async def give_up(connection: Any, error: BaseException) -> None:
    """Undo the transaction. A connection that cannot undo it at once is dropped, which undoes the transaction too."""
    with suppress(asyncpg.InterfaceError):  # the connection may have been dropped already
        if not isinstance(error, Exception) or isinstance(error, (OSError, asyncpg.InterfaceError)):
            connection.terminate()
            return
        try:
            await connection.execute("ROLLBACK", timeout=5)
        except TROUBLE:
            connection.terminate()


def milliseconds(seconds: float) -> int:
    """Milliseconds, as PostgreSQL's settings take a duration."""
    return round(seconds * 1000)


async def leave(_connection: Any) -> None:
    """Does nothing when a connection goes back to the pool: no transaction leaves anything behind on it."""


async def close(connection: Any) -> None:
    """Close a connection, in good order if the server answers."""
    try:
        await connection.close(timeout=5)
    except TROUBLE:
        connection.terminate()
