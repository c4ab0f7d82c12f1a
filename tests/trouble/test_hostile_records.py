"""Records that nobody should send, through whole workers: each is accounted for, none is lost, none stops a worker."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from events.messages.plans import PlanReactivated, ReactivatePlan
from events.wire.record import Outgoing
from tests.support.harness import COMMANDS, World, settings_of
from tests.trouble.conftest import Play, Story
from tests.trouble.hostile import batches, classics, golden, oversized
from tests.trouble.ledger import RECORD_CODES, accounts, rest

THOROUGH = settings(
    deadline=None,
    max_examples=30,
    # A failing batch is shown as it was found: hypothesis would need many more worlds to make it smaller.
    phases=(Phase.explicit, Phase.generate, Phase.target),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
BRIEF = settings(THOROUGH, max_examples=6)
NO_PAUSES = settings_of(worker={"poison_window": 0})


async def meet(world: World, records: Sequence[Outgoing]) -> Counter[str]:
    """Send these records to a worker, with a good command behind them on each partition. Returns what became of all."""
    await world.begin()
    for number, record in enumerate(records):
        await world.broker.write(COMMANDS, record, partition=number % 3)
    customers = world.simulator.customers(3, "suspended_plan")
    good = [
        await world.send(ReactivatePlan(customer_id=each.id), id=f"good-{number}", partition=number)
        for number, each in enumerate(customers)
    ]
    for command_id in good:
        assert isinstance(await world.answer(command_id), PlanReactivated)
    await rest(world)
    return await accounts(world)


def story_of(records: Sequence[Outgoing], became: Counter[str]) -> Story:
    """A story in which a worker meets the records and notes what became of them."""

    async def story(world: World) -> None:
        became.update(await meet(world, records))

    return story


@THOROUGH
@given(records=batches(50))
def test_whatever_is_sent_becomes_a_dead_letter_or_a_command(play: Play, records: Sequence[Outgoing]) -> None:
    """G1, G7: for any key, value and headers, each record is accounted for and the good commands behind it are done."""
    became: Counter[str] = Counter()
    play(story_of(records, became), settings=NO_PAUSES)
    assert became.total() == len(records) + 3
    assert became["command"] >= 3


@BRIEF
@given(records=batches(80))
@pytest.mark.postgres
def test_postgresql_takes_whatever_is_sent(play_on_postgres: Play, records: Sequence[Outgoing]) -> None:
    """G1, G7: no text, number or size from outside makes the database refuse the batch or the worker."""
    became: Counter[str] = Counter()
    play_on_postgres(story_of(records, became), settings=NO_PAUSES)
    assert became.total() == len(records) + 3


@pytest.mark.parametrize("database", ["play", pytest.param("play_on_postgres", marks=pytest.mark.postgres)])
def test_what_has_brought_down_others_is_put_aside_with_its_bytes(
    database: str, request: pytest.FixtureRequest
) -> None:
    """G7: all known nasty records, and records as large as the broker takes, whose dead letters must fit too."""
    became: Counter[str] = Counter()
    records = [*classics(), *oversized(), *golden(), *golden()]
    run: Play = request.getfixturevalue(database)
    run(story_of(records, became), settings=NO_PAUSES)
    assert became.total() == len(records) + 3
    assert {*RECORD_CODES} - {"too_old"} <= {*became}
    assert min(became["refused"], became["command"], became["repeat"]) >= len(golden())
