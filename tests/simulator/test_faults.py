"""Each kind of fault: the caller's view, and whether Partner Center acted."""

import asyncio
from typing import Any

import httpx
import pytest

from ops.simulator.delivery import ConnectionDropped, ConnectionRefused
from ops.simulator.faults import Kind
from ops.simulator.simulator import Simulator, build
from tests.simulator.caller import Caller
from tests.simulator.conftest import PROMPT

DROPS = [
    (Kind.REFUSED, ConnectionRefused, 0, None),
    (Kind.RESET_BEFORE, ConnectionDropped, 0, None),
    (Kind.RESET_AFTER, ConnectionDropped, 1, None),
    (Kind.TRUNCATED, ConnectionDropped, 1, 201),
]


@pytest.mark.parametrize(("kind", "error", "orders", "status"), DROPS)
async def test_a_dropped_connection_is_a_transport_error(
    simulator: Simulator, caller: Caller, kind: Kind, error: type[httpx.TransportError], orders: int, status: int | None
) -> None:
    """The check-out may have acted or not. The books say which."""
    customer = simulator.customer()
    cart = (await caller.cart(customer)).body["id"]
    simulator.faults.add(kind, operation="carts.checkout")
    with pytest.raises(error):
        await caller.check_out(customer, cart)
    assert len(simulator.books.orders) == orders
    (entry,) = simulator.books.requests_of("carts.checkout")
    assert (entry.status, entry.outcome, entry.fault) == (status, 201 if orders else None, kind.value)
    assert (await caller.check_out(customer, cart)).status == 201
    assert len(simulator.books.orders) == 1


ANSWERS = [
    (Kind.ERROR_BEFORE, {}, 500, 800003, 0),
    (Kind.ERROR_AFTER, {}, 500, 800003, 1),
    (Kind.ERROR_BEFORE, {"status": 409, "code": 800060}, 409, 800060, 0),
    (Kind.ERROR_AFTER, {"status": 504}, 504, None, 1),
    (Kind.THROTTLE, {"retry_after": 7}, 429, None, 0),
    (Kind.CUT_JSON, {}, 201, None, 1),
    (Kind.EMPTY, {}, 200, None, 1),
    (Kind.EMPTY, {"status": 201, "acts": False}, 201, None, 0),
    (Kind.GARBAGE, {}, 200, None, 1),
    (Kind.GATEWAY, {}, 404, None, 0),
    (Kind.GATEWAY, {"page": "empty", "acts": True}, 404, None, 1),
    (Kind.GATEWAY, {"page": "json", "status": 403}, 403, None, 0),
    (Kind.FAULT_IN_200, {"code": 800031}, 200, 800031, 0),
    (Kind.FAULT_IN_200, {"code": 800031, "acts": True}, 200, 800031, 1),
]


@pytest.mark.parametrize(("kind", "conditions", "status", "code", "orders"), ANSWERS)
async def test_a_spoilt_answer_may_hide_that_it_acted(
    simulator: Simulator,
    caller: Caller,
    kind: Kind,
    conditions: dict[str, Any],
    status: int,
    code: int | None,
    orders: int,
) -> None:
    """Status and code are as configured. There is an order exactly for the kinds that act."""
    customer = simulator.customer()
    cart = (await caller.cart(customer)).body["id"]
    simulator.faults.add(kind, operation="carts.checkout", **conditions)
    answer = await caller.check_out(customer, cart)
    assert (answer.status, answer.code) == (status, code)
    assert len(simulator.books.orders) == orders


@pytest.mark.parametrize(("form", "value"), [("seconds", "7"), ("date", "Sun, 01 Mar 2026 09:00:07 GMT")])
@pytest.mark.parametrize("kind", [Kind.THROTTLE, Kind.ERROR_BEFORE])
async def test_retry_after_comes_in_both_forms(
    simulator: Simulator, caller: Caller, kind: Kind, form: str, value: str
) -> None:
    """429 and 503 have it."""
    simulator.faults.add(kind, status=503, retry_after=7, retry_after_form=form)
    assert (await caller.get("/customers")).headers["Retry-After"] == value


async def test_a_late_request_acts_after_its_caller_gave_up(simulator: Simulator, caller: Caller) -> None:
    """After three minutes without an effect there is an order with the time of arrival, without another request."""
    customer = simulator.customer()
    cart = (await caller.cart(customer)).body["id"]
    simulator.faults.add("late", operation="carts.checkout", seconds=180)
    with pytest.raises(ConnectionDropped):
        await caller.check_out(customer, cart)
    simulator.clock.advance(179)
    assert simulator.books.orders == []
    simulator.clock.advance(3600)
    (effect,) = simulator.books.effects_of(kind="order.created")
    assert effect.at == 180
    (entry,) = simulator.books.requests_of("carts.checkout")
    assert (entry.status, entry.outcome, entry.acted_at) == (None, 201, 180)


async def test_a_late_check_out_of_an_ordered_cart_buys_nothing(simulator: Simulator, caller: Caller) -> None:
    """The cart is the key, even with the memory of request ids switched off."""
    simulator.change(remember_request_ids=False)
    customer = simulator.customer()
    cart = (await caller.cart(customer)).body["id"]
    simulator.faults.add("late", operation="carts.checkout", seconds=60)
    with pytest.raises(ConnectionDropped):
        await caller.check_out(customer, cart)
    assert (await caller.check_out(customer, cart)).status == 201
    simulator.clock.advance(60)
    assert len(simulator.books.orders) == 1


async def test_a_late_suspension_suspends_a_plan_that_was_reactivated_since(
    simulator: Simulator, caller: Caller
) -> None:
    """The last arriving request sets the state."""
    customer = simulator.customer("quiet_plan")
    (plan,) = customer.subscriptions.values()
    path = f"/customers/{customer.id}/subscriptions/{plan.id}"
    body = (await caller.get(path)).body
    simulator.faults.add("late", operation="subscriptions.patch", seconds=60)
    with pytest.raises(ConnectionDropped):
        await caller.call("PATCH", path, body | {"status": "suspended"})
    assert (await caller.call("PATCH", path, body)).status == 200
    simulator.clock.advance(60)
    assert (await caller.get(path)).body["status"] == "suspended"


@pytest.mark.looptime
async def test_a_delayed_request_acts_also_when_its_caller_leaves() -> None:
    """A caller's time-out after one second does not stop a request that arrives after ten."""
    loop = asyncio.get_running_loop()
    simulator = build(now=loop.time, settings=PROMPT)
    caller, customer = Caller(simulator), simulator.customer()
    carts = [(await caller.cart(customer)).body["id"] for _ in range(2)]
    simulator.faults.add("delay", operation="carts.checkout", seconds=10, count=2)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(caller.check_out(customer, carts[0]), timeout=1)
    began = loop.time()
    assert (await caller.check_out(customer, carts[1])).status == 201
    assert loop.time() - began == 10
    assert len(simulator.books.orders) == 2


@pytest.mark.looptime
async def test_a_slow_answer_acts_at_once() -> None:
    """The order is there long before the answer."""
    loop = asyncio.get_running_loop()
    simulator = build(now=loop.time, settings=PROMPT)
    caller, customer = Caller(simulator), simulator.customer()
    cart = (await caller.cart(customer)).body["id"]
    simulator.faults.add("slow_answer", operation="carts.checkout", seconds=30)
    waiting = asyncio.create_task(caller.check_out(customer, cart))
    await asyncio.sleep(1)
    assert len(simulator.books.orders) == 1
    assert (await waiting).status == 201
    assert loop.time() >= 30


async def test_a_fault_hits_only_the_requests_that_it_names(simulator: Simulator, caller: Caller) -> None:
    """The fault may name operation, method, path, customer and partner. Other requests pass."""
    one, two = simulator.customers(2)
    conditions: list[dict[str, str]] = [
        {"operation": "customers.*", "customer": one.id.upper()},
        {"method": "get", "path": f"*/CUSTOMERS/{one.id}"},
        {"partner": simulator.partner.tenant_id.upper(), "path": f"*{one.id}"},
    ]
    for each in conditions:
        simulator.faults.clear()
        simulator.faults.add("error_before", **each)
        assert (await caller.get(f"/customers/{two.id}")).status == 200
        assert (await caller.get("/agreements")).status == 200
        assert (await caller.get(f"/customers/{one.id}")).status == 500
        assert (await caller.get(f"/customers/{one.id}")).status == 200


async def test_a_fault_skips_and_counts(simulator: Simulator, caller: Caller) -> None:
    """It hits the third and fourth call, or every call until it is removed."""
    simulator.faults.add("error_before", skip=2, count=2)
    assert [(await caller.get("/customers")).status for _ in range(5)] == [200, 200, 500, 500, 200]
    lasting = simulator.faults.add("error_before", count=None)
    assert [(await caller.get("/customers")).status for _ in range(3)] == [500, 500, 500]
    simulator.faults.remove(lasting)
    assert (await caller.get("/customers")).status == 200


async def test_a_share_of_requests_is_hit_and_repeats_by_seed() -> None:
    """The same seed draws the same requests."""

    async def statuses(seed: int) -> list[int]:
        simulator = build(settings=PROMPT, seed=seed)
        simulator.faults.add("error_before", probability=0.5, count=None)
        caller = Caller(simulator)
        return [(await caller.get("/customers")).status for _ in range(20)]

    first = await statuses(1)
    assert set(first) == {200, 500}
    assert first == await statuses(1)
    assert first != await statuses(2)


@pytest.mark.parametrize(
    "wrong", [{"kind": "earthquake"}, {"kind": "late", "second": 1}, {"kind": "late", "seconds": "x"}]
)
def test_a_fault_that_does_not_exist_is_refused(simulator: Simulator, wrong: dict[str, Any]) -> None:
    """The refusal comes at once, not at the first hit."""
    with pytest.raises(ValueError, match=r"kind|second"):
        simulator.faults.add_from(wrong)
