"""One worker per file: an operating-system lock beside the journal, which ends with its process."""

import os
from pathlib import Path

from worker import operating_system
from worker.errors import JournalRefused


def take_lock(path: Path) -> int:
    """An exclusive lock beside the file, held until the process ends. Raises `JournalRefused` if another has it."""
    try:
        handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise JournalRefused(
            f"{path}.lock cannot be opened: {error.strerror}. A worker must own its journal"
        ) from error
    try:
        locked = operating_system.lock(handle)
    except OSError as error:
        os.close(handle)
        raise JournalRefused(
            f"{path}.lock cannot be locked: {error}. An SQLite journal needs that; PostgreSQL does not "
            "(AZPLAN_JOURNAL__URL=postgresql://…)"
        ) from error
    if not locked:
        holder = operating_system.read_text(handle) or "unknown"
        os.close(handle)
        raise JournalRefused(
            f"another worker (process {holder}) already runs on {path}. An SQLite journal serves one worker: "
            "stop the other worker, or use PostgreSQL (AZPLAN_JOURNAL__URL=postgresql://…) to run several."
        )
    operating_system.write_text(handle, str(os.getpid()))
    return handle
