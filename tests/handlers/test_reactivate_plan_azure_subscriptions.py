"""ReactivatePlan with the Azure subscriptions under the plan: through Partner Center and Azure Resource Manager."""

from dataclasses import replace
from datetime import timedelta

import pytest

from events.codes import FailedCode, RejectedCode
from events.messages.command_status import CommandFailed
from events.messages.plans import PlanReactivated
from ops.simulator.state import Customer
from tests.handlers.stage import ARM, ARM_THEN_PARTNER_CENTER, IMPATIENT, Cast, Stage
from tests.handlers.test_reactivate_plan import reactivate
from tests.handlers.test_suspend_plan import plan_of
from tests.support.virtual_time import START

THROUGH_ARM = pytest.mark.parametrize("cast", [ARM], indirect=True, ids=["arm"])
THROUGH_BOTH = pytest.mark.parametrize("cast", [ARM_THEN_PARTNER_CENTER], indirect=True, ids=["both"])
EVERY = pytest.mark.parametrize(
    "cast", [Cast(), ARM, ARM_THEN_PARTNER_CENTER], indirect=True, ids=["partner_center", "arm", "both"]
)
ALL = {"azure_subscriptions": "reactivate"}


def asleep(stage: Stage, **changes: object) -> Customer:
    """A customer with a suspended plan, two inactive Azure subscriptions under it, and one that is active."""
    inactive = {"inactive_azure_subscriptions": 2, "azure_subscriptions": 1, **changes}
    return stage.simulator.customer("suspended_plan", **inactive)


def inactive_under(customer: Customer) -> list[str]:
    """The ids of the inactive Azure subscriptions."""
    return [each.id for each in plan_of(customer).azure_subscriptions if each.status == "inactive"]


def door(stage: Stage) -> str:
    """The operation that brings an Azure subscription back."""
    through = {name: each.cancel_through for name, each in stage.cast.policy.accounts.items()}
    return "arm.subscriptions.enable" if through else "azure_entitlements.reactivate"


@EVERY
async def test_inactive_azure_subscriptions_are_brought_back_behind_the_plan(stage: Stage) -> None:
    """Each is asked for once, after the plan. The answer comes when Partner Center shows all, and names them."""
    customer = asleep(stage)
    inactive = inactive_under(customer)
    sent = await stage.send(reactivate(customer, **ALL))
    reactivated = await stage.answer(sent)
    assert isinstance(reactivated, PlanReactivated), reactivated
    assert not reactivated.already_active
    assert [(each.id, each.status, each.reason) for each in reactivated.azure_subscriptions] == [
        (each, "active", None) for each in inactive
    ]
    assert inactive_under(customer) == []
    writes = [call for call in stage.calls() if call in {door(stage), "subscriptions.patch"}]
    assert writes == ["subscriptions.patch", door(stage), door(stage)]
    assert await stage.waits(sent) == ["assets_starting"]
    assert stage.clock.now() >= START + timedelta(minutes=9)
    assert not stage.simulator.books.warnings


async def test_by_default_azure_subscriptions_are_left_as_they_are(stage: Stage) -> None:
    """`leave`: they are not even read."""
    customer = asleep(stage)
    reactivated = await stage.done(PlanReactivated, reactivate(customer))
    assert reactivated.azure_subscriptions == ()
    assert len(inactive_under(customer)) == 2
    assert "azure_entitlements.list" not in stage.calls()


@EVERY
async def test_under_a_plan_that_is_active_already_they_are_brought_back_too(stage: Stage) -> None:
    """The plan is left as it is, and the command has done something all the same."""
    customer = stage.simulator.customer("quiet_plan")
    (inactive,) = inactive_under(customer)
    reactivated = await stage.done(PlanReactivated, reactivate(customer, **ALL))
    assert reactivated.already_active
    assert [each.id for each in reactivated.azure_subscriptions] == [inactive]
    assert not reactivated.nothing_done
    assert "subscriptions.patch" not in stage.calls()


async def test_where_nothing_is_inactive_nothing_is_done(stage: Stage) -> None:
    """All Azure subscriptions are active: none is named."""
    reactivated = await stage.done(PlanReactivated, reactivate(stage.simulator.customer("plan"), **ALL))
    assert (reactivated.azure_subscriptions, reactivated.nothing_done) == ((), True)
    assert stage.simulator.books.effects == []


@pytest.mark.parametrize("code", [900335, 900337])
async def test_one_that_microsoft_does_not_bring_back_is_named_with_its_reason(stage: Stage, code: int) -> None:
    """The refusal does not fail the command, and is not asked for again."""
    customer = asleep(stage)
    lost, kept = inactive_under(customer)
    stage.simulator.change_azure_subscription(lost, reactivation=code)
    reactivated = await stage.done(PlanReactivated, reactivate(customer, **ALL))
    named = {each.id: each for each in reactivated.azure_subscriptions}
    assert (named[lost].status, named[kept].status, named[kept].reason) == ("inactive", "active", None)
    assert named[lost].reason is not None
    assert str(code) in named[lost].reason
    assert stage.calls().count("azure_entitlements.reactivate") == 2


@THROUGH_ARM
@pytest.mark.parametrize(("code", "word"), [(900335, "AuthorizationFailed"), (900337, "BadRequest")])
async def test_a_refusal_of_azure_resource_manager_is_a_reason(stage: Stage, code: int, word: str) -> None:
    """Its code and words stand in the answer."""
    customer = asleep(stage, inactive_azure_subscriptions=1)
    (lost,) = inactive_under(customer)
    stage.simulator.change_azure_subscription(lost, reactivation=code)
    reactivated = await stage.done(PlanReactivated, reactivate(customer, **ALL))
    (named,) = reactivated.azure_subscriptions
    assert named.status == "inactive"
    assert (named.reason or "").startswith(f"{word}: ")


@THROUGH_BOTH
async def test_after_a_definite_refusal_partner_center_is_asked(stage: Stage) -> None:
    """The customer's tenant does not let the partner in: Partner Center does it."""
    customer = asleep(stage, consent="missing")
    reactivated = await stage.done(PlanReactivated, reactivate(customer, **ALL))
    assert [each.status for each in reactivated.azure_subscriptions] == ["active", "active"]
    assert stage.calls().count("azure_entitlements.reactivate") == 2


@THROUGH_ARM
@pytest.mark.parametrize("missing", [{"consent": "missing"}, {"consent": "unknown_application"}, {"azure_role": None}])
async def test_a_missing_permission_is_told_before_the_plan_is_changed(
    stage: Stage, missing: dict[str, object]
) -> None:
    """The advice names the role."""
    rejected = await stage.rejected(reactivate(asleep(stage, **missing), **ALL))
    assert rejected.code is RejectedCode.NOT_PERMITTED
    assert "Owner of the Azure subscription" in rejected.advice
    assert stage.simulator.books.effects == []


@pytest.mark.parametrize("cast", [replace(ARM, user=False)], indirect=True, ids=["app_only"])
async def test_without_a_users_token_arm_is_not_permitted(stage: Stage) -> None:
    """Nothing is changed."""
    rejected = await stage.rejected(reactivate(asleep(stage), **ALL))
    assert rejected.code is RejectedCode.NOT_PERMITTED
    assert stage.simulator.books.effects == []


@EVERY
async def test_validate_only_says_what_would_be_brought_back(stage: Stage) -> None:
    """Under a suspended plan and under an active one."""
    assert await stage.would_do(reactivate(asleep(stage), **ALL)) == ["subscriptions.patch", door(stage), door(stage)]
    assert await stage.would_do(reactivate(stage.simulator.customer("quiet_plan"), **ALL)) == [door(stage)]
    assert await stage.would_do(reactivate(stage.simulator.customer("plan"), **ALL)) == []
    assert stage.simulator.books.effects == []


@EVERY
@pytest.mark.parametrize("repeat", ["accepted", "refused"])
async def test_an_answer_that_is_lost_brings_it_back_once(stage: Stage, repeat: str) -> None:
    """A refusal of the second request may mean that the first was taken."""
    stage.simulator.change(azure_repeat=repeat, azure_enabled=(100.0, 100.0))
    customer = asleep(stage)
    stage.fault("reset_after", door(stage))
    reactivated = await stage.done(PlanReactivated, reactivate(customer, **ALL))
    assert [(each.status, each.reason) for each in reactivated.azure_subscriptions] == [("active", None)] * 2
    assert stage.effects("entitlement.reactivate_requested") == 2


async def test_a_worker_that_dies_between_two_of_them_names_both(stage: Stage) -> None:
    """The requests stand in the journal: one that is active when the next worker looks was inactive at the start."""
    stage.simulator.change(entitlement_flip=(5.0, 5.0), latency=(0.5, 0.5))
    customer = asleep(stage)
    inactive = inactive_under(customer)
    sent = await stage.send(reactivate(customer, **ALL))
    await stage.until("azure_entitlements.reactivate", 2)
    await stage.kill()
    for each in plan_of(customer).azure_subscriptions:
        each.status, each.changing_to = "active", None
    await stage.begin_work()
    reactivated = await stage.answer(sent)
    assert isinstance(reactivated, PlanReactivated), reactivated
    assert [each.id for each in reactivated.azure_subscriptions] == inactive


async def test_one_that_became_active_meanwhile_is_named(stage: Stage) -> None:
    """Named are all that were inactive at the start, also those that somebody else brought back."""
    stage.simulator.change(patch_mode="slow", patch_seconds=(60.0, 60.0))
    customer = asleep(stage)
    inactive = inactive_under(customer)
    sent = await stage.send(reactivate(customer, **ALL))
    await stage.until("subscriptions.patch")
    next(each for each in plan_of(customer).azure_subscriptions if each.id == inactive[0]).status = "active"
    reactivated = await stage.answer(sent)
    assert isinstance(reactivated, PlanReactivated), reactivated
    assert [each.id for each in reactivated.azure_subscriptions] == inactive
    assert stage.calls().count("azure_entitlements.reactivate") == 1


@IMPATIENT
async def test_the_wait_ends_with_the_deadline_of_orders(stage: Stage) -> None:
    """The failure names what has not become active, and a redrive goes on."""
    stage.simulator.change(entitlement_flip=(9_000.0, 9_000.0))
    customer = asleep(stage)
    inactive = inactive_under(customer)
    sent = await stage.send(reactivate(customer, **ALL))
    failed = await stage.answer(sent)
    assert isinstance(failed, CommandFailed), failed
    assert failed.code is FailedCode.OUTCOME_UNKNOWN
    assert [each.id for each in failed.blockers] == inactive
    reactivated = await stage.redrive(sent)
    assert isinstance(reactivated, PlanReactivated), reactivated
    assert [(each.id, each.status) for each in reactivated.azure_subscriptions] == [
        (each, "active") for each in inactive
    ]


async def test_a_wait_reads_nothing_but_the_azure_subscriptions(stage: Stage) -> None:
    """A look is one call. The run that goes on reads the plan again."""
    customer = asleep(stage)
    await stage.done(PlanReactivated, reactivate(customer, subscription_id=plan_of(customer).id, **ALL))
    looks = stage.calls().count("azure_entitlements.list")
    assert stage.calls().count("subscriptions.get") == 2
    assert 3 < looks < 12
