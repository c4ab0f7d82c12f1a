"""One transaction of the journal on SQLite. Its statements never wait, so it runs to its end in one thread."""

import json
import sqlite3
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar, cast

from worker.journal.database.protocol import Known, Operation, Row, Value, clean
from worker.journal.records import Micros

T = TypeVar("T")


class SqliteTransaction:
    """One transaction on one connection. Its coroutines never wait, so `drive` runs them to the end in a thread."""

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

    async def rows_and_clock(self, sql: str, *values: Value | Sequence[str]) -> Sequence[Row]:
        await self.tick()
        return await self.rows(sql, *values)

    async def run(self, sql: str, *values: Value | Sequence[str]) -> int:
        return self._connection.execute(sql, bound(values)).rowcount

    async def many(self, sql: str, values: Sequence[Sequence[Value]]) -> None:
        self._connection.executemany(sql, [bound(row) for row in values])

    async def lock_lanes(self, names: Sequence[str]) -> None:
        """Does nothing: this transaction is the only one that writes."""

    def among(self, column: str) -> str:
        return f"{column} IN (SELECT value FROM json_each(?))"

    def gather(self, columns: Iterable[str]) -> str:
        return f"json_group_array(json_array({', '.join(columns)}))"

    async def hint(self, worker: str) -> None:
        """Does nothing: the only worker wrote this itself, or finds it when it looks next."""

    async def tick(self) -> None:
        self.now = self._clock()

    def enter(self, operation: Operation[Any]) -> None:
        """Does nothing: every statement runs at once."""


def bound(values: Sequence[Value | Sequence[str]]) -> list[Any]:
    """Values as sqlite3 takes them. A list becomes JSON, for `among`."""
    return [json.dumps(clean(value)) if isinstance(value, (list, tuple)) else clean(value) for value in values]


def drive(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits, without an event loop."""
    try:
        work.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    work.close()
    raise RuntimeError("a journal operation waited for something that is not the database")
