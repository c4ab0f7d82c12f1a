"""Destinations of files for tests: a folder that is written in the caller's thread, as virtual time needs."""

import io
import json
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from worker.files.conversion.exact_lines import UnreadableLines
from worker.files.conversion.process import Child, Converter, LinesUnreadable
from worker.files.destination import Destination, FileOptions
from worker.files.folder import FolderStore
from worker.files.layout import MANIFEST
from worker.files.scratch import Scratch
from worker.files.store import Store

T = TypeVar("T")


async def at_once(work: Callable[[], T]) -> T:
    """Run the function now, in this thread."""
    return work()


JOBS = {
    "worker.files.conversion.part": "part_job",
    "worker.files.focus.invoice": "invoice_job",
    "worker.files.comparison.from_sources": "compare_sources",
}
"""The function of each program of a child."""


class ChildAtOnce(Child):
    """A child whose jobs are done in the caller's process: virtual time does not pass meanwhile."""

    async def ask(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Do the job now."""
        do = getattr(import_module(self._program), JOBS[self._program])
        try:
            done: dict[str, Any] = json.loads(json.dumps(do(json.loads(json.dumps(job)))))
        except UnreadableLines as error:
            raise LinesUnreadable(str(error)) from error
        return done


class ConverterAtOnce(Converter):
    """Converts in the caller's process."""

    @asynccontextmanager
    async def child(self, program: str) -> AsyncIterator[Child]:
        """A child that is none."""
        yield ChildAtOnce(program, io.BytesIO())


def in_callers_thread(root: Path) -> Store:
    """A folder that is written in the caller's thread."""
    return FolderStore(root, in_thread=at_once)


class ObjectsInFolder(FolderStore):
    """A folder that is used as an object store: nothing is moved there, and a version is there with its manifest."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, in_thread=at_once)
        self._folder = root

    def local(self, _path: str) -> Path | None:
        """An object is nowhere on this machine."""
        return None

    async def prepare(self, _staging: str, parts: Mapping[str, str], folder: str) -> None:
        """Copy each part. What was staged stays."""
        for staged, name in parts.items():
            target = self._folder / folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._folder / staged, target)

    async def commit(self, _staging: str, folder: str, manifest: bytes) -> bool:
        """Create the object of the manifest."""
        try:
            with (self._folder / folder / MANIFEST).open("xb") as file:
                file.write(manifest)
        except FileExistsError:
            return False
        return True


def destination_in(folder: Path, store: Callable[[Path], Store] | None = None, **options: Any) -> Destination:
    """A destination below this folder, with its scratch folder beside it."""
    made = store or in_callers_thread
    given = FileOptions(**options)
    scratch, converter = Scratch(folder / "scratch"), ConverterAtOnce()
    return Destination(lambda: made(folder / "files"), given, scratch, in_thread=at_once, converter=converter)
