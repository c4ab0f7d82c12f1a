"""Kafka is down: runs go on, events wait in the outbox, and publishing resumes by itself."""

import structlog
from structlog.testing import LogCapture

from events.messages.plans import AzurePlanCreated, CreateAzurePlan
from tests.operators.asking import later
from tests.support.harness import World
from tests.support.invariants import check
from tests.trouble.conftest import Play
from tests.trouble.ledger import rest
from worker.runtime.observability.readiness import Readiness

DOWN = 600.0
CUSTOMERS = 12


def test_an_outage_of_kafka_delays_events_and_loses_nothing(play: Play) -> None:
    """G1, G3: orders are placed meanwhile. Each event comes once and in order as soon as there is a broker."""

    async def story(world: World) -> None:
        worker = await world.begin()
        world.simulator.change(latency=(0.5, 0.5))
        customers = world.simulator.customers(CUSTOMERS)
        sent = [await world.send(CreateAzurePlan(customer_id=each.id)) for each in customers]
        await world.until(lambda: bool(world.said()), "some of it has been said", within=30)
        world.broker.down = True
        said = len(world.said())
        await world.until(later(world, DOWN), "ten minutes have passed")
        assert len(world.simulator.books.orders) == CUSTOMERS, "Microsoft was there all the time"
        assert len(world.said()) == said
        (waiting,) = await world.rows("SELECT count(*) AS n FROM event WHERE sent_at IS NULL")
        assert waiting["n"] >= 2 * CUSTOMERS - said
        assert worker.service.readiness() == Readiness(("Kafka does not answer",))
        assert worker.service.stuck() == []
        world.broker.down = False
        back = world.clock.monotonic()
        await world.until(lambda: len(answered(world)) == CUSTOMERS, "everything is said", within=60)
        assert world.clock.monotonic() - back < 10
        assert {type(await world.answer(each)) for each in sent} == {AzurePlanCreated}
        assert len({each.id for each in world.said()}) == len(world.said()), "nothing was said twice"
        await rest(world)
        assert worker.service.readiness() == Readiness()
        await check(world)

    play(story)


def answered(world: World) -> set[str]:
    """The commands whose answer is on the topic."""
    return {each.command_id for each in world.said() if each.event.terminal}


def test_an_outage_of_kafka_does_not_flood_the_log(play: Play) -> None:
    """The log has one line for each look, with the number of waiting events, and no line for each event."""
    log = LogCapture()

    async def story(world: World) -> None:
        structlog.configure(processors=[log], wrapper_class=structlog.BoundLogger)
        await world.begin()
        world.simulator.change(latency=(3.0, 3.0))
        for customer in world.simulator.customers(120, "suspended_plan"):
            await world.send(CreateAzurePlan(customer_id=customer.id))
        await world.until(later(world, 1), "they have been read")
        world.broker.down = True
        await world.until(later(world, 60), "a minute has passed")
        world.broker.down = False

    before = structlog.get_config()
    try:
        play(story)
    finally:
        structlog.configure(**before)
    warnings = [each for each in log.entries if each["log_level"] == "warning" and each["event"].startswith("outbox.")]
    assert 10 <= len(warnings) <= 130
    assert max(each["waiting"] for each in warnings) >= 90
