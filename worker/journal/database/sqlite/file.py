"""The file of a journal on SQLite: connections, rights and errors."""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from worker import operating_system
from worker.errors import FULL_DISK, JournalRefused, JournalUnavailable

BUSY_TIMEOUT_MS = 10_000
LARGEST_LOG = 64 * 1024 * 1024
"""Bytes to which the write-ahead log is cut back after a burst."""


def connect(path: Path, *, guest: bool = False) -> sqlite3.Connection:
    """A connection whose commits survive a power cut. Raises `JournalRefused` if the file cannot be used.

    The file itself says that it has a write-ahead log. A guest never changes that in any file.
    """
    if path.exists() and not operating_system.may_use(path):
        raise JournalRefused(
            f"{path} is not readable and writable for this user: run as its owner, or change its rights"
        )
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        # The smallest read that shows a guest that the file is a database.
        connection.execute("PRAGMA schema_version" if guest else "PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")  # on macOS a plain fsync does not reach the disk
        connection.execute(f"PRAGMA journal_size_limit = {LARGEST_LOG}")
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            raise unavailable(error, path) from error
        raise JournalRefused(f"{path} cannot be opened as a journal: {error}") from error
    return connection


def made_private(path: Path) -> None:
    """Create a missing file for its owner alone. SQLite gives the files beside it the same rights."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def readable_by_others(path: Path) -> str | None:
    """A warning if others than the owner may read the journal; None otherwise.

    The rights stay: a person may have given them on purpose, for instance to a backup.
    """
    files = [each for name in ("", "-wal", "-shm") if (each := path.with_name(path.name + name)).exists()]
    wide = [each for each in files if operating_system.open_to_others(each)]
    if not wide:
        return None
    names = " ".join(map(str, wide))
    return f"others than its owner may read or write the journal: `chmod 600 {names}`, unless that is meant"


def unavailable(error: sqlite3.DatabaseError, path: Path) -> JournalUnavailable:
    """The error, for the operator, of a database in trouble."""
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        full = f"the disk that holds {path} is full: make room; the worker goes on by itself ({error})"
        return JournalUnavailable(full, plain=FULL_DISK)
    return JournalUnavailable(f"{path}: {error}")
