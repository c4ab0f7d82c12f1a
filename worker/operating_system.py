"""Differences between operating systems: locks between processes, file rights, signals.

Linux is what azplan is built for, and macOS has what it needs. A system without one of these gets the next best that
keeps the promises, or one sentence. Other modules ask here, and call nothing that only some systems have.
"""

import asyncio
import errno
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

fcntl: Any
try:
    import fcntl
except ImportError:
    fcntl = None
msvcrt: Any
try:
    import msvcrt  # there on Windows only
except ImportError:
    msvcrt = None

TAKEN = (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK)
TEXT_AT = 0 if fcntl is not None else 1
"""Where a lock file's text begins: behind its first byte, where that is locked because a whole file cannot be."""


class Unsupported(OSError):
    """This operating system cannot do what is needed. The message is a sentence with the way out."""


def lock(handle: int) -> bool:
    """Lock an open file for this process, as long as it lives or until the file is closed. False: another has it.

    Raises `Unsupported` where the system has no such locks.
    """
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        elif msvcrt is not None:
            os.lseek(handle, 0, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            raise Unsupported(
                "this operating system has no locks between processes: run azplan on Linux, in a container or in WSL"
            )
    except OSError as error:
        if isinstance(error, Unsupported) or error.errno not in TAKEN:
            raise
        return False
    return True


def read_text(handle: int) -> str:
    """What stands in a lock file; "" where another holds it and the system lets nobody read meanwhile."""
    with suppress(OSError):
        os.lseek(handle, TEXT_AT, os.SEEK_SET)
        return os.read(handle, 64).decode("ascii", "replace").strip()
    return ""


def write_text(handle: int, text: str) -> None:
    """Say something in a lock file."""
    os.ftruncate(handle, 0)
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, b" " * TEXT_AT + text.encode("ascii"))


def set_aside(handle: int, size: int) -> None:
    """Take so many bytes of the disk for an open file, so that a full one shows now. Raises OSError then."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)
        return
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, bytes(size))
    os.fsync(handle)


def write_whole(handle: int, content: bytes) -> None:
    """Let an open file hold just this, and bring it to the disk."""
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, content)
    os.ftruncate(handle, len(content))
    os.fsync(handle)


def keep_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where a folder can be opened for that; elsewhere the system does it."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def may_use(path: Path) -> bool:
    """Whether this process may read and write the file."""
    return os.access(path, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def open_to_others(path: Path) -> bool:
    """Whether others than the owner may do anything with the file. Where rights are no such bits: no."""
    return os.name == "posix" and bool(path.stat().st_mode & 0o077)


def on_stop(called: Callable[[signal.Signals], None]) -> None:
    """Call this in the running event loop when the process is asked to stop, by SIGTERM or Ctrl-C."""
    loop = asyncio.get_running_loop()

    def in_loop(number: int, _: FrameType | None) -> None:
        loop.call_soon_threadsafe(called, signal.Signals(number))

    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, called, number)
        except RuntimeError:  # a loop that knows no signals, as on Windows
            signal.signal(number, in_loop)


def user_number() -> str | None:
    """The number of the user that runs this process; None where users have none."""
    return str(os.getuid()) if hasattr(os, "getuid") else None
