"""Batches that inflate to far more than a worker's memory, sent while the worker is busy."""

import re
from pathlib import Path

import pytest

from ops.local.kafka_messages import Sent, answered, hear, send
from ops.local.simulator import SimulatorProcess
from ops.local.topics import Topics
from ops.local.waiting import eventually
from tests.broker.compressed import CODECS, MIB, write_batches
from tests.trouble.test_real_parts import partner_center, worker_on

__all__ = ["partner_center"]
pytestmark = pytest.mark.kafka

MOST = 16 * MIB
BOMBS = {"gzip": 160, "lz4": 160, "zstd": 400, "snappy": 19}
"""What each batch inflates to, in MiB: as much as fits into a request."""


def peak(pid: int) -> int:
    """The most memory in bytes that the process had at once, as the system counts it."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


async def test_bombs_of_every_codec_cost_neither_memory_nor_answers(
    topics: Topics, partner_center: SimulatorProcess, tmp_path: Path
) -> None:
    """Bombs become dead letters without bytes, commands around them are answered, and memory stays within bounds."""
    settings = {
        **topics.env,
        **partner_center.env,
        "AZPLAN_JOURNAL__URL": f"sqlite:///{tmp_path / 'journal.db'}",
        "AZPLAN_KAFKA__MAX_INFLATED": "16 MiB",
    }
    before, *others = [Sent("ReactivatePlan", each) for each in partner_center.customers("suspended_plan", 4)]
    worker = worker_on(settings, tmp_path)
    try:
        await send(topics, before)
        await answered(topics, [before], within=30)
        usual = peak(worker.pid)
        for partition, (name, size) in enumerate(BOMBS.items()):
            bomb = CODECS[name], [b"\0" * (size * MIB)]
            await write_batches(topics.bootstrap_servers, topics.commands, partition, bomb)
        await send(topics, *others)
        await answered(topics, others, within=30)

        async def letters() -> list[dict[str, str]]:
            heard = await hear(topics.bootstrap_servers, topics.dead_letters)
            return [each.headers for each in heard] if len(heard) == len(BOMBS) else []

        found = await eventually(letters, "a dead letter for each", within=30)
        assert {each["azplan_dlq_code"] for each in found} == {"invalid_json"}
        assert {each["azplan_dlq_detail"].split("(")[1].split(",")[0] for each in found} == set(BOMBS)
        assert worker.running
        assert peak(worker.pid) - usual < 3 * MOST
    finally:
        worker.stop()
