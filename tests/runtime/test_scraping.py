"""The metrics over a real socket, as Prometheus reads them: from a thread beside the worker's event loop."""

import socket
import urllib.request

import pytest

from tests.support.accepted import accepted
from tests.support.harness import settings_of
from worker.app import exported


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def scraped(port: int) -> str:
    """What Prometheus would read. Raises where the answer is none."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def test_an_answer_waits_for_nothing_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small packets leave at once: head and body of an answer are two of them."""
    port = free_port()
    with accepted(monkeypatch) as connections, exported(settings_of(metrics={"port": port})):
        assert "azplan_build_info" in scraped(port)
        assert connections.without_delay() == [True]
