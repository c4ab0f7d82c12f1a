"""Answers that Partner Center did not write, at any call: a gateway page, an empty 404, a 403 of a firewall.

Such an answer proves nothing. The command looks again, and no command that has begun to change things ends with it.
"""

import asyncio
from typing import Any

import pytest

from events.messages.plans import AzurePlanCreated, CreateAzurePlan, PlanSuspended, ReactivatePlan, SuspendPlan
from tests.handlers.stage import IMPATIENT, Stage
from tests.handlers.stories import STORIES, Story

PAGES: list[dict[str, Any]] = [
    {"page": "html"},
    {"page": "empty"},
    {"page": "json"},
    {"page": "html", "status": 403},
    {"page": "json", "status": 401},
]
MOST_CALLS = 14
HOUR = 3_600.0


@pytest.mark.parametrize("number", range(MOST_CALLS))
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
async def test_a_page_in_place_of_any_answer_changes_nothing_about_the_end(
    stage: Stage, story: Story, number: int
) -> None:
    """Promises G2 and G6: whichever call gets the page, the story ends as it would have without the page."""
    stage.fault("gateway", "*", skip=number, **PAGES[number % len(PAGES)])
    customer = stage.simulator.customer(story.profile)
    story.insist(stage, customer, await story.told(stage, customer))
    assert await stage.open_effects() == []


@pytest.mark.parametrize("page", PAGES, ids=str)
async def test_an_hour_of_pages_uses_up_no_command(stage: Stage, page: dict[str, Any]) -> None:
    """One command alone cannot tell an outage from its own bad luck. It waits, and nothing is lost."""
    customer = stage.simulator.customer("ready")
    sent = await stage.send(CreateAzurePlan(customer_id=customer.id))
    fault = stage.fault("gateway", "*", count=None, **page)
    await asyncio.sleep(HOUR)
    stage.simulator.faults.remove(fault)
    assert isinstance(await stage.answer(sent), AzurePlanCreated)


@pytest.mark.parametrize("operation", ["subscriptions.get", "azure_entitlements.list", "reservations.list"])
@pytest.mark.parametrize("page", PAGES, ids=str)
async def test_a_suspension_that_has_cancelled_something_is_not_ended_by_a_page(
    stage: Stage, operation: str, page: dict[str, Any]
) -> None:
    """Neither one page nor an hour of pages ends the command while Partner Center answers all other calls."""
    customer = stage.simulator.customer("plan", azure_subscriptions=3)
    sent = await stage.send(SuspendPlan(customer_id=customer.id, active_assets="cancel"))
    await stage.until("azure_entitlements.cancel", 3)
    fault = stage.fault("gateway", operation, count=None, **page)
    await asyncio.sleep(HOUR)
    stage.simulator.faults.remove(fault)
    answer = await stage.answer(sent)
    assert isinstance(answer, PlanSuspended), answer
    assert len(answer.cancelled_assets) == 3
    assert stage.effects("entitlement.cancel_requested") == 3


@IMPATIENT
async def test_a_page_that_stays_ends_a_begun_command_when_every_wait_ends(stage: Stage) -> None:
    """The answer names the changes and says that the rest is unknown. A person can go on from there."""
    customer = stage.simulator.customer("plan", azure_subscriptions=3)
    sent = await stage.send(SuspendPlan(customer_id=customer.id, active_assets="cancel"))
    await stage.until("azure_entitlements.cancel", 3)
    stage.fault("gateway", "azure_entitlements.list", count=None)
    answer = await stage.answer(sent)
    assert getattr(answer, "code", None) == "outcome_unknown"
    detail = str(getattr(answer, "detail", ""))
    assert "is not Partner Center's own" in detail
    assert "changed at Microsoft before that: cancel" in detail


async def test_a_page_that_stays_uses_up_the_attempts_of_a_command_that_changed_nothing(stage: Stage) -> None:
    """Partner Center answers others, so the trouble is this command's own, and a redrive may succeed."""
    customer, others = stage.simulator.customer("suspended_plan"), stage.simulator.customers(40, "suspended_plan")
    stage.fault("gateway", "subscriptions.get", customer=customer.id, count=None)
    sent = await stage.send(ReactivatePlan(customer_id=customer.id))
    for other in others:
        begun = asyncio.get_running_loop().time()
        await stage.do(ReactivatePlan(customer_id=other.id))
        assert asyncio.get_running_loop().time() - begun < 1, "nobody else is held up"
        await asyncio.sleep(60)
    answer = await stage.answer(sent)
    assert (getattr(answer, "code", None), getattr(answer, "attempts", None)) == ("retries_exhausted", 10)
    stage.simulator.faults.clear()
    assert type(await stage.redrive(sent)).__name__ == "PlanReactivated"


async def test_azure_subscriptions_that_cannot_be_listed_hold_up_no_answer(stage: Stage) -> None:
    """The plan was bought. The Azure subscriptions only describe it."""
    customer = stage.simulator.customer("ready")
    stage.fault("gateway", "azure_entitlements.list", count=None)
    answer = await stage.done(AzurePlanCreated, CreateAzurePlan(customer_id=customer.id))
    assert answer.azure_subscriptions == ()
    assert any("could not be read" in note for note in await stage.notes())
