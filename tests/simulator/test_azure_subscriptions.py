"""Azure subscriptions at Azure Resource Manager, and what Partner Center shows of their changes."""

import pytest

from ops.simulator.simulator import Simulator
from ops.simulator.state import Customer
from tests.simulator.caller import ArmCaller, Caller, only_azure_subscription

COMPROMISE = {"cancellationReason": "compromise"}


async def shown(caller: Caller, customer: Customer) -> str:
    """The status of the customer's one Azure subscription at Partner Center."""
    (plan,) = customer.subscriptions.values()
    path = f"/customers/{customer.id}/subscriptions/{plan.id}/azureEntitlements"
    return str((await caller.get(path)).body["items"][0]["status"])


async def test_a_cancelled_one_is_warned_then_disabled_then_inactive_at_partner_center(
    simulator: Simulator, caller: Caller
) -> None:
    """Fact sheet 13.3 and 14.1: Partner Center follows about ten minutes later, and the plan can be suspended then."""
    customer = simulator.customer("plan")
    arm, azure = ArmCaller(simulator, customer), only_azure_subscription(customer)
    answer = await arm.turn(azure.id.upper(), "cancel")
    assert (answer.status, answer.body) == (200, {"subscriptionId": azure.id})
    seen = []
    for seconds in (0, 5, 55, 539, 1):
        simulator.clock.advance(seconds)
        seen.append((await arm.state(azure.id), await shown(caller, customer)))
    assert seen == [
        ("Enabled", "active"),
        ("Warned", "active"),
        ("Disabled", "active"),
        ("Disabled", "active"),
        ("Disabled", "inactive"),
    ]
    effects = simulator.books.effects_of(customer.id)
    assert [effect.kind for effect in effects] == ["entitlement.cancel_requested", "entitlement.inactive"]


async def test_one_cancelled_at_partner_center_is_disabled_here(simulator: Simulator, caller: Caller) -> None:
    """Fact sheet 13.3: both doors lead to the same Azure subscription."""
    customer = simulator.customer("plan")
    arm, azure = ArmCaller(simulator, customer), only_azure_subscription(customer)
    (plan,) = customer.subscriptions.values()
    await caller.post(
        f"/customers/{customer.id}/subscriptions/{plan.id}/azureEntitlements/{azure.id}/cancel", COMPROMISE
    )
    assert await arm.state(azure.id) == "Warned"
    simulator.clock.advance(600)
    assert await arm.state(azure.id) == "Disabled"


@pytest.mark.parametrize(("knob", "status"), [("accepted", 200), ("refused", 409)])
async def test_a_repeated_cancel_changes_nothing(simulator: Simulator, knob: str, status: int) -> None:
    """Fact sheet 14.1 says nothing of a repeat: it is accepted or refused, during the change and after it."""
    simulator.change(azure_repeat=knob)
    customer = simulator.customer("plan")
    arm, azure = ArmCaller(simulator, customer), only_azure_subscription(customer)
    await arm.turn(azure.id, "cancel")
    for seconds in (1, 600):
        simulator.clock.advance(seconds)
        assert (await arm.turn(azure.id, "cancel")).status == status
    assert len(simulator.books.effects_of(kind="entitlement.cancel_requested")) == 1


async def test_an_enabled_one_is_active_at_partner_center_ten_minutes_later(
    simulator: Simulator, caller: Caller
) -> None:
    """Fact sheet 13.4 and 14.1."""
    customer = simulator.customer("quiet_plan")
    arm, azure = ArmCaller(simulator, customer), only_azure_subscription(customer)
    assert (await arm.turn(azure.id, "enable")).status == 200
    assert await arm.state(azure.id) == "Disabled"
    simulator.clock.advance(30)
    assert (await arm.state(azure.id), await shown(caller, customer)) == ("Enabled", "inactive")
    simulator.clock.advance(570)
    assert (await arm.state(azure.id), await shown(caller, customer)) == ("Enabled", "active")
    assert (await arm.turn(azure.id, "enable")).status == 200
    assert len(simulator.books.effects_of(kind="entitlement.reactivate_requested")) == 1


async def test_a_change_refuses_its_opposite(simulator: Simulator) -> None:
    """No page says what happens then: the simulator answers 409 until Partner Center shows the first change."""
    stopping, starting = simulator.customer("plan"), simulator.customer("quiet_plan")
    for customer, first, second in ((stopping, "cancel", "enable"), (starting, "enable", "cancel")):
        arm, azure = ArmCaller(simulator, customer), only_azure_subscription(customer)
        await arm.turn(azure.id, first)
        assert (await arm.turn(azure.id, second)).arm_code == "Conflict"
        simulator.clock.advance(600)
        assert (await arm.turn(azure.id, second)).status == 200


async def test_one_under_a_suspended_plan_is_not_enabled(simulator: Simulator) -> None:
    """Fact sheet 13.3: the customer can switch it on again as long as the plan is active."""
    customer = simulator.customer("suspended_plan")
    answer = await ArmCaller(simulator, customer).turn(only_azure_subscription(customer).id, "enable")
    assert (answer.status, answer.arm_code) == (409, "Conflict")


async def test_after_ninety_days_it_is_deleted_at_both(simulator: Simulator, caller: Caller) -> None:
    """Fact sheet 4.3 and 13.4: no reactivation brings it back, 900337 at Partner Center."""
    customer = simulator.customer("quiet_plan")
    arm, azure = ArmCaller(simulator, customer), only_azure_subscription(customer)
    simulator.clock.advance(90 * 86400 - 1)
    assert await arm.state(azure.id) == "Disabled"
    simulator.clock.advance(1)
    assert await arm.state(azure.id) == "Deleted"
    assert (await arm.turn(azure.id, "enable")).status == 400
    (plan,) = customer.subscriptions.values()
    path = f"/customers/{customer.id}/subscriptions/{plan.id}/azureEntitlements/{azure.id}/reactivate"
    assert (await caller.post(path)).code == 900337


@pytest.mark.parametrize(
    ("code", "status", "word"), [(900335, 403, "AuthorizationFailed"), (900337, 400, "BadRequest")]
)
async def test_one_that_microsoft_will_not_reactivate_is_refused_at_both(
    simulator: Simulator, caller: Caller, code: int, status: int, word: str
) -> None:
    """Fact sheet 13.4: 403/900335 and 400/900337."""
    customer = simulator.customer("quiet_plan")
    azure = only_azure_subscription(customer)
    simulator.change_azure_subscription(azure.id, reactivation=code)
    (plan,) = customer.subscriptions.values()
    path = f"/customers/{customer.id}/subscriptions/{plan.id}/azureEntitlements/{azure.id}/reactivate"
    answer = await caller.post(path)
    assert (answer.status, answer.code) == (status, code)
    refused = await ArmCaller(simulator, customer).turn(azure.id, "enable")
    assert (refused.status, refused.arm_code) == (status, word)
    assert simulator.books.effects == []


async def test_one_with_resources_is_cancelled_only_on_insistence(simulator: Simulator) -> None:
    """Fact sheet 14.1: ``IgnoreResourceCheck`` is in no specification, and tools send it."""
    customer = simulator.customer("plan")
    arm, azure = ArmCaller(simulator, customer), only_azure_subscription(customer)
    simulator.change_azure_subscription(azure.id, has_resources=True)
    assert (await arm.turn(azure.id, "cancel")).arm_code == "BadRequest"
    assert (await arm.turn(azure.id, "cancel", "?IgnoreResourceCheck=true")).status == 200


async def test_a_past_due_one_is_active_at_partner_center(simulator: Simulator, caller: Caller) -> None:
    """Fact sheet 14.1: PastDue and Warned are states of their own, and each can be cancelled."""
    customer = simulator.customer("plan")
    arm, azure = ArmCaller(simulator, customer), only_azure_subscription(customer)
    for state in ("Warned", "PastDue"):
        simulator.change_azure_subscription(azure.id.upper(), azure_state=state)
        assert (await arm.state(azure.id), await shown(caller, customer)) == (state, "active")
    await arm.turn(azure.id, "cancel")
    simulator.clock.advance(600)
    assert (await arm.state(azure.id), await shown(caller, customer)) == ("Disabled", "inactive")
