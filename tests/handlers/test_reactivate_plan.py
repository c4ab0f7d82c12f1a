"""ReactivatePlan: its decisions, and the faults that it survives."""

from datetime import timedelta

import pytest

from events.codes import RejectedCode
from events.messages.command_status import CommandRejected
from events.messages.plans import PlanReactivated, PlanSuspended, ReactivatePlan, SuspendPlan
from ops.simulator.state import Customer
from tests.handlers import portal
from tests.handlers.stage import Stage
from tests.support.virtual_time import START


def reactivate(customer: Customer, **members: object) -> ReactivatePlan:
    """The command for a customer."""
    return ReactivatePlan.model_validate({"customer_id": customer.id, **members})


async def test_a_suspended_plan_is_active_again(stage: Stage) -> None:
    """The whole resource is sent back once, with another status."""
    customer = stage.simulator.customer("suspended_plan")
    (plan,) = customer.subscriptions.values()
    reactivated = await stage.done(PlanReactivated, reactivate(customer))
    assert (reactivated.subscription_id, reactivated.already_active) == (plan.id, False)
    assert plan.status == "active"
    assert stage.calls().count("subscriptions.patch") == 1
    assert not stage.simulator.books.warnings


async def test_a_plan_that_is_active_is_left_as_it_is(stage: Stage) -> None:
    """A plan that is already active is a success."""
    assert (await stage.done(PlanReactivated, reactivate(stage.simulator.customer("plan")))).already_active
    assert stage.simulator.books.effects == []


async def test_the_named_plan_of_several_is_reactivated(stage: Stage) -> None:
    """The id says which plan."""
    customer = stage.simulator.customer("two_plans", plan_status="suspended", azure_subscriptions=0)
    first, second = customer.subscriptions.values()
    await stage.done(PlanReactivated, reactivate(customer, subscription_id=second.id))
    assert (first.status, second.status) == ("suspended", "active")


@pytest.mark.parametrize(
    ("profile", "code"),
    [
        ("ready", RejectedCode.PLAN_NOT_FOUND),
        ("legacy_suspended", RejectedCode.PLAN_NOT_FOUND),
        ("two_plans", RejectedCode.PLAN_AMBIGUOUS),
        ("no_relationship", RejectedCode.NO_RELATIONSHIP),
    ],
)
async def test_with_an_ambiguous_or_missing_plan_nothing_is_changed(
    stage: Stage, profile: str, code: RejectedCode
) -> None:
    """This is as for SuspendPlan."""
    assert (await stage.rejected(reactivate(stage.simulator.customer(profile)))).code is code


async def test_a_plan_that_cannot_be_reactivated_is_refused(stage: Stage) -> None:
    """An expired plan cannot become active."""
    rejected = await stage.rejected(reactivate(stage.simulator.customer("suspended_plan", plan_status="expired")))
    assert rejected.code is RejectedCode.REFUSED_BY_PARTNER_CENTER
    assert rejected.partner_center is not None
    assert rejected.partner_center.code == "800040"


async def test_a_slow_change_is_waited_for(stage: Stage) -> None:
    """Partner Center may accept the change and make it later."""
    slow = {"patch_mode": "slow", "patch_seconds": [1200, 1200]}
    sent = await stage.send(reactivate(stage.simulator.customer("suspended_plan", settings=slow)))
    answer = await stage.answer(sent)
    assert isinstance(answer, PlanReactivated), answer
    assert not answer.already_active
    assert stage.calls().count("subscriptions.patch") == 1
    assert await stage.waits(sent) == ["settling"]


async def test_a_change_by_another_person_is_not_claimed(stage: Stage) -> None:
    """The change was refused while a person's change was under way.

    The answer says that the plan was active already.
    """
    customer = stage.simulator.customer("suspended_plan")
    stage.fault("error_before", "subscriptions.patch", status=409, code=800082)
    sent = await stage.send(reactivate(customer))
    await stage.until("subscriptions.patch")
    (plan,) = stage.simulator.books.subscriptions
    await portal.bring_plan_to(stage.simulator, customer, plan.id, "active")
    answer = await stage.answer(sent)
    assert isinstance(answer, PlanReactivated), answer
    assert answer.already_active


async def test_validating_names_the_operations_that_would_be_called(stage: Stage) -> None:
    """The list has one change, or none."""
    assert await stage.would_do(reactivate(stage.simulator.customer("suspended_plan"))) == ["subscriptions.patch"]
    assert await stage.would_do(reactivate(stage.simulator.customer("plan"))) == []
    assert stage.simulator.books.effects == []


async def test_after_its_deadline_nothing_is_changed(stage: Stage) -> None:
    """A late command is refused. If no change is needed, the command is answered."""
    late = START - timedelta(hours=1)
    rejected = await stage.rejected(reactivate(stage.simulator.customer("suspended_plan"), deadline=late))
    assert rejected.code is RejectedCode.DEADLINE_PASSED
    assert (
        await stage.done(PlanReactivated, reactivate(stage.simulator.customer("plan"), deadline=late))
    ).already_active


@pytest.mark.parametrize(("kind", "active"), [("late", True), ("reset_before", False)])
async def test_after_a_lost_change_the_missed_deadline_is_published_when_it_is_certain(
    stage: Stage, kind: str, active: bool
) -> None:
    """The command requests no second change. It waits for a possible arrival of the first."""
    stage.fault(kind, "subscriptions.patch", seconds=200)
    command = reactivate(stage.simulator.customer("suspended_plan"), deadline=START + timedelta(seconds=0.5))
    answer = await stage.do(command)
    if active:
        assert isinstance(answer, PlanReactivated), answer
    else:
        assert isinstance(answer, CommandRejected), answer
        assert answer.code is RejectedCode.DEADLINE_PASSED
        assert answer.detail.startswith("subscriptions.patch was still to be done")
    assert stage.calls().count("subscriptions.patch") == 1


@pytest.mark.parametrize("kind", ["late", "reset_before", "reset_after"])
async def test_the_last_command_has_the_last_word(stage: Stage, kind: str) -> None:
    """A lost suspension that arrives minutes later does not undo the reactivation behind it.

    Rule Settle, promise G4.
    """
    customer = stage.simulator.customer("quiet_plan")
    (plan,) = customer.subscriptions.values()
    stage.fault(kind, "subscriptions.patch", seconds=250)
    first = await stage.send(SuspendPlan(customer_id=customer.id))
    second = await stage.send(reactivate(customer))
    assert isinstance(await stage.answer(first), PlanSuspended)
    assert isinstance(await stage.answer(second), PlanReactivated)
    assert plan.status == "active"
    assert stage.clock.now() >= START + timedelta(seconds=300)
