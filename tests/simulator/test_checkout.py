"""Check-out: one order per cart for any number of requests, and two orders for two carts."""

import asyncio

import pytest

from ops.simulator.simulator import Simulator, build
from ops.simulator.state import Partner
from tests.simulator.caller import Caller
from tests.simulator.conftest import PROMPT


async def test_a_check_out_buys_one_plan(simulator: Simulator, caller: Caller) -> None:
    """The books have an order with the request's ids, a plan, and an Azure subscription under the plan."""
    customer = simulator.customer()
    cart = (await caller.cart(customer)).body["id"]
    request_id = "0e9d0a3a-6d0f-4c43-8f5c-000000000001"
    answer = await caller.check_out(customer, cart, request_id=request_id)
    assert answer.status == 201
    assert "orderErrors" not in answer.body
    (order,) = simulator.books.orders
    (effect,) = simulator.books.effects_of(customer.id, "order.created")
    assert answer.body["orders"][0]["id"] == order.id == effect.target
    assert effect.request_id == order.request_id == request_id
    assert effect.detail["cart"] == cart
    (plan,) = simulator.books.subscriptions
    assert [each.status for each in plan.azure_subscriptions] == ["active"]
    assert (await caller.get(f"/customers/{customer.id}/carts/{cart}")).body["status"] == "Ordered"


async def test_checking_out_again_repeats_the_first_result(simulator: Simulator, caller: Caller) -> None:
    """The body is the same, even if the order has moved on. Nothing is bought again."""
    simulator.change(order_provisioning=[30, 30])
    customer = simulator.customer()
    cart = (await caller.cart(customer)).body["id"]
    first = await caller.check_out(customer, cart)
    simulator.clock.advance(60)
    second = await caller.check_out(customer, cart)
    assert second.status == 201
    assert second.body == first.body
    assert second.body["orders"][0]["status"] == "pending"
    assert len(simulator.books.orders) == 1


async def test_checking_out_again_may_be_refused(simulator: Simulator, caller: Caller) -> None:
    """The other documented answer is 400/800065."""
    simulator.change(checkout_repeat="800065")
    customer = simulator.customer()
    cart = (await caller.cart(customer)).body["id"]
    await caller.check_out(customer, cart)
    answer = await caller.check_out(customer, cart)
    assert (answer.status, answer.code) == (400, 800065)
    assert len(simulator.books.orders) == 1


async def test_two_carts_are_two_orders(simulator: Simulator, caller: Caller) -> None:
    """Nothing protects a customer from a second cart. Tests of a worker look for that."""
    customer = simulator.customer()
    carts = [(await caller.cart(customer)).body["id"] for _ in range(2)]
    for cart in carts:
        assert (await caller.check_out(customer, cart)).status == 201
    assert [order.cart_id for order in simulator.books.orders] == carts
    assert simulator.books.counts()["order.created"] == 2
    assert len(simulator.books.subscriptions) == 2


@pytest.mark.looptime
async def test_a_second_check_out_meanwhile_is_a_conflict() -> None:
    """The answer is 409/800064 while the first is worked on and the cart is Active.

    Afterwards it is the first result.
    """
    simulator = build(now=asyncio.get_running_loop().time, settings=PROMPT)
    simulator.change(checkout_seconds=[3, 3])
    caller, customer = Caller(simulator), simulator.customer()
    cart = (await caller.cart(customer)).body["id"]
    first = asyncio.create_task(caller.check_out(customer, cart))
    await asyncio.sleep(1)
    meanwhile = await caller.check_out(customer, cart)
    assert (meanwhile.status, meanwhile.code) == (409, 800064)
    assert (await caller.get(f"/customers/{customer.id}/carts/{cart}")).body["status"] == "Active"
    assert (await first).status == 201
    assert (await caller.check_out(customer, cart)).body == (await first).body
    assert len(simulator.books.orders) == 1


@pytest.mark.parametrize(("code", "status"), [(800023, 403), (800069, 403), (800073, 403), (900116, 400)])
async def test_a_refused_check_out_buys_nothing(simulator: Simulator, caller: Caller, code: int, status: int) -> None:
    """By knob, the whole answer is a refusal: credit, risk, review, sandbox limit."""
    customer = simulator.customer(settings={"refuse_checkout": code})
    answer = await caller.check_out(customer, (await caller.cart(customer)).body["id"])
    assert (answer.status, answer.code) == (status, code)
    assert simulator.books.orders == []


async def test_an_order_error_comes_inside_a_success(simulator: Simulator, caller: Caller) -> None:
    """The answer is 201 with orderErrors. The cart stays Active, and a later check-out repeats the failed part."""
    customer = simulator.customer("order_error")
    cart = (await caller.cart(customer)).body["id"]
    failed = await caller.check_out(customer, cart)
    assert failed.status == 201
    assert failed.body["orders"] == []
    assert [(each["orderGroupId"], each["code"]) for each in failed.body["orderErrors"]] == [("0", 800069)]
    assert (await caller.get(f"/customers/{customer.id}/carts/{cart}")).body["status"] == "Active"
    customer.overrides.clear()
    assert len((await caller.check_out(customer, cart)).body["orders"]) == 1


async def test_groups_succeed_and_fail_apart(simulator: Simulator, caller: Caller) -> None:
    """Items of another billing cycle make another order. Only the failed order is tried again."""
    customer = simulator.customer(settings={"order_error": 800069, "order_error_groups": ["1"]})
    shelf = "/products/CFQ7TTC0LH18/skus/0001/availabilities"
    licence = (await caller.get(shelf, {"country": "US", "targetSegment": "commercial"})).body["items"][-1]
    plan = {"catalogItemId": await caller.plan_item(), "quantity": 1, "billingCycle": "one_time"}
    seats = {"catalogItemId": licence["catalogItemId"], "quantity": 5, "billingCycle": "monthly", "termDuration": "P1Y"}
    cart = (await caller.post(f"/customers/{customer.id}/carts", {"lineItems": [plan, seats]})).body
    assert [line["orderGroup"] for line in cart["lineItems"]] == ["0", "1"]
    partly = await caller.check_out(customer, cart["id"])
    assert len(partly.body["orders"]) == len(partly.body["orderErrors"]) == 1
    customer.overrides.clear()
    rest = await caller.check_out(customer, cart["id"])
    assert rest.body["orders"][0]["lineItems"][0]["quantity"] == 5
    assert len(simulator.books.orders) == 2
    assert len((await caller.check_out(customer, cart["id"])).body["orders"]) == 2


async def test_without_the_agreement_nothing_is_sold(simulator: Simulator, caller: Caller) -> None:
    """The answer is 403/13605 at check-out, or at the cart already. A direct signature counts."""
    customer = simulator.customer("no_agreement")
    cart = (await caller.cart(customer)).body["id"]
    answer = await caller.check_out(customer, cart)
    assert (answer.status, answer.code) == (403, 13605)
    simulator.change(agreement_checked="cart")
    assert (await caller.cart(customer)).code == 13605
    assert (await caller.cart(simulator.customer("signed_directly"))).status == 201


async def test_a_sandbox_sells_one_plan_to_a_customer() -> None:
    """The answer is 400/900116, even while the first order is open."""
    partner = Partner("5e11e500-0000-4000-8000-00000000005b", "client", "secret", sandbox=True)
    simulator = build(settings=PROMPT, partners=[partner])
    simulator.change(order_outcome="never")
    caller, customer = Caller(simulator), simulator.customer()
    carts = [(await caller.cart(customer)).body["id"] for _ in range(2)]
    assert (await caller.check_out(customer, carts[0])).status == 201
    answer = await caller.check_out(customer, carts[1])
    assert (answer.status, answer.code) == (400, 900116)


async def test_a_cart_that_does_not_exist_is_not_checked_out(simulator: Simulator, caller: Caller) -> None:
    """The answer is 404/800008. The vendor's SDK sends a JSON string as the body, which is accepted."""
    customer = simulator.customer()
    assert (await caller.check_out(customer, customer.id)).code == 800008
    cart = (await caller.cart(customer)).body["id"]
    assert (await caller.check_out(customer, cart, body="success")).status == 201
