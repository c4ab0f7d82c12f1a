"""One transaction of the journal on PostgreSQL. It sends many statements together, and its ends with them."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, cast

from worker.journal.database.pending_statements import Pending
from worker.journal.database.postgres.literals import inlined, parts
from worker.journal.database.protocol import Known, Operation, Row, Value, clean
from worker.journal.records import Micros

CHANNEL = "azplan_journal"

CLOCK = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
NOW = f"SELECT {CLOCK}"
AT_ONCE = (
    f"SELECT clock.now AS clock_now, found.* FROM (SELECT {CLOCK} AS now) AS clock LEFT JOIN ({{}}) AS found ON true"
)
"""A query and the database's clock. Without a row of the query there is one row of NULLs beside the clock."""
LOCK_LANES = "SELECT 1 FROM lane WHERE id = ANY(?::text[]) ORDER BY id FOR UPDATE"
PRESENT = """SELECT relname AS name FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname = ANY(?::text[])"""
SIZE = """SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint AS bytes FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname = ANY(?::text[])"""

FEW_ROWS = 8
FEW_BYTES = 65_536
"""A statement for more rows, or of more bytes, is sent by itself with its values beside it. The server then reads the
statement once for all rows, and the bytes as they are."""


class PostgresTransaction:
    """One transaction on one connection.

    `begin` opens the transaction together with its first statements. "" if every statement stands for itself.
    """

    locking = " FOR UPDATE"
    skip_locked = " FOR UPDATE SKIP LOCKED"
    present = PRESENT
    size = SIZE

    def __init__(self, connection: Any, begin: str = "", now: Micros = 0) -> None:
        self.connection = connection
        self._begin = begin
        self._pending = Pending()
        self._touched: set[str] = {""}
        self.now = now
        self.known = Known()

    async def rows(self, sql: str, *values: Value | Sequence[str]) -> Sequence[Row]:
        await self._send()
        return cast("Sequence[Row]", await self.connection.fetch(numbered(sql), *clean(values)))

    async def rows_and_clock(self, sql: str, *values: Value | Sequence[str]) -> Sequence[Row]:
        found: Sequence[Any] = await self.rows(AT_ONCE.format(sql), *values)
        self.hear_clock(found[0][0])
        return [] if found[0][1] is None else found

    async def run(self, sql: str, *values: Value | Sequence[str]) -> int:
        await self._send()
        status: str = await self.connection.execute(numbered(sql), *clean(values))
        last = status.rsplit(" ", 1)[-1]
        return int(last) if last.isdigit() else 0

    async def many(self, sql: str, values: Sequence[Sequence[Value]]) -> None:
        self._pending.add(self._touched, sql, [clean(row) for row in values])

    async def lock_lanes(self, names: Sequence[str]) -> None:
        self._pending.add(self._touched, LOCK_LANES, [[clean(list(names))]])

    def among(self, column: str) -> str:
        return f"{column} = ANY(?::text[])"

    def gather(self, columns: Iterable[str]) -> str:
        return f"json_agg(json_build_array({', '.join(columns)}))"

    async def hint(self, worker: str) -> None:
        await self.many(f"SELECT pg_notify('{CHANNEL}', ?)", [(worker,)])

    async def tick(self) -> None:
        await self._send()
        self.hear_clock(await self.connection.fetchval(NOW))

    def hear_clock(self, now: Micros) -> None:
        """Take this reading of the database's clock for the transaction's instant."""
        self.now = now

    def enter(self, operation: Operation[Any]) -> None:
        self._touched = operation.touches or {""}

    async def commit(self) -> str:
        """Run the pending statements and commit, in one message where they are few. The server's word for the end."""
        if self._begin and not self._pending:
            return "COMMIT"  # nothing was asked of the server
        return await self._send("COMMIT")

    async def _send(self, end: str | None = None) -> str:
        """Run the pending statements, with the beginning of the transaction before them and `end` behind them."""
        script, self._begin = [self._begin] if self._begin else [], ""
        for sql, values in self._pending.take():
            if is_small(values):
                script += [inlined(sql, row) for row in values]
                continue
            if script:
                await self.connection.execute(";\n".join(script))
                script = []
            await self.connection.executemany(numbered(sql), values)
        if end is not None:
            script.append(end)
        return str(await self.connection.execute(";\n".join(script))) if script else ""


def is_small(rows: Sequence[Sequence[Any]]) -> bool:
    """Whether these rows of values may stand in the text of a message."""
    return len(rows) <= FEW_ROWS and sum(map(_size, (value for row in rows for value in row))) <= FEW_BYTES


def _size(value: Any) -> int:
    return len(value) if isinstance(value, (str, bytes, list)) else 0


@lru_cache(maxsize=1024)
def numbered(sql: str) -> str:
    """`?` as PostgreSQL counts them: `$1`, `$2`, …"""
    around = parts(sql)
    return "".join(f"{part}${index}" for index, part in enumerate(around[:-1], 1)) + around[-1]
