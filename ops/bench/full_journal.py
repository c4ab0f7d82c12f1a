"""Fills a journal on PostgreSQL with copies of commands that a worker has really concluded.

A copy has new ids and an age of its own; everything else is as the worker wrote it, so that rows have their real sizes.
A copy that ended more than `detail` days ago is as retention leaves it: without bytes, steps, calls and notes.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import asyncpg

TABLES: Final = ("command", "lane", "event", "step", "call", "note")
OF_DETAILS: Final = ("step", "call", "note")
DAY: Final = 86_400_000_000
"""Microseconds."""
CHUNK: Final = 100_000
"""Commands to a statement."""

NEW_UID: Final = "md5(t.uid || k)::uuid::text"
NEW_CUSTOMER: Final = "md5(c.customer || k)::uuid::text"
NEW_LANE: Final = f"split_part(c.lane, '/', 1) || '/' || {NEW_CUSTOMER}"
AGE: Final = f"($3::bigint * {DAY} * (k - $4::bigint) / $5::bigint)"
"""Microseconds by which copy `k` is older than the newest: the copies are spread over `$3` days."""
CHANGED: Final[Mapping[str, Mapping[str, str]]] = {
    "command": {
        "uid": NEW_UID,
        "id": "md5(t.id || k)",
        "customer": NEW_CUSTOMER,
        "lane": NEW_LANE,
        "received_at": f"t.received_at - {AGE}",
        "concluded_at": f"t.concluded_at - {AGE}",
    },
    "lane": {"id": NEW_LANE, "customer": NEW_CUSTOMER, "owner": "NULL", "unfinished": "0"},
    "event": {"id": "md5(t.id || k)::uuid::text", "uid": NEW_UID, "lane": NEW_LANE, "at": f"t.at - {AGE}"},
    "step": {"uid": NEW_UID, "at": f"t.at - {AGE}"},
    "call": {"uid": NEW_UID, "at": f"t.at - {AGE}"},
    "note": {"uid": NEW_UID, "at": f"t.at - {AGE}"},
}
BARE: Final = {
    "key": "NULL",
    "value": "NULL",
    "headers": "'[]'",
    "memory": "'{}'",
    "pruned_at": f"t.concluded_at - {AGE} + {30 * DAY}",
}
"""What retention changes in a command whose details it forgets."""


class Filling:
    """A journal that is being filled. `commands` is how many concluded commands it holds."""

    def __init__(self, connection: "asyncpg.Connection[Any]", url: str, *, days: int, detail: int) -> None:
        """`url`: the database of the connection. Copies are spread over `days`.

        Those of the last `detail` days keep their details.
        """
        self._connection = connection
        self._url = url
        self._days, self._detail = days, detail
        self._templates = 0
        self._copies = 0
        self._columns: dict[str, list[str]] = {}

    @property
    def commands(self) -> int:
        """Concluded commands in the journal."""
        return self._templates * (self._copies + 1)

    async def begin(self) -> None:
        """Keep what the worker has written, as templates."""
        run = self._connection.execute
        await run("CREATE TABLE of_command AS SELECT * FROM command WHERE concluded_at IS NOT NULL")
        await run("CREATE TABLE of_lane AS SELECT * FROM lane WHERE customer <> ''")
        for table in ("event", *OF_DETAILS):
            await run(f"CREATE TABLE of_{table} AS SELECT * FROM {table}")
        self._templates = await self._connection.fetchval("SELECT count(*) FROM of_command")
        for table in TABLES:
            rows = await self._connection.fetch(
                "SELECT column_name FROM information_schema.columns WHERE table_name = $1 AND table_schema = 'public'"
                " AND column_name <> 'seq' ORDER BY ordinal_position",
                table,
            )
            self._columns[table] = [row["column_name"] for row in rows]

    async def fill(self, commands: int, say: Callable[[str], None]) -> None:
        """Fill up to so many concluded commands, all tables at the same time. Indexes are made after the rows."""
        wanted = max(self._copies, commands // self._templates - 1)
        indexes = await self._take_indexes()

        async def whole(table: str) -> None:
            connection = await asyncpg.connect(self._url)
            first, step = self._copies, max(1, CHUNK // self._templates)
            for at in range(first, wanted, step):
                end = min(wanted, at + step)
                await self._copy(connection, table, (at, end), (first, wanted))
                say(f"{table}: {end * self._templates:,} of {commands:,} commands")
            for make in indexes[table]:
                say(make)
                await connection.execute(make)
            await connection.execute(f"VACUUM (ANALYZE, INDEX_CLEANUP OFF) {table}")
            await connection.close()

        await asyncio.gather(*(whole(table) for table in TABLES))
        self._copies = wanted

    async def forget_open(self) -> None:
        """Take away what was taken in and never carried out."""
        opened = "SELECT uid FROM command WHERE concluded_at IS NULL"
        await self._connection.execute(f"DELETE FROM event WHERE uid IN ({opened})")
        await self._connection.execute("DELETE FROM lane WHERE unfinished = 1")
        await self._connection.execute("DELETE FROM command WHERE concluded_at IS NULL")

    async def _copy(
        self, connection: "asyncpg.Connection[Any]", table: str, part: tuple[int, int], whole: tuple[int, int]
    ) -> None:
        """Insert the copies from the first to before the second number of `part`, of a fill of `whole`."""
        (begin, end), (first, last) = part, whole
        kept = first + (last - first) * self._detail // self._days
        if table in OF_DETAILS:
            end = min(end, kept)
        parts = (
            [(begin, min(end, kept), {}), (max(begin, kept), end, BARE)] if table == "command" else [(begin, end, {})]
        )
        for low, high, more in parts:
            if low < high:
                await connection.execute(
                    self._statement(table, {**CHANGED[table], **more}), low, high - 1, self._days, first, last - first
                )

    def _statement(self, table: str, changed: Mapping[str, str]) -> str:
        columns = self._columns[table]
        values = ", ".join(changed.get(name, f"t.{name}") for name in columns)
        joined = {"command": "of_command AS c ON c.uid = t.uid", "lane": "of_lane AS c ON c.id = t.id"}
        # A lane's own row names it `id`; events, steps, calls and notes belong to a command.
        source = f"of_{table} AS t JOIN {joined.get(table, joined['command'])}"
        source = source.replace("of_lane AS c", "(SELECT id, id AS lane, customer FROM of_lane) AS c")
        return (
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {source}"
            " CROSS JOIN generate_series($1::bigint, $2::bigint) AS k"
            " WHERE $3::bigint + $4::bigint + $5::bigint IS NOT NULL"
        )

    async def _take_indexes(self) -> Mapping[str, Sequence[str]]:
        """Drop all indexes of the filled tables. Returns for each table the statements that make them again."""
        constraints = await self._connection.fetch(
            "SELECT conrelid::regclass::text AS place, conname, pg_get_constraintdef(oid) AS definition"
            " FROM pg_constraint WHERE contype IN ('p', 'u') AND conrelid::regclass::text = ANY($1)",
            list(TABLES),
        )
        for one in constraints:
            await self._connection.execute(f"ALTER TABLE {one['place']} DROP CONSTRAINT {one['conname']}")
        indexes = await self._connection.fetch(
            "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE tablename = ANY($1)", list(TABLES)
        )
        for one in indexes:
            await self._connection.execute(f"DROP INDEX {one['indexname']}")
        made: dict[str, list[str]] = {table: [] for table in TABLES}
        for one in constraints:
            add = f"ALTER TABLE {one['place']} ADD CONSTRAINT {one['conname']} {one['definition']}"
            made[one["place"]].append(add)
        for one in indexes:
            made[one["tablename"]].append(one["indexdef"])
        return made


async def sizes(connection: "asyncpg.Connection[Any]") -> dict[str, int]:
    """Bytes of each filled table with its indexes."""
    return {name: await connection.fetchval("SELECT pg_total_relation_size($1::regclass)", name) for name in TABLES}


async def written(url: str) -> int:
    """Bytes that the server has written to its log (WAL) since it was made."""
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))
    finally:
        await connection.close()


async def rows(connection: "asyncpg.Connection[Any]") -> dict[str, int]:
    """Rows of each filled table."""
    return {name: await connection.fetchval(f"SELECT count(*) FROM {name}") for name in TABLES}
