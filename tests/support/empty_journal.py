"""The file of an empty journal, made once and copied often: to make its tables takes longer than many a test."""

import asyncio
import functools
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.callers_thread import CallersThread
from worker.clock import Clock
from worker.journal.database.sqlite.engine import SqliteEngine


@functools.cache
def empty_journal() -> bytes:
    """The bytes of the file."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as apart:
        path = Path(folder) / "empty.db"
        apart.submit(asyncio.run, _make(path)).result()  # the caller may be in an event loop
        return path.read_bytes()


async def _make(path: Path) -> None:
    engine = SqliteEngine(path, clock=Clock(), threads=CallersThread())
    await engine.open()
    await engine.close()
