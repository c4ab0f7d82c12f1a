"""A killed worker leaves its database at once, wherever its driver was at that moment."""

import asyncio

import pytest

from tests.support.boundaries import Life, WatchedEngine, track_lives
from tests.support.virtual_loop import run_virtual
from tests.support.virtual_postgres import VirtualPostgres
from worker.journal.database.protocol import Transaction


@pytest.mark.postgres
def test_a_worker_killed_while_a_connection_goes_back_to_its_pool_is_buried(postgres_url: str) -> None:
    """The driver's task that gives the connection back ends before its first step, and nothing waits for that task."""
    run_virtual(_killed_while_a_connection_goes_back(postgres_url))


async def _killed_while_a_connection_goes_back(url: str) -> None:
    track_lives()
    life = Life("worker")
    engine = WatchedEngine(VirtualPostgres(url, writers=1, readers=1), life)
    await life.start(engine.open())
    life.start(engine.read(_nothing))
    while not any("PoolConnectionHolder.release" in repr(task) for task in asyncio.all_tasks()):  # noqa: ASYNC110
        await asyncio.sleep(0)
    await life.bury()
    await engine.close()


async def _nothing(_tx: Transaction) -> None:
    """Read nothing."""
