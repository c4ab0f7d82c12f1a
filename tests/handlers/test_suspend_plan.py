"""SuspendPlan: its decisions, and the faults that it survives."""

import asyncio
from datetime import timedelta

import pytest

from events.codes import FailedCode, RejectedCode
from events.messages.command_status import CommandFailed, CommandRejected
from events.messages.plans import CreateAzurePlan, PlanSuspended, SuspendPlan
from ops.simulator.state import Customer, Subscription
from tests.handlers import portal
from tests.handlers.stage import IMPATIENT, Cast, Stage
from tests.support.virtual_time import START

NOBODYS = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"


def suspend(customer: Customer, **members: object) -> SuspendPlan:
    """The command for a customer."""
    return SuspendPlan.model_validate({"customer_id": customer.id, **members})


def plan_of(customer: Customer) -> Subscription:
    """The customer's Azure plan, in the books."""
    (plan,) = [each for each in customer.subscriptions.values() if each.kind == "azure_plan"]
    return plan


async def test_a_plan_under_which_nothing_is_active_is_suspended(stage: Stage) -> None:
    """The whole resource is sent back once, with another status."""
    customer = stage.simulator.customer("quiet_plan")
    plan = plan_of(customer)
    suspended = await stage.done(PlanSuspended, suspend(customer))
    assert (suspended.subscription_id, suspended.already_suspended, suspended.cancelled_assets) == (plan.id, False, ())
    assert plan.status == "suspended"
    assert stage.calls().count("subscriptions.patch") == 1
    assert not stage.simulator.books.warnings


async def test_a_plan_that_is_suspended_is_left_as_it_is(stage: Stage) -> None:
    """A plan that is already suspended is a success."""
    suspended = await stage.done(PlanSuspended, suspend(stage.simulator.customer("suspended_plan")))
    assert suspended.already_suspended
    assert "subscriptions.patch" not in stage.calls()


# ---- the choice of the plan


async def test_the_named_plan_of_several_is_suspended(stage: Stage) -> None:
    """The id says which plan. Its case does not matter."""
    customer = stage.simulator.customer("two_plans", azure_subscriptions=0)
    first, second = customer.subscriptions.values()
    suspended = await stage.done(PlanSuspended, suspend(customer, subscription_id=second.id.upper()))
    assert suspended.subscription_id == second.id
    assert (first.status, second.status) == ("active", "suspended")


async def test_without_an_id_several_plans_are_ambiguous(stage: Stage) -> None:
    """The refusal names the plans."""
    customer = stage.simulator.customer("two_plans")
    rejected = await stage.rejected(suspend(customer))
    assert rejected.code is RejectedCode.PLAN_AMBIGUOUS
    assert all(plan_id in rejected.detail for plan_id in customer.subscriptions)


async def test_a_deleted_plan_is_no_second_one(stage: Stage) -> None:
    """The only plan that is not deleted counts."""
    customer = stage.simulator.customer("quiet_plan")
    stage.simulator.add_plan(customer).status = "deleted"
    await stage.done(PlanSuspended, suspend(customer))


@pytest.mark.parametrize("profile", ["ready", "with_licences", "legacy"])
async def test_without_a_plan_none_is_found(stage: Stage, profile: str) -> None:
    """Licences and legacy subscriptions are no plans."""
    rejected = await stage.rejected(suspend(stage.simulator.customer(profile)))
    assert (rejected.code, rejected.blockers) == (RejectedCode.PLAN_NOT_FOUND, ())


@pytest.mark.parametrize("profile", ["with_licences", "legacy"])
async def test_an_id_that_is_no_plan_is_not_found(stage: Stage, profile: str) -> None:
    """Only an Azure plan can be suspended."""
    customer = stage.simulator.customer(profile)
    named = next(iter(customer.subscriptions))
    rejected = await stage.rejected(suspend(customer, subscription_id=named))
    assert rejected.code is RejectedCode.PLAN_NOT_FOUND
    assert "is no Azure plan" in rejected.detail


async def test_an_id_that_is_not_the_customers_is_not_found(stage: Stage) -> None:
    """This holds for an unknown id and for another customer's."""
    customer, other = stage.simulator.customer("quiet_plan"), stage.simulator.customer("quiet_plan")
    for named in (NOBODYS, plan_of(other).id):
        rejected = await stage.rejected(suspend(customer, subscription_id=named))
        assert rejected.code is RejectedCode.PLAN_NOT_FOUND
    assert plan_of(other).status == "active"


async def test_a_plan_that_is_deleted_is_not_found(stage: Stage) -> None:
    """Partner Center still knows its id, but the plan cannot be used."""
    customer = stage.simulator.customer("plan", plan_status="deleted")
    rejected = await stage.rejected(suspend(customer, subscription_id=plan_of(customer).id))
    assert rejected.code is RejectedCode.PLAN_NOT_FOUND


@pytest.mark.parametrize("named", [None, "legacy"])
async def test_a_running_upgrade_is_named_if_no_plan_is_found(stage: Stage, named: str | None) -> None:
    """The plan will be there when the upgrade has ended."""
    customer = stage.simulator.customer("upgrading")
    legacy = next(iter(customer.subscriptions))
    rejected = await stage.rejected(suspend(customer, subscription_id=legacy if named else None))
    assert rejected.code is RejectedCode.PLAN_NOT_FOUND
    assert [(each.kind, each.id) for each in rejected.blockers] == [("productUpgrade", customer.upgrades[0].id)]


@pytest.mark.parametrize("cast", [Cast(user=False)], indirect=True, ids=["app_only"])
async def test_an_upgrade_that_cannot_be_read_is_not_named(stage: Stage) -> None:
    """The refusal is the same, and the timeline names the skipped check."""
    rejected = await stage.rejected(suspend(stage.simulator.customer("upgrading")))
    assert (rejected.code, rejected.blockers) == (RejectedCode.PLAN_NOT_FOUND, ())
    assert len(await stage.notes()) == 1


async def test_a_customer_of_another_partner_is_refused(stage: Stage) -> None:
    """Without a relationship nothing is read and nothing suspended."""
    rejected = await stage.rejected(suspend(stage.simulator.customer("plan", related=False)))
    assert rejected.code is RejectedCode.NO_RELATIONSHIP


async def test_a_customer_that_does_not_exist_is_not_found(stage: Stage) -> None:
    """Partner Center knows no such tenant."""
    assert (await stage.rejected(SuspendPlan(customer_id=NOBODYS))).code is RejectedCode.CUSTOMER_NOT_FOUND


# ---- resources in use


async def test_active_azure_subscriptions_are_in_the_way(stage: Stage) -> None:
    """The refusal names the active ones and not the inactive ones. Nothing is changed."""
    customer = stage.simulator.customer("plan", azure_subscriptions=2, inactive_azure_subscriptions=1)
    rejected = await stage.rejected(suspend(customer))
    active = [each for each in plan_of(customer).azure_subscriptions if each.status == "active"]
    assert rejected.code is RejectedCode.ACTIVE_ASSETS
    assert [(each.kind, each.id, each.name, each.status) for each in rejected.blockers] == [
        ("azureSubscription", each.id, each.name, "active") for each in active
    ]
    assert rejected.detail == "active: 2 Azure subscriptions"
    assert stage.simulator.books.effects == []


async def test_an_active_reservation_is_in_the_way(stage: Stage) -> None:
    """The refusal names it beside the Azure subscriptions."""
    rejected = await stage.rejected(suspend(stage.simulator.customer("reserved")))
    assert rejected.code is RejectedCode.ACTIVE_ASSETS
    assert [each.kind for each in rejected.blockers] == ["azureSubscription", "reservation"]
    assert rejected.detail == "active: 1 Azure subscription and 1 reservation"
    assert "reservations to `return`" in rejected.advice


async def test_a_reservation_that_has_expired_is_not_in_the_way(stage: Stage) -> None:
    """Only a reservation in force counts."""
    customer = stage.simulator.customer("quiet_plan", reservations=1)
    customer.reservations[0].expires_at = stage.clock.monotonic() - 1
    await stage.done(PlanSuspended, suspend(customer))


async def test_azure_subscriptions_are_cancelled_on_demand(stage: Stage) -> None:
    """Each is cancelled once. When all are inactive, after ten minutes, the plan is suspended."""
    customer = stage.simulator.customer("plan", azure_subscriptions=3, inactive_azure_subscriptions=1)
    plan = plan_of(customer)
    active = [each.id for each in plan.azure_subscriptions if each.status == "active"]
    sent = await stage.send(suspend(customer, active_assets="cancel"))
    suspended = await stage.answer(sent)
    assert isinstance(suspended, PlanSuspended), suspended
    assert not suspended.already_suspended
    assert [(each.kind, each.id, each.status) for each in suspended.cancelled_assets] == [
        ("azureSubscription", each, "inactive") for each in active
    ]
    assert plan.status == "suspended"
    assert stage.calls().count("azure_entitlements.cancel") == 3
    assert await stage.waits(sent) == ["assets_stopping"]
    assert stage.clock.now() >= START + timedelta(minutes=9)


async def test_beside_a_reservation_nothing_is_cancelled(stage: Stage) -> None:
    """A reservation cannot be cancelled here, so the Azure subscriptions are left alone too."""
    customer = stage.simulator.customer("reserved", azure_subscriptions=2)
    rejected = await stage.rejected(suspend(customer, active_assets="cancel"))
    assert rejected.code is RejectedCode.ACTIVE_ASSETS
    assert sorted(each.kind for each in rejected.blockers) == ["azureSubscription", "azureSubscription", "reservation"]
    assert stage.simulator.books.effects == []


async def test_an_azure_subscription_that_appears_meanwhile_is_cancelled_too(stage: Stage) -> None:
    """A subscription that the customer adds while the others stop does not prevent the suspension."""
    customer = stage.simulator.customer("plan")
    plan = plan_of(customer)
    sent = await stage.send(suspend(customer, active_assets="cancel"))
    await stage.until("azure_entitlements.cancel")
    added = stage.simulator.add_plan(stage.simulator.customer()).azure_subscriptions[0]
    plan.azure_subscriptions.append(added)
    suspended = await stage.answer(sent)
    assert isinstance(suspended, PlanSuspended), suspended
    assert {each.id for each in suspended.cancelled_assets} == {each.id for each in plan.azure_subscriptions}


@IMPATIENT
async def test_an_azure_subscription_that_never_stops_is_an_unknown_outcome(stage: Stage) -> None:
    """At the end of the wait the plan is not suspended, and the answer claims no reason."""
    customer = stage.simulator.customer("plan", settings={"entitlement_flip": [1e9, 1e9]})
    failed = await stage.failed(suspend(customer, active_assets="cancel"))
    assert failed.code is FailedCode.OUTCOME_UNKNOWN
    assert plan_of(customer).status == "active"
    assert stage.calls().count("azure_entitlements.cancel") == 1


async def test_a_cancellation_that_is_refused_ends_the_command(stage: Stage) -> None:
    """The plan stays unchanged. The detail names the earlier cancellations."""
    customer = stage.simulator.customer("plan", azure_subscriptions=2)
    first = plan_of(customer).azure_subscriptions[0]
    stage.fault("error_before", "azure_entitlements.cancel", status=403, code=900308, skip=1)
    rejected = await stage.rejected(suspend(customer, active_assets="cancel"))
    assert rejected.code is RejectedCode.REFUSED_BY_PARTNER_CENTER
    assert f"cancel {first.id}" in rejected.detail


async def test_partner_center_may_see_an_active_resource_that_the_worker_does_not_see(stage: Stage) -> None:
    """900115 without a cancellation by this command is a refusal, with the result of a second look."""
    stage.fault("error_before", "subscriptions.patch", status=403, code=900115)
    rejected = await stage.rejected(suspend(stage.simulator.customer("quiet_plan")))
    assert rejected.code is RejectedCode.ACTIVE_ASSETS
    assert rejected.partner_center is not None
    assert rejected.partner_center.code == "900115"
    assert not rejected.blockers
    assert "look in the Azure portal" in rejected.advice


async def test_after_cancelling_partner_center_may_need_longer_to_see_it(stage: Stage) -> None:
    """900115 right after the cancelled subscriptions became inactive passes by itself."""
    stage.fault("error_before", "subscriptions.patch", status=403, code=900115, count=3)
    sent = await stage.send(suspend(stage.simulator.customer("plan"), active_assets="cancel"))
    assert isinstance(await stage.answer(sent), PlanSuspended)
    assert await stage.waits(sent) == ["assets_stopping"]


# ---- the suspension


async def test_a_slow_change_is_waited_for(stage: Stage) -> None:
    """Partner Center may accept the change and make it later. The command requests it once."""
    customer = stage.simulator.customer("quiet_plan", settings={"patch_mode": "slow", "patch_seconds": [1200, 1200]})
    sent = await stage.send(suspend(customer))
    suspended = await stage.answer(sent)
    assert isinstance(suspended, PlanSuspended), suspended
    assert not suspended.already_suspended
    assert stage.calls().count("subscriptions.patch") == 1
    assert await stage.waits(sent) == ["settling"]


@IMPATIENT
async def test_a_change_that_never_ends_is_told_with_the_call_that_said_so(stage: Stage) -> None:
    """Another change of the plan is pending during the whole wait.

    A person gets the facts that Microsoft support asks for.
    """
    stage.fault("error_before", "subscriptions.patch", status=409, code=900278, count=None)
    failed = await stage.failed(suspend(stage.simulator.customer("quiet_plan")))
    assert failed.code is FailedCode.OUTCOME_UNKNOWN
    assert failed.partner_center is not None
    assert (failed.partner_center.operation, failed.partner_center.code) == ("subscriptions.patch", "900278")
    last = stage.simulator.books.requests_of("subscriptions.patch")[-1]
    assert failed.partner_center.request_id == last.request_id


@pytest.mark.parametrize(("status", "code"), [(409, 800082), (409, 900278), (400, 2055), (412, None)])
async def test_a_plan_that_is_being_changed_is_waited_for(stage: Stage, status: int, code: int | None) -> None:
    """Another change of the same subscription passes. Then the command reads the plan again."""
    stage.fault("error_before", "subscriptions.patch", status=status, code=code, count=3)
    assert not (await stage.done(PlanSuspended, suspend(stage.simulator.customer("quiet_plan")))).already_suspended


async def test_a_change_by_another_person_is_not_claimed(stage: Stage) -> None:
    """The change was refused while a person's change was under way.

    The answer says that the plan was suspended already.
    """
    customer = stage.simulator.customer("quiet_plan")
    stage.fault("error_before", "subscriptions.patch", status=409, code=800082)
    sent = await stage.send(suspend(customer))
    await stage.until("subscriptions.patch")
    (plan,) = stage.simulator.books.subscriptions
    await portal.bring_plan_to(stage.simulator, customer, plan.id, "suspended")
    suspended = await stage.answer(sent)
    assert isinstance(suspended, PlanSuspended), suspended
    assert suspended.already_suspended


@pytest.mark.parametrize(("status", "code"), [(400, 800096), (403, 900308), (400, 900280)])
async def test_any_other_no_is_partner_centers(stage: Stage, status: int, code: int) -> None:
    """The refusal has the facts that Microsoft support asks for."""
    stage.fault("error_before", "subscriptions.patch", status=status, code=code)
    rejected = await stage.rejected(suspend(stage.simulator.customer("quiet_plan")))
    assert rejected.code is RejectedCode.REFUSED_BY_PARTNER_CENTER
    assert rejected.partner_center is not None
    assert (rejected.partner_center.http_status, rejected.partner_center.code) == (status, str(code))
    assert rejected.partner_center.request_id


async def test_a_plan_that_cannot_be_suspended_is_refused(stage: Stage) -> None:
    """An expired plan cannot be suspended."""
    rejected = await stage.rejected(suspend(stage.simulator.customer("quiet_plan", plan_status="expired")))
    assert rejected.code is RejectedCode.REFUSED_BY_PARTNER_CENTER


# ---- validation and deadlines


async def test_validating_names_the_operations_that_would_be_called(stage: Stage) -> None:
    """One cancellation for each active Azure subscription, and the change of the plan."""
    customer = stage.simulator.customer("plan", azure_subscriptions=2, inactive_azure_subscriptions=1)
    would_do = await stage.would_do(suspend(customer, active_assets="cancel"))
    assert would_do == ["azure_entitlements.cancel", "azure_entitlements.cancel", "subscriptions.patch"]
    assert await stage.would_do(suspend(stage.simulator.customer("suspended_plan"))) == []
    assert stage.simulator.books.effects == []


@pytest.mark.parametrize("members", [{}, {"active_assets": "cancel"}], ids=["refuse", "cancel"])
async def test_validating_refuses_as_doing_would(stage: Stage, members: dict[str, object]) -> None:
    """A check that refuses the command refuses the validation too."""
    rejected = await stage.rejected(suspend(stage.simulator.customer("reserved"), validate_only=True, **members))
    assert rejected.code is RejectedCode.ACTIVE_ASSETS


async def test_a_deadline_that_passes_half_way_names_the_changes(stage: Stage) -> None:
    """The Azure subscription is cancelled by then. The plan is no longer suspended."""
    customer = stage.simulator.customer("plan")
    (cancelled,) = plan_of(customer).azure_subscriptions
    command = suspend(customer, active_assets="cancel", deadline=START + timedelta(minutes=5))
    rejected = await stage.rejected(command)
    assert rejected.code is RejectedCode.DEADLINE_PASSED
    assert f"cancel {cancelled.id}" in rejected.detail
    assert plan_of(customer).status == "active"


async def test_a_deadline_does_not_end_the_wait_for_a_change(stage: Stage) -> None:
    """The command waits beyond the deadline for a change that it requested in time."""
    customer = stage.simulator.customer("quiet_plan", settings={"patch_mode": "slow", "patch_seconds": [1200, 1200]})
    await stage.done(PlanSuspended, suspend(customer, deadline=START + timedelta(minutes=5)))


# ---- faults


async def test_a_suspension_that_arrives_unnoticed_is_seen(stage: Stage) -> None:
    """The lost request arrives between look and repetition. The repetition is refused, and the plan is suspended."""
    stage.fault("late", "subscriptions.patch", seconds=4)
    stage.fault("error_before", "subscriptions.patch", status=400, code=800096)
    stage.fault("slow_answer", "reservations.list", seconds=5, skip=1)
    sent = await stage.send(suspend(stage.simulator.customer("quiet_plan")))
    suspended = await stage.answer(sent)
    assert isinstance(suspended, PlanSuspended), suspended
    assert not suspended.already_suspended
    assert await stage.waits(sent) == ["retry"]


async def test_cancelling_again_may_be_refused_while_the_first_has_not_shown(stage: Stage) -> None:
    """The answer to a repeated cancellation is not documented. The state of the subscription decides."""
    stage.fault("reset_after", "azure_entitlements.cancel")
    stage.fault("error_before", "azure_entitlements.cancel", status=409, code=800040, count=None)
    suspended = await stage.done(PlanSuspended, suspend(stage.simulator.customer("plan"), active_assets="cancel"))
    assert len(suspended.cancelled_assets) == 1


@pytest.mark.parametrize(("kind", "suspended"), [("late", True), ("reset_before", False)])
async def test_a_refusal_waits_until_no_lost_change_can_arrive(stage: Stage, kind: str, suspended: bool) -> None:
    """After a lost suspension an Azure subscription appears.

    The refusal waits until the change can no longer arrive.
    """
    customer = stage.simulator.customer("quiet_plan")
    stage.fault(kind, "subscriptions.patch", seconds=200)
    sent = await stage.send(suspend(customer))
    await stage.until("subscriptions.patch")
    plan_of(customer).azure_subscriptions[0].status = "active"
    if suspended:
        await asyncio.sleep(190)
        plan_of(customer).azure_subscriptions[0].status = "inactive"
    answer = await stage.answer(sent)
    if suspended:
        assert isinstance(answer, PlanSuspended), answer
        assert not answer.already_suspended
    else:
        assert isinstance(answer, CommandRejected), answer
        assert answer.code is RejectedCode.ACTIVE_ASSETS
        assert stage.clock.now() >= START + timedelta(seconds=340)


@pytest.mark.parametrize("operation", ["subscriptions.patch", "azure_entitlements.cancel"])
@pytest.mark.parametrize("seconds", [0.5, 60])
async def test_a_worker_that_dies_in_the_middle_is_followed_by_another(
    stage: Stage, operation: str, seconds: float
) -> None:
    """The worker was killed before an answer.

    Each change is made once, and the answer names this command's cancellations.
    """
    stage.fault("delay", operation, seconds=seconds)
    sent = await stage.send(suspend(stage.simulator.customer("plan"), active_assets="cancel"))
    await stage.until(operation)
    await stage.kill()
    await stage.begin_work()
    suspended = await stage.answer(sent)
    assert isinstance(suspended, PlanSuspended), suspended
    assert not suspended.already_suspended
    assert len(suspended.cancelled_assets) == 1
    assert stage.effects("entitlement.cancel_requested") == stage.effects("subscription.suspended") == 1


async def test_a_look_that_is_refused_after_a_lost_suspension_proves_nothing(stage: Stage) -> None:
    """If the plan may no longer be read, nobody knows whether it was suspended."""
    stage.fault("reset_after", "subscriptions.patch")
    sent = await stage.send(suspend(stage.simulator.customer("quiet_plan")))
    await stage.until("subscriptions.patch")
    stage.fault("error_before", "subscriptions.*", status=403, code=20002, count=None)
    failed = await stage.answer(sent)
    assert isinstance(failed, CommandFailed), failed
    assert failed.code is FailedCode.OUTCOME_UNKNOWN


# ---- the lane


async def test_commands_of_one_customer_take_effect_in_order(stage: Stage) -> None:
    """A plan is bought and then suspended, although the purchase takes a while."""
    customer = stage.simulator.customer(settings={"order_provisioning": [3600, 3600]})
    bought = await stage.send(CreateAzurePlan(customer_id=customer.id))
    suspended = await stage.send(suspend(customer, active_assets="cancel"))
    answer = await stage.answer(suspended)
    assert isinstance(answer, PlanSuspended), answer
    assert (await stage.answer(bought)).terminal
    kinds = [each.kind for each in stage.simulator.books.effects]
    assert kinds.index("subscription.created") < kinds.index("subscription.suspended")
