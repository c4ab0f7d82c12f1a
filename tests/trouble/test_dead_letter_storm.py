"""The partition of a broken sender is paused, reported and probed. No other customer notices anything."""

from collections.abc import Sequence

import structlog
from structlog.testing import LogCapture

from events.messages.plans import PlanReactivated, ReactivatePlan
from events.wire.record import Outgoing
from tests.operators.asking import later
from tests.support.harness import COMMANDS, GROUP, World, settings_of
from tests.trouble.conftest import Play
from tests.trouble.ledger import accounts, rest
from worker.broker.port import Partition
from worker.metrics import REGISTRY
from worker.runtime.dead_letter_storm import FIRST_PAUSE, PROBE, QUIET, Poison

STORMY = settings_of(worker={"poison_window": 100, "poison_share": 0.5})
SICK = Partition(COMMANDS, 0)
GOOD_EVERY, GOOD = 11.0, 30
"""Seconds between two commands of a good customer, and their number."""


async def storm(world: World, number: int) -> None:
    """Records on partition 0 that nobody can read."""
    for each in range(number):
        await world.broker.write(COMMANDS, Outgoing(b"k", b"no json %d" % each, ()), partition=SICK.number)


async def good_customers(world: World) -> Sequence[float]:
    """Commands on the other partitions, one after the other. Returns the seconds until each is answered."""
    seconds = []
    for number, customer in enumerate(world.simulator.customers(GOOD, "suspended_plan")):
        begun = world.clock.monotonic()
        command = await world.send(ReactivatePlan(customer_id=customer.id), partition=1 + number % 2)
        assert isinstance(await world.answer(command), PlanReactivated)
        seconds.append(world.clock.monotonic() - begun)
        await world.until(later(world, GOOD_EVERY), "the next customer comes")
    return seconds


def test_good_customers_on_other_partitions_notice_nothing(play: Play) -> None:
    """G7, G9: through pause and probes these customers are served to the second as on a day without a storm."""
    served: dict[str, Sequence[float]] = {}

    async def quiet_day(world: World) -> None:
        await world.begin()
        served["quiet"] = await good_customers(world)

    async def stormy_day(world: World) -> None:
        worker = await world.begin()
        await storm(world, 20_000)
        await world.until(lambda: bool(worker.service.readiness().degraded), "the storm is noticed", within=30)
        served["stormy"] = await good_customers(world)
        assert worker.service.readiness().degraded, "it was a storm all the time"

    play(quiet_day, settings=STORMY)
    play(stormy_day, settings=STORMY)
    assert served["stormy"] == served["quiet"]


def test_a_storm_is_shown_in_log_metric_and_readiness_and_is_over_in_all_of_them(play: Play) -> None:
    """The operator reads which partition it is, that most of the storm is still in Kafka, and when the storm ends."""
    log = LogCapture()

    async def story(world: World) -> None:
        structlog.configure(processors=[log], wrapper_class=structlog.BoundLogger)
        worker = await world.begin()
        await storm(world, 3_000)
        await world.until(lambda: bool(worker.service.readiness().degraded), "the storm is noticed", within=30)
        (complaint,) = worker.service.readiness().degraded
        assert "partition 0 of azplan.commands.v1 is paused: more than 50% of its last 100 records" in complaint
        assert REGISTRY.get_sample_value("azplan_poisoned_partitions") == 1
        await world.until(later(world, 900), "a quarter of an hour has passed")
        assert world.broker.committed(GROUP)[SICK] < 1_000, "it is looked at, not drained"
        # An operator moves the group behind the storm.
        world.broker.group(GROUP).committed[SICK] = 3_000
        world.broker.rebalance(GROUP)
        await world.until(lambda: not worker.service.readiness().degraded, "the worker is ready again", within=600)
        assert REGISTRY.get_sample_value("azplan_poisoned_partitions") == 0

    before = structlog.get_config()
    try:
        play(story, settings=STORMY)
    finally:
        structlog.configure(**before)
    said = [each for each in log.entries if each["event"].startswith("partition.")]
    assert {(each["topic"], each["partition"]) for each in said} == {(COMMANDS, 0)}
    assert [each["seconds"] for each in said if each["event"] == "partition.paused"][:4] == [5.0, 10.0, 20.0, 40.0]
    assert said[0]["log_level"] == "warning"
    assert said[-1]["event"] == "partition.resumed"


def test_what_waited_behind_a_storm_is_carried_out_and_nothing_is_lost(play: Play) -> None:
    """G1: probes go through the storm. Behind the storm all records are taken in at the usual pace again."""

    async def story(world: World) -> None:
        worker = await world.begin()
        await storm(world, 660)
        customers = world.simulator.customers(100, "suspended_plan")
        for each in customers:
            await world.send(ReactivatePlan(customer_id=each.id), partition=SICK.number)
        await world.until(lambda: bool(worker.service.readiness().degraded), "the storm is noticed", within=30)
        await world.until(lambda: not worker.service.readiness().degraded, "the worker is ready again", within=7_200)
        await rest(world)
        became = await accounts(world)
        assert (became["invalid_json"], became["command"]) == (660, 100)

    play(story, settings=STORMY)


def test_a_partition_that_could_not_be_read_when_its_pause_was_over_is_still_looked_at() -> None:
    """An intake held back for another reason proves nothing about the storm: a probe has a minute of its own."""
    poison = Poison(100, 0.5)
    assert poison.took(SICK, [True] * 100, 0.0)
    late = FIRST_PAUSE + 10 * QUIET
    assert poison.held(late, [SICK]) == set()
    assert poison.held(late + QUIET - 1, [SICK]) == set()
    assert poison.pauses() == {SICK: FIRST_PAUSE}
    assert poison.took(SICK, [True] * PROBE, late + QUIET - 1)
