"""One transaction of the journal on PostgreSQL. It sends many statements together."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

from worker.journal.database.pending_statements import Pending
from worker.journal.database.protocol import Known, Operation, Row, Value, clean
from worker.journal.records import Micros

CHANNEL = "azplan_journal"

NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
PRESENT = """SELECT relname AS name FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname = ANY(?::text[])"""
SIZE = """SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint AS bytes FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname = ANY(?::text[])"""


class PostgresTransaction:
    """One transaction on one connection."""

    locking = " FOR UPDATE"
    skip_locked = " FOR UPDATE SKIP LOCKED"
    present = PRESENT
    size = SIZE

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._pending = Pending()
        self._touched: set[str] = {""}
        self.now: Micros = 0
        self.known = Known()

    async def rows(self, sql: str, *values: Value | Sequence[str]) -> Sequence[Row]:
        await self.send()
        return cast("Sequence[Row]", await self.connection.fetch(numbered(sql), *clean(values)))

    async def run(self, sql: str, *values: Value | Sequence[str]) -> int:
        await self.send()
        status: str = await self.connection.execute(numbered(sql), *clean(values))
        last = status.rsplit(" ", 1)[-1]
        return int(last) if last.isdigit() else 0

    async def many(self, sql: str, values: Sequence[Sequence[Value]]) -> None:
        self._pending.add(self._touched, sql, [clean(row) for row in values])

    def among(self, column: str) -> str:
        return f"{column} = ANY(?::text[])"

    async def hint(self, worker: str) -> None:
        await self.many(f"SELECT pg_notify('{CHANNEL}', ?)", [(worker,)])

    async def tick(self) -> None:
        await self.send()
        self.now = await self.connection.fetchval(NOW)

    def enter(self, operation: Operation[Any]) -> None:
        self._touched = operation.touches or {""}

    async def send(self) -> None:
        """Run the pending statements."""
        for sql, values in self._pending.take():
            await self.connection.executemany(numbered(sql), values)


@lru_cache(maxsize=1024)
def numbered(sql: str) -> str:
    """`?` as PostgreSQL counts them: `$1`, `$2`, …"""
    parts = sql.split("?")
    return "".join(f"{part}${index}" for index, part in enumerate(parts[:-1], 1)) + parts[-1]
