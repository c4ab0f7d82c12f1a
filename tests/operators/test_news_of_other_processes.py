"""On PostgreSQL a hint tells a worker at once what others write for it. The worker works without hints too."""

from collections.abc import AsyncIterator

import pytest

from events.messages.plans import PlanSuspended, SuspendPlan
from ops.local.waiting import eventually
from tests.operators.asking import WHO, WHY, beside, types, uid
from tests.support.harness import World
from worker.journal.database.postgres.engine import PostgresEngine
from worker.journal.selection import Selection

pytestmark = pytest.mark.postgres
NEVER = 3600.0
"""Seconds between two looks of a worker without hints."""


@pytest.fixture
async def world(postgres_url: str) -> AsyncIterator[World]:
    """Workers in real time that look at the requests of people once an hour."""
    world = World(lambda _: PostgresEngine(postgres_url), attention=NEVER)
    yield world
    await world.close()


async def test_a_pause_a_request_and_a_resumption_are_heard_of_at_once(world: World) -> None:
    """Another process pauses, cancels and resumes. Each takes effect within a moment."""
    await world.begin()
    customer = world.simulator.customer("quiet_plan")
    which = Selection(customer=customer.id)
    async with beside(world) as journal:
        brake, acts = journal.pauses, journal.requests
        await brake.pause(WHO, WHY, which)
        first, second = [await world.send(SuspendPlan(customer_id=customer.id), partition=0) for _ in range(2)]
        await eventually(lambda: "CommandWaiting 0" in types(world, first), "the first is held", within=10)
        await eventually(lambda: world.said(second), "the second is accepted", within=10)
        number = await acts.ask(WHO, WHY, "cancel", uid(second))
        await eventually(lambda: acts.answer(number), "the second is cancelled", within=3)
        await brake.resume(WHO, WHY, which)
        await eventually(lambda: world.answers(first), "the first is answered", within=3)
    assert isinstance(world.answers(first)[0].event, PlanSuspended)
