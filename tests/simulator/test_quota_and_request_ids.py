"""The quota of each resource family, and the memory of request ids."""

import asyncio
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest

from ops.simulator.delivery import ConnectionRefused
from ops.simulator.faults import Kind
from ops.simulator.simulator import Simulator, build
from tests.simulator.caller import Caller
from tests.simulator.conftest import PROMPT

REQUEST_ID = "0e9d0a3a-6d0f-4c43-8f5c-000000000003"


async def test_calls_beyond_the_quota_are_throttled(simulator: Simulator, caller: Caller) -> None:
    """The answer is 429 in the gateway's shape, without id headers, until the window has moved on."""
    simulator.change(quota_per_minute=2)
    for _ in range(2):
        assert (await caller.get("/customers")).status == 200
    answer = await caller.get("/customers")
    assert answer.status == answer.body["statusCode"] == 429
    assert answer.headers["Retry-After"] == "60"
    assert "MS-RequestId" not in answer.headers
    simulator.clock.advance(60)
    assert (await caller.get("/customers")).status == 200


async def test_refused_calls_count_too(simulator: Simulator, caller: Caller) -> None:
    """A caller that tries again during the wait waits longer."""
    simulator.change(quota_per_minute=1)
    await caller.get("/customers")
    simulator.clock.advance(50)
    assert (await caller.get("/customers")).headers["Retry-After"] == "60"
    simulator.clock.advance(10)
    assert (await caller.get("/customers")).status == 429


async def test_a_call_whose_connection_is_refused_does_not_count(simulator: Simulator, caller: Caller) -> None:
    """The service never saw it."""
    simulator.change(quota_per_minute=1)
    simulator.faults.add(kind=Kind.REFUSED)
    with pytest.raises(ConnectionRefused):
        await caller.get("/customers")
    assert (await caller.get("/customers")).status == 200
    assert (await caller.get("/customers")).status == 429


async def test_families_have_quotas_of_their_own(simulator: Simulator, caller: Caller) -> None:
    """The quota of customers is used up, and that of orders is not."""
    simulator.change(quota_per_minute=1)
    customer = simulator.customer()
    await caller.get("/customers")
    assert (await caller.get(f"/customers/{customer.id}")).status == 429
    assert (await caller.get(f"/customers/{customer.id}/orders")).status == 200


@pytest.mark.parametrize("form", ["date", "none"])
async def test_retry_after_has_other_forms(simulator: Simulator, caller: Caller, form: str) -> None:
    """The other forms are an HTTP date and no header."""
    simulator.change(quota_per_minute=1, retry_after=form)
    await caller.get("/customers")
    value = (await caller.get("/customers")).headers.get("Retry-After")
    if form == "none":
        assert value is None
    else:
        assert parsedate_to_datetime(value) == simulator.clock.date() + timedelta(seconds=60)


async def test_a_repeated_request_id_repeats_the_answer(simulator: Simulator, caller: Caller) -> None:
    """Two creations with one id are one cart."""
    customer = simulator.customer()
    line = {"catalogItemId": await caller.plan_item(), "quantity": 1, "billingCycle": "one_time"}
    path, body = f"/customers/{customer.id}/carts", {"lineItems": [line]}
    first = await caller.post(path, body, request_id=REQUEST_ID)
    second = await caller.post(path, body, request_id=REQUEST_ID.upper())
    assert second.body == first.body
    assert len(simulator.books.carts) == 1
    assert [each.replayed for each in simulator.books.requests_of("carts.create")] == [False, True]


async def test_the_memory_can_be_switched_off_and_does_not_last(simulator: Simulator, caller: Caller) -> None:
    """Without the memory, or a day later, the same id makes another cart."""
    customer = simulator.customer()
    line = {"catalogItemId": await caller.plan_item(), "quantity": 1, "billingCycle": "one_time"}
    path, body = f"/customers/{customer.id}/carts", {"lineItems": [line]}
    await caller.post(path, body, request_id=REQUEST_ID)
    simulator.clock.advance(86400)
    await caller.post(path, body, request_id=REQUEST_ID)
    simulator.change(remember_request_ids=False)
    await caller.post(path, body, request_id=REQUEST_ID)
    assert len(simulator.books.carts) == 3


async def test_an_id_with_another_body_is_answered_and_noted(simulator: Simulator, caller: Caller) -> None:
    """The answer is the first one. The books have a warning, because no page says what happens."""
    customer = simulator.customer()
    path = f"/customers/{customer.id}/carts"
    await caller.post(path, {"lineItems": []}, request_id=REQUEST_ID)
    answer = await caller.post(path, {"lineItems": [{}]}, request_id=REQUEST_ID)
    assert answer.code == 800002
    assert simulator.books.warnings == [f"MS-RequestId {REQUEST_ID} was used again with another body"]


@pytest.mark.looptime
async def test_the_same_request_while_the_first_is_under_way_is_a_conflict() -> None:
    """The answer is 409, by the memory as by the busy cart. Afterwards it is the first answer."""
    simulator = build(now=asyncio.get_running_loop().time, settings=PROMPT)
    simulator.change(checkout_seconds=[5, 5])
    caller, customer = Caller(simulator), simulator.customer()
    cart = (await caller.cart(customer)).body["id"]
    first = asyncio.create_task(caller.check_out(customer, cart, request_id=REQUEST_ID))
    await asyncio.sleep(1)
    again = await caller.check_out(customer, cart, request_id=REQUEST_ID)
    assert (again.status, again.code) == (409, 800064)
    assert (await first).status == 201
    assert (await caller.check_out(customer, cart, request_id=REQUEST_ID)).body == (await first).body
