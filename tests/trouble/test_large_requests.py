"""A broker that silently closes the connection on a request above a limit, as Azure Event Hubs does."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from events.wire.record import Outgoing
from ops.local.databases import run_apart
from ops.local.kafka import LocalKafka
from ops.local.kafka_messages import Sent, answered, hear, send
from ops.local.simulator import SimulatorProcess
from ops.local.topics import Topics
from ops.local.waiting import eventually
from tests.trouble.test_real_parts import complaints, partner_center, worker_on, write

__all__ = ["partner_center"]
pytestmark = pytest.mark.kafka

LIMIT = 1_046_528
LARGEST = 1_046_106
"""The value of the largest record that fits into such a request. Its dead letter does not fit."""


@pytest.fixture(scope="module")
def event_hubs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """A Kafka with the limit of Azure Event Hubs."""
    broker = LocalKafka(tmp_path_factory.mktemp("kafka"), socket_request_max_bytes=str(LIMIT))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def hub_topics(event_hubs: LocalKafka) -> Topics:
    """Fresh topics on this broker."""
    fresh = Topics(event_hubs.bootstrap_servers)
    run_apart(fresh.create())
    return fresh


def unsent(journal: Path) -> int:
    """The number of events and dead letters that Kafka has not acknowledged."""
    with closing(sqlite3.connect(journal)) as database:
        count = "SELECT (SELECT count(*) FROM event WHERE sent_at IS NULL) + count(*) FROM dead_letter"
        return int(database.execute(f"{count} WHERE sent_at IS NULL").fetchone()[0])


@pytest.mark.parametrize("believed", [None, 4_000_000], ids=["as it is set by default", "where the setting is wrong"])
async def test_one_record_of_the_largest_size_keeps_no_answer_from_anybody(
    believed: int | None, hub_topics: Topics, partner_center: SimulatorProcess, tmp_path: Path
) -> None:
    """Four other customers are answered within seconds, the dead letter has no value, and a stop is quick."""
    journal = tmp_path / "journal.db"
    settings = {
        **hub_topics.env,
        **partner_center.env,
        "AZPLAN_JOURNAL__URL": f"sqlite:///{journal}",
        "AZPLAN_WORKER__DRAIN_TIMEOUT": "5",
        **({} if believed is None else {"AZPLAN_KAFKA__MAX_REQUEST_BYTES": str(believed)}),
    }
    worker = worker_on(settings, tmp_path)
    try:
        await write(hub_topics, [(Outgoing(b"k", b"x" * LARGEST, ()), 0)])
        commands = [Sent("ReactivatePlan", each) for each in partner_center.customers("suspended_plan", 4)]
        await send(hub_topics, *commands)
        await answered(hub_topics, commands, within=5 if believed is None else 15)
        (letter,) = await eventually(
            lambda: hear(hub_topics.bootstrap_servers, hub_topics.dead_letters), "the dead letter", within=15
        )
        assert (letter.value, letter.headers["azplan_dlq_truncated"]) == (b"", "true")
        assert letter.headers["azplan_dlq_code"] == "invalid_json"
        await eventually(lambda: unsent(journal) == 0, "the outbox is empty", within=5)
        assert complaints(worker) == ""
        begun = time.monotonic()
        worker.interrupt()
        await asyncio.to_thread(worker.wait, within=30)
        assert time.monotonic() - begun < 10
    finally:
        worker.stop()
