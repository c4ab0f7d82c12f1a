"""Partner Center is down: no command uses up attempts, and when Partner Center is back there is no rush."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from events.messages.command_status import CommandAccepted, CommandFailed, CommandWaiting
from events.messages.plans import PlanReactivated, PlanSuspended, ReactivatePlan, SuspendPlan
from tests.operators.asking import later
from tests.support.harness import World
from tests.support.invariants import check
from tests.trouble.conftest import Play
from tests.trouble.ledger import rest
from worker.partner_center.client.circuit import RUSH
from worker.runtime.observability.readiness import Readiness

HOUR, QUARTER = 3_600.0, 900.0
LATENCY = 0.5
"""Seconds that Partner Center takes to answer."""
GATEWAY = {"kind": "error_before", "status": 503}
DOWN: dict[str, dict[str, Any]] = {
    "the service fails after it acted": {"kind": "error_after", "status": 500},
    "nobody takes the connection": {"kind": "refused"},
    "something on the way answers": {"kind": "gateway", "status": 404},
    "something on the way answers after it acted": {"kind": "gateway", "status": 403, "page": "json", "acts": True},
    "answers are lost": {"kind": "reset_after"},
    "no answer comes in time": {"kind": "slow_answer", "seconds": 90},
}


async def go_down(world: World, customers: int, down: dict[str, Any], seconds: float) -> float:
    """Two commands of each customer while Partner Center is down for this long.

    Returns the instant at which it is back.
    """
    worker = await world.begin()
    world.simulator.change(latency=(LATENCY, LATENCY))
    world.simulator.faults.add(count=None, **down)
    for customer in world.simulator.customers(customers, "quiet_plan"):
        await world.send(SuspendPlan(customer_id=customer.id))
        await world.send(ReactivatePlan(customer_id=customer.id))
    await world.until(later(world, 120), "two minutes have passed")
    spent = await attempts(world)
    await world.until(later(world, seconds - 120), "it was down for its time")
    now = worker.service.readiness()
    assert any("Partner Center does not answer requests for" in each for each in now.degraded)
    assert now.ready, "a rollout cannot help it, and need not wait"
    assert await attempts(world) == spent, "an open circuit uses nobody's attempts up"
    assert spent.total() <= 4, "only failures that were needed to see that it is down"
    assert {type(each.event) for each in world.said()} == {CommandAccepted, CommandWaiting}
    assert world.letters() == []
    world.simulator.faults.clear()
    return back(world)


def back(world: World) -> float:
    """The present instant in the time of the simulator's books."""
    return float(world.simulator.clock.time())


async def attempts(world: World) -> Counter[str]:
    """The attempts that each command has used up."""
    rows = await world.rows("SELECT id, attempts FROM command")
    return Counter({row["id"]: row["attempts"] for row in rows})


def requests(world: World, since: float = 0.0, family: str = "") -> list[float]:
    """The instants of requests, of all or of one family, that arrived at Partner Center or would have arrived."""
    found = [each for each in world.simulator.books.requests if each.at >= since]
    return sorted(each.at for each in found if (each.operation or "").startswith(family))


def rushes(came: Sequence[float]) -> list[tuple[int, int]]:
    """For each request after an outage: how many were answered before it, and how many were under way with it."""
    return [
        (sum(other <= at - LATENCY for other in came), sum(at - LATENCY < other <= at for other in came)) for at in came
    ]


async def all_is_done(world: World, commands: int) -> None:
    """Every command has the same answer as without trouble, in the order of its lane, and the worker is ready."""
    await rest(world)
    await check(world)
    answers = Counter(type(each.event) for each in world.said() if each.event.terminal)
    assert answers == {PlanSuspended: commands / 2, PlanReactivated: commands / 2}
    assert world.letters() == []
    assert world.workers[0].service.readiness() == Readiness()


def test_an_hour_without_partner_center_costs_nobody_an_attempt_and_ends_without_a_stampede(play: Play) -> None:
    """G4, G8: only probes leave during the outage. Then at most two more requests are under way than were answered."""

    async def story(world: World) -> None:
        since = await go_down(world, 25, GATEWAY, HOUR)
        assert len(requests(world)) <= 80, "the circuit left Partner Center alone"
        (shut,) = {(each.operation or "").partition(".")[0] for each in world.simulator.books.requests}
        await all_is_done(world, 50)
        came = requests(world, since, shut)
        assert all(under_way <= 2 + answered for answered, under_way in rushes(came) if answered < RUSH - 2)
        everything = requests(world, since)
        assert max(Counter(int(at) for at in everything).values()) <= 64 / LATENCY, "the worker's own limit"
        assert everything[-1] - everything[0] < 600, "and it is done in minutes"

    play(story)


@pytest.mark.parametrize("down", DOWN.values(), ids=DOWN.keys())
def test_however_it_is_down_the_commands_wait_and_are_carried_out_once(play: Play, down: dict[str, Any]) -> None:
    """G2: this also holds if each request took effect before its answer was lost."""

    async def story(world: World) -> None:
        await go_down(world, 8, down, QUARTER)
        await all_is_done(world, 16)

    play(story)


@pytest.mark.parametrize("odd", [{"kind": "error_before", "status": 500}, {"kind": "gateway", "status": 404}], ids=str)
def test_what_fails_for_one_customer_alone_is_no_outage(play: Play, odd: dict[str, Any]) -> None:
    """G9: while other customers are answered, the attempts of this one are counted and end. The others are served."""

    async def story(world: World) -> None:
        await world.begin()
        sick, *others = world.simulator.customers(30, "suspended_plan")
        world.simulator.faults.add(customer=sick.id, count=None, **odd)
        lost = await world.send(ReactivatePlan(customer_id=sick.id))
        for customer in others:
            begun = world.clock.monotonic()
            assert isinstance(await world.do(ReactivatePlan(customer_id=customer.id)), PlanReactivated)
            assert world.clock.monotonic() - begun < 15
            await world.until(later(world, 40), "the next customer comes")
        answer = await world.answer(lost)
        assert isinstance(answer, CommandFailed)
        assert (answer.code, answer.attempts) == ("retries_exhausted", 10)

    play(story)


def test_one_command_that_meets_pages_alone_opens_no_circuit(play: Play) -> None:
    """G9: with no other customer to compare, the command waits without using up attempts.

    Later commands run at once.
    """

    async def story(world: World) -> None:
        worker = await world.begin()
        sick, *others = world.simulator.customers(3, "suspended_plan")
        world.simulator.faults.add("gateway", customer=sick.id, count=None)
        await world.send(ReactivatePlan(customer_id=sick.id))
        for customer in others:
            await world.until(later(world, HOUR), "an hour has passed")
            assert (await attempts(world)).total() < 10
            assert worker.service.readiness() == Readiness()
            begun = world.clock.monotonic()
            assert isinstance(await world.do(ReactivatePlan(customer_id=customer.id)), PlanReactivated)
            assert world.clock.monotonic() - begun <= 1
        world.simulator.faults.clear()
        await rest(world)
        assert world.letters() == []

    play(story)
