"""The blobs of an export: several at once, each to scratch, checked, counted and stored as a part.

A blob is a part when its row is durable. Until then it is a file in scratch, which nobody needs after a crash.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from worker import metrics
from worker.exports.line_check import facts_of
from worker.exports.line_facts import UnreadableLines
from worker.exports.version import SOURCE
from worker.files.errors import DestinationUnavailable
from worker.files.folder import InThread
from worker.files.layout import part_path
from worker.handling import Context
from worker.journal.export_records import Export, Part
from worker.partner_center.errors import CallError, Refused, Unanswered
from worker.partner_center.resources import billing_exports
from worker.partner_center.resources.billing_manifests import Blob, Manifest

WRITE = 1024 * 1024
"""Bytes that are written at once."""
NOT_FOUND = 404
TRIES = 3
"""Downloads of a blob in one run, where its answer breaks."""
PAUSE = 1.0
"""Seconds before a broken download is begun again; twice as long before the next."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A blob that is whole as it was sent, and no gzip of JSON lines."""

    ordinal: int
    why: str


@dataclass(slots=True)
class Downloaded:
    """What a turn has downloaded. `error`: why it stopped early."""

    parts: list[Part] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    error: CallError | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """A file in scratch."""

    sha256: str
    bytes: int


class BlobDownload:
    """Downloads the blobs of one manifest in one turn."""

    def __init__(self, ctx: Context, export: Export, manifest: Manifest, lines: str, scratch: Path) -> None:
        self._ctx = ctx
        self._export = export
        self._manifest = manifest
        self._lines = lines
        self._scratch = scratch
        self._queue: deque[int] = deque()
        self._done = Downloaded()
        self._reading = asyncio.Lock()
        self._active, self._begun = 0, 0.0
        self._seconds = 0.0

    async def run(self, ordinals: Sequence[int], until: float, stored: Callable[[Part], None]) -> Downloaded:
        """Download these blobs; begin none after the loop's time `until`. `stored` is called after each part.

        Raises what the journal and the destination raise. An error of a download ends the turn when the downloads
        under way have ended.
        """
        self._queue.extend(ordinals)
        loop, number = asyncio.get_running_loop(), min(len(ordinals), self._ctx.files.options.downloads)

        async def one_after_another() -> None:
            while self._queue and self._done.error is None and loop.time() < until:
                part = await self._blob(self._queue.popleft())
                if part is not None:
                    self._done.parts.append(part)
                    stored(part)

        tasks = [asyncio.ensure_future(one_after_another()) for _ in range(number)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            metrics.EXPORT_DURATION.labels(self._lines, "downloading").observe(self._seconds)
        return self._done

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Count the time in which any download is under way."""
        loop = asyncio.get_running_loop()
        if not self._active:
            self._begun = loop.time()
        self._active += 1
        try:
            yield
        finally:
            self._active -= 1
            if not self._active:
                self._seconds += loop.time() - self._begun

    async def _blob(self, ordinal: int) -> Part | None:
        """A blob as a durable part. None where it cannot be had or cannot be read, which `Downloaded` then says."""
        blob, path = self._manifest.blobs[ordinal], self._scratch / f"blob-{ordinal:05}"
        try:
            saved = await self._whole(blob, path)
        except CallError as error:
            if isinstance(error, Refused) and error.status == NOT_FOUND:
                self._not_readable(ordinal, "it is not there")
            else:
                self._done.error = self._done.error or error
            return None
        metrics.EXPORT_BYTES.labels(self._lines, "in").inc(saved.bytes)
        if blob.size_in_bytes is not None and blob.size_in_bytes != saved.bytes:
            self._not_readable(ordinal, f"it has {saved.bytes} bytes, and the manifest says {blob.size_in_bytes}")
            return None
        async with self._reading:
            try:
                facts = await facts_of(self._ctx, path, self._lines)
            except UnreadableLines as error:
                self._not_readable(ordinal, str(error))
                return None
        metrics.EXPORT_LINES.labels(self._lines).inc(facts.rows)
        return await self._ctx.files.part(
            self._export,
            path,
            path=part_path(SOURCE, ordinal),
            format=SOURCE,
            rows=facts.rows,
            ordinal=ordinal,
            name=blob.name,
            details=facts.to_json(),
            sha256=saved.sha256,
        )

    async def _whole(self, blob: Blob, path: Path) -> Saved:
        for number in range(1, TRIES):
            try:
                return await self._once(blob, path)
            except Unanswered:
                await asyncio.sleep(PAUSE * 2.0 ** (number - 1))
        return await self._once(blob, path)

    async def _once(self, blob: Blob, path: Path) -> Saved:
        with self._counted():
            async with billing_exports.blob(self._ctx.center, self._manifest, blob) as answer:
                return await save(self._ctx.files.in_thread, answer, path)

    def _not_readable(self, ordinal: int, why: str) -> None:
        self._done.unreadable.append(Unreadable(ordinal, f"blob {ordinal} of the export cannot be read: {why}"))


async def save(in_thread: InThread, chunks: AsyncIterable[bytes], path: Path) -> Saved:
    """Write the chunks of an answer to a file. Raises what the answer raises, and waits where scratch has no room."""
    hasher, size, held, waiting = hashlib.sha256(), 0, 0, list[bytes]()

    def write() -> None:
        content = b"".join(waiting)
        hasher.update(content)
        file.write(content)

    with on_disk(), path.open("wb") as file:
        async for chunk in chunks:
            waiting.append(chunk)
            held += len(chunk)
            if held >= WRITE:
                await in_thread(write)
                size, held, waiting = size + held, 0, []
        await in_thread(write)
        return Saved(hasher.hexdigest(), size + held)


@contextmanager
def on_disk() -> Iterator[None]:
    """For work on files in scratch: a disk that is full or away makes the command wait."""
    try:
        yield
    except OSError as error:
        detail = f"the folder of AZPLAN_FILES__SCRATCH: {error.strerror or type(error).__name__}"
        raise DestinationUnavailable(detail) from error
