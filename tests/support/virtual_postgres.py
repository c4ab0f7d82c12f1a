"""A journal on a real PostgreSQL server in virtual time: the test sets the server's time and waits for its answers."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import asyncpg
import pytest

from ops.local.databases import run_apart
from tests.support.harness import MakeEngine
from tests.support.virtual_loop import VirtualLoop
from worker.clock import Clock
from worker.journal.database.postgres.engine import PostgresEngine
from worker.journal.database.postgres.transaction import PostgresTransaction
from worker.journal.database.protocol import Operation, Transaction
from worker.journal.records import Micros

T = TypeVar("T")


class VirtualPostgres(PostgresEngine):
    """While the server works, virtual time stands still."""

    async def open(self) -> None:
        """As the real engine does."""
        with _loop().outside():
            await super().open()

    async def close(self) -> None:
        """Let go at once, as the system does for a process that has ended.

        A killed worker's driver may never give its connection back. The real engine waits a while for the connection,
        but virtual time stands still meanwhile.
        """
        if self._pool is not None:
            pool, self._pool = self._pool, None
            pool.terminate()

    async def commit(self, operations: Sequence[Operation]) -> list[Any]:
        """As the real engine does."""
        with _loop().outside():
            return await super().commit(operations)

    async def read(self, query: Callable[[Transaction], Awaitable[T]]) -> T:
        """As the real engine does."""
        with _loop().outside():
            return await super().read(query)

    async def read_statement(self, query: Callable[[Transaction], Awaitable[T]], now: Micros) -> T:
        """As the real engine does."""
        with _loop().outside():
            return await super().read_statement(query, now)

    async def listen(self, heard: Callable[[str], None]) -> None:
        """Deliver no hints: a hint may be lost at any time."""
        await asyncio.Event().wait()


@contextmanager
def told_the_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], MakeEngine]]:
    """Makes engines on a database whose clock is the world's clock."""
    told: list[Clock] = []

    def hear_clock(tx: PostgresTransaction, _now: Micros) -> None:
        tx.now = _micros(told[-1])

    def engines(url: str) -> MakeEngine:
        def made(clock: Clock) -> VirtualPostgres:
            told.append(clock)
            return VirtualPostgres(url, writers=1, readers=1)

        return made

    with monkeypatch.context() as patch:
        patch.setattr(PostgresTransaction, "hear_clock", hear_clock)
        yield engines


def emptied(url: str) -> str:
    """The database, emptied of all rows and tables."""
    run_apart(_empty(url))
    return url


async def _empty(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        # Deleting rows is many times faster than dropping tables: the server makes and removes a file for each table.
        tables = [row["tablename"] for row in await connection.fetch(TABLES)]
        sequences = [row["sequencename"] for row in await connection.fetch(SEQUENCES)]
        statements = [
            *(f'DELETE FROM "{name}"' for name in tables if name != "schema_version"),
            *(f'ALTER SEQUENCE "{name}" RESTART' for name in sequences),
        ]
        await connection.execute(";".join(["SET session_replication_role = replica", *statements]))
    finally:
        await connection.close()


TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
SEQUENCES = "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'"


def _loop() -> VirtualLoop:
    return cast("VirtualLoop", asyncio.get_running_loop())


def _micros(clock: Clock) -> Micros:
    return int(clock.now().timestamp() * 1_000_000)
