"""A backlog under Microsoft's ceiling, on a real Kafka and a real PostgreSQL, with one replica and with three.

    python -m ops.bench.drain                        # both, nine minutes
    python -m ops.bench.drain --replicas 3 --minutes 2

The Partner Center that answers enforces the ceiling as Microsoft does: 500 requests in any 60 seconds for each account
and resource family, refused ones counted. Beside the account with the backlog stands a second one with few commands,
first alone, then beside the flood. Prints one line of JSON for each number of replicas.
"""

import argparse
import json
import sys
import tempfile
import time
import uuid
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ops.bench.commands import stories
from ops.bench.figures import latencies, percentile
from ops.bench.ground.load import Line
from ops.bench.ground.subjects import MockCenter
from ops.local.azplan import Azplan
from ops.local.databases import fresh_database, run_apart
from ops.local.kafka import LocalKafka
from ops.local.kafka_messages import Sent
from ops.local.postgres import LocalPostgres
from ops.local.simulator import CLIENT, SECRET, TENANT, SimulatorProcess
from ops.local.topics import Topics

CEILING: Final = 500
SPAN: Final = 60.0
FLOOD: Final = 1000
"""Customers with a backlog. Each has the five commands of the story: more than a minute's ceiling allows."""
FEW: Final = 50
PACE: Final = 0.5
"""Seconds between two commands of the account with few of them."""
OTHER_TENANT: Final = "2b1f6c0e-9d3a-4f57-8e21-5a7c3d9b1f60"
SETTINGS: Final = {
    "AZPLAN_HTTP__PORT": "0",
    "AZPLAN_METRICS__PORT": "0",
    "AZPLAN_LOG__FORMAT": "json",
}

Arrivals = Mapping[str, Sequence[tuple[float, bool]]]
"""For each resource family: when requests arrived, in seconds, and whether they were refused."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What runs during one measurement."""

    flooded: MockCenter
    other: MockCenter
    line: Line


def main() -> int:
    """Measure. Returns the exit code: 1 if a ceiling was passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--minutes", type=int, default=3, help="whole minutes that are measured, after the first one")
    given = parser.parse_args()
    passed = False
    for replicas in given.replicas:
        with tempfile.TemporaryDirectory(prefix="azplan-drain-") as folder:
            Path(folder).chmod(0o755)  # PostgreSQL runs as a user of its own
            with ground(Path(folder), replicas) as where:
                found = measure(where, given.minutes)
        passed |= bool(found["mostInAMinute"] > CEILING)
        sys.stdout.write(json.dumps({"replicas": replicas, **found}) + "\n")
        sys.stdout.flush()
    return int(passed)


def measure(where: Ground, minutes: int) -> dict[str, float]:
    """Send the few commands alone, then the backlog, then the few beside it. Returns the figures."""
    alone = times_of_few(where.line)
    where.flooded.reset(0.0)
    begun = time.monotonic()
    backlog = [addressed(one, "contoso") for one in stories(FLOOD)]
    where.line.send(backlog)
    time.sleep(max(begun + SPAN - time.monotonic(), 0.0))
    answered = where.line.answered()
    beside = times_of_few(where.line)
    time.sleep(max(begun + SPAN * (1 + minutes) - time.monotonic(), 0.0))
    answered = where.line.answered() - answered - FEW
    found = figures(where.flooded.arrivals(), minutes)
    return {**found, **shares(alone, beside), "commandsPerMinute": round(answered / minutes, 1)}


def figures(arrivals: Arrivals, minutes: int) -> dict[str, float]:
    """The use of the busiest family in the last minutes, the share of refused requests, the most in any minute."""
    end = max(at for each in arrivals.values() for at, _ in each)
    steady = {family: sum(end - SPAN * minutes < at for at, _ in each) for family, each in arrivals.items()}
    busiest = max(steady, key=lambda family: steady[family])
    every = [refused for each in arrivals.values() for _, refused in each]
    return {
        "share": round(steady[busiest] / (CEILING * minutes), 4),
        "refused": round(sum(every) / len(every), 5),
        "mostInAMinute": max(most_in_a_minute([at for at, _ in each]) for each in arrivals.values()),
    }


def most_in_a_minute(arrivals: Sequence[float]) -> int:
    """The highest number of arrivals in any 60 seconds. `arrivals` are in order."""
    return max((place - bisect_right(arrivals, at - SPAN) + 1 for place, at in enumerate(arrivals)), default=0)


def shares(alone: Sequence[float], beside: Sequence[float]) -> dict[str, float]:
    """The 95th percentile of the answers to few commands, alone and beside the flood, in seconds."""
    return {"p95Alone": round(percentile(alone, 95), 3), "p95BesideFlood": round(percentile(beside, 95), 3)}


def times_of_few(line: Line) -> list[float]:
    """Send few commands of the other account, one after the other. Seconds from each to its answer."""
    few = [Sent("CreateAzurePlan", str(uuid.uuid4()), source="/bench") for _ in range(FEW)]
    sent = line.send([addressed(one, "fabrikam") for one in few], PACE)
    return latencies(sent, line.wait([one.id for one in few]))


@dataclass(frozen=True)
class Addressed(Sent):
    """A command to one of several partner accounts."""

    partner: str = ""

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """The record's headers, with the account's name."""
        return [*super().headers, ("ce_partner", self.partner.encode())]


def addressed(one: Sent, partner: str) -> Addressed:
    """The same command, to this account."""
    return Addressed(one.type, one.customer, one.data, one.id, one.source, partner)


@contextmanager
def ground(folder: Path, replicas: int) -> Iterator[Ground]:
    """Start all parts and so many workers, and stop them in the end."""
    with ExitStack() as ending:
        for name in ("kafka", "flooded", "other"):
            (folder / name).mkdir()
        flooded, other = MockCenter(folder / "flooded", ceiling=CEILING), MockCenter(folder / "other", ceiling=CEILING)
        authority = SimulatorProcess(folder, "--no-hostility", "--partner", f"{OTHER_TENANT}:{CLIENT}:{SECRET}")
        kafka, postgres = LocalKafka(folder / "kafka"), LocalPostgres()
        ending.callback(postgres.remove)
        for part in (flooded, other, authority, kafka):
            ending.callback(part.stop)
            part.start()
        postgres.start()
        topics = Topics(kafka.bootstrap_servers)
        run_apart(topics.create())
        url = ending.enter_context(fresh_database(postgres.url()))
        settings = {**topics.env, **partners(authority.env, flooded, other), "AZPLAN_JOURNAL__URL": url, **SETTINGS}
        for number in range(replicas):
            worker = Azplan(settings=settings, cwd=folder, name=f"worker-{number}")
            ending.callback(worker.stop)
            worker.start()
        yield Ground(flooded, other, ending.enter_context(Line(topics)))


def partners(contoso: Mapping[str, str], flooded: MockCenter, other: MockCenter) -> dict[str, str]:
    """The settings of both accounts. `contoso`: those of the first one, for the authority of both."""
    fabrikam = {
        name.replace("CONTOSO", "FABRIKAM"): value.replace(TENANT, OTHER_TENANT) for name, value in contoso.items()
    }
    urls = {
        "AZPLAN_PARTNERS__CONTOSO__BASE_URL": flooded.url,
        "AZPLAN_PARTNERS__FABRIKAM__BASE_URL": other.url,
    }
    ceilings = {f"AZPLAN_PARTNERS__{name}__REQUESTS_PER_MINUTE": str(CEILING) for name in ("CONTOSO", "FABRIKAM")}
    return {**contoso, **fabrikam, **urls, **ceilings}


if __name__ == "__main__":
    sys.exit(main())
