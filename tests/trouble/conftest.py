"""Worlds in virtual time, on either database."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from tests.crash.enumeration import scratch
from tests.support.harness import MakeEngine, World
from tests.support.virtual_loop import run_virtual
from tests.support.virtual_postgres import emptied, told_the_time

Story = Callable[[World], Coroutine[Any, Any, None]]
Play = Callable[..., None]


@pytest.fixture
def play() -> Iterator[Play]:
    """Run stories in virtual time on SQLite, each in a world of its own. No part of a worker may break in them."""
    with scratch() as fresh:
        yield lambda story, **changes: run_virtual(told(story, fresh(), **changes))


@pytest.fixture
def play_on_postgres(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    """The same on a real PostgreSQL server. The database is emptied for each story."""
    with told_the_time(monkeypatch) as engines:
        yield lambda story, **changes: run_virtual(told(story, engines(emptied(postgres_url)), **changes))


async def told(story: Story, make_engine: MakeEngine, *, kind: type[World] = World, **changes: Any) -> None:
    """One story from its beginning to its end, in a world of this kind."""
    world = kind(make_engine, **changes)
    try:
        await story(world)
        assert world.broken() == []
    finally:
        await world.close()
