"""Customers that Partner Center does not know, or does not know yet: a new customer shows late."""

import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from events.codes import RejectedCode
from events.messages.agreements import ConfirmCustomerAgreement
from events.messages.base import Command
from events.messages.command_status import CommandRejected, CommandValidated
from events.messages.customers import ReportCustomer
from events.messages.plans import AzurePlanCreated, CreateAzurePlan, ReactivatePlan, SuspendPlan
from events.messages.upgrades import StartProductUpgrade
from tests.crash.paths import ACCEPTED
from tests.handlers.stage import POLICY, Cast, Stage
from tests.handlers.stories import STORIES, Story
from tests.support.virtual_time import START

NOBODYS = "c0ffee00-0000-4000-8000-0000000000ff"
PLAN = "3c0e5f4a-9d2b-4a6e-8f1c-5b7d2e9a0c11"
COMMANDS = [
    CreateAzurePlan(customer_id=NOBODYS),
    CreateAzurePlan(customer_id=NOBODYS, country="DE", reseller_id="5550001"),
    SuspendPlan(customer_id=NOBODYS),
    SuspendPlan(customer_id=NOBODYS, subscription_id=PLAN),
    ReactivatePlan(customer_id=NOBODYS),
    ReactivatePlan(customer_id=NOBODYS, subscription_id=PLAN),
    StartProductUpgrade(customer_id=NOBODYS),
    ReportCustomer(customer_id=NOBODYS),
    ConfirmCustomerAgreement.model_validate({"customer_id": NOBODYS, **ACCEPTED}),
]
OF_CUSTOMERS = [story for story in STORIES if story.command.subject_of(story.asks) == "customer"]
"""The list of customers has a new customer once it shows, and is not waited for."""
LAG = POLICY.customer_lag


def now() -> float:
    """The present virtual instant."""
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("code", [60003, 1000])
@pytest.mark.parametrize("asks", [{}, {"validate_only": True}, {"deadline": START + timedelta(seconds=10)}], ids=str)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: f"{type(each).__name__} {each.wire_data()}")
async def test_a_customer_of_another_partner_is_not_found_by_any_command(
    stage: Stage, command: Command, asks: dict[str, Any], code: int
) -> None:
    """The answer comes only when a new customer would have shown, after one event about the wait.

    A deadline stops writes only.
    """
    stage.simulator.change(unknown_customer=code)
    begun = now()
    sent = await stage.send(command.model_copy(update=asks))
    answer = await stage.answer(sent)
    assert isinstance(answer, CommandRejected), answer
    assert answer.code is RejectedCode.CUSTOMER_NOT_FOUND
    assert answer.partner_center is not None
    assert answer.partner_center.code == str(code)
    assert LAG <= now() - begun < LAG + 2
    assert await stage.waits(sent) == ["retry"]
    looks = [each.at for each in stage.simulator.books.requests]
    pauses = [later - earlier for earlier, later in itertools.pairwise(looks)]
    assert pauses[:-1] == sorted(pauses[:-1]), "growing pauses"
    assert len(looks) < 10


@pytest.mark.parametrize("code", [60003, 1000])
@pytest.mark.parametrize("story", OF_CUSTOMERS, ids=lambda story: story.name)
async def test_a_customer_that_shows_late_is_served(stage: Stage, story: Story, code: int) -> None:
    """The command was sent in the moment in which the customer was made. It ends as for an old customer."""
    stage.simulator.change(unknown_customer=code, customer_lag=[LAG - 10, LAG - 10])
    customer = stage.simulator.customer(story.profile)
    begun = now()
    story.insist(stage, customer, await story.told(stage, customer))
    assert now() - begun >= LAG - 10


async def test_a_customer_that_shows_after_the_deadline_gets_no_new_write(stage: Stage) -> None:
    """The deadline counts as soon as the command knows that it has to write."""
    customer = stage.simulator.customer(settings={"customer_lag": [60, 60]})
    command = CreateAzurePlan(customer_id=customer.id, deadline=START + timedelta(seconds=30))
    assert (await stage.rejected(command)).code is RejectedCode.DEADLINE_PASSED
    assert stage.effects("cart.created") == 0


async def test_what_would_be_done_is_told_of_a_customer_that_shows_late(stage: Stage) -> None:
    """A validation waits just as long."""
    customer = stage.simulator.customer(settings={"customer_lag": [60, 60]})
    assert await stage.would_do(CreateAzurePlan(customer_id=customer.id)) == ["carts.create", "carts.checkout"]


async def test_a_customer_that_shows_too_late_is_not_found(stage: Stage) -> None:
    """The setting says how late is too late."""
    customer = stage.simulator.customer(settings={"customer_lag": [LAG + 60, LAG + 60]})
    assert (await stage.rejected(CreateAzurePlan(customer_id=customer.id))).code is RejectedCode.CUSTOMER_NOT_FOUND


@pytest.mark.parametrize("cast", [Cast(policy=replace(POLICY, customer_lag=0))], indirect=True, ids=["no_lag"])
async def test_without_a_lag_the_answer_comes_at_once(stage: Stage) -> None:
    """This setting is for partners whose customers are never new."""
    begun = now()
    assert (await stage.rejected(SuspendPlan(customer_id=NOBODYS))).code is RejectedCode.CUSTOMER_NOT_FOUND
    assert now() - begun < 1


@pytest.mark.parametrize("command", [SuspendPlan, ReactivatePlan])
async def test_a_missing_subscription_is_reported_at_once(
    stage: Stage, command: type[SuspendPlan | ReactivatePlan]
) -> None:
    """Partner Center knows the customer and not the plan (20003). That is a different case."""
    customer = stage.simulator.customer("plan")
    begun = now()
    rejected = await stage.rejected(command(customer_id=customer.id, subscription_id=PLAN))
    assert rejected.code is RejectedCode.PLAN_NOT_FOUND
    assert now() - begun < 1


@pytest.mark.parametrize(
    "operation", ["orders.list", "subscriptions.list", "catalog.list_availabilities_by_customer", "carts.create"]
)
@pytest.mark.parametrize("code", [60003, 1000])
async def test_a_customer_that_shows_here_and_not_there_is_served(stage: Stage, operation: str, code: int) -> None:
    """The parts of Partner Center do not all hear of a new customer at once."""
    customer = stage.simulator.customer(billing_profile=False, delegated=False)
    stage.fault("error_before", operation, status=404, code=code, count=3)
    await stage.done(AzurePlanCreated, CreateAzurePlan(customer_id=customer.id))


@pytest.mark.parametrize("operation", ["subscriptions.list_by_order", "orders.get"])
@pytest.mark.parametrize("code", [60003, 1000])
async def test_an_order_of_a_new_customer_is_followed_although_the_customer_is_not_known_for_a_moment(
    stage: Stage, operation: str, code: int
) -> None:
    """The order was placed a moment ago. The outcome is not unknown."""
    customer = stage.simulator.customer()
    stage.fault("error_before", operation, status=404, code=code, count=2)
    await stage.done(AzurePlanCreated, CreateAzurePlan(customer_id=customer.id))


async def test_a_check_out_without_an_answer_is_looked_after_although_the_customer_is_not_known_for_a_moment(
    stage: Stage,
) -> None:
    """The look is repeated, and the outcome is not unknown."""
    customer = stage.simulator.customer()
    stage.fault("reset_after", "carts.checkout")
    stage.fault("error_before", "carts.get", status=404, code=60003, count=2)
    await stage.done(AzurePlanCreated, CreateAzurePlan(customer_id=customer.id))
    assert len(stage.simulator.books.orders) == 1


async def test_an_unknown_customer_is_validated_as_unknown(stage: Stage) -> None:
    """`validateOnly` gives the same refusal as the command itself."""
    answer = await stage.do(CreateAzurePlan(customer_id=NOBODYS, validate_only=True))
    assert not isinstance(answer, CommandValidated)
