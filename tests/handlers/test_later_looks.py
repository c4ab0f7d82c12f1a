"""When a waiting command looks again, from its first look to its answer: over restarts, redrives and many commands."""

import asyncio

from events.messages.plans import AzurePlanCreated, CreateAzurePlan, PlanSuspended, SuspendPlan
from ops.simulator.state import Customer
from tests.handlers.stage import IMPATIENT, Stage

FLIP = 600.0
ENTITLEMENTS = "azure_entitlements.list"


def with_a_plan(stage: Stage) -> Customer:
    """A customer whose cancelled Azure subscription is inactive after ten minutes."""
    return stage.simulator.customer("plan", settings={"entitlement_flip": [FLIP, FLIP]})


async def suspended(stage: Stage, customer: Customer) -> float:
    """Suspend a plan with its Azure subscriptions. The seconds until the answer."""
    begun = stage.clock.monotonic()
    await stage.done(PlanSuspended, SuspendPlan(customer_id=customer.id, active_assets="cancel"))
    return stage.clock.monotonic() - begun


async def test_a_documented_time_is_waited_for_with_few_looks(stage: Stage) -> None:
    """On a new journal: one look when the command comes, and three in ten minutes."""
    customer = with_a_plan(stage)
    assert await suspended(stage, customer) <= FLIP + 90
    assert stage.calls(customer).count(ENTITLEMENTS) <= 5


async def test_an_account_that_has_shown_its_time_is_looked_at_once(stage: Stage) -> None:
    """After twenty suspensions, the next one looks when it comes, and once or twice after ten minutes."""
    for _ in range(20):
        await suspended(stage, with_a_plan(stage))
    customer = with_a_plan(stage)
    assert await suspended(stage, customer) <= FLIP + 60
    assert stage.calls(customer).count(ENTITLEMENTS) <= 3


async def test_a_restart_in_the_middle_of_a_wait_changes_no_look(stage: Stage) -> None:
    """The next worker counts from the cancellation, and not from its own first look."""
    for _ in range(10):
        await suspended(stage, with_a_plan(stage))
    customer, begun = with_a_plan(stage), stage.clock.monotonic()
    sent = await stage.send(SuspendPlan(customer_id=customer.id, active_assets="cancel"))
    await asyncio.sleep(400)
    await stage.kill()
    await stage.begin_work()
    assert isinstance(await stage.answer(sent), PlanSuspended)
    assert stage.clock.monotonic() - begun <= FLIP + 60
    assert stage.calls(customer).count(ENTITLEMENTS) <= 3


async def test_what_one_worker_has_seen_another_knows(stage: Stage) -> None:
    """The journal keeps it."""
    await stage.done(AzurePlanCreated, CreateAzurePlan(customer_id=stage.simulator.customer("ready").id))
    await stage.kill()
    await stage.begin_work()
    (lag,) = await stage.journal.seen_lags()
    assert (lag.partner, lag.awaited) == ("contoso", "order_completed")
    assert 0 <= lag.after < lag.by <= 90


@IMPATIENT
async def test_a_redrive_counts_from_the_purchase_of_the_first_story(stage: Stage) -> None:
    """The order was placed two hours ago: the redrive does not look as if it were new."""
    customer = stage.simulator.customer("order_never_ends")
    sent = await stage.send(CreateAzurePlan(customer_id=customer.id))
    await stage.answer(sent)
    (order,) = stage.simulator.books.orders
    before, begun = stage.calls(customer).count("orders.get"), stage.clock.monotonic()
    again = asyncio.create_task(stage.redrive(sent))
    await asyncio.sleep(200)
    assert stage.calls(customer).count("orders.get") - before <= 2
    stage.simulator.end_order(order)
    assert isinstance(await again, AzurePlanCreated)
    assert stage.clock.monotonic() - begun <= 600
