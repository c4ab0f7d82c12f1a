"""Trouble that only real servers can show: bytes on a real Kafka, a broker and a database that stop and come back."""

import asyncio
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from events.wire.record import Outgoing, Record
from ops.local.azplan import Azplan
from ops.local.kafka import LocalKafka
from ops.local.kafka_messages import Sent, answered, send
from ops.local.postgres import LocalPostgres
from ops.local.simulator import SimulatorProcess
from ops.local.topics import Topics
from ops.local.waiting import eventually
from tests.integration.conftest import QUICK
from tests.trouble.hostile import classics, golden, oversized
from tests.trouble.ledger import place_of, repeats
from worker.broker.admin import KafkaAdmin
from worker.broker.kafka_clients import KafkaConfig
from worker.broker.port import Partition
from worker.runtime.lifecycle.service import STOP_SECONDS

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

SICK, WINDOW = 0, 40


@pytest.fixture(scope="session")
def partner_center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """A Partner Center that is fast."""
    simulator = SimulatorProcess(
        tmp_path_factory.mktemp("partner-center"), "--scale", "600", "--set", "quota_per_minute=100000"
    )
    simulator.start()
    yield simulator
    simulator.stop()


def worker_on(settings: dict[str, str], folder: Path) -> Azplan:
    """A worker process."""
    worker = Azplan(settings={**QUICK, **settings}, cwd=folder)
    worker.start()
    return worker


def complaints(worker: Azplan) -> str:
    """The trouble that /readyz reports, in one text; empty if there is none."""
    port = re.findall(r'"health_port": ?([0-9]+)', worker.output())[-1]
    answer = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5)
    said = answer.json()
    assert answer.status_code == (503 if said["reasons"] else 200)
    return "; ".join((*said["reasons"], *said["degraded"]))


async def write(topics: Topics, records: list[tuple[Outgoing, int]]) -> None:
    """Write records of any bytes to partitions, each acknowledged."""
    producer = AIOKafkaProducer(bootstrap_servers=topics.bootstrap_servers, acks="all", max_request_size=2**21)
    await producer.start()
    try:
        waiting = []
        for record, partition in records:
            batch = producer.create_batch()
            batch.append(timestamp=None, key=record.key, value=record.value, headers=list(record.headers))
            waiting.append(await producer.send_batch(batch, topics.commands, partition=partition))
        await asyncio.gather(*waiting)
    finally:
        await producer.stop()


def record_of(command: Sent) -> Outgoing:
    """The command as a record."""
    return Outgoing(command.customer.encode(), command.value, tuple(command.headers))


async def records_on(topics: Topics, topic: str) -> list[Record]:
    """Everything on a topic."""
    admin = KafkaAdmin(KafkaConfig(topics.bootstrap_servers))
    await admin.start()
    try:
        ends = await admin.ends(topic)
        return [each async for each in admin.read({each: range(end) for each, end in ends.items()})]
    finally:
        await admin.stop()


async def unaccounted(topics: Topics, journal: Path) -> list[Record]:
    """Records of the commands topic that became neither a dead letter, nor a command, nor a repeat of one."""
    records = await records_on(topics, topics.commands)
    assert sum((await committed(topics)).values()) == len(records)
    with closing(sqlite3.connect(journal)) as database:
        database.row_factory = sqlite3.Row
        commands = {row["uid"]: dict(row) for row in database.execute("SELECT * FROM command")}
        letters = {place_of(dict(row)) for row in database.execute("SELECT * FROM dead_letter")}
    places = letters | {place_of(row) for row in commands.values()}
    return [each for each in records if (each.partition, each.offset) not in places and not repeats(each, commands)]


async def test_hundreds_of_hostile_records_and_a_storm_on_a_real_broker(
    topics: Topics, partner_center: SimulatorProcess, tmp_path: Path
) -> None:
    """G1, G7, G9: all records are put aside or answered. The storm's partition is paused and resumes; others go on."""
    journal = tmp_path / "journal.db"
    poison = {"AZPLAN_WORKER__POISON_WINDOW": str(WINDOW), "AZPLAN_WORKER__POISON_SHARE": "0.9"}
    settings = {**topics.env, **partner_center.env, **poison, "AZPLAN_JOURNAL__URL": f"sqlite:///{journal}"}
    customers = partner_center.customers("suspended_plan", 6)
    behind, *good = [Sent("ReactivatePlan", each) for each in customers]
    hostile = [*classics(), *golden(), *oversized()] * 4
    worker = worker_on(settings, tmp_path)
    try:
        await write(topics, [(record, 1 + number % 5) for number, record in enumerate(hostile)])
        await write(topics, [(Outgoing(b"k", b"no json %d" % number, ()), SICK) for number in range(60)])
        await eventually(lambda: f"partition {SICK} of" in complaints(worker), "the storm is said", within=60)
        await write(topics, [(record_of(behind), SICK)] * 40)
        await write(topics, [(record_of(each), 1 + number) for number, each in enumerate(good)])
        events = await answered(topics, good, within=60)
        assert {each[-1].type for each in events.values()} == {"PlanReactivated"}

        await answered(topics, [behind], within=90)
        await eventually(lambda: complaints(worker) == "", "the worker is ready again", within=90)
        assert [worker.output().count(said) for said in ('"partition.resumed"', '"worker.part_broke"')] == [1, 0]
    finally:
        worker.stop()
    assert await unaccounted(topics, journal) == []
    letters = [dict(each.headers) for each in await records_on(topics, topics.dead_letters)]
    codes = Counter(each["azplan_dlq_code"] for each in letters)
    assert codes[b"invalid_json"] > 60
    assert {b"invalid_envelope", b"invalid_customer", b"id_reused"} <= {*codes}
    assert sum("azplan_dlq_truncated" in each for each in letters) >= 16, "what the broker takes no more is cut"


async def test_database_and_broker_may_stop_and_come_back(
    own_topics: Topics,
    own_kafka: LocalKafka,
    own_postgres: LocalPostgres,
    own_postgres_url: str,
    partner_center: SimulatorProcess,
    tmp_path: Path,
) -> None:
    """G1, G3: each time the worker says which server is missing, loses nothing, and goes on without a restart."""
    topics = own_topics
    settings = {**topics.env, **partner_center.env, "AZPLAN_JOURNAL__URL": own_postgres_url}
    first, second, third = (Sent("ReactivatePlan", each) for each in partner_center.customers("suspended_plan", 3))
    worker = worker_on(settings, tmp_path)
    try:
        await send(topics, first)
        await answered(topics, [first], within=60)

        await asyncio.to_thread(own_postgres.stop)
        before = await committed(topics)
        await send(topics, second)
        await eventually(lambda: "database" in complaints(worker), "the database is missed", within=30)
        await asyncio.sleep(3)
        assert await committed(topics) == before
        await asyncio.to_thread(own_postgres.start)
        await answered(topics, [second], within=60)
        await eventually(lambda: complaints(worker) == "", "the worker is ready again", within=60)

        partner_center.fault("slow_answer", customer=third.customer, seconds=8)
        await send(topics, third)
        await eventually(lambda: in_progress(partner_center, third), "it is being carried out", within=30)
        await asyncio.to_thread(own_kafka.stop)
        await eventually(lambda: "Kafka" in complaints(worker), "the broker is missed", within=60)
        await eventually(lambda: '"outbox.failed"' in worker.output(), "an event waits in the outbox", within=60)
        await asyncio.to_thread(own_kafka.start)
        events = (await answered(topics, [third], within=90))[third.id]
        assert [each.type for each in events].count("PlanReactivated") >= 1
        await eventually(lambda: complaints(worker) == "", "the worker is ready again", within=60)
        assert worker.running
        assert "worker.part_broke" not in worker.output()
    finally:
        worker.stop()


@pytest.mark.parametrize("silent", ["broker", "database", "broker and database"])
async def test_a_stop_is_over_in_time_though_broker_or_database_are_silent(
    own_topics: Topics,
    own_kafka: LocalKafka,
    own_postgres: LocalPostgres,
    own_postgres_url: str,
    partner_center: SimulatorProcess,
    tmp_path: Path,
    silent: str,
) -> None:
    """A command is under way and an event waits. The process ends by itself before the platform would kill it."""
    drain = 3
    more = {"AZPLAN_JOURNAL__URL": own_postgres_url, "AZPLAN_WORKER__DRAIN_TIMEOUT": str(drain)}
    first, second = (Sent("ReactivatePlan", each) for each in partner_center.customers("suspended_plan", 2))
    worker = worker_on({**own_topics.env, **partner_center.env, **more}, tmp_path)
    try:
        await send(own_topics, first)
        await answered(own_topics, [first], within=60)
        partner_center.fault("slow_answer", customer=second.customer, seconds=2)
        await send(own_topics, second)
        await eventually(lambda: in_progress(partner_center, second), "it is being carried out", within=30)
        for name, server in (("broker", own_kafka), ("database", own_postgres)):
            if name in silent:
                server.pause()
        worker.interrupt()
        begun = time.monotonic()
        await asyncio.to_thread(worker.wait, within=60)
        took = time.monotonic() - begun
    finally:
        own_kafka.resume()
        own_postgres.resume()
        worker.kill()
    assert took < drain + STOP_SECONDS
    assert '"worker.stopped"' in worker.output()
    assert '"worker.killed"' not in worker.output()
    assert "Traceback" not in worker.output()


async def committed(topics: Topics) -> dict[Partition, int]:
    """The offsets that the group has committed."""
    admin = KafkaAdmin(KafkaConfig(topics.bootstrap_servers))
    await admin.start()
    try:
        return dict(await admin.committed(topics.group, topics.commands))
    finally:
        await admin.stop()


def in_progress(partner_center: SimulatorProcess, command: Sent) -> bool:
    """Whether Partner Center has received a request about the customer."""
    return any(command.customer in each["path"] for each in partner_center.book("requests"))
