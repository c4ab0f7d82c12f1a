"""The shortest form of the storm: workers killed for some seconds."""

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest

from ops.local.kafka import LocalKafka
from ops.local.kafka_messages import Heard
from ops.local.postgres import LocalPostgres
from tests.storm.ground import Ground, partner_center
from tests.storm.load import compose, counts_of
from tests.storm.scenes import SCENES
from tests.storm.storm import play
from tests.storm.verdict import kinds_of

SECONDS = 12.0


@pytest.mark.kafka
@pytest.mark.postgres
async def test_three_workers_that_are_killed_lose_nothing_and_double_nothing(
    own_kafka: LocalKafka, own_postgres: LocalPostgres, tmp_path: Path
) -> None:
    """Under `kill -9` every few seconds, each command has one answer, and each effect happens once and in order."""
    simulator = partner_center(tmp_path, seed=1)
    await asyncio.to_thread(simulator.start)
    try:
        scene = replace(SCENES["kill"], commands=50, over=4.0, customers=21)
        line = await play(scene, Ground(tmp_path, own_kafka, own_postgres, simulator), seed=1, seconds=SECONDS)
    finally:
        await asyncio.to_thread(simulator.stop)
    assert line.findings == []
    assert line.commands == 50
    assert line.kills >= 3
    assert line.effects > 20
    assert (line.lost, line.doubled, line.order_violations, line.other) == (0, 0, 0, 0)


def test_a_load_has_every_type_of_command_and_everything_that_follows_one() -> None:
    """Every type for customers, repeats, known ids with other content, unreadable records, two partitions."""
    customers = {name: [f"{name}-{n}" for n in range(count)] for name, count in counts_of(42).items()}
    load = compose(random.Random(7), customers, 400)
    heard = [
        Heard(each.key, each.value, {name: text.decode() for name, text in each.headers}, each.partition, offset)
        for offset, each in enumerate(load.postings)
    ]
    kinds = [kind for _, kind in kinds_of(heard)]
    assert {sent.type for sent in load.sent.values()} == {
        "CreateAzurePlan",
        "SuspendPlan",
        "ReactivatePlan",
        "StartProductUpgrade",
        "ConfirmCustomerAgreement",
        "ReportCustomer",
        "ReportUsage",
        "SetUsageBudget",
    }
    assert len(load.sent) == kinds.count("command") == 400
    assert min(kinds.count(kind) for kind in ("repeat", "conflict", "unreadable")) > 2
    assert 0 < len(load.straight) < 42
