"""The stage of the tests here, and virtual time for all of them."""

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.handlers.stage import Cast, Stage
from tests.support.empty_journal import empty_journal

MEMORY = next((path for path in [Path("/dev/shm")] if path.is_dir()), None)
"""A file system in memory, if the machine has one: these tests do not depend on disks."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Hours of waiting pass at once."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.looptime)


@pytest.fixture
def cast(request: pytest.FixtureRequest) -> Cast:
    """The parts of the stage. A test changes them with `pytest.mark.parametrize("cast", ..., indirect=True)`."""
    return getattr(request, "param", Cast())


@pytest.fixture
async def stage(cast: Cast) -> AsyncIterator[Stage]:
    """The inside of a worker on a fresh journal, beside the simulator."""
    with TemporaryDirectory(dir=MEMORY) as folder:
        journal = Path(folder) / "journal.db"
        journal.write_bytes(empty_journal())
        set_up = Stage(journal, cast)
        yield set_up
        await set_up.close()
