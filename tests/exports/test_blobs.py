"""The blobs of an export on their way: ahead of the checks, and never too far."""

import asyncio
import gzip
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from worker.exports import blobs
from worker.exports.blobs import WRITE, BlobDownload, save
from worker.exports.line_check import read_apart
from worker.exports.line_files import ReadFile
from worker.files.errors import DestinationUnavailable
from worker.journal.export_records import Part
from worker.partner_center.resources.billing_manifests import Manifest

CONTENT = gzip.compress(b'{"a": 1}\n' * 10, mtime=0)
BLOBS = 8


async def in_thread(work: Callable[[], Any]) -> Any:
    """As a worker does it, without a thread."""
    await asyncio.sleep(0)
    return work()


def waiting_in(folder: Path) -> int:
    """How many files are there."""
    return len(list(folder.iterdir()))


class Storage:
    """A partner account whose storage has every blob."""

    def __init__(self) -> None:
        self.begun = 0

    @asynccontextmanager
    async def download(self, *_: object) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a blob."""
        self.begun += 1

        async def pieces() -> AsyncIterator[bytes]:
            yield CONTENT

        yield pieces()


class Files:
    """The files of a command: two downloads at once."""

    options = SimpleNamespace(downloads=2)
    in_thread = staticmethod(in_thread)

    async def part(self, _: object, source: Path, **told: Any) -> Part:
        """A part, whose local file stays: an object store copies it."""
        size = (await in_thread(source.stat)).st_size
        kept = {name: told[name] for name in ("path", "format", "rows", "sha256", "ordinal", "name", "details")}
        return Part("export", bytes=size, staged=told["path"], **kept)


async def test_downloads_go_ahead_of_the_checks_but_not_too_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading lines takes longer than downloading them. Scratch holds what may wait for it, and two blobs under way."""
    monkeypatch.setattr(blobs, "AHEAD", 3 * len(CONTENT))
    storage, checked = Storage(), asyncio.Semaphore(0)

    async def read(*given: Any) -> ReadFile:
        await checked.acquire()
        return await read_apart(*given)

    monkeypatch.setattr(blobs, "read_apart", read)
    ctx: Any = SimpleNamespace(files=Files(), center=storage)
    named = [{"name": f"part-{number}"} for number in range(BLOBS)]
    manifest = Manifest.model_validate({"rootDirectory": "https://files.example", "blobs": named})
    export: Any = None
    stored: list[Part] = []
    turn = asyncio.ensure_future(
        BlobDownload(ctx, export, manifest, "usage", tmp_path).run(
            range(BLOBS), asyncio.get_running_loop().time() + 60, stored.append
        )
    )
    for _ in range(500):
        await asyncio.sleep(0)
    assert (storage.begun, waiting_in(tmp_path), stored) == (4, 4, [])
    for _ in range(BLOBS):
        checked.release()

    done = await turn

    assert (done.error, done.unreadable, len(done.parts)) == (None, [], BLOBS)
    assert sorted(part.ordinal or 0 for part in stored) == list(range(BLOBS))
    assert waiting_in(tmp_path) == 0


async def test_a_disk_that_is_full_while_a_blob_arrives_makes_the_command_wait(tmp_path: Path) -> None:
    """One writing fails in a thread, while the next bytes arrive: it is told, and not lost."""
    has_room = iter([False])

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield bytes(blobs.WRITE)

    async def once_full(_: object) -> None:
        if not next(has_room, True):
            raise OSError(28, "No space left on device")

    with pytest.raises(DestinationUnavailable, match="No space left"):
        await save(once_full, pieces(), tmp_path / "blob")  # type: ignore[arg-type]


async def test_a_download_that_is_cancelled_leaves_no_thread_with_a_closed_file(tmp_path: Path) -> None:
    """The number of a closed file is given to the next one that is opened: the thread would write into that."""
    may_write, begun, found = threading.Event(), asyncio.Event(), []

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * WRITE
        begun.set()
        await asyncio.sleep(3600)

    async def slowly(work: Callable[[], None]) -> None:
        def wait_and_write() -> None:
            may_write.wait(10)
            work()
            found.append((tmp_path / "blob").stat().st_size)

        await asyncio.to_thread(wait_and_write)

    task = asyncio.ensure_future(save(slowly, pieces(), tmp_path / "blob"))  # type: ignore[arg-type]
    await begun.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    may_write.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert found == [WRITE]
