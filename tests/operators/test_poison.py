"""A storm of dead letters pauses its partition, and the pause ends by itself."""

from collections.abc import Callable, Sequence

from events.messages.plans import AzurePlanCreated, CreateAzurePlan
from events.wire.record import Outgoing
from tests.operators.asking import later
from tests.support.harness import COMMANDS, GROUP, LiveWorker, World, settings_of
from worker.broker.port import Partition
from worker.metrics import REGISTRY
from worker.runtime.dead_letter_storm import FIRST_PAUSE, LONGEST_PAUSE, PROBE, QUIET, Poison

Play = Callable[..., None]
HERE, THERE = Partition("commands", 0), Partition("commands", 1)
BOTH = (HERE, THERE)


def stormy() -> Poison:
    """A judge that has just paused the first partition, at the instant 0."""
    poison = Poison(40, 0.5)
    assert poison.took(HERE, [True] * 40, 0.0)
    return poison


def test_a_window_must_be_full_and_more_than_its_share_dead() -> None:
    """A few dead letters pause nothing. Half of a window does not either. One more does."""
    poison = Poison(40, 0.5)
    assert not poison.took(HERE, [True] * 20, 0.0)
    assert not poison.took(HERE, [False] * 20, 0.0)
    assert poison.held(0.0, BOTH) == set()
    assert poison.took(HERE, [True] * 21, 0.0)
    assert poison.held(0.0, BOTH) == {HERE}
    assert "partition 0 of commands is paused" in poison.complaints()[0]


def test_a_window_of_0_never_pauses() -> None:
    """An operator who sets 0 has switched the pauses off."""
    poison = Poison(0, 0.5)
    assert not poison.took(HERE, [True] * 1000, 0.0)
    assert not poison.complaints()


def test_pauses_grow_while_the_storm_lasts_up_to_the_longest() -> None:
    """Each probe that still finds the storm doubles the wait, up to five minutes."""
    poison, now, pauses = stormy(), 0.0, []
    for _ in range(10):
        begun = now
        while HERE in poison.held(now, BOTH):
            now += 1.0
        pauses.append(now - begun)
        assert poison.probing
        assert poison.took(HERE, [True] * PROBE, now)
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE


def test_a_good_probe_ends_the_storm_and_empties_the_window() -> None:
    """After that probe only a whole window pauses again."""
    poison = stormy()
    assert poison.held(FIRST_PAUSE, BOTH) == set()
    assert not poison.took(HERE, [False] * PROBE, FIRST_PAUSE)
    assert not poison.complaints()
    assert not poison.probing
    assert not poison.took(HERE, [True] * 39, 10.0)
    assert poison.took(HERE, [True], 10.0)


def test_a_sender_that_fell_silent_is_not_complained_about_for_ever() -> None:
    """Without new records the partition counts as well after a minute."""
    poison = stormy()
    poison.held(FIRST_PAUSE, BOTH)
    assert poison.complaints()
    poison.held(FIRST_PAUSE + QUIET, BOTH)
    assert not poison.complaints()


def test_a_partition_that_went_to_another_member_is_forgotten() -> None:
    """The partition's present reader judges it."""
    poison = stormy()
    assert poison.held(0.0, [THERE]) == set()
    assert not poison.complaints()


async def storm(world: World, number: int) -> None:
    """Unreadable records of a broken sender, on partition 0."""
    for _ in range(number):
        await world.broker.write(COMMANDS, Outgoing(b"k", b"no json", ()), partition=0)


def reasons(worker: LiveWorker) -> Sequence[str]:
    """The troubles that /readyz reports beside yes."""
    now = worker.service.readiness()
    assert now.ready, "a storm holds no rollout up"
    return now.degraded


def test_a_storm_is_held_up_while_other_partitions_notice_nothing(play: Play) -> None:
    """Most of the storm stays in Kafka, readiness and a metric say so, and a good customer elsewhere is answered."""

    async def story(world: World) -> None:
        worker = await world.begin()
        await storm(world, 5_000)
        await world.until(lambda: bool(reasons(worker)), "the storm is noticed", within=30)
        assert "partition 0 of azplan.commands.v1 is paused" in reasons(worker)[0]
        assert REGISTRY.get_sample_value("azplan_poisoned_partitions") == 1
        customer = world.simulator.customer()
        begun = world.clock.monotonic()
        answer = await world.answer(await world.send(CreateAzurePlan(customer_id=customer.id), partition=1))
        assert isinstance(answer, AzurePlanCreated)
        usual = world.simulator.customer()
        taken = world.clock.monotonic() - begun
        again = world.clock.monotonic()
        await world.answer(await world.send(CreateAzurePlan(customer_id=usual.id), partition=2))
        assert taken < 2 * (world.clock.monotonic() - again) + 60
        await world.until(later(world, 600), "ten minutes have passed")
        read = world.broker.committed(GROUP)[Partition(COMMANDS, 0)]
        assert 40 <= read < 1_500
        assert len(world.letters()) == read

    play(story, settings=settings_of(worker={"poison_window": 40}))


def test_the_partition_resumes_by_itself_and_nothing_behind_the_storm_is_lost(play: Play) -> None:
    """When good commands come again, all records behind the storm are taken in and answered."""

    async def story(world: World) -> None:
        worker = await world.begin()
        await storm(world, 700)
        customers = world.simulator.customers(60)
        sent = [await world.send(CreateAzurePlan(customer_id=each.id), partition=0) for each in customers]
        await world.until(lambda: bool(reasons(worker)), "the storm is noticed", within=30)
        for command_id in sent:
            assert isinstance(await world.answer(command_id), AzurePlanCreated)
        await world.until(lambda: not reasons(worker), "the worker is ready again", within=600)
        assert len(world.letters()) == 700
        assert REGISTRY.get_sample_value("azplan_poisoned_partitions") == 0

    play(story, settings=settings_of(worker={"poison_window": 40}))
