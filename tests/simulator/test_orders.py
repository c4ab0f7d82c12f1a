"""Orders: read by id at once or nearly so, in the list much later, and with six possible ends."""

import pytest

from ops.simulator.simulator import Simulator
from tests.simulator.caller import Caller


async def test_the_list_lags_behind_the_order(simulator: Simulator, caller: Caller) -> None:
    """By id the order is there after two seconds, in the list after fifteen minutes."""
    simulator.change(order_list_lag=[900, 900], order_get_lag=[2, 2])
    customer = simulator.customer()
    order = await caller.buy_plan(customer)
    path = f"/customers/{customer.id}/orders"
    early = await caller.get(f"{path}/{order}")
    assert (early.status, early.code) == (404, 20000)
    simulator.clock.advance(2)
    assert (await caller.get(f"{path}/{order}")).status == 200
    simulator.clock.advance(897)
    assert (await caller.get(path)).body["items"] == []
    simulator.clock.advance(1)
    assert [each["id"] for each in (await caller.get(path)).body["items"]] == [order]


async def test_the_subscription_comes_with_the_orders_end(simulator: Simulator, caller: Caller) -> None:
    """A pending order has no subscriptionId, a completed one has. The subscription exists from then on."""
    simulator.change(order_provisioning=[40, 40])
    customer = simulator.customer()
    order = await caller.buy_plan(customer)
    path = f"/customers/{customer.id}/orders/{order}"
    assert (await caller.get(path)).body["status"] == "pending"
    assert "subscriptionId" not in (await caller.get(path)).body["lineItems"][0]
    assert (await caller.get(f"/customers/{customer.id}/subscriptions")).body["items"] == []
    simulator.clock.advance(40)
    done = (await caller.get(path)).body
    (plan,) = (await caller.get(f"/customers/{customer.id}/subscriptions", {"order_id": order.upper()})).body["items"]
    assert done["status"] == "completed"
    assert done["lineItems"][0]["subscriptionId"] == plan["id"]
    assert plan["orderId"] == order


async def test_the_lag_is_divided_by_the_scale(simulator: Simulator, caller: Caller) -> None:
    """A fifteen minute lag takes fifteen seconds at scale sixty."""
    simulator.clock.scale = 60
    simulator.change(order_provisioning=[900, 900])
    customer = simulator.customer()
    order = await caller.buy_plan(customer)
    simulator.clock.advance(14.9)
    assert simulator.books.orders[0].status == "pending"
    simulator.clock.advance(0.1)
    assert (await caller.get(f"/customers/{customer.id}/orders/{order}")).body["status"] == "completed"


@pytest.mark.parametrize(
    ("outcome", "status", "plans"),
    [
        ("completed", "completed", 1),
        ("error", "error", 0),
        ("cancelled", "cancelled", 0),
        ("partial_success", "partial_success", 1),
        ("pending_review", "pending_review", 0),
        ("never", "pending", 0),
    ],
)
async def test_an_order_ends_as_the_knob_says(
    simulator: Simulator, caller: Caller, outcome: str, status: str, plans: int
) -> None:
    """Only delivered orders have a subscription."""
    customer = simulator.customer(settings={"order_outcome": outcome})
    order = await caller.buy_plan(customer)
    simulator.clock.advance(86400)
    assert (await caller.get(f"/customers/{customer.id}/orders/{order}")).body["status"] == status
    assert len(customer.subscriptions) == plans


async def test_a_person_ends_an_order_in_review(simulator: Simulator, caller: Caller) -> None:
    """The control port ends it. An order that has ended stays as it is."""
    customer = simulator.customer(settings={"order_outcome": "pending_review"})
    order = await caller.buy_plan(customer)
    simulator.end_order(order)
    simulator.end_order(order, "cancelled")
    assert simulator.books.orders[0].status == "completed"
    assert len(customer.subscriptions) == 1
    with pytest.raises(KeyError, match="no order"):
        simulator.end_order("000000000000")


async def test_provisioning_status_needs_a_user(simulator: Simulator, caller: Caller, app_only: Caller) -> None:
    """The status of each item is pending, then fulfilled.

    The application alone gets 900329, an unknown order 800007.
    """
    simulator.change(order_provisioning=[40, 40])
    customer = simulator.customer()
    path = f"/customers/{customer.id}/orders/{await caller.buy_plan(customer)}/provisioningstatus"
    assert (await caller.get(path)).body["items"][0]["status"] == "prefulfillmentPending"
    simulator.clock.advance(40)
    assert (await caller.get(path)).body["items"][0]["status"] == "fulfilled"
    assert (await app_only.get(path)).code == 900329
    assert (await caller.get(f"/customers/{customer.id}/orders/none/provisioningstatus")).code == 800007


async def test_the_list_can_be_filtered_by_billing(simulator: Simulator, caller: Caller) -> None:
    """The documented spelling is ``onetime``. An unknown one is refused."""
    customer = simulator.customer()
    await caller.buy_plan(customer)
    path = f"/customers/{customer.id}/orders"
    assert len((await caller.get(path, {"billingType": "onetime"})).body["items"]) == 1
    assert (await caller.get(path, {"billingType": "monthly"})).body["items"] == []
    assert (await caller.get(path, {"billingType": "never"})).code == 900126


async def test_an_order_names_what_was_bought_elsewhere(simulator: Simulator, caller: Caller) -> None:
    """Fact sheet 11.1: seeded orders have items too. The offer tells an Azure plan from the rest."""
    customer = simulator.customer("reserved", licences=1)
    orders = (await caller.get(f"/customers/{customer.id}/orders")).body["items"]
    offers = [line["offerId"].partition(":")[0] for order in orders for line in order["lineItems"]]
    assert offers == ["CFQ7TTC0LH18", "DZH318Z0BPS6", "DZH318Z0BQ3Q"]
    bought = {line.get("subscriptionId") for order in orders for line in order["lineItems"]}
    assert bought == {*customer.subscriptions, None}


async def test_a_plan_that_is_bought_may_come_with_more_under_it(simulator: Simulator, caller: Caller) -> None:
    """A customer that makes a second Azure subscription and buys a reservation as soon as it has a plan."""
    customer = simulator.customer(settings={"plan_azure_subscriptions": 2, "plan_reservations": 1})
    await caller.check_out(customer, (await caller.cart(customer)).body["id"])
    (plan,) = simulator.books.subscriptions
    assert [each.status for each in plan.azure_subscriptions] == ["active", "active"]
    (reserved,) = customer.reservations
    assert reserved.order_id in customer.orders
    assert reserved.order_id != plan.order_id
