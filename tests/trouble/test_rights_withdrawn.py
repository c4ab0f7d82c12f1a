"""A broker that answers but no longer grants the worker the rights that it needs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.local.azplan import Azplan
from ops.local.kafka import LocalKafka
from ops.local.kafka_messages import Sent, answered, send
from ops.local.server import free_port
from ops.local.simulator import SimulatorProcess
from ops.local.topics import Topics
from ops.local.waiting import eventually
from tests.support.access import allow, forbid, guarded
from tests.trouble.test_real_parts import partner_center, worker_on
from worker.broker.rights import Right, RightTo

__all__ = ["partner_center"]
pytestmark = pytest.mark.kafka


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[LocalKafka]:
    """A broker that checks the rights of its users."""
    made = guarded(tmp_path / "kafka")
    made.start()
    yield made
    made.stop()


def ready(worker: Azplan) -> dict[str, Any]:
    """The answer of /readyz and its status."""
    port = re.findall(r'"health_port": ?([0-9]+)', worker.output())[-1]
    answer = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5)
    return {**answer.json(), "status": answer.status_code}


def scraped(port: int, name: str) -> dict[str, float]:
    """The samples of a metric by their labels."""
    page = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text
    return {labels: float(value) for labels, value in re.findall(rf"^{name}{{(.*?)}} (\S+)$", page, re.MULTILINE)}


async def test_withdrawn_rights_are_reported_and_counted(
    broker: LocalKafka, partner_center: SimulatorProcess, tmp_path: Path
) -> None:
    """/readyz, a metric and the lag show answers that cannot leave and records that cannot be read.

    Then all goes on.
    """
    metrics_port = free_port()
    place, secured = Topics(broker.bootstrap_servers), broker.secured
    await place.create()
    write, dead = Right(RightTo.WRITE, place.events), Right(RightTo.WRITE, place.dead_letters)
    read, commit = Right(RightTo.READ, place.commands), Right(RightTo.COMMIT, place.group)
    await allow(broker, [write, dead, read, commit])
    settings = {
        **place.env,
        **partner_center.env,
        "AZPLAN_KAFKA__BOOTSTRAP_SERVERS": secured.bootstrap_servers,
        "AZPLAN_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
        "AZPLAN_KAFKA__SASL_MECHANISM": "SCRAM-SHA-512",
        "AZPLAN_KAFKA__SASL_USERNAME": secured.username,
        "AZPLAN_KAFKA__SASL_PASSWORD": secured.password,
        "AZPLAN_KAFKA__CA_FILE": str(secured.ca_file),
        "AZPLAN_JOURNAL__URL": f"sqlite:///{tmp_path / 'journal.db'}",
        "AZPLAN_METRICS__PORT": str(metrics_port),
    }
    first, second, third = (Sent("ReactivatePlan", each) for each in partner_center.customers("suspended_plan", 3))
    worker = worker_on(settings, tmp_path)

    def blocked(direction: str) -> bool:
        return scraped(metrics_port, "azplan_kafka_blocked").get(f'direction="{direction}"') == 1.0

    def lag() -> float:
        return sum(scraped(metrics_port, "azplan_consumer_lag_messages").values())

    try:
        await send(place, first)
        await answered(place, [first], within=30)
        assert (ready(worker)["status"], ready(worker)["degraded"]) == (200, [])
        assert not blocked("in")
        assert not blocked("out")

        await forbid(broker, [write])
        await send(place, second)
        await eventually(lambda: blocked("out"), "the metric says that answers cannot leave", within=30)
        now = ready(worker)
        assert (now["status"], now["ready"]) == (200, True)
        assert any("answers cannot leave" in each for each in now["degraded"])
        await allow(broker, [write])
        await answered(place, [first, second], within=30)
        await eventually(lambda: not blocked("out"), "the metric says that they leave", within=30)

        await forbid(broker, [read, commit])
        await send(place, third)
        await eventually(lambda: blocked("in"), "the metric says that records cannot be read", within=60)
        assert ready(worker)["status"] == 200
        assert any("refuses" in each for each in ready(worker)["degraded"])
        # This right shows the topic to the worker, but does not allow reading.
        await allow(broker, [Right(RightTo.WRITE, place.commands)])
        await eventually(lambda: lag() >= 1, "the lag counts what cannot be read", within=60)
        await allow(broker, [read, commit])
        await answered(place, [third], within=90)
        await eventually(lambda: lag() == 0, "the lag is gone", within=30)
        await eventually(lambda: not blocked("in"), "the metric says that records are read", within=30)
    finally:
        worker.stop()
