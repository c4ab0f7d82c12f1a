"""A world in virtual time for each test, and the command line in this process."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.support.harness import World, world_on
from tests.support.virtual_loop import run_virtual

Story = Callable[[World], Coroutine[Any, Any, None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Run a story in a world of its own, in virtual time."""

    def run(story: Story, **changes: Any) -> None:
        async def main() -> None:
            async with world_on(tmp_path, **changes) as world:
                await story(world)

        run_virtual(main())

    return run
