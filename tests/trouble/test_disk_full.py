"""The disk of an SQLite journal is full: the worker says so, loses nothing, and goes on when there is room."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from events.messages.plans import PlanReactivated, ReactivatePlan
from tests.operators.asking import later
from tests.support.harness import GROUP, LiveWorker, World, world_on
from tests.support.invariants import check
from tests.support.virtual_loop import run_virtual
from tests.trouble.ledger import rest
from worker.errors import FULL_DISK
from worker.journal.database.sqlite.engine import SqliteEngine
from worker.runtime.observability.readiness import Readiness

MIB = 1024 * 1024


class PageLimit:
    """The database may not grow by a page. SQLite then answers as on a full disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, worker: LiveWorker) -> None:
        """Allow no page more."""
        # SQLite raises the limit to the present number of pages.
        self._writer(worker).execute("PRAGMA max_page_count = 1")

    def clear(self, worker: LiveWorker) -> None:
        """Allow any number of pages."""
        self._writer(worker).execute("PRAGMA max_page_count = 1000000")

    def _writer(self, worker: LiveWorker) -> Any:
        engine = worker.journal.transactions._engine._engine  # type: ignore[attr-defined]
        assert isinstance(engine, SqliteEngine)
        return engine._writer


class SmallDisk:
    """A file system of two mebibytes in memory, which another file fills to the last byte."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "disk"
        self.folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(self.folder)], check=True)

    def fill(self, _worker: LiveWorker) -> None:
        """Take all room that is left."""
        with (self.folder / "somebody-elses").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                return

    def clear(self, _worker: LiveWorker) -> None:
        """Make room."""
        (self.folder / "somebody-elses").unlink()

    def remove(self) -> None:
        """Unmount it."""
        subprocess.run(["umount", str(self.folder)], check=True)


@pytest.fixture
def page_limit(tmp_path: Path) -> PageLimit:
    """A limit of pages, which works everywhere."""
    return PageLimit(tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A small file system, which only root can make."""
    disk = SmallDisk(tmp_path)
    yield disk
    disk.remove()


DISKS = ["page_limit", *(["small_disk"] if os.getuid() == 0 else [])]


@pytest.mark.parametrize("kind", DISKS)
def test_a_full_disk_is_reported_and_loses_nothing_and_is_over_when_there_is_room(
    kind: str, request: pytest.FixtureRequest
) -> None:
    """G1: nothing is committed, readiness says why, the log names the file, and no restart is needed."""
    disk, log = request.getfixturevalue(kind), LogCapture()

    async def story(world: World) -> None:
        worker = await world.begin()
        structlog.configure(processors=[log], wrapper_class=structlog.BoundLogger)
        first, *customers = world.simulator.customers(40, "suspended_plan")
        assert isinstance(await world.do(ReactivatePlan(customer_id=first.id)), PlanReactivated)
        disk.fill(worker)
        committed = dict(world.broker.committed(GROUP))
        # More data than fits into the free space of the existing pages and the write-ahead log.
        sent = [await world.send(ReactivatePlan(customer_id=each.id)) for each in customers]
        await world.until(later(world, 120), "two minutes have passed")
        assert world.broker.committed(GROUP) == committed
        assert worker.service.readiness().reasons[0] == FULL_DISK
        assert worker.service.stuck() == []
        disk.clear(worker)
        await rest(world)
        assert {type(await world.answer(each)) for each in sent} == {PlanReactivated}
        assert (worker.service.readiness(), world.broken()) == (Readiness(), [])
        await check(world)

    tell(story, disk.folder)
    warnings = {(each["event"], str(each.get("error"))) for each in log.entries if each["log_level"] == "warning"}
    full = f"the disk that holds {disk.folder / 'journal.db'} is full: make room"
    assert {event for event, error in warnings if error.startswith(full)} >= {"intake.waiting"}


def tell(story: Callable[[World], object], folder: Path) -> None:
    """Run a story on a journal in that folder. Returns the log of the run."""

    async def main() -> None:
        async with world_on(folder) as world:
            await story(world)  # type: ignore[misc]

    before = structlog.get_config()
    try:
        run_virtual(main())
    finally:
        structlog.configure(**before)
