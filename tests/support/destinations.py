"""Destinations of files for tests: a folder that is written in the caller's thread, as virtual time needs."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from worker.files.destination import Destination, FileOptions
from worker.files.folder import FolderStore
from worker.files.scratch import Scratch
from worker.files.store import Store

T = TypeVar("T")


async def at_once(work: Callable[[], T]) -> T:
    """Run the function now, in this thread."""
    return work()


def destination_in(folder: Path, store: Callable[[Path], Store] | None = None, **options: Any) -> Destination:
    """A destination below this folder, with its scratch folder beside it."""
    made = store or partial(FolderStore, in_thread=at_once)
    given = FileOptions(**options)
    return Destination(lambda: made(folder / "files"), given, Scratch(folder / "scratch"), in_thread=at_once)
