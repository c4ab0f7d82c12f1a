"""A journal on each of the two databases, and any number of workers on it."""

from collections.abc import AsyncIterator

import pytest

from tests.journal.bench import Bench

ENGINES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database. Every test that uses this fixture runs on both databases."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
async def bench(url: str) -> AsyncIterator[Bench]:
    """The bench on that database."""
    async with Bench(url) as made:
        yield made
