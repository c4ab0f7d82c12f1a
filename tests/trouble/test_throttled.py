"""Partner Center says 429: every caller of that family stays away as long as asked, and no other caller does."""

from typing import Any

import pytest

from events.codes import WaitingReason
from events.messages.command_status import CommandWaiting
from events.messages.plans import CreateAzurePlan, PlanReactivated, ReactivatePlan
from tests.operators.asking import later
from tests.support.harness import World
from tests.support.invariants import check
from tests.trouble.conftest import Play
from tests.trouble.ledger import rest
from worker import metrics

ASKED = 180
ASKS: dict[str, dict[str, Any]] = {
    "seconds": {"retry_after": ASKED, "retry_after_form": "seconds"},
    "a date": {"retry_after": ASKED, "retry_after_form": "date"},
}


def arrivals(world: World, family: str) -> list[float]:
    """The arrival times of requests of a family, for all customers."""
    return [each.at for each in world.simulator.books.requests if (each.operation or "").startswith(family)]


@pytest.mark.parametrize("asks", ASKS.values(), ids=ASKS.keys())
def test_one_429_holds_back_all_callers_of_that_family_as_long_as_it_asked(play: Play, asks: dict[str, Any]) -> None:
    """G8: the wait is no attempt and is published as `throttled`. Afterwards requests leave one by one."""

    async def story(world: World) -> None:
        await world.begin()
        customers = world.simulator.customers(50, "suspended_plan")
        world.simulator.faults.add("throttle", operation="subscriptions.list", skip=5, **asks)
        for customer in customers[:6]:
            await world.send(ReactivatePlan(customer_id=customer.id))
        await world.until(lambda: refused_at(world) is not None, "it was said", within=30)
        refused = refused_at(world)
        assert refused is not None
        sent = [await world.send(ReactivatePlan(customer_id=each.id)) for each in customers[6:]]
        other = world.simulator.customer("no_agreement")
        elsewhere = await world.send(CreateAzurePlan(customer_id=other.id))
        await world.until(later(world, 30), "half a minute has passed")
        assert [each.event.reason for each in world.said(sent[0]) if isinstance(each.event, CommandWaiting)] == [
            WaitingReason.THROTTLED
        ]
        assert len(arrivals(world, "customers")) > 0, f"{elsewhere} is asked about elsewhere"
        await rest(world)
        behind = [at - refused for at in arrivals(world, "subscriptions.list") if at > refused]
        assert min(behind) >= ASKED
        assert sum(ASKED <= each < ASKED + 1 for each in behind) <= 10, "they are spread over the minute"
        assert [row["n"] for row in await world.rows("SELECT max(attempts) AS n FROM command")] == [0]
        assert {type(await world.answer(each)) for each in sent} == {PlanReactivated}
        assert world.letters() == []
        await check(world)

    play(story)


def refused_at(world: World) -> float | None:
    """The instant of Partner Center's first 429."""
    return next((each.at for each in world.simulator.books.requests if each.status == 429), None)


def test_ceilings_and_their_use_are_shown_by_account_and_family(play: Play) -> None:
    """Ceiling and use are shown together, without customers. A minute after the last request the use is 0."""

    async def story(world: World) -> None:
        await world.begin()
        assert isinstance(
            await world.do(ReactivatePlan(customer_id=world.simulator.customer("suspended_plan").id)), PlanReactivated
        )
        (partner,) = world.settings.partners
        labels = {"partner": partner, "family": "subscriptions"}
        arrived = len(arrivals(world, "subscriptions"))
        await world.until(lambda: shown("ceiling_used", labels) == arrived, "it is shown", within=90)
        assert arrived > 0
        assert shown("ceiling", labels) == world.settings.partners[partner].requests_per_minute
        await world.until(later(world, 180), "the minute is over")
        assert shown("ceiling_used", labels) == 0

    play(story)


def shown(name: str, labels: dict[str, str]) -> float | None:
    """The value of a gauge."""
    return metrics.REGISTRY.get_sample_value(f"azplan_partner_center_{name}_requests", labels)
