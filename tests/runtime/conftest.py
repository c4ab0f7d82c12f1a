"""Virtual time for all tests here, and a bench with a real journal."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.runtime.bench import Bench


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Hours of waiting pass at once."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.looptime)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """A journal in an SQLite file, with this test as its only worker."""
    prepared = Bench(tmp_path / "journal.db")
    await prepared.open()
    yield prepared
    await prepared.close()
