"""The files of one command: the datasets that it works on, its exports with their parts, and single files.

What is durable is remembered in the journal for later runs, under the check of the lane's ownership.
"""

import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from worker.datasets.publication import lost
from worker.files.catalog import trim
from worker.files.conversion.process import Converter
from worker.files.destination import (
    Destination,
    Document,
    FileOptions,
    Published,
    StagedOtherBytes,
    staging_folder,
)
from worker.files.errors import DestinationRefused, DestinationUnavailable
from worker.files.layout import ROOT, Dataset, safe_name
from worker.journal.export_records import Export, Part
from worker.journal.journal import Journal
from worker.journal.records import Json, Work

T = TypeVar("T")

ASKED = "preparing"
"""The stage of an export at its beginning."""


class CommandFiles:
    """What a handler may do with files. Every method may raise `DestinationUnavailable`, `DestinationRefused` and
    `JournalUnavailable`; those that write to the journal raise `LaneLost`."""

    def __init__(self, destination: Destination, journal: Journal, work: Work, account: str) -> None:
        self._destination = destination
        self._journal = journal
        self._work = work
        self._account = account

    @property
    def options(self) -> FileOptions:
        """The settings about files that decide what commands do."""
        return self._destination.options

    # ---- datasets and versions

    async def hold(self, dataset: Dataset, later: Iterable[Dataset] = ()) -> str | None:
        """Take the dataset for this command until the command ends. The id of the other open command that has it.

        `later`: the datasets that the command takes after this one. It lets go of them if another has this one.
        """
        after = [each.path for each in later]
        return await self._journal.exports.hold(self._work, dataset.path, self._work.partner or "", after)

    async def latest(self, dataset: Dataset) -> Published | None:
        """The newest version that stands at the destination; None if there is none."""
        return await self._destination.latest(dataset)

    async def published(self, dataset: Dataset, version: str) -> Published | None:
        """A version that stands at the destination; None if it does not."""
        return await self._destination.published(dataset, version)

    # ---- exports and their parts

    async def export(self, dataset: Dataset, way: str) -> Export:
        """The command's export of a dataset, made if there is none. What older exports have staged of it is removed."""
        known = {each.dataset: each for each in await self.exports()}
        if dataset.path in known:
            return known[dataset.path]
        new = Export(str(uuid.uuid4()), self._work.uid, dataset.path, way, ASKED)
        begun = await self._journal.exports.begin(self._work, new)
        await self._destination.clear(dataset, keep=begun.id)
        return begun

    async def exports(self) -> list[Export]:
        """The exports of this command over all its stories, in the order in which they began."""
        return await self._journal.exports.of_command(self._work)

    async def update(self, export: Export, **changed: Any) -> Export:
        """Change members of an export. Durable when this returns."""
        new = replace(export, **changed)
        await self._journal.exports.update(self._work, new)
        return new

    async def parts(self, export: Export) -> list[Part]:
        """The parts of an export that are durable at the destination, by their paths."""
        return await self._journal.exports.parts(export.id)

    async def part(
        self,
        export: Export,
        source: Path,
        *,
        path: str,
        format: str,  # noqa: A002 - as in the manifest
        rows: int,
        ordinal: int | None = None,
        name: str | None = None,
        details: Json = None,
        sha256: str | None = None,
    ) -> Part:
        """Bring a finished local file to the destination and remember it. The local file may be gone afterwards.

        Takes the place of a part of the same path. Raises `StagedOtherBytes` if the file's hash is not `sha256`.
        """
        staged = await self._destination.stage(Dataset.parse(export.dataset), export.id, path, source)
        if sha256 is not None and staged.sha256 != sha256:
            raise StagedOtherBytes(f"{path} has the hash {staged.sha256} and not {sha256}")
        part = Part(export.id, path, format, rows, staged.bytes, staged.sha256, staged.path, ordinal, name, details)
        await self._journal.exports.put_part(self._work, part)
        return part

    @asynccontextmanager
    async def local(self, part: Part) -> AsyncIterator[Path]:
        """A part as a local file, to be read only.

        Raises `DestinationUnavailable` if the part is gone. The next run finds no parts of its export and makes them.
        """
        async with AsyncExitStack() as opened:
            try:
                path = await opened.enter_async_context(self._destination.local(part.staged))
            except FileNotFoundError as error:
                export = next(each for each in await self.exports() if each.id == part.export)
                raise await lost(self._journal, self._work, export) from error
            yield path

    async def drop_parts(self, export: Export) -> None:
        """Forget the parts of an export, because their source has changed, and remove them from the destination."""
        await self._journal.exports.drop_parts(self._work, export)
        await self._destination.clear(Dataset.parse(export.dataset))

    async def tidy(self, export: Export, version: str) -> None:
        """Remove what the export has staged, now that this version stands, and unbilled ones beyond the settings.

        Changes nothing if that is done already, as before a crash. What a destination that does not answer keeps, the
        next command of the dataset removes.
        """
        dataset = Dataset.parse(export.dataset)
        with suppress(DestinationUnavailable, DestinationRefused):
            await self._destination.store.delete_folder(staging_folder(dataset, export.id))
            await trim(self._destination, dataset, version)

    @asynccontextmanager
    async def stored(self, dataset: Dataset, version: str, path: str) -> AsyncIterator[Path]:
        """A file of a published version as a local file, to be read only."""
        async with self._destination.local(f"{dataset.version_folder(version)}/{path}") as local:
            yield local

    @property
    def converter(self) -> Converter:
        """Makes Parquet and FOCUS in child processes, one at a time in this worker."""
        return self._destination.converter

    # ---- single files

    def slot(self) -> AbstractContextManager[bool]:
        """One of the places of exports at work in this worker. False: all of them are taken."""
        return self._destination.slot()

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run a blocking function where the event loop does not wait for it."""
        return await self._destination.in_thread(work)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for files under way, removed at the end."""
        with self._destination.scratch.folder() as folder:
            yield folder

    async def document(self, path: str, source: Path) -> Document:
        """Create a file below the account's folder that never changes, such as `statements/G016907411/{sha}.pdf`.

        `{sha}` becomes the first 12 digits of its SHA-256. Raises `UnsafeName` for a path that no file may have.
        """
        await self._journal.exports.insist(self._work)
        return await self._destination.document(f"{ROOT}/partner={safe_name(self._account)}", path, source)
