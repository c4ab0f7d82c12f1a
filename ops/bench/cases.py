"""The cases of the comparison: what is sent to a subject, and which figures come of it."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from ops.bench import figures
from ops.bench.commands import STORY, stories
from ops.bench.ground.load import Line
from ops.bench.ground.round_trips import CountingProxy
from ops.bench.ground.subjects import BARE, CONCURRENCY, POSTGRES, SQLITE, azplan
from ops.bench.stage import Player, Stage, warm
from ops.local.kafka_messages import Sent

Figures = dict[str, float]
"""Figures of one subject in one round, by their names in `KINDS`."""
BROKERS: Final = ("mock", "kafka")
TAKES: Final = 0.05
"""Seconds that Partner Center takes for a call where it does not answer at once."""
LONE_TAKES: Final = 0.01
"""The same for lone commands, from which these seconds are subtracted."""
KAFKA_ALONE: Final = "Kafka alone"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a figure means."""

    title: str
    digits: int = 0
    to_bare: bool = False
    """Whether the ratio to the bare loop is worth a column."""


KINDS: Final[Mapping[str, Kind]] = {
    "rate": Kind("commands/s", 0, to_bare=True),
    "shareOfBound": Kind("of bound", 2),
    "cpuPerCall": Kind("µs CPU/call", 0, to_bare=True),
    "callsPerCommand": Kind("calls/command", 2),
    "p50": Kind("p50 ms", 1, to_bare=True),
    "p95": Kind("p95 ms", 1, to_bare=True),
    "p99": Kind("p99 ms", 1, to_bare=True),
    "purchaseP50": Kind("purchase p50 ms", 1, to_bare=True),
    "recordsPerCore": Kind("records/s a core", 0),
    "roundTrips": Kind("round trips", 1),
}


@dataclass(frozen=True, slots=True)
class Size:
    """How much is sent in one measurement."""

    customers: int
    """Customers of a backlog. Each has the five commands of the story."""
    lone: int
    """Lone commands."""
    replayed: int
    """Records of a replay."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case. `measure` runs it for one subject."""

    name: str
    about: str
    measure: Callable[[Stage, Player, Size, Callable[[int], None]], Figures]
    subjects: tuple[str, ...] = (BARE, POSTGRES, SQLITE)
    brokers: tuple[str, ...] = BROKERS
    row: str | None = None
    """What the figures belong to, if not to the subject."""


def backlog(stage: Stage, player: Player, size: Size, say: Callable[[int], None], *, takes: float) -> Figures:
    """The stories of all customers, sent at once."""
    center = stage.ground.center
    center.reset(takes)
    commands, used = stories(size.customers), player.subject.cpu()
    sent = player.line.send(commands)
    answered = player.line.wait(list(sent), say)
    cpu, calls = player.subject.cpu() - used, sum(center.counts().values())
    player.concluded.extend(commands)
    found = {
        "rate": figures.middle_rate(list(answered.values())),
        "cpuPerCall": cpu / calls * 1e6,
        "callsPerCommand": calls / len(commands),
    }
    if takes:
        found["shareOfBound"] = found["rate"] / figures.bound(CONCURRENCY, calls / len(commands), takes)
    return found


def skewed(stage: Stage, player: Player, size: Size, say: Callable[[int], None]) -> Figures:
    """A backlog of which one customer has half. The time until the others are answered."""
    center = stage.ground.center
    center.reset(TAKES)
    others = stories(size.customers * 2, turns=1)
    busy = str(uuid.uuid4())
    kinds = (STORY[0] if turn == 0 else STORY[1 + turn % 2] for turn in range(len(others)))
    one = [Sent(kind, busy, source="/bench") for kind in kinds]
    sent = player.line.send([each for pair in zip(one, others, strict=True) for each in pair])
    answered = player.line.wait([each.id for each in others], say)
    center.reset(0.0)
    player.line.wait(list(sent), say)
    return _times(figures.latencies(sent, answered))


def paced(stage: Stage, player: Player, size: Size, say: Callable[[int], None]) -> Figures:
    """Purchases that come evenly, half as many as could be done."""
    center = stage.ground.center
    center.reset(TAKES)
    commands = stories(size.customers, turns=1)
    most = figures.bound(CONCURRENCY, len(stage.recipes["azplan.CreateAzurePlan.v1"]), TAKES)
    sent = player.line.send(commands, pace=2 / most)
    return _times(figures.latencies(sent, player.line.wait(list(sent), say)))


def lone(stage: Stage, player: Player, size: Size, say: Callable[[int], None]) -> Figures:
    """Commands of which each is sent when the one before is answered: the time that is not Partner Center's."""
    center, added, purchases = stage.ground.center, list[float](), list[float]()
    for customer in (str(uuid.uuid4()) for _ in range(size.lone // len(STORY))):
        for kind in STORY:
            center.reset(LONE_TAKES)
            one = Sent(kind, customer, source="/bench")
            begun = player.line.send([one])[one.id]
            took = player.line.wait([one.id])[one.id] - begun
            added.append(took - sum(center.busy().values()))
            if kind == STORY[0]:
                purchases.append(added[-1])
            say(len(added))
    return {**_times(added), "purchaseP50": figures.percentile(purchases, 50) * 1e3}


def hop(_stage: Stage, player: Player, size: Size, say: Callable[[int], None]) -> Figures:
    """Records written to the topic of events and read from it: Kafka alone, once. A command and its answer are two."""
    found = []
    for index in range(size.lone):
        identifier, begun = str(uuid.uuid4()), time.perf_counter()
        player.line.echo(identifier)
        found.append(player.line.wait([identifier])[identifier] - begun)
        say(index)
    return _times(found)


def replay(stage: Stage, player: Player, size: Size, say: Callable[[int], None]) -> Figures:
    """Records of commands that are concluded, once more: they change nothing and are answered by nobody."""
    if not player.concluded:
        backlog(stage, player, size, say, takes=0.0)
    stage.ground.center.reset(0.0)
    times = -(-size.replayed // len(player.concluded))
    records = (player.concluded * times)[: size.replayed]
    player.line.wait_until_read(say)
    used = player.subject.cpu()
    player.line.send(records)
    player.line.wait_until_read(say)
    return {"recordsPerCore": len(records) / (player.subject.cpu() - used)}


def round_trips(stage: Stage, _player: Player, size: Size, say: Callable[[int], None]) -> Figures:
    """Lone purchases of a worker of its own that reaches PostgreSQL through a proxy that counts."""
    where, number = stage.ground, max(10, size.lone // 5)
    assert where.postgres is not None  # noqa: S101 - the case is one of PostgreSQL
    with (
        CountingProxy(where.postgres.port) as proxy,
        azplan(where, POSTGRES, through=proxy.port) as subject,
        Line(subject.topics) as line,
    ):
        where.center.reset(0.0)
        warm(Player(subject, line))
        time.sleep(2)
        idle = _trips_while(proxy, lambda: time.sleep(5)) / 5
        begun = time.perf_counter()

        def work() -> None:
            for index, one in enumerate(stories(number, turns=1)):
                line.send([one])
                line.wait([one.id])
                say(index)
                time.sleep(0.2)

        counted = _trips_while(proxy, work)
        return {"roundTrips": (counted - idle * (time.perf_counter() - begun)) / number}


def _trips_while(proxy: CountingProxy, work: Callable[[], None]) -> int:
    before = proxy.trips
    work()
    return proxy.trips - before


def _times(seconds: list[float]) -> Figures:
    return {f"p{percent}": figures.percentile(seconds, percent) * 1e3 for percent in (50, 95, 99)}


CASES: Final = (
    Case("cpu", "a backlog, Partner Center answers at once", partial(backlog, takes=0.0)),
    Case("50ms", "a backlog, 50 ms a call, 64 commands at once", partial(backlog, takes=TAKES)),
    Case("skewed", "a backlog of which one customer has half, 50 ms a call: the others", skewed, brokers=("kafka",)),
    Case("paced", "purchases evenly paced at half of the bound, 50 ms a call", paced, brokers=("kafka",)),
    Case("lone", "one command at a time, less Partner Center's own time", lone, brokers=("kafka",)),
    Case("hop", "one record through Kafka", hop, subjects=(POSTGRES,), brokers=("kafka",), row=KAFKA_ALONE),
    Case(
        "replay", "records of concluded commands again", replay, subjects=(POSTGRES, SQLITE), brokers=("kafka", "mock")
    ),
    Case(
        "trips", "round trips to PostgreSQL of a lone purchase", round_trips, subjects=(POSTGRES,), brokers=("kafka",)
    ),
)
