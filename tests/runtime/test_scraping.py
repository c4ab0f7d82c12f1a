"""The metrics over a real socket, as Prometheus reads them: in a thread beside the worker's event loop."""

import asyncio
import socket
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from events.messages.plans import SuspendPlan
from tests.support.accepted import accepted
from tests.support.harness import settings_of, world_on
from worker.app import exported
from worker.metrics import REGISTRY
from worker.runtime.lifecycle.service import SHOW_SECONDS, SHOWN_SECONDS
from worker.version import revision


def free_port() -> int:
    """A port that no process uses now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def scraped(port: int) -> str:
    """The text that Prometheus would read. Raises if there is no answer."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def test_an_answer_waits_for_nothing_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small packets leave at once: head and body of an answer are two of them."""
    port = free_port()
    with accepted(monkeypatch) as connections, exported(settings_of(metrics={"port": port})):
        assert f'revision="{revision()}"' in scraped(port)
        assert connections.without_delay() == [True]


class Touchy(dict[Any, Any]):
    """A dictionary that the event loop is just changing. Any other thread that walks through it fails."""

    def _walked(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("dictionary changed size during iteration")

    def __iter__(self) -> Iterator[Any]:
        self._walked()
        return super().__iter__()

    def items(self) -> Any:
        """Answer the loop only."""
        self._walked()
        return super().items()

    def values(self) -> Any:
        """Answer the loop only."""
        self._walked()
        return super().values()


async def test_a_scrape_walks_nothing_that_the_event_loop_changes(tmp_path: Path) -> None:
    """A scrape comes from a thread of its own at any moment. The loop keeps numbers ready for it."""
    settings = settings_of(metrics={"port": free_port()})
    async with world_on(tmp_path, settings=settings) as world:
        worker = await world.begin()
        await world.do(SuspendPlan(customer_id=world.simulator.customer("plan").id))
        parts = worker.service._parts
        (lines,) = (
            says.__self__._state for says in parts.degraded if hasattr(getattr(says, "__self__", None), "_state")
        )
        assert lines._circuits, "Partner Center was called"
        poison = parts.consumer._poison
        lines._circuits, poison._watched = Touchy(lines._circuits), Touchy(poison._watched)
        await asyncio.sleep(2 * SHOW_SECONDS)
        with exported(settings):
            assert "\nazplan_ready 1.0\n" in scraped(settings.metrics.port)
            parts.degraded = [lambda: ["one", "two"]]
            await asyncio.sleep(2 * SHOW_SECONDS)
            page = scraped(settings.metrics.port)
            assert "\nazplan_ready 1.0\n" in page
            assert "\nazplan_degraded_reasons 2.0\n" in page


async def test_a_worker_whose_event_loop_does_not_come_round_is_not_shown_as_ready(tmp_path: Path) -> None:
    """Readiness grows old: a stuck loop cannot say that it is stuck."""
    async with world_on(tmp_path) as world:
        worker = await world.begin()
        await asyncio.sleep(SHOW_SECONDS)
        assert REGISTRY.get_sample_value("azplan_ready") == 1
        (showing,) = (each for each in worker.service._tasks if each.get_name() == "Service._show")
        showing.cancel()
        await asyncio.sleep(SHOWN_SECONDS + 1)
        assert REGISTRY.get_sample_value("azplan_ready") == 0
