"""The fixtures that all tests share, named as nouns. `tests/support` has the parts behind them."""

import asyncio
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from ops.local import kafka, postgres
from ops.local.databases import fresh_database, run_apart
from ops.local.kafka import LocalKafka
from ops.local.postgres import LocalPostgres
from ops.local.topics import Topics
from tests.support import containers
from tests.support.missing import missing

pytest_plugins = ["tests.support.totals"]
"""Listed here and not beside the counting tests: the process that distributes tests reads only this file."""

DOCKER = "or start a Docker engine"


def pytest_configure() -> None:
    """Tests check effects and events, not the log. Tests of the log configure logging themselves."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell lets its background programs ignore Ctrl-C. Programs that tests start would inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with a real broker run first: at the end only short tests are left, and every core stays busy."""
    brokers = {"kafka_servers", "own_kafka"}
    items.sort(key=lambda item: brokers.isdisjoint(getattr(item, "fixturenames", ())))


@pytest.fixture(scope="session", autouse=True)
def _no_stray_loop() -> None:
    """The looptime plugin asks for an event loop around tests without one, and would make a loop that nobody closes."""
    asyncio.set_event_loop(None)


@pytest.fixture(scope="session")
def _local_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    # Each process of pytest-xdist has a broker of its own: a test may kill its broker without harm to other processes.
    if lack := kafka.why_not():
        missing("Apache Kafka on this machine", f"{lack}, {DOCKER}, or set AZPLAN_TEST_KAFKA to bootstrap servers")
    broker = LocalKafka(tmp_path_factory.mktemp("kafka"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def kafka_servers(request: pytest.FixtureRequest) -> Iterator[str]:
    """Bootstrap servers of a real Kafka: a given one, a container, or a broker on the local Java, in this order."""
    if given := os.environ.get("AZPLAN_TEST_KAFKA"):
        yield given
    elif containers.engine_answers():
        with containers.KafkaContainer() as container:
            yield container.bootstrap_servers
    else:
        yield request.getfixturevalue("_local_kafka").bootstrap_servers


@pytest.fixture
def own_kafka(_local_kafka: LocalKafka) -> Iterator[LocalKafka]:
    """A broker that the test may stop, kill, freeze and start again. It runs again afterwards."""
    yield _local_kafka
    _local_kafka.restore()


@pytest.fixture
def topics(kafka_servers: str) -> Topics:
    """Fresh topics and a fresh group on the shared broker."""
    fresh = Topics(kafka_servers)
    run_apart(fresh.create())
    return fresh


@pytest.fixture
def own_topics(own_kafka: LocalKafka) -> Topics:
    """Fresh topics and a fresh group on the broker that the test may break."""
    fresh = Topics(own_kafka.bootstrap_servers)
    run_apart(fresh.create())
    return fresh


@pytest.fixture(scope="session")
def _local_postgres() -> Iterator[LocalPostgres]:
    if lack := postgres.why_not():
        missing("PostgreSQL on this machine", f"{lack}, {DOCKER}")
    server = LocalPostgres()
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def _postgres_server(request: pytest.FixtureRequest) -> Iterator[str]:
    if given := os.environ.get("AZPLAN_TEST_POSTGRES"):
        yield given
    elif containers.engine_answers():
        with containers.postgres_container() as container:
            yield container.get_connection_url()
    else:
        yield request.getfixturevalue("_local_postgres").url()


@pytest.fixture
def postgres_url(_postgres_server: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of the test's own."""
    with fresh_database(_postgres_server) as url:
        yield url


@pytest.fixture
def own_postgres(_local_postgres: LocalPostgres) -> Iterator[LocalPostgres]:
    """A PostgreSQL server that the test may stop, kill, freeze and start again. It runs again afterwards."""
    yield _local_postgres
    _local_postgres.restore()


@pytest.fixture
def own_postgres_url(own_postgres: LocalPostgres) -> Iterator[str]:
    """An empty database on the server that the test may break."""
    with fresh_database(own_postgres.url()) as url:
        yield url
        own_postgres.restore()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'journal.db'}"
