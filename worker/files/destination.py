"""The destination of this worker's files: staging, publishing and reading versions. Knows no journal."""

import hashlib
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TypeVar

from worker.files.conversion.process import Converter
from worker.files.errors import DestinationRefused, OtherVersion
from worker.files.folder import InThread
from worker.files.layout import (
    MANIFEST,
    POINTER,
    ROOT,
    SOURCE,
    STAGING,
    VERSION,
    Dataset,
    is_version,
    made_at,
    safe_name,
    safe_path,
)
from worker.files.manifest import Manifest, PublishedFile, UnreadableManifest, canonical, pointed
from worker.files.scratch import Scratch
from worker.files.store import Store

PROBE = b"azplan\n"
T = TypeVar("T")


class StagedOtherBytes(Exception):
    """The file has another hash than its maker says: something changed the file meanwhile."""


@dataclass(frozen=True, slots=True)
class FileOptions:
    """The settings about files that decide what commands do."""

    formats: tuple[str, ...] = (SOURCE,)
    trust_etag: bool = True
    concurrency: int = 1
    downloads: int = 4
    keep_unbilled: int = 7
    records_in_events: int = 10_000
    tolerance: Decimal = Decimal(0)
    """The unexplained amount for each currency with which an invoice still counts as equal."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A file that is durable at the destination and belongs to no version yet."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Document:
    """A single file that never changes. `already`: it was there before."""

    uri: str
    sha256: str
    bytes: int
    already: bool


@dataclass(frozen=True, slots=True)
class Published:
    """A version that stands at the destination."""

    manifest: Manifest
    manifest_sha256: str
    folder_uri: str

    @property
    def version(self) -> str:
        """The name of the version."""
        return self.manifest.version

    @property
    def manifest_uri(self) -> str:
        """Where the manifest is."""
        return f"{self.folder_uri}/{MANIFEST}"

    def uri_of(self, file: PublishedFile) -> str:
        """Where a file of the version is."""
        return f"{self.folder_uri}/{file.path}"


class Destination:
    """Where the files of this worker go. Raises `DestinationUnavailable` and `DestinationRefused`, and no other error
    of the store."""

    def __init__(
        self,
        opened: Callable[[], Store],
        options: FileOptions,
        scratch: Scratch,
        *,
        in_thread: InThread,
        converter: Converter,
    ) -> None:
        """`opened`: makes the store when it is first used, so that a worker begins without what a store lacks."""
        self._opened = opened
        self._store: Store | None = None
        self.options = options
        self.scratch = scratch
        self._run = in_thread
        self._at_work = 0
        self.converter = converter

    @property
    def store(self) -> Store:
        """The store. Raises `DestinationRefused` if it lacks the extra, or its address is wrong."""
        if self._store is None:
            self._store = self._opened()
        return self._store

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run a blocking function where the event loop does not wait for it."""
        return await self._run(work)

    @contextmanager
    def slot(self) -> Iterator[bool]:
        """One of the places of exports at work in this process. False: all of them are taken, and this is none."""
        free = self._at_work < self.options.concurrency
        self._at_work += free
        try:
            yield free
        finally:
            self._at_work -= free

    # ---- under way

    async def stage(self, dataset: Dataset, export: str, path: str, source: Path) -> Staged:
        """Bring a finished local file to the destination, where no reader looks. The local file may be gone then.

        The hash is a part of the name: a worker that lost its command replaces nothing that another has staged.
        """
        sha256, size = await self._run(lambda: measured(source))
        staged = f"{staging_folder(dataset, export)}/{safe_path(path)}.{sha256[:12]}"
        await self.store.put(staged, source)
        return Staged(staged, sha256, size)

    @asynccontextmanager
    async def local(self, path: str) -> AsyncIterator[Path]:
        """A file of the destination as a local file, to be read only. It may be gone after the block.

        Raises FileNotFoundError if there is no such file.
        """
        present = self.store.local(path)
        if present is not None:
            if not await self._run(present.exists):
                raise FileNotFoundError(path)
            yield present
            return
        with self.scratch.folder() as folder:
            copied = folder / Path(path).name
            with self.scratch.writing(), copied.open("wb") as file:
                async for chunk in self.store.chunks(path):
                    await self._run(partial(file.write, chunk))
            yield copied

    async def clear(self, dataset: Dataset, keep: str | None = None) -> None:
        """Remove what is staged of a dataset, except of the export `keep`. Only for the dataset's holder."""
        kept = None if keep is None else f"{staging_folder(dataset, keep)}/"
        for folder in await self.staged(dataset):
            if kept is None or not kept.startswith(f"{folder}/"):
                await self.store.delete_folder(folder)

    async def staged(self, dataset: Dataset) -> list[str]:
        """The folders of a dataset in which versions come into being."""
        begin = f"{dataset.folder}/{STAGING}"
        found = {_first(entry.path, begin) async for entry in self.store.entries(dataset.folder)}
        return sorted(found - {""})

    # ---- versions

    async def manifest_of(self, dataset: Dataset, version: str) -> bytes | None:
        """The bytes of a version's manifest. None if there is none: the version is not there."""
        return await self.store.read(f"{dataset.version_folder(version)}/{MANIFEST}")

    async def published(self, dataset: Dataset, version: str) -> Published | None:
        """A version, if it stands. Raises `DestinationRefused` for a manifest that this azplan cannot read."""
        content = await self.manifest_of(dataset, version)
        if content is None:
            return None
        uri = self.uri(dataset.version_folder(version))
        try:
            return Published(Manifest.from_bytes(content), hashlib.sha256(content).hexdigest(), uri)
        except UnreadableManifest as error:
            raise DestinationRefused(f"{uri}/{MANIFEST} cannot be used: {error}") from error

    async def latest(self, dataset: Dataset) -> Published | None:
        """The newest version that stands, as the pointer says. None if none stands.

        Without a pointer, or with one whose version does not stand, the names of the versions say which is the newest:
        the worker that published it has ended before it wrote the pointer, or a person has removed one of the two.
        """
        named = pointed(await self.store.read(f"{dataset.folder}/{POINTER}") or b"")
        found = None if named is None else await self.published(dataset, named["version"])
        if named is not None and found is not None and found.manifest_sha256 == named["manifestSha256"]:
            return found
        begin, end = f"{dataset.folder}/{VERSION}", f"/{MANIFEST}"
        paths = [entry.path async for entry in self.store.entries(dataset.folder)]
        names = [path.removeprefix(begin).removesuffix(end) for path in paths if path.startswith(begin)]
        standing = [name for name in names if is_version(name)]
        return await self.published(dataset, max(standing)) if standing else None

    async def prepare(self, dataset: Dataset, export: str, version: str, parts: Mapping[str, str]) -> None:
        """Bring staged parts to the folder of a version that does not stand. `parts`: from staged to final paths.

        Raises FileNotFoundError if a part is not staged any more.
        """
        await self.store.prepare(staging_folder(dataset, export), parts, dataset.version_folder(version))

    async def commit(self, dataset: Dataset, export: str, version: str, manifest: bytes) -> None:
        """Let the version stand, with exactly this manifest. Raises `OtherVersion` if another manifest is there.

        Raises FileNotFoundError if what was prepared is gone.
        """
        folder = dataset.version_folder(version)
        if await self.store.commit(staging_folder(dataset, export), folder, manifest):
            return
        if await self.manifest_of(dataset, version) != manifest:
            raise OtherVersion(f"{self.uri(folder)}/{MANIFEST}")

    async def point(self, dataset: Dataset, version: str, manifest_sha256: str, source: str) -> None:
        """Let the pointer name this version, unless it names one whose source is newer than `source`.

        `source`: the instant of the source, as names of versions begin. It is later than the one in the version's own
        name where Microsoft's data are again what they were. Of one instant, the version published last is the newest.
        """
        content = canonical({"version": version, "manifestSha256": manifest_sha256})

        def stays(present: bytes) -> bool:
            named = pointed(present)
            return present == content or (named is not None and made_at(named["version"]) > source)

        await self.store.replace(f"{dataset.folder}/{POINTER}", content, stays)

    async def probe(self) -> None:
        """Create, read and delete a file, as publishing does. Leaves nothing behind but the folder itself.

        Raises `DestinationRefused` also if the destination gives back something else than it was given.
        """
        folder = f"{ROOT}/{STAGING}probe-{uuid.uuid4()}"
        with self.scratch.folder() as scratch:
            source = scratch / "probe"
            with self.scratch.writing():
                source.write_bytes(PROBE)
            await self.store.put(f"{folder}/probe", source)
        try:
            if await self.store.read(f"{folder}/probe") != PROBE:
                raise DestinationRefused(f"{self.store.url} does not give back what it was given")
        finally:
            await self.store.delete_folder(folder)

    async def remove(self, dataset: Dataset, version: str) -> None:
        """Remove a version: its manifest first, so that no reader finds a part of it."""
        folder = dataset.version_folder(version)
        await self.store.delete(f"{folder}/{MANIFEST}")
        await self.store.delete_folder(folder)

    def uri(self, path: str) -> str:
        """How others name a path of the destination."""
        return f"{self.store.url}/{path}"

    # ---- single files

    async def document(self, folder: str, path: str, source: Path) -> Document:
        """Create a file that never changes. `{sha}` in the path becomes the first 12 digits of its SHA-256."""
        sha256, size = await self._run(lambda: measured(source))
        place = f"{folder}/{safe_path(path.replace('{sha}', sha256[:12]))}"
        created = await self.store.create(place, source)
        return Document(self.uri(place), sha256, size, already=not created)


def staging_folder(dataset: Dataset, export: str) -> str:
    """The folder in which the files of an export wait to become a version."""
    return f"{dataset.folder}/{STAGING}{safe_name(export)}"


def measured(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a local file."""
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size


def _first(path: str, begin: str) -> str:
    """The folder that begins so, of a path in it; "" for any other path."""
    return begin + path.removeprefix(begin).partition("/")[0] if path.startswith(begin) else ""
