"""A backlog of commands on a real Kafka and a real PostgreSQL, worked off by one `azplan run`: rate, memory, promises.

    python -m ops.bench.backlog --commands 10000 --customers 2000

Starts all parts on loopback (see ops/local) and stops them. Prints one line of JSON with the measurements. Fails if a
command does not have exactly one answer, or if the commands of a customer were answered out of order.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

import psutil

from ops.local.azplan import Azplan
from ops.local.databases import fresh_database, run_apart
from ops.local.kafka import LocalKafka
from ops.local.kafka_messages import Heard, Sent, is_answer, listen, send
from ops.local.postgres import LocalPostgres
from ops.local.simulator import SimulatorProcess
from ops.local.topics import Topics

STORY = ("CreateAzurePlan", "SuspendPlan", "ReactivatePlan", "SuspendPlan", "ReactivatePlan")
"""The commands for each customer, sent in this order again and again."""


def commands(number: int, customers: list[str]) -> list[Sent]:
    """`number` commands for the customers in turn, for each customer in the order of `STORY`."""
    found = []
    for index in range(number):
        turn, customer = divmod(index, len(customers))
        kind = STORY[turn % len(STORY)]
        data = {"activeAssets": "cancel"} if kind == "SuspendPlan" else {}
        found.append(Sent(kind, customers[customer], data, id=f"bench-{index}"))
    return found


def broken_promises(sent: list[Sent], heard: list[Heard]) -> list[str]:
    """Commands without exactly one answer, and customers whose answers came in another order than the commands."""
    answers = [event for event in heard if is_answer(event)]
    counted = Counter(event.data["commandId"] for event in answers)
    problems = [f"{one.id} has {counted[one.id]} answers" for one in sent if counted[one.id] != 1]
    wanted: dict[str, list[str]] = defaultdict(list)
    found: dict[str, list[str]] = defaultdict(list)
    for one in sent:
        wanted[one.customer].append(one.id)
    for event in answers:
        found[event.data["customerId"]].append(event.data["commandId"])
    return problems + [f"out of order: {customer}" for customer, ids in wanted.items() if found[customer] != ids]


async def work_off(topics: Topics, sent: list[Sent], worker: Azplan) -> tuple[float, int, list[Heard]]:
    """Wait for all answers. Returns the seconds that it took, the worker's peak memory in bytes, and all events."""
    begun, most, heard, answered = time.monotonic(), 0, list[Heard](), 0
    async for event in listen(topics, len(sent)):
        heard.append(event)
        answered += is_answer(event)
        if len(heard) % 200 == 0:
            most = max(most, memory_of(worker))
            sys.stderr.write(f"\r{answered} of {len(sent)} answered, {most / 1e6:.0f} MB")
    sys.stderr.write("\n")
    return time.monotonic() - begun, most, heard


def memory_of(worker: Azplan) -> int:
    """Resident memory of the worker's process, in bytes."""
    family = [psutil.Process(worker.pid), *psutil.Process(worker.pid).children(recursive=True)]
    return max(process.memory_info().rss for process in family)


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=10_000)
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--scale", type=float, default=600, help="divides Partner Center's documented lags")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return measure(Path(folder), given.commands, given.customers, given.scale)


def measure(folder: Path, number: int, customers: int, scale: float) -> int:
    """Start all parts, wait until the backlog is worked off, and print the measurements. Returns the exit code."""
    (folder / "kafka").mkdir()
    kafka, postgres = LocalKafka(folder / "kafka"), LocalPostgres()
    simulator = SimulatorProcess(
        folder,
        "--customers",
        f"ready={customers}",
        "--scale",
        str(scale),
        "--no-hostility",
        "--set",
        "quota_per_minute=1000000",
    )
    kafka.start()
    postgres.start()
    simulator.start()
    try:
        topics = Topics(kafka.bootstrap_servers)
        run_apart(topics.create())
        with fresh_database(postgres.url()) as url:
            settings = {**topics.env, **simulator.env, "AZPLAN_JOURNAL__URL": url, **SETTINGS}
            sent = commands(number, simulator.customers())
            run_apart(send(topics, *sent))
            worker = Azplan(settings=settings, cwd=folder)
            worker.start()
            seconds, most, heard = run_apart(work_off(topics, sent, worker))
            worker.stop()
            problems = broken_promises(sent, heard)
        calls = simulator.counts()["requests"]
        measured = {
            "commands": number,
            "customers": customers,
            "seconds": round(seconds, 1),
            "commandsPerSecond": round(number / seconds, 1),
            "callsPerSecond": round(calls / seconds, 1),
            "mostMemoryMB": round(most / 1e6),
            "brokenPromises": problems[:10],
        }
        sys.stdout.write(json.dumps(measured) + "\n")
        return 1 if problems else 0
    finally:
        simulator.stop()
        postgres.remove()
        kafka.stop()


SETTINGS = {
    "AZPLAN_HTTP__PORT": "0",
    "AZPLAN_METRICS__PORT": "0",
    "AZPLAN_PARTNERS__CONTOSO__REQUESTS_PER_MINUTE": "1000000",
    "AZPLAN_WAITS__FIRST": "0.2",
    "AZPLAN_WAITS__MAX": "2",
}


if __name__ == "__main__":
    sys.exit(main())
