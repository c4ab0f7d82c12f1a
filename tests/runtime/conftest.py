"""Virtual time for all tests here, and a bench with a real journal."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from tests.runtime.bench import Bench
from tests.support.virtual_loop import VirtualLoop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Hours of waiting pass at once, in tests and in their fixtures."""
    return {"virtual": VirtualLoop}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """A journal in an SQLite file, with this test as its only worker."""
    prepared = Bench(tmp_path / "journal.db")
    await prepared.open()
    yield prepared
    await prepared.close()
