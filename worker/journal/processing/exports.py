"""The rows about exports and versions of a command: who works on a dataset, and what is durable of it.

Every write happens only while the lane of the command belongs to the caller's take of the lane, as each write of a run.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from worker.errors import LaneLost
from worker.journal.database.columns import dump, load
from worker.journal.database.protocol import Row, Transaction
from worker.journal.database.state_conditions import OPEN
from worker.journal.database.transactions import Transactions
from worker.journal.export_records import DatasetVersion, Export, Part, VersionState
from worker.journal.processing.runs import record, stands
from worker.journal.records import Micros, Step, Work

T = TypeVar("T")

ADD_DATASET = "INSERT INTO dataset (path, partner) VALUES (?, ?) ON CONFLICT (path) DO NOTHING"
HOLDER = f"""SELECT dataset.path, command.id FROM dataset
    LEFT JOIN command ON command.uid = dataset.holder AND command.uid <> ? AND command.{OPEN}
    WHERE dataset.path = ?"""
HOLD = "UPDATE dataset SET holder = ?, held_at = ? WHERE path = ?"
LET_GO = "UPDATE dataset SET holder = NULL WHERE path = ? AND holder = ?"
ADD_EXPORT = """INSERT INTO export (id, uid, dataset, way, stage, begun_at, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (uid, dataset) DO NOTHING"""
UPDATE_EXPORT = """UPDATE export SET stage = ?, location = ?, operation_id = ?, etag = ?, manifest = ?, operations = ?,
    source_changed = ?, details = ?, changed_at = ? WHERE id = ?"""
EXPORTS = """SELECT id, uid, dataset, way, stage, location, operation_id, etag, manifest, operations, source_changed,
    details, begun_at FROM export WHERE uid = ? ORDER BY begun_at, dataset"""
PUT_PART = """INSERT INTO export_part (export, path, uid, format, ordinal, name, row_count, byte_count, sha256, staged,
    details, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (export, path) DO UPDATE SET row_count = excluded.row_count, byte_count = excluded.byte_count,
      sha256 = excluded.sha256, staged = excluded.staged, name = excluded.name, details = excluded.details,
      at = excluded.at"""
PARTS = """SELECT export, path, format, ordinal, name, row_count, byte_count, sha256, staged, details FROM export_part
    WHERE export = ? ORDER BY path"""
VERSION = """SELECT dataset, content_sha256, version, state, export, manifest, manifest_sha256, supersedes, published_at
    FROM dataset_version WHERE dataset = ? AND content_sha256 = ?"""
BEGIN_VERSION = """INSERT INTO dataset_version (dataset, content_sha256, version, state, export, manifest,
    manifest_sha256, supersedes, published_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (dataset, content_sha256) DO UPDATE SET version = excluded.version, state = excluded.state,
      export = excluded.export, manifest = excluded.manifest, manifest_sha256 = excluded.manifest_sha256,
      supersedes = excluded.supersedes, published_at = excluded.published_at"""
STANDS = "UPDATE dataset_version SET state = ?, manifest = NULL WHERE dataset = ? AND content_sha256 = ?"
NEWEST = "SELECT dataset, published_at FROM dataset_version WHERE state = ? ORDER BY published_at DESC LIMIT ?"

UNSURE = "UPDATE dataset_version SET manifest = NULL WHERE dataset = ? AND export = ? AND state = ?"
"""The rows stay: a version may stand whose worker ended before it could say so, and its content has no other name."""


class Exports:
    """The exports and versions of the commands of this worker's lanes.

    Every method raises `JournalUnavailable`; those that write raise `LaneLost`.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def hold(self, item: Work, dataset: str, partner: str, later: Sequence[str] = ()) -> str | None:
        """Take the dataset for this command until the command ends. The id of another open command that has it.

        If another has it, this command lets go of `later`, the datasets that it takes after this one: a redriven
        command has them still, and two commands would wait for each other.
        """

        async def take(tx: Transaction) -> str | None:
            await tx.run(ADD_DATASET, dataset, partner)
            (row,) = await tx.rows(HOLDER, item.uid, dataset)
            holder: str | None = row["id"]
            if holder is None:
                await tx.run(HOLD, item.uid, tx.now, dataset)
            else:
                await tx.many(LET_GO, [(path, item.uid) for path in later])
            return holder

        return await self._write(item, take)

    async def begin(self, item: Work, new: Export) -> Export:
        """The command's export of a dataset: the one that it has, or else this one."""

        async def add(tx: Transaction) -> Export:
            await tx.run(ADD_EXPORT, new.id, item.uid, new.dataset, new.way, new.stage, tx.now, tx.now)
            return next(each for each in await _exports(tx, item.uid) if each.dataset == new.dataset)

        return await self._write(item, add)

    async def update(self, item: Work, export: Export) -> None:
        """Store the present values of an export."""

        async def store(tx: Transaction) -> None:
            values = (
                export.stage,
                export.location,
                export.operation_id,
                export.etag,
                dump(export.manifest),
                export.operations,
                export.source_changed,
                dump(export.details),
                tx.now,
                export.id,
            )
            await tx.many(UPDATE_EXPORT, [values])

        await self._write(item, store)

    async def of_command(self, item: Work) -> list[Export]:
        """The exports of a command, in the order in which they began."""
        return await self._transactions.read_statement(lambda tx: _exports(tx, item.uid))

    async def put_part(self, item: Work, part: Part) -> None:
        """Store that a part is durable at the destination. It takes the place of a part of the same path."""

        async def store(tx: Transaction) -> None:
            values = (
                part.export,
                part.path,
                item.uid,
                part.format,
                part.ordinal,
                part.name,
                part.rows,
                part.bytes,
                part.sha256,
                part.staged,
                dump(part.details),
                tx.now,
            )
            await tx.many(PUT_PART, [values])

        await self._write(item, store)

    async def parts(self, export: str) -> list[Part]:
        """The parts of an export, by their paths."""
        rows = await self._transactions.read_statement(lambda tx: tx.rows(PARTS, export))
        return [_part(row) for row in rows]

    async def drop_parts(self, item: Work, export: Export) -> None:
        """Forget all parts of an export, and what the manifests of versions were to be that were begun of them."""

        async def drop(tx: Transaction) -> None:
            await tx.many("DELETE FROM export_part WHERE export = ?", [(export.id,)])
            await tx.many(UNSURE, [(export.dataset, export.id, VersionState.PUBLISHING.value)])

        await self._write(item, drop)

    async def version(self, dataset: str, content: str) -> DatasetVersion | None:
        """The version of a dataset that has this content; None if there is none."""
        rows = await self._transactions.read_statement(lambda tx: tx.rows(VERSION, dataset, content))
        return _version(rows[0]) if rows else None

    async def begin_version(self, item: Work, new: DatasetVersion) -> None:
        """Store a version before anything of it is written to the destination, in place of one of the same content.

        The caller has looked: no manifest of that version stands at the destination.
        """

        async def store(tx: Transaction) -> None:
            values = (
                new.dataset,
                new.content_sha256,
                new.version,
                new.state.value,
                new.export,
                new.manifest,
                new.manifest_sha256,
                new.supersedes,
                new.published_at,
            )
            await tx.many(BEGIN_VERSION, [values])

        await self._write(item, store)

    async def version_stands(self, item: Work, version: DatasetVersion, done: Step) -> None:
        """Store that manifest and pointer are written, and that the step which wrote them has taken effect."""

        async def store(tx: Transaction) -> None:
            await tx.many(STANDS, [(VersionState.PUBLISHED.value, version.dataset, version.content_sha256)])
            await record(tx, item, done, spent=False, calls=())

        await self._write(item, store)

    async def newest(self, limit: int) -> dict[str, Micros]:
        """When the newest version of each dataset was published, by its path. Looks at the `limit` newest versions."""
        published = (VersionState.PUBLISHED.value, limit)
        rows = await self._transactions.read_statement(lambda tx: tx.rows(NEWEST, *published))
        return {row["dataset"]: row["published_at"] for row in reversed(rows)}

    async def insist(self, item: Work) -> None:
        """Raise `LaneLost` unless the lane and the run are still the caller's. Changes nothing."""

        async def nothing(_tx: Transaction) -> None:
            """Look at the lane alone."""

        await self._write(item, nothing)

    async def _write(self, item: Work, change: Callable[[Transaction], Awaitable[T]]) -> T:
        async def checked(tx: Transaction) -> tuple[T] | None:
            return (await change(tx),) if stands(tx, item) else None

        done = await self._transactions.write(checked, item)
        if done is None:
            raise LaneLost(item.lane)
        return done[0]


async def _exports(tx: Transaction, uid: str) -> list[Export]:
    return [
        Export(
            id=row["id"],
            uid=row["uid"],
            dataset=row["dataset"],
            way=row["way"],
            stage=row["stage"],
            location=row["location"],
            operation_id=row["operation_id"],
            etag=row["etag"],
            manifest=load(row["manifest"] or "null"),
            operations=row["operations"],
            source_changed=row["source_changed"],
            details=load(row["details"] or "null"),
            begun_at=row["begun_at"],
        )
        for row in await tx.rows(EXPORTS, uid)
    ]


def _part(row: Row) -> Part:
    return Part(
        export=row["export"],
        path=row["path"],
        format=row["format"],
        rows=row["row_count"],
        bytes=row["byte_count"],
        sha256=row["sha256"],
        staged=row["staged"],
        ordinal=row["ordinal"],
        name=row["name"],
        details=load(row["details"] or "null"),
    )


def _version(row: Row) -> DatasetVersion:
    return DatasetVersion(
        dataset=row["dataset"],
        content_sha256=row["content_sha256"],
        version=row["version"],
        state=VersionState(row["state"]),
        export=row["export"],
        manifest=row["manifest"],
        manifest_sha256=row["manifest_sha256"],
        supersedes=row["supersedes"],
        published_at=row["published_at"],
    )
