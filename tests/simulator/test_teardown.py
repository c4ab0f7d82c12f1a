"""A plan with two Azure subscriptions and two reservations, to its end and back, through both services."""

from ops.simulator.simulator import Simulator
from ops.simulator.state import Customer
from tests.simulator.caller import ArmCaller, Caller
from tests.simulator.test_refunds import Owned


def path_of(customer: Customer) -> str:
    """The path of the customer's one plan."""
    (plan,) = customer.subscriptions.values()
    return f"/customers/{customer.id}/subscriptions/{plan.id}"


async def set_status(caller: Caller, customer: Customer, status: str) -> tuple[int, int | None]:
    """PATCH the plan with all of its members. Returns status and code of the answer."""
    body = (await caller.get(path_of(customer))).body | {"status": status}
    answer = await caller.call("PATCH", path_of(customer), body)
    return answer.status, answer.code if answer.status >= 400 else None


async def test_a_plan_is_torn_down_and_brought_back(simulator: Simulator, caller: Caller) -> None:
    """Fact sheet 17: returns, cancels, ten minutes, then the suspension; and the way back in the other order."""
    simulator.change(return_seconds=(60, 60))
    customer = simulator.customer("two_reserved", azure_subscriptions=2)
    arm = ArmCaller(simulator, customer)
    assert await set_status(caller, customer, "suspended") == (403, 900115)
    for reservation in customer.reservations:
        mine = Owned(arm, reservation)
        assert (await mine.give_back(await mine.quote())).status == 202
    found = (await caller.get(f"{path_of(customer)}/azureEntitlements")).body["items"]
    for each in found:
        assert (await arm.turn(each["id"], "cancel")).status == 200
    simulator.clock.advance(600)
    assert {await arm.state(each["id"]) for each in found} == {"Disabled"}
    assert await set_status(caller, customer, "suspended") == (403, 900115), "the returns do not show yet"
    simulator.clock.advance(60)
    assert await set_status(caller, customer, "suspended") == (200, None)

    assert [(await arm.turn(each["id"], "enable")).status for each in found] == [409, 409]
    assert await set_status(caller, customer, "active") == (200, None)
    assert (await arm.turn(found[0]["id"], "enable")).status == 200
    assert (await caller.post(f"{path_of(customer)}/azureEntitlements/{found[1]['id']}/reactivate")).status == 202
    simulator.clock.advance(600)
    assert {await arm.state(each["id"]) for each in found} == {"Enabled"}
    kinds = [effect.kind for effect in simulator.books.effects]
    assert kinds.count("reservation.returned") == kinds.count("entitlement.inactive") == 2
    assert kinds.count("entitlement.active") == 2
