"""SuspendPlan with Azure subscriptions that are cancelled through Azure Resource Manager."""

from dataclasses import replace

import pytest

from events.codes import RejectedCode
from events.messages.plans import PlanSuspended
from tests.handlers.stage import ARM, ARM_THEN_PARTNER_CENTER, Stage
from tests.handlers.test_suspend_plan import plan_of, suspend
from worker.azure_plans.azure_subscription_change import Way, way_of
from worker.handlers.suspend_plan import CANCELLATION

THROUGH_ARM = pytest.mark.parametrize("cast", [ARM], indirect=True, ids=["arm"])
THROUGH_BOTH = pytest.mark.parametrize("cast", [ARM_THEN_PARTNER_CENTER], indirect=True, ids=["both"])
EITHER = pytest.mark.parametrize("cast", [ARM, ARM_THEN_PARTNER_CENTER], indirect=True, ids=["arm", "both"])
ALONE = pytest.mark.parametrize(
    "cast", [replace(ARM, user=False), replace(ARM_THEN_PARTNER_CENTER, user=False)], indirect=True, ids=["arm", "both"]
)


@pytest.mark.parametrize(
    ("state", "asked", "way"),
    [
        ("enabled", False, Way.ARM),
        ("enabled", True, Way.ARM),
        ("past_due", False, Way.ARM),
        ("warned", False, Way.ARM),
        ("warned", True, Way.NOBODY),
        ("disabled", False, Way.NOBODY),
        ("deleted", True, Way.NOBODY),
        (None, False, Way.ARM),
        ("another", True, Way.ARM),
    ],
)
def test_whether_azure_resource_manager_is_asked(state: str | None, asked: bool, way: Way) -> None:
    """`Warned` after our cancellation counts as stopping; before it, it is another warning."""
    assert way_of(CANCELLATION, state, asked=asked) is way


@EITHER
async def test_azure_subscriptions_are_cancelled_through_azure_resource_manager(stage: Stage) -> None:
    """Each is read before the first write, and cancelled once. The plan waits until Partner Center shows it."""
    customer = stage.simulator.customer("plan", azure_subscriptions=3, inactive_azure_subscriptions=1)
    plan = plan_of(customer)
    active = [each.id for each in plan.azure_subscriptions if each.status == "active"]
    sent = await stage.send(suspend(customer, active_assets="cancel"))
    suspended = await stage.answer(sent)
    assert isinstance(suspended, PlanSuspended), suspended
    assert [(each.id, each.status) for each in suspended.cancelled_assets] == [(each, "inactive") for each in active]
    assert plan.status == "suspended"
    of_arm = [call for call in stage.calls() if call.startswith("arm.")]
    assert of_arm == ["arm.subscriptions.get"] * 3 + ["arm.subscriptions.cancel"] * 3
    assert "azure_entitlements.cancel" not in stage.calls()
    assert await stage.waits(sent) == ["assets_stopping"]


async def test_by_default_azure_resource_manager_is_not_called(stage: Stage) -> None:
    """The setting's default is Partner Center alone."""
    await stage.done(PlanSuspended, suspend(stage.simulator.customer("plan"), active_assets="cancel"))
    assert [call for call in stage.calls() if call.startswith("arm.")] == []


@EITHER
async def test_active_assets_are_refused_without_a_look_at_azure_resource_manager(stage: Stage) -> None:
    """`activeAssets: refuse` needs no token of the customer's tenant."""
    rejected = await stage.rejected(suspend(stage.simulator.customer("no_consent", reservations=0)))
    assert rejected.code is RejectedCode.ACTIVE_ASSETS
    assert [call for call in stage.calls() if call.startswith("arm.")] == []


@THROUGH_ARM
@pytest.mark.parametrize("missing", [{"consent": "missing"}, {"consent": "unknown_application"}, {"azure_role": None}])
async def test_a_missing_permission_is_told_before_anything_is_changed(
    stage: Stage, missing: dict[str, object]
) -> None:
    """AADSTS65001, AADSTS700016, AuthorizationFailed: the advice names the role."""
    customer = stage.simulator.customer("plan", azure_subscriptions=2, **missing)
    rejected = await stage.rejected(suspend(customer, active_assets="cancel"))
    assert rejected.code is RejectedCode.NOT_PERMITTED
    assert "Owner of the Azure subscription" in rejected.advice
    assert stage.simulator.books.effects == []


@ALONE
async def test_without_a_user_arm_is_not_permitted_and_partner_center_is(stage: Stage) -> None:
    """`arm` needs a user's token. `arm_then_partner_center` goes on to Partner Center without one."""
    customer = stage.simulator.customer("plan")
    if stage.cast.policy.accounts["contoso"].cancel_through == "arm":
        rejected = await stage.rejected(suspend(customer, active_assets="cancel"))
        assert rejected.code is RejectedCode.NOT_PERMITTED
        assert stage.simulator.books.effects == []
    else:
        await stage.done(PlanSuspended, suspend(customer, active_assets="cancel"))
        assert stage.calls().count("azure_entitlements.cancel") == 1


@THROUGH_BOTH
@pytest.mark.parametrize("missing", [{"consent": "missing"}, {"azure_role": None}, {"azure_role": "reader"}])
async def test_a_missing_permission_leads_to_partner_center(stage: Stage, missing: dict[str, object]) -> None:
    """The timeline says why Partner Center was asked."""
    customer = stage.simulator.customer("plan", **missing)
    await stage.done(PlanSuspended, suspend(customer, active_assets="cancel"))
    assert stage.calls().count("azure_entitlements.cancel") == 1
    assert stage.effects("entitlement.cancel_requested") == 1
    assert len(await stage.notes()) == 1


@EITHER
async def test_a_definite_refusal_of_the_cancellation(stage: Stage) -> None:
    """Resources may stand in the way. The command ends, or goes on to Partner Center."""
    customer = stage.simulator.customer("plan")
    (azure,) = plan_of(customer).azure_subscriptions
    stage.simulator.change_azure_subscription(azure.id, has_resources=True)
    if stage.cast.policy.accounts["contoso"].cancel_through == "arm":
        rejected = await stage.rejected(suspend(customer, active_assets="cancel"))
        assert rejected.code is RejectedCode.REFUSED_BY_PARTNER_CENTER
        assert rejected.partner_center is not None
        assert rejected.partner_center.code == "BadRequest"
        assert "existing resources" in rejected.detail
    else:
        await stage.done(PlanSuspended, suspend(customer, active_assets="cancel"))
        assert stage.calls().count("azure_entitlements.cancel") == 1


@THROUGH_ARM
async def test_a_refusal_after_the_first_write_names_what_was_changed(stage: Stage) -> None:
    """The first Azure subscription is stopping, and its id is in the detail."""
    customer = stage.simulator.customer("plan", azure_subscriptions=2)
    first, second = plan_of(customer).azure_subscriptions
    stage.simulator.change_azure_subscription(second.id, has_resources=True)
    rejected = await stage.rejected(suspend(customer, active_assets="cancel"))
    assert rejected.code is RejectedCode.REFUSED_BY_PARTNER_CENTER
    assert first.id in rejected.detail
    assert stage.effects("entitlement.cancel_requested") == 1


@THROUGH_ARM
async def test_one_that_somebody_has_cancelled_is_waited_for(stage: Stage) -> None:
    """It is disabled there and still active at Partner Center: nothing is asked, and it is not named as cancelled."""
    customer = stage.simulator.customer("plan")
    (azure,) = plan_of(customer).azure_subscriptions
    stage.simulator.change_azure_subscription(azure.id, azure_state="Disabled")
    sent = await stage.send(suspend(customer, active_assets="cancel"))
    await stage.until("arm.subscriptions.get", 2)
    azure.status = "inactive"
    suspended = await stage.answer(sent)
    assert isinstance(suspended, PlanSuspended), suspended
    assert suspended.cancelled_assets == ()
    assert "arm.subscriptions.cancel" not in stage.calls()


@EITHER
@pytest.mark.parametrize("repeat", ["accepted", "refused"])
async def test_a_lost_answer_never_leads_to_partner_center(stage: Stage, repeat: str) -> None:
    """The state is read. A refusal of the second request may mean that the first was taken."""
    stage.simulator.change(azure_repeat=repeat, azure_warned=(100.0, 100.0))
    customer = stage.simulator.customer("plan")
    stage.fault("reset_after", "arm.subscriptions.cancel")
    suspended = await stage.done(PlanSuspended, suspend(customer, active_assets="cancel"))
    assert [each.id for each in suspended.cancelled_assets] == [
        each.id for each in plan_of(customer).azure_subscriptions
    ]
    assert stage.effects("entitlement.cancel_requested") == 1
    assert "azure_entitlements.cancel" not in stage.calls()


@THROUGH_BOTH
async def test_a_permission_that_vanishes_after_a_lost_answer_is_waited_out(stage: Stage) -> None:
    """What became of the request shows at Partner Center, which is not asked to cancel."""
    customer = stage.simulator.customer("plan")
    stage.fault("reset_after", "arm.subscriptions.cancel")
    sent = await stage.send(suspend(customer, active_assets="cancel"))
    await stage.until("arm.subscriptions.cancel")
    customer.azure_role = None
    suspended = await stage.answer(sent)
    assert isinstance(suspended, PlanSuspended), suspended
    assert "azure_entitlements.cancel" not in stage.calls()
    assert await stage.waits(sent) == ["retry", "assets_stopping"]


@THROUGH_ARM
async def test_validate_only_reads_and_says_what_would_be_cancelled(stage: Stage) -> None:
    """A look changes nothing. A missing role shows already."""
    customer = stage.simulator.customer("plan", azure_subscriptions=2)
    assert await stage.would_do(suspend(customer, active_assets="cancel")) == [
        "arm.subscriptions.cancel",
        "arm.subscriptions.cancel",
        "subscriptions.patch",
    ]
    closed = stage.simulator.customer("no_azure_role", reservations=0)
    rejected = await stage.rejected(suspend(closed, active_assets="cancel", validate_only=True))
    assert rejected.code is RejectedCode.NOT_PERMITTED
    assert stage.simulator.books.effects == []
