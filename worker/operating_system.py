"""Differences between operating systems: locks between processes, file rights, signals.

azplan is built for Linux; macOS offers the same. On a system that lacks one of these functions, azplan uses the next
best that keeps the promises, or refuses with one sentence. Other modules call nothing that only some systems have.
"""

import asyncio
import errno
import os
import signal
from collections.abc import Callable, Sequence
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
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
"""Errors of a disk, or of a user's share of it, without room."""
NICE = 10
"""How far a process that gives way steps back, from 0 to 19."""
AGAIN_AFTER = 0.1
"""Seconds from one change of a session's nice value to the next one that Linux accepts from a user without rights."""
MOST_TRIES = 20
"""Tries to let a session give way. A session that none of them reached shares the cores as an equal."""
MOST_PIECES = 1024
"""Pieces that Linux and macOS write in one call (IOV_MAX)."""
TEXT_AT = 0 if fcntl is not None else 1
"""Where the text of a lock file begins: behind the first byte on systems that lock that byte and not the whole file."""


class Unsupported(OSError):
    """This operating system lacks something that azplan needs. The message is a sentence that says what to do."""


def lock(handle: int) -> bool:
    """Lock an open file until this process ends or closes the file. False: another process holds the lock.

    Raises `Unsupported` if the system has no such locks.
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


async def give_way(process: int) -> None:
    """Let others go before the process of this number, where the system knows that. Does nothing if it has ended.

    It still gets a tenth of a core that another process keeps busy; SCHED_IDLE would leave it a three-hundredth.

    Start the process in a session of its own. Linux may share the cores between sessions before it looks at processes
    (sched(7), "The autogroup feature"). The step back counts within the session then, and not before a broker or a
    database: there the session itself has to step back.
    """
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, process, NICE)
    for _ in range(MOST_TRIES):
        if _session_gave_way(process):
            return
        await asyncio.sleep(AGAIN_AFTER)


def _session_gave_way(process: int) -> bool:
    """Let the session that the process leads give way, if it leads one. False: Linux accepts no change now."""
    try:
        if os.getsid(process) == process:
            Path(f"/proc/{process}/autogroup").write_text(str(NICE), "ascii")
    except BlockingIOError:
        return False
    except (AttributeError, OSError):  # another system, a kernel without sessions in its scheduler, or an ended process
        return True
    return True


def leave_a_core(process: int) -> None:
    """Keep the process off one of the cores that this process may use, where there are several and the system can.

    A library may start threads for itself, so a process takes more than one core. What wakes up for a command finds a
    free core then; Linux may let it wait for 4 ms otherwise, as long as a process of lower rank runs there. Call this
    before the process starts threads. Does nothing if it has ended.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = os.sched_getaffinity(0)
    with suppress(ProcessLookupError, PermissionError):
        os.sched_setaffinity(process, cores - {min(cores)} or cores)


def read_text(handle: int) -> str:
    """The text of a lock file. Empty if another process holds the lock and the system lets nobody read meanwhile."""
    with suppress(OSError):
        os.lseek(handle, TEXT_AT, os.SEEK_SET)
        return os.read(handle, 64).decode("ascii", "replace").strip()
    return ""


def write_text(handle: int, text: str) -> None:
    """Replace the text of a lock file."""
    os.ftruncate(handle, 0)
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, b" " * TEXT_AT + text.encode("ascii"))


def set_aside(handle: int, size: int) -> None:
    """Reserve `size` bytes of the disk for an open file. Raises OSError now if the disk is full."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)
        return
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, bytes(size))
    os.fsync(handle)


def write_whole(handle: int, content: bytes) -> None:
    """Replace the content of an open file, and write it through to the disk."""
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, content)
    os.ftruncate(handle, len(content))
    os.fsync(handle)


def write_pieces(handle: int, pieces: Sequence[bytes]) -> None:
    """Write these pieces one behind the other, in one call of the system where it can.

    One call gives the interpreter back to other threads once, and not once for each piece. Raises OSError if the disk
    is full.
    """
    in_one_call = hasattr(os, "writev") and len(pieces) <= MOST_PIECES
    written = os.writev(handle, pieces) if in_one_call else 0
    if written < sum(map(len, pieces)):
        rest = memoryview(b"".join(pieces))[written:]
        while rest:
            rest = rest[os.write(handle, rest) :]


def keep_folder(folder: Path) -> None:
    """Write the names in a folder through to the disk. Does nothing on a system that does so itself."""
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
    """Whether anybody but the owner may use the file. False on a system without such permission bits."""
    return os.name == "posix" and bool(path.stat().st_mode & 0o077)


def on_stop(called: Callable[[signal.Signals], None]) -> None:
    """Call `called` in the running event loop when SIGTERM or Ctrl-C asks the process to stop."""
    loop = asyncio.get_running_loop()

    def in_loop(number: int, _: FrameType | None) -> None:
        loop.call_soon_threadsafe(called, signal.Signals(number))

    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, called, number)
        except RuntimeError:  # a loop without signals, as on Windows
            signal.signal(number, in_loop)


def user_number() -> str | None:
    """The number of the user that runs this process. None on a system without such numbers."""
    return str(os.getuid()) if hasattr(os, "getuid") else None
