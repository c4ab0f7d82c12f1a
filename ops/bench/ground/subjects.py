"""What is compared: the bare loop and azplan on each journal, each a process with topics of its own; and the ground.

The ground is what all of them stand on: one broker, one Partner Center that only answers, one token authority, one
PostgreSQL.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import psutil
from confluent_kafka import Producer

from ops.demo.embedded_broker import EmbeddedBroker
from ops.local.azplan import ROOT, Azplan
from ops.local.databases import fresh_database, run_apart
from ops.local.kafka import LocalKafka
from ops.local.postgres import LocalPostgres
from ops.local.server import Server, free_port, tether
from ops.local.simulator import SimulatorProcess
from ops.local.topics import Topics

BARE: Final = "bare loop"
POSTGRES: Final = "azplan, PostgreSQL"
SQLITE: Final = "azplan, SQLite"
CONCURRENCY: Final = 64
"""Commands at once, of every subject."""
SETTINGS: Final = {
    "AZPLAN_HTTP__PORT": "0",
    "AZPLAN_METRICS__PORT": "0",
    "AZPLAN_WORKER__CONCURRENCY": str(CONCURRENCY),
    "AZPLAN_PARTNERS__CONTOSO__REQUESTS_PER_MINUTE": "10000000",
    "AZPLAN_LOG__FORMAT": "json",
}


class MockCenter(Server):
    """`ops.bench.ground.mock_partner_center` as a process of its own."""

    def __init__(self, folder: Path, *, ceiling: int = 0) -> None:
        """`ceiling`: requests in any 60 seconds for each resource family; 0 for no ceiling."""
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        command = [*tether(), sys.executable, "-m", "ops.bench.ground.mock_partner_center"]
        command += ["--port", str(self._port), "--ceiling", str(ceiling)]
        super().__init__("mock Partner Center", command, log=folder / "center.log", cwd=ROOT)

    def ready(self) -> bool:
        """Whether it takes requests."""
        return "ready" in self.log.read_text()

    def counts(self) -> dict[str, int]:
        """Calls by operation since the last `reset`."""
        found: dict[str, int] = httpx.get(f"{self.url}/bench/counts").json()
        return found

    def busy(self) -> dict[str, float]:
        """Seconds between request and answer, by customer."""
        found: dict[str, float] = httpx.get(f"{self.url}/bench/busy").json()
        return found

    def arrivals(self) -> dict[str, list[tuple[float, bool]]]:
        """When requests of each resource family came since the last `reset`, and whether they were refused."""
        found: dict[str, list[tuple[float, bool]]] = httpx.get(f"{self.url}/bench/arrivals").json()
        return found

    def calls(self) -> list[list[str]]:
        """The last calls: operation, method, address, body."""
        found: list[list[str]] = httpx.get(f"{self.url}/bench/log").json()["calls"]
        return found

    def reset(self, delay: float) -> None:
        """Forget what was counted, and answer after `delay` seconds from now on."""
        httpx.get(f"{self.url}/bench/reset?delay={delay!r}")


@dataclass(frozen=True, slots=True)
class Ground:
    """The addresses of what all subjects stand on."""

    folder: Path
    broker: str
    """`mock` or `kafka`."""
    bootstrap_servers: str
    center: MockCenter
    partner: Mapping[str, str]
    """The settings of the partner account."""
    postgres: LocalPostgres | None

    def topics(self, suffix: str | None = None) -> Topics:
        """Three topics, with new names or with this suffix."""
        topics = Topics(self.bootstrap_servers, suffix) if suffix else Topics(self.bootstrap_servers)
        if self.broker == "kafka":
            run_apart(topics.create())
            return topics
        asking = Producer({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})
        for name in (topics.commands, topics.events, topics.dead_letters):
            asking.list_topics(name, timeout=10)  # the mock broker makes a topic when somebody asks for it by name
        return topics


@contextmanager
def ground(
    folder: Path, broker: str, *, postgres: bool, server: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Ground]:
    """Start what the subjects stand on, and stop it in the end. `broker`: `mock` or `kafka`.

    `server`: options of PostgreSQL by its own names.
    """
    with ExitStack() as ending:
        center, authority = MockCenter(folder), SimulatorProcess(folder, "--no-hostility", user=True)
        database = LocalPostgres(more=server) if postgres else None
        if database is not None:
            ending.callback(database.remove)
            database.start()
        for each in (center, authority):
            ending.callback(each.stop)
            each.start()
        if broker == "kafka":
            kafka = LocalKafka(folder / "kafka")
            ending.callback(kafka.stop)
            kafka.start()
            bootstrap = kafka.bootstrap_servers
        else:
            embedded = EmbeddedBroker(())
            ending.callback(lambda: embedded)
            bootstrap = embedded.bootstrap_servers
        partner = {**authority.env, "AZPLAN_PARTNERS__CONTOSO__BASE_URL": center.url}
        yield Ground(folder, broker, bootstrap, center, partner, database)


class Bare(Server):
    """`ops.bench.ground.bare_loop` as a process of its own."""

    def __init__(self, where: Ground, topics: Topics, recipes: Mapping[str, Any]) -> None:
        given = {
            "bootstrap_servers": topics.bootstrap_servers,
            "commands": topics.commands,
            "events": topics.events,
            "group": topics.group,
            "base_url": where.center.url,
            "token": "t" * 1200,
            "concurrency": CONCURRENCY,
            "recipes": recipes,
        }
        command = [*tether(), sys.executable, "-m", "ops.bench.ground.bare_loop", json.dumps(given)]
        super().__init__("bare loop", command, log=where.folder / "bare.log", cwd=ROOT)

    def ready(self) -> bool:
        """Whether it reads commands."""
        return "ready" in self.log.read_text()


@dataclass(frozen=True, slots=True)
class Subject:
    """A running process that is measured."""

    name: str
    topics: Topics
    process: Server

    def cpu(self) -> float:
        """Seconds of CPU that the process has used, user and system."""
        used = psutil.Process(self.process.pid).cpu_times()
        return used.user + used.system

    def memory(self) -> int:
        """Resident memory of the process in bytes."""
        return psutil.Process(self.process.pid).memory_info().rss


@contextmanager
def azplan(
    where: Ground,
    name: str,
    *,
    url: str | None = None,
    through: int | None = None,
    profiles: Path | None = None,
) -> Iterator[Subject]:
    """A worker on a new journal, or on the one at `url`; each journal has its own topics.

    `through`: a port on loopback through which it reaches PostgreSQL. `profiles`: a folder into which cProfile writes
    the worker's profile at its end.
    """
    topics = where.topics(suffix=url and urlsplit(url).path.strip("/"))
    with ExitStack() as ending:
        if url is None and name == POSTGRES:
            assert where.postgres is not None  # noqa: S101 - a ground without PostgreSQL has no such subject
            url = ending.enter_context(fresh_database(where.postgres.url()))
            url = url.replace(f":{where.postgres.port}/", f":{through or where.postgres.port}/")
        elif url is None:
            url = f"sqlite:///{where.folder / f'{topics.suffix}.db'}"
        settings = {**topics.env, **where.partner, "AZPLAN_JOURNAL__URL": url, **SETTINGS}
        file = profiles / f"{where.broker} {name}.prof" if profiles else None
        inside = [sys.executable, "-m", "cProfile", "-o", str(file)] if file else []
        worker = Azplan(settings=settings, cwd=where.folder, name=topics.suffix, inside=inside)
        ending.callback(worker.stop)
        worker.start()
        yield Subject(name, topics, worker)


@contextmanager
def bare(where: Ground, recipes: Mapping[str, Sequence[Sequence[str]]]) -> Iterator[Subject]:
    """The bare loop, which makes these calls for each type of command."""
    topics = where.topics()
    process = Bare(where, topics, recipes)
    process.start()
    try:
        yield Subject(BARE, topics, process)
    finally:
        process.kill()
