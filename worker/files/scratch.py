"""Folders for files under way, on this machine. A folder that its process could not remove goes with the next start.

A process holds a lock beside its folder as long as it lives, so that no other process takes the folder for a leftover.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from worker.files.errors import DestinationRefused, DestinationUnavailable
from worker.operating_system import lock

PREFIX, LOCK = "azplan-scratch-", ".lock"


class Scratch:
    """The scratch folder of a process, below `root`; the system's folder for temporary files if that is None.

    The folder is made with the first file.
    """

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._own: Path | None = None
        self._handle: int | None = None

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A new empty folder, removed at the end with all that is in it.

        Raises `DestinationUnavailable` if the disk is full and `DestinationRefused` if nothing can be written there.
        """
        try:
            made = Path(tempfile.mkdtemp(dir=self._opened()))
        except OSError as error:
            raise self._no_room(error) from error
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """For writes in such a folder. Raises what `folder` raises; `FileNotFoundError` passes."""
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._no_room(error) from error

    def close(self) -> None:
        """Remove the folder and everything in it."""
        if self._own is None or self._handle is None:
            return
        shutil.rmtree(self._own, ignore_errors=True)
        os.close(self._handle)
        self._own.with_suffix(LOCK).unlink(missing_ok=True)
        self._own = self._handle = None

    def _opened(self) -> Path:
        """The process's folder; a new one where somebody has removed it, as cleaners of temporary folders do."""
        if self._own is not None and not self._own.is_dir():
            self.close()
        if self._own is None:
            root = self._root or Path(tempfile.gettempdir())
            root.mkdir(parents=True, exist_ok=True)
            _remove_leftovers(root)
            self._own, self._handle = _locked_folder(root)
        return self._own

    def _no_room(self, error: OSError) -> Exception:
        where = f"the folder {self._root}" if self._root else "the system's folder for temporary files"
        detail = f"{where}, for files under way: {error.strerror or type(error).__name__}"
        if isinstance(error, PermissionError | NotADirectoryError | FileNotFoundError):
            return DestinationRefused(detail, "Name a folder that the worker may write to in AZPLAN_FILES__SCRATCH.")
        return DestinationUnavailable(detail)


def _locked_folder(root: Path) -> tuple[Path, int]:
    """A new folder, and the handle of the lock beside it. The lock comes first: no folder is ever without one."""
    while True:
        handle, name = tempfile.mkstemp(prefix=PREFIX, suffix=LOCK, dir=root)
        file = Path(name)
        try:
            # Another process may have taken the file for a leftover before it was locked.
            if lock(handle) and file.exists():
                file.with_suffix("").mkdir(mode=0o700)
                return file.with_suffix(""), handle
        except OSError:
            os.close(handle)
            file.unlink(missing_ok=True)
            raise
        os.close(handle)


def _remove_leftovers(root: Path) -> None:
    """Remove the folders of processes that have ended, and nothing of one that lives."""
    for file in root.glob(f"{PREFIX}*{LOCK}"):
        with suppress(OSError):
            handle = os.open(file, os.O_RDWR)
            try:
                if lock(handle):
                    folder = file.with_suffix("")
                    shutil.rmtree(folder, ignore_errors=True)
                    if not folder.exists():
                        file.unlink(missing_ok=True)
            finally:
                os.close(handle)


@contextmanager
def on_disk() -> Iterator[None]:
    """For work on files in scratch: a disk that is full or away makes the command wait."""
    try:
        yield
    except OSError as error:
        raise no_disk(error.strerror or type(error).__name__) from error


def no_disk(why: str) -> DestinationUnavailable:
    """The error for work in scratch that the disk does not allow now."""
    return DestinationUnavailable(f"the folder of AZPLAN_FILES__SCRATCH: {why}")
