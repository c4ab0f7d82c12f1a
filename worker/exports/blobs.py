"""The blobs of an export: several at once, each to scratch, then checked, counted and stored as a part, one by one.

Downloads go ahead of the checks, which take longer: a signature may expire meanwhile. A blob is a part when its row is
durable. Until then it is a file in scratch, which nobody needs after a crash.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from io import FileIO
from pathlib import Path

from events.messages.command_status import PartnerCenterError
from worker import metrics
from worker.exports.line_check import count_apart, read_apart
from worker.exports.line_facts import UnreadableLines
from worker.files.folder import InThread
from worker.files.layout import SOURCE, part_path
from worker.files.scratch import on_disk
from worker.handling import Context, facts
from worker.journal.export_records import Export, Part
from worker.operating_system import write_pieces
from worker.partner_center.errors import CallError, Refused, Unanswered
from worker.partner_center.resources import billing_exports
from worker.partner_center.resources.billing_manifests import Blob, Manifest

WRITE = 1024 * 1024
"""Bytes that are written at once, at least."""
MOST_WAITING = 4 * WRITE
"""Bytes that wait while others are written; then no more are read."""
AHEAD = 256 * 1024 * 1024
"""Bytes in scratch with which no more blob is begun, until some of them are checked and stored."""
HEAD_START = 5.0
"""Seconds for which downloads have the machine to themselves. On two cores, reading lines halves their speed."""
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
    answer: PartnerCenterError | None = None
    """What storage answered in place of the blob."""

    @property
    def told(self) -> str:
        """Which blob it is, and why."""
        return f"blob {self.ordinal} of the export cannot be read: {self.why}"


@dataclass(slots=True)
class Downloaded:
    """What a turn has downloaded. `error`: why it stopped early."""

    parts: list[Part] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    error: CallError | None = None


@dataclass(frozen=True, slots=True)
class _Saved:
    """A blob in scratch."""

    ordinal: int
    path: Path
    bytes: int


class BlobDownload:
    """Downloads the blobs of one manifest in one turn."""

    def __init__(
        self,
        ctx: Context,
        export: Export,
        manifest: Manifest,
        lines: str,
        scratch: Path,
        *,
        becomes_parquet: bool = False,
    ) -> None:
        """`becomes_parquet`: the conversion reads the lines, so that it is enough to count them."""
        self._becomes_parquet = becomes_parquet
        self._ctx = ctx
        self._export = export
        self._manifest = manifest
        self._lines = lines
        self._scratch = scratch
        self._queue: deque[int] = deque()
        self._done = Downloaded()
        self._saved: asyncio.Queue[_Saved | None] = asyncio.Queue()
        self._room = asyncio.Condition()
        self._ahead = 0
        self._all_are_saved = False
        self._active, self._begun = 0, 0.0
        self._seconds = 0.0

    async def run(self, ordinals: Sequence[int], until: float, stored: Callable[[Part], None]) -> Downloaded:
        """Download these blobs; begin none after the loop's time `until`. `stored` is called after each part.

        Raises what the journal and the destination raise. An error of a download ends the turn when the downloads
        under way have ended, and what is downloaded is stored.
        """
        self._queue.extend(ordinals)
        number = min(len(ordinals), self._ctx.files.options.downloads)
        downloads = [asyncio.ensure_future(self._one_after_another(until)) for _ in range(number)]
        tasks = [asyncio.ensure_future(self._all_saved(downloads)), asyncio.ensure_future(self._store_each(stored))]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in (*tasks, *downloads):
                task.cancel()
            await asyncio.gather(*tasks, *downloads, return_exceptions=True)
            metrics.EXPORT_DURATION.labels(self._lines, "downloading").observe(self._seconds)
        return self._done

    async def _all_saved(self, downloads: Iterable[Awaitable[None]]) -> None:
        await asyncio.gather(*downloads)
        self._saved.put_nowait(None)
        async with self._room:
            self._all_are_saved = True
            self._room.notify_all()

    async def _one_after_another(self, until: float) -> None:
        loop = asyncio.get_running_loop()
        while self._queue and self._done.error is None and loop.time() < until:
            saved = await self._download(self._queue.popleft())
            if saved is None:
                continue
            self._ahead += saved.bytes
            self._saved.put_nowait(saved)
            async with self._room:
                self._room.notify_all()
                await self._room.wait_for(lambda: self._ahead < AHEAD)

    async def _store_each(self, stored: Callable[[Part], None]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(HEAD_START), self._room:
                await self._room.wait_for(lambda: self._ahead >= AHEAD or self._all_are_saved)
        while (saved := await self._saved.get()) is not None:
            part = await self._part(saved)
            if part is not None:
                self._done.parts.append(part)
                stored(part)
            await self._ctx.files.in_thread(partial(saved.path.unlink, missing_ok=True))
            async with self._room:
                self._ahead -= saved.bytes
                self._room.notify_all()

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

    async def _download(self, ordinal: int) -> _Saved | None:
        """A blob in scratch. None where it cannot be had, which `Downloaded` then says."""
        blob, path = self._manifest.blobs[ordinal], self._scratch / f"blob-{ordinal:05}"
        try:
            size = await self._whole(blob, path)
        except CallError as error:
            if isinstance(error, Refused) and error.status == NOT_FOUND:
                self._not_readable(ordinal, "it is not there", facts(error))
            else:
                self._done.error = self._done.error or error
            return None
        metrics.EXPORT_BYTES.labels(self._lines, "in").inc(size)
        if blob.size_in_bytes is not None and blob.size_in_bytes != size:
            self._not_readable(ordinal, f"it has {size} bytes, and the manifest says {blob.size_in_bytes}")
            return None
        return _Saved(ordinal, path, size)

    async def _part(self, saved: _Saved) -> Part | None:
        """A blob as a durable part. None where it cannot be read, which `Downloaded` then says."""
        try:
            check = count_apart if self._becomes_parquet else read_apart
            read = await check(self._ctx, saved.path, self._lines)
        except UnreadableLines as error:
            self._not_readable(saved.ordinal, str(error))
            return None
        metrics.EXPORT_LINES.labels(self._lines).inc(read.facts.rows)
        return await self._ctx.files.part(
            self._export,
            saved.path,
            path=part_path(SOURCE, saved.ordinal),
            format=SOURCE,
            rows=read.facts.rows,
            ordinal=saved.ordinal,
            name=self._manifest.blobs[saved.ordinal].name,
            details=None if read.only_counted else read.facts.to_json(),
            sha256=read.sha256,
        )

    async def _whole(self, blob: Blob, path: Path) -> int:
        for number in range(1, TRIES):
            try:
                return await self._once(blob, path)
            except Unanswered:
                await asyncio.sleep(PAUSE * 2.0 ** (number - 1))
        return await self._once(blob, path)

    async def _once(self, blob: Blob, path: Path) -> int:
        with self._counted():
            async with billing_exports.blob(self._ctx.center, self._manifest, blob) as answer:
                return await save(self._ctx.files.in_thread, answer, path)

    def _not_readable(self, ordinal: int, why: str, answer: PartnerCenterError | None = None) -> None:
        self._done.unreadable.append(Unreadable(ordinal, why, answer))


async def save(in_thread: InThread, chunks: AsyncIterable[bytes], path: Path) -> int:
    """Write the chunks of an answer to a file, while the next ones arrive. The number of bytes.

    Raises what the answer raises, and `DestinationUnavailable` where scratch has no room.
    """
    size, held, waiting = 0, 0, list[bytes]()
    written: asyncio.Future[None] | None = None
    with on_disk(), path.open("wb", buffering=0) as file:
        try:
            async for chunk in chunks:
                waiting.append(chunk)
                held += len(chunk)
                if held >= MOST_WAITING or (held >= WRITE and (written is None or written.done())):
                    await _end_of(written)
                    written = asyncio.ensure_future(in_thread(partial(_write, file, waiting)))
                    size, held, waiting = size + held, 0, []
        finally:
            await _end_of(written)
        await _end_of(asyncio.ensure_future(in_thread(partial(_write, file, waiting))))
        return size + held


def _write(file: FileIO, pieces: Sequence[bytes]) -> None:
    write_pieces(file.fileno(), pieces)


async def _end_of(written: asyncio.Future[None] | None) -> None:
    """Wait for what a thread writes, also when cancelled: its file must be open until then, because numbers of closed
    files are given to other files. Raises the error of the writing."""
    if written is None:
        return
    cancelled: asyncio.CancelledError | None = None
    while not written.done():
        try:
            await asyncio.wait({written})
        except asyncio.CancelledError as error:
            cancelled = error
    failed = None if written.cancelled() else written.exception()
    if cancelled is not None:
        raise cancelled from failed
    written.result()
