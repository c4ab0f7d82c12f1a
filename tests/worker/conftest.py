"""Virtual time for the tests of steps and of the gate, and the runtime's bench for them."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

from tests.runtime.conftest import bench
from tests.support.virtual_loop import VirtualLoop

__all__ = ["bench"]

VIRTUAL = {"test_steps.py", "test_gate.py"}


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Hours of waiting pass at once; not where real sockets are used."""
    return {"virtual": VirtualLoop} if item.path.name in VIRTUAL else {"real": asyncio.new_event_loop}
