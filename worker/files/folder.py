"""A folder as the destination: what is published appears by one rename, and is on the disk before it appears."""

import asyncio
import errno
import json
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, TypeVar

from worker.files.errors import DestinationRefused, DestinationUnavailable
from worker.files.layout import MANIFEST, STAGING
from worker.files.store import CHUNK, LARGEST_READ, Entry
from worker.operating_system import FULL_DISK, keep_folder

T = TypeVar("T")

AWAY = (errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EBUSY, errno.EAGAIN)
"""Errors of a network disk that does not answer. These and a full disk pass without a change of the settings."""
THERE = (errno.EEXIST, errno.ENOTEMPTY)


class InThread(Protocol):
    """Runs a blocking function where the event loop does not wait for it."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...


class FolderStore:
    """A folder of this machine, or one that is mounted. It is created with the first file."""

    def __init__(self, root: Path, *, in_thread: InThread = asyncio.to_thread) -> None:
        self._root = root
        self._run = in_thread
        self._replacing = Lock()
        self.url = root.absolute().as_uri()

    async def put(self, path: str, source: Path) -> None:
        await self._do(lambda: _bring(source, self._place(path)))

    async def create(self, path: str, source: Path) -> bool:
        return await self._do(lambda: _create(source, self._place(path)))

    def local(self, path: str) -> Path | None:
        return self._place(path)

    async def read(self, path: str) -> bytes | None:
        return await self._do(lambda: _read(self._place(path)))

    async def chunks(self, path: str) -> AsyncIterator[bytes]:
        file = await self._do(lambda: _opened(self._place(path)))
        if file is None:
            raise FileNotFoundError(path)
        try:
            while chunk := await self._do(lambda: file.read(CHUNK)):
                yield chunk
        finally:
            file.close()

    async def prepare(self, staging: str, parts: Mapping[str, str], folder: str) -> None:
        into = self._assembled(staging, folder)
        await self._do(lambda: _assemble({self._place(path): into / name for path, name in parts.items()}, into))

    async def commit(self, staging: str, folder: str, manifest: bytes) -> bool:
        return await self._do(lambda: _appear(self._assembled(staging, folder), self._place(folder), manifest))

    async def replace(self, path: str, content: bytes, unless: Callable[[bytes], bool]) -> bool:
        def work() -> bool:
            with self._replacing:
                return _replace(self._place(path), content, unless)

        return await self._do(work)

    async def entries(self, folder: str) -> AsyncIterator[Entry]:
        for entry in await self._do(lambda: list(_files(self._root, self._place(folder)))):
            yield entry

    async def delete(self, path: str) -> None:
        await self._do(lambda: self._place(path).unlink(missing_ok=True))

    async def delete_folder(self, folder: str) -> None:
        await self._do(lambda: _delete_folder(self._place(folder)))

    def _place(self, path: str) -> Path:
        return self._root / path

    def _assembled(self, staging: str, folder: str) -> Path:
        return self._place(staging) / Path(folder).name

    async def _do(self, work: Callable[[], T]) -> T:
        def told() -> T:
            with _telling(self._root):
                return work()

        return await self._run(told)


@contextmanager
def _telling(root: Path) -> Iterator[None]:
    """Say in words of azplan's own what the system refuses. The folder's name is no secret."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        detail = f"the folder {root.absolute()} of exported files: {error.strerror or type(error).__name__}"
        if error.errno in (*FULL_DISK, *AWAY):
            raise DestinationUnavailable(detail) from error
        who = f"Let the user of the worker write to {root.absolute()}, or name another folder in AZPLAN_FILES__URL."
        raise DestinationRefused(detail, who) from error


def _bring(source: Path, target: Path) -> None:
    """Move the file to its place, through a copy beside it if it lies on another disk."""
    _make(target.parent)
    try:
        _keep(source)
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy_beside(source, target).replace(target)
        source.unlink(missing_ok=True)
    keep_folder(target.parent)


def _create(source: Path, target: Path) -> bool:
    """Let the file appear at its place in one step, if none is there."""
    if target.exists():
        return False
    _make(target.parent)
    beside = _copy_beside(source, target)
    try:
        os.link(beside, target)
    except FileExistsError:
        return False
    except OSError as error:  # a file system without links
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP):
            raise
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    keep_folder(target.parent)
    return True


def _copy_beside(source: Path, target: Path) -> Path:
    beside = _beside(target)
    shutil.copyfile(source, beside)
    _keep(beside)
    return beside


def _beside(target: Path) -> Path:
    """A name for a file under way. In containers that share a folder, each worker's process has the same number."""
    return target.with_name(f"{STAGING}{target.name}-{uuid.uuid4()}")


def _assemble(parts: Mapping[Path, Path], assembled: Path) -> None:
    """Move staged parts into the folder that becomes the version. A part that is there was moved by a run before."""
    _make(assembled)
    for staged, target in parts.items():
        _make(target.parent)
        if not target.exists():
            staged.replace(target)
    for folder in {target.parent for target in parts.values()}:
        keep_folder(folder)


def _appear(assembled: Path, folder: Path, manifest: bytes) -> bool:
    """Write the manifest into the assembled folder and rename the folder: all of it is there, or nothing.

    Raises FileNotFoundError if the folder or a part was removed meanwhile: a new one would have no parts.
    """
    if (folder / MANIFEST).exists():
        return False
    _write(assembled / MANIFEST, manifest)
    for file in json.loads(manifest).get("files", ()):
        (assembled / file["path"]).stat()
    keep_folder(assembled)
    _make(folder.parent)
    try:
        assembled.rename(folder)
    except OSError as error:
        if error.errno not in THERE:
            raise
        if (folder / MANIFEST).exists():  # another worker was faster
            return False
        _delete_folder(folder)  # without a manifest: what an interrupted removal of this version has left
        assembled.rename(folder)
    keep_folder(folder.parent)
    _delete_folder(assembled.parent)  # folders without files, which no list of files shows
    return True


def _replace(target: Path, content: bytes, unless: Callable[[bytes], bool]) -> bool:
    present = _read(target)
    if present is not None and unless(present):
        return False
    _make(target.parent)
    beside = _beside(target)
    _write(beside, content)
    beside.replace(target)
    keep_folder(target.parent)
    return True


def _make(folder: Path) -> None:
    """Create a folder and write its name, and those of new folders above, through to the disk."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in missing:
        keep_folder(each.parent)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _keep(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _opened(path: Path) -> Any:
    try:
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        return None


def _read(path: Path) -> bytes | None:
    file = _opened(path)
    if file is None:
        return None
    with file:
        content: bytes = file.read(LARGEST_READ + 1)
    if len(content) > LARGEST_READ:
        raise DestinationRefused(f"{path.name} has more than {LARGEST_READ} bytes and is none of azplan's")
    return content


def _files(root: Path, folder: Path) -> Iterator[Entry]:
    for path, _, names in os.walk(folder):
        for name in names:
            file = Path(path, name)
            with suppress(FileNotFoundError):
                yield Entry(file.relative_to(root).as_posix(), file.stat().st_size)


def _delete_folder(folder: Path) -> None:
    """Delete a folder, or the file of this name that a process left when it died while it wrote it."""
    with suppress(FileNotFoundError):
        try:
            shutil.rmtree(folder)
        except NotADirectoryError:
            folder.unlink()
