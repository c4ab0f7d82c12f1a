"""Real parts: Kafka, PostgreSQL or SQLite, the simulator behind TLS and HTTP, and `azplan` as a process."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.local.azplan import Azplan
from ops.local.simulator import SimulatorProcess
from ops.local.topics import Topics

QUICK = {
    "AZPLAN_WAITS__FIRST": "0.3",
    "AZPLAN_WAITS__MAX": "2",
    "AZPLAN_RETRIES__FIRST": "0.3",
    "AZPLAN_HTTP__PORT": "0",
    "AZPLAN_METRICS__PORT": "0",
}

WorkerFactory = Callable[..., Azplan]


@pytest.fixture(scope="session")
def partner_center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """A Partner Center 600 times as fast as the real one, for all tests. Each test adds its own customers."""
    simulator = SimulatorProcess(
        tmp_path_factory.mktemp("partner-center"), "--scale", "600", "--set", "quota_per_minute=100000", user=True
    )
    simulator.start()
    yield simulator
    simulator.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def journal_url(request: pytest.FixtureRequest) -> str:
    """The URL of a new journal, on each of the two databases."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def settings(topics: Topics, partner_center: SimulatorProcess, journal_url: str) -> dict[str, str]:
    """The settings of a worker between the test's topics, its journal and the simulator."""
    return {**topics.env, **partner_center.env, **QUICK, "AZPLAN_JOURNAL__URL": journal_url}


@pytest.fixture
def start_worker(settings: dict[str, str], tmp_path: Path) -> Iterator[WorkerFactory]:
    """Starts workers, with other settings if a test wants them, and ends all workers that still run."""
    started: list[Azplan] = []

    def start(**other: str) -> Azplan:
        worker = Azplan(settings={**settings, **other}, cwd=tmp_path, name=f"worker-{len(started) + 1}")
        started.append(worker)
        worker.start()
        return worker

    yield start
    for worker in started:
        worker.stop()
