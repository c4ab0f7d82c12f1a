"""What a seed tells: customers, their commands and when they are sent, what goes wrong where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from events.base import Command
from events.plans import CreateAzurePlan, ReactivatePlan, SuspendPlan
from events.upgrades import StartProductUpgrade
from ops.simulator.faults import Kind
from tests.crash.enumeration import SETTLE
from tests.simulation.chaos import Weather
from tests.support.virtual_time import START

PROFILES = ("ready", "ready", "ready", "plan", "quiet_plan", "quiet_plan", "suspended_plan", "legacy", "no_credit")
WRITES = ("carts.create", "carts.checkout", "subscriptions.patch", "azure_entitlements.cancel", "upgrades.create")
HARMLESS = (Kind.RESET_BEFORE, Kind.ERROR_BEFORE, Kind.THROTTLE, Kind.REFUSED)
DOUBTFUL = (Kind.RESET_AFTER, Kind.ERROR_AFTER, Kind.TRUNCATED, Kind.CUT_JSON, Kind.EMPTY, Kind.LATE, Kind.DELAY)
LASTS = 600.0
"""Virtual seconds of bad weather."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A command, when it is sent and where: some more than once."""

    at: float
    id: str
    customer: int
    command: type[Command]
    asks: Mapping[str, Any]
    partition: int | None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens to the set-up at some time."""

    at: float
    what: str
    worker: int
    seconds: float = 0.0


@dataclass(frozen=True)
class Story:
    """Everything that a seed decides beforehand."""

    seed: int
    workers: int
    profiles: Sequence[str]
    sendings: Sequence[Sending]
    events: Sequence[Event]
    faults: Sequence[Mapping[str, Any]]
    knobs: Mapping[str, Any]
    weather: Weather
    clock_jumps: Mapping[int, float] = field(default_factory=dict)


def tell(seed: int) -> Story:
    """The story of a seed."""
    rng = Random(seed)
    workers = rng.choice((1, 1, 2, 3))
    profiles = [rng.choice(PROFILES) for _ in range(rng.randint(1, 4))]
    return Story(
        seed=seed,
        workers=workers,
        profiles=profiles,
        sendings=_sendings(rng, profiles),
        events=sorted(_events(rng, workers), key=lambda event: event.at),
        faults=[_fault(rng) for _ in range(rng.choice((0, 1, 3, 6)))],
        knobs=_knobs(rng),
        weather=_weather(rng),
    )


def _sendings(rng: Random, profiles: Sequence[str]) -> list[Sending]:
    found = []
    for number in range(rng.randint(2, 10)):
        customer = rng.randrange(len(profiles))
        command = rng.choice(_likely(profiles[customer]))
        at = rng.uniform(0.0, LASTS / 2)
        sending = Sending(at, f"c-{number}", customer, command, _asks(rng, command, at), rng.choice((None, None, 0, 1)))
        found.append(sending)
        if rng.random() < 0.2:  # the sender repeats itself
            found.append(Sending(at + rng.uniform(0.0, 300.0), sending.id, customer, command, sending.asks, None))
    return sorted(found, key=lambda sending: sending.at)


def _likely(profile: str) -> tuple[type[Command], ...]:
    if profile == "legacy":
        return (StartProductUpgrade, StartProductUpgrade, SuspendPlan, CreateAzurePlan)
    if profile in ("ready", "no_credit"):
        return (CreateAzurePlan, CreateAzurePlan, SuspendPlan, ReactivatePlan)
    return (SuspendPlan, SuspendPlan, ReactivatePlan, ReactivatePlan, CreateAzurePlan)


def _asks(rng: Random, command: type[Command], at: float) -> dict[str, Any]:
    asks: dict[str, Any] = {}
    if rng.random() < 0.1:
        asks["validate_only"] = True
    if rng.random() < 0.2:
        asks["deadline"] = START + timedelta(seconds=at + rng.uniform(0.0, 400.0))
    if command is SuspendPlan and rng.random() < 0.5:
        asks["active_assets"] = "cancel"
    return asks


def _events(rng: Random, workers: int) -> list[Event]:
    kinds = ("kill", "kill", "stop", "pause", "pause", "rebalance", "broker down", "jump")
    return [
        Event(rng.uniform(1.0, LASTS), rng.choice(kinds), rng.randrange(workers), rng.uniform(1.0, 120.0))
        for _ in range(rng.choice((0, 1, 2, 4, 8)))
    ]


def _fault(rng: Random) -> dict[str, Any]:
    doubtful = rng.random() < 0.7
    kind = rng.choice(DOUBTFUL if doubtful else HARMLESS)
    # No request acts later than its sender counts on: a little less than it takes to settle.
    seconds = rng.uniform(0.0, SETTLE - 5.0) if kind in (Kind.LATE, Kind.DELAY) else 0.0
    return {
        "kind": kind,
        "operation": rng.choice(WRITES) if doubtful else rng.choice((*WRITES, "*")),
        "seconds": seconds,
        "count": rng.choice((1, 1, 2, 5)),
        "skip": rng.choice((0, 0, 1, 2)),
        **({"retry_after": rng.uniform(1.0, 30.0)} if kind is Kind.THROTTLE else {}),
    }


def _knobs(rng: Random) -> dict[str, Any]:
    slow = rng.random() < 0.5
    return {
        "remember_request_ids": rng.random() < 0.5,
        "checkout_repeat": rng.choice(("first_result", "800065")),
        "order_outcome": rng.choice(("completed",) * 8 + ("error", "never")),
        "order_provisioning": (0.0, rng.choice((1.0, 60.0))),
        "order_list_lag": (0.0, rng.choice((0.0, 90.0))),
        "entitlement_flip": (10.0, 60.0),
        "upgrade_pending": (1.0, 20.0),
        "upgrade_running": (1.0, 60.0),
        "upgrade_outcome": rng.choice(("completed", "completed", "failed")),
        "patch_mode": rng.choice(("now", "slow")),
        "patch_seconds": (1.0, 30.0),
        "latency": (0.0, rng.choice((0.1, 5.0)) if slow else 0.0),
    }


def _weather(rng: Random) -> Weather:
    return Weather(
        lags=rng.choice((0.0, 0.1, 0.5)),
        longest_lag=rng.choice((0.05, 2.0, 25.0)),
        journal_fails=rng.choice((0.0, 0.0, 0.01, 0.05)),
        broker_fails=rng.choice((0.0, 0.0, 0.05)),
        dies=rng.choice((0.0, 0.0, 0.002, 0.01)),
        late=rng.choice((0.0, 0.5, 1.0)),
        longest_late=SETTLE - 5.0,
    )
