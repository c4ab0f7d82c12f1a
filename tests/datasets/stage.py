"""A command that exports one dataset, on a journal and a destination that outlive its workers."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.runtime.bench import ACCOUNT, Bench
from tests.support.boundaries import Life, Script, WatchedEngine, WatchedStore
from tests.support.callers_thread import CallersThread
from tests.support.destinations import at_once, destination_in
from worker.clock import Clock
from worker.datasets.command_files import CommandFiles
from worker.datasets.publication import Publication
from worker.files.folder import FolderStore
from worker.files.layout import Dataset, Unbilled, content_sha256, part_path, version_name
from worker.files.manifest import Blob, Manifest, PublishedFile, Source
from worker.files.store import Store
from worker.journal.database.sqlite.engine import SqliteEngine
from worker.journal.database.transactions import Transactions
from worker.journal.export_records import Export, Part
from worker.journal.journal import Journal
from worker.journal.records import Work
from worker.step_view import Result
from worker.steps import Steps

DATASET = Dataset(ACCOUNT, "lines=usage", invoice_id="G016907411")
CREATED = datetime(2026, 11, 8, 10, 19, 59, tzinfo=UTC)
CONTENTS = (b"first\n", b"second\nthird\n", b"fourth\n")


class DatasetBench(Bench):
    """A worker whose writes can be cut off at every boundary."""

    def __init__(
        self, folder: Path, script: Script | None = None, store: Store | None = None, *, exclusive: bool = True
    ) -> None:
        super().__init__(folder / "journal.db")
        self.clock = Clock()  # type: ignore[assignment]  # one that goes on from worker to worker
        self.life = Life("worker", script)
        self.folder = folder
        engine = SqliteEngine(self.path, clock=self.clock, threads=CallersThread(), exclusive=exclusive)
        self.journal = Journal(Transactions(WatchedEngine(engine, self.life), self.clock))
        given = store or FolderStore(folder / "files", in_thread=at_once)
        self.files = destination_in(folder, lambda _: WatchedStore(given, self.life))

    def of(self, work: Work) -> CommandFiles:
        """What the command's handler works with."""
        return CommandFiles(self.files, self.journal, work, ACCOUNT)

    async def only(self) -> Work:
        """The one command, for its next run."""
        await self.journal.take_lanes(10)
        (work,) = await self.claim()
        return work


@asynccontextmanager
async def bench_in(
    folder: Path, script: Script | None = None, store: Store | None = None
) -> AsyncIterator[DatasetBench]:
    """A worker on what is in this folder, with another destination than a folder in it where one is given."""
    bench = DatasetBench(folder, script, store)
    await bench.open()
    try:
        yield bench
    finally:
        await bench.close()


async def export(
    bench: DatasetBench,
    work: Work,
    *,
    dataset: Dataset = DATASET,
    contents: tuple[bytes, ...] = CONTENTS,
    created: datetime = CREATED,
    step: str = "publish usage",
    worker: str = "test",
) -> Result:
    """A run as a handler makes it: it goes on where the journal says that the run before ended."""
    files, steps = bench.of(work), bench.steps(work)
    given = await files.hold(dataset)
    assert given is None
    one = await files.export(dataset, "graph")
    known = {part.path for part in await files.parts(one)}
    for ordinal, content in enumerate(contents):
        if part_path("source", ordinal) not in known:
            await make_part(files, one, ordinal, content)
    return await publish(files, steps, one, contents=contents, created=created, step=step, worker=worker)


async def make_part(files: CommandFiles, one: Export, ordinal: int, content: bytes) -> Part:
    """Write a part as a download does."""
    with files.scratch() as folder:
        path = folder / "part"
        path.write_bytes(content)
        return await files.part(
            one,
            path,
            path=part_path("source", ordinal),
            format="source",
            rows=text_of(content).count(b"\n"),
            ordinal=ordinal,
            name=f"part-{ordinal}.json.gz",
        )


def text_of(content: bytes) -> bytes:
    """The lines of a part, which may be compressed."""
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content


async def publish(
    files: CommandFiles,
    steps: Steps,
    one: Export,
    *,
    contents: tuple[bytes, ...] = CONTENTS,
    created: datetime = CREATED,
    step: str = "publish usage",
    worker: str = "test",
) -> Result:
    """Publish the parts that the journal has."""
    parts = await files.parts(one)
    assert len(parts) == len(contents)
    content = content_sha256((part.ordinal or 0, part.sha256, part.bytes) for part in parts)
    version = version_name(created, content)

    def manifest(at: datetime, before: str | None) -> Manifest:
        blobs = tuple(Blob(p.ordinal or 0, p.name or "", p.bytes, p.rows, p.sha256) for p in parts)
        made = tuple(PublishedFile(p.path, p.format, p.rows, p.bytes, p.sha256, p.ordinal) for p in parts)
        source = Source("graph", None, '"e"', None, None, content, blobs)
        return Manifest(
            Dataset.parse(one.dataset), version, before, at, worker, source, made, sum(p.rows for p in parts)
        )

    result = await steps.take(step, Publication(one, version, content, manifest))
    assert result is not None
    await files.tidy(one, result["version"])
    return result


def tree(folder: Path) -> list[str]:
    """All files below the destination."""
    root = folder / "files"
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def settled(work: Work) -> Work:
    """The command as another worker knows it that has never had the lane."""
    return replace(work, owner=replace(work.owner, epoch=work.owner.epoch - 1))


def versions_of_month(folder: Path, number: int) -> list[str]:
    """Versions of an unbilled month, published by one command after the other. Their names, the oldest first."""
    month = Dataset(ACCOUNT, "lines=usage", unbilled=Unbilled("2026-11", "EUR"))

    async def made() -> list[str]:
        names = []
        async with bench_in(folder) as bench:
            for each in range(number):
                work = await bench.begin(id=f"m-{each}")
                created = CREATED + timedelta(hours=each)
                done = await export(bench, work, dataset=month, contents=(b"%d" % each,), created=created)
                names.append(str(done["version"]))
                await end(bench, f"m-{each}")
        return names

    return asyncio.run(made())


async def end(bench: Bench, command: str) -> None:
    """The command has its answer, and the lane's next one is due."""
    ended = "UPDATE command SET state = 'succeeded', due_at = NULL, concluded_at = 1 WHERE id = ?"
    due = "UPDATE command SET due_at = 1 WHERE concluded_at IS NULL"
    await bench.journal.transactions.write(lambda tx: tx.run(ended, command))
    await bench.journal.transactions.write(lambda tx: tx.run(due))
