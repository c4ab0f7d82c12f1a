"""Carts: strict about bodies, honest about items that cannot be bought."""

from typing import Any

import pytest

from ops.simulator.simulator import Simulator, build
from ops.simulator.state import Partner
from tests.simulator.caller import Caller
from tests.simulator.conftest import PROMPT


async def test_a_cart_with_a_plan_is_active_for_a_week(simulator: Simulator, caller: Caller) -> None:
    """The cart is created, read again, and gone after seven days and some seconds."""
    customer = simulator.customer()
    made = await caller.cart(customer)
    assert made.status == 201
    assert made.body["status"] == "Active"
    assert made.body["lineItems"][0] | {"catalogItemId": ""} == {
        "id": 0,
        "catalogItemId": "",
        "quantity": 1,
        "currencyCode": "USD",
        "billingCycle": "one_time",
        "provisioningContext": {},
        "orderGroup": "0",
    }
    path = f"/customers/{customer.id}/carts/{made.body['id'].upper()}"
    assert (await caller.get(path)).body == made.body
    simulator.clock.advance(7 * 86400 + 21)
    gone = await caller.get(path)
    assert (gone.status, gone.code) == (404, 800008)


async def test_member_names_may_have_any_case(simulator: Simulator, caller: Caller) -> None:
    """The vendor's SDK writes PascalCase, nulls, and enumeration values in a case of its own."""
    customer = simulator.customer()
    line = {"Id": 0, "CatalogItemId": await caller.plan_item(), "Quantity": 1, "BillingCycle": "OneTime"}
    body = {"Id": None, "LineItems": [line | {"Participants": None, "Error": None}]}
    answer = await caller.post(f"/customers/{customer.id}/carts", body)
    assert answer.status == 201
    assert "error" not in answer.body["lineItems"][0]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"catalogItemId": None}, (400, 900142)),
        ({"quantity": 0}, (400, 800002)),
        ({"quantity": "some"}, (400, 800002)),
        ({"billingCycle": None}, (400, 800002)),
        ({"billingCycle": "sometimes"}, (400, 900126)),
        ({"id": "first"}, (400, 800002)),
        ({"participants": "me"}, (400, 800002)),
    ],
)
async def test_a_body_that_cannot_be_is_refused(
    simulator: Simulator, caller: Caller, changes: dict[str, Any], refusal: tuple[int, int]
) -> None:
    """Nothing is made from the body."""
    body = {"catalogItemId": "x", "quantity": 1, "billingCycle": "one_time"} | changes
    line = {name: value for name, value in body.items() if value is not None}
    answer = await caller.post(f"/customers/{simulator.customer().id}/carts", {"lineItems": [line]})
    assert (answer.status, answer.code) == refusal
    assert simulator.books.carts == []


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"catalogItemId": "DZH318Z0BPS6:0001:DZH318Z0GONE"}, 10001),
        ({"billingCycle": "monthly"}, 10010),
        ({"quantity": 2}, 10010),
        ({"termDuration": "P1Y"}, 10010),
    ],
)
async def test_an_item_that_cannot_be_bought_can_be_in_a_cart(
    simulator: Simulator, caller: Caller, changes: dict[str, Any], error: int
) -> None:
    """The answer is 201 with an error on the item. Checking out is 400/800009."""
    customer = simulator.customer()
    made = await caller.cart(customer, **changes)
    assert made.status == 201
    assert made.body["lineItems"][0]["error"]["errorCode"] == error
    answer = await caller.check_out(customer, made.body["id"])
    assert (answer.status, answer.code) == (400, 800009)
    assert simulator.books.orders == []


async def test_the_item_of_another_country_is_refused(simulator: Simulator, caller: Caller) -> None:
    """An availability belongs to one country."""
    answer = await caller.cart(simulator.customer(country="FR"), catalogItemId=await caller.plan_item("US"))
    assert (answer.status, answer.code) == (400, 800070)


async def test_a_stale_item_is_replaced_in_the_same_cart(simulator: Simulator, caller: Caller) -> None:
    """Check-out says 400019. PUT with a fresh item and a second check-out buy."""
    customer = simulator.customer()
    cart = (await caller.cart(customer)).body
    simulator.rotate_catalog()
    stale = await caller.check_out(customer, cart["id"])
    assert (stale.status, stale.code) == (404, 400019)
    cart["lineItems"][0]["catalogItemId"] = await caller.plan_item()
    path = f"/customers/{customer.id}/carts/{cart['id']}"
    mended = await caller.call("PUT", path, cart)
    assert (mended.status, mended.body["status"]) == (201, "Active")
    assert (await caller.check_out(customer, cart["id"])).status == 201
    assert [order.cart_id for order in simulator.books.orders] == [cart["id"]]
    late = await caller.call("PUT", path, cart)
    assert (late.status, late.code) == (400, 800065)


async def test_a_cart_of_another_id_is_not_updated(simulator: Simulator, caller: Caller) -> None:
    """Path and body must name the same existing cart."""
    customer = simulator.customer()
    one, two = (await caller.cart(customer)).body, (await caller.cart(customer)).body
    assert (await caller.call("PUT", f"/customers/{customer.id}/carts/{one['id']}", two)).code == 800002
    assert (await caller.call("PUT", f"/customers/{customer.id}/carts/{customer.id}", one)).code == 800008


def indirect_simulator() -> Simulator:
    """A partner that sells through resellers."""
    return build(settings=PROMPT, partners=[Partner("5e11e500-0000-4000-8000-00000000001d", "c", "s", indirect=True)])


def sold_through(*resellers: str) -> list[dict[str, str]]:
    """Participants of a sale."""
    return [{"key": "transaction_reseller", "value": reseller} for reseller in resellers]


@pytest.mark.parametrize(
    ("participants", "error"),
    [(None, 10010), (sold_through("404"), 10010), (sold_through("5550001", "5550002"), 10010)],
)
async def test_an_indirect_provider_names_one_known_reseller(
    participants: list[dict[str, str]] | None, error: int
) -> None:
    """No reseller, an unknown one and two of them are item errors."""
    simulator = indirect_simulator()
    caller, customer = Caller(simulator), simulator.customer()
    line = {"catalogItemId": await caller.plan_item(), "quantity": 1, "billingCycle": "one_time"}
    body = {"lineItems": [line | {"participants": participants}], "PartnerOnRecordAttestationAccepted": True}
    answer = await caller.post(f"/customers/{customer.id}/carts", body)
    assert answer.body["lineItems"][0]["error"]["errorCode"] == error


async def test_a_sale_through_a_reseller_is_on_the_record() -> None:
    """With attestation, the order's line and the subscription name the reseller. Without: 900206. Inactive: 800039."""
    simulator = indirect_simulator()
    caller, customer = Caller(simulator), simulator.customer()
    line = {"catalogItemId": await caller.plan_item(), "quantity": 1, "billingCycle": "one_time"}
    path = f"/customers/{customer.id}/carts"
    bare = {"lineItems": [line | {"participants": sold_through("5550001")}]}
    assert (await caller.post(path, bare)).code == 900206
    inactive = {"lineItems": [line | {"participants": sold_through("5550009")}]}
    assert (await caller.post(path, inactive)).code == 800039
    made = await caller.post(path, bare | {"partnerOnRecordAttestationAccepted": True})
    bought = await caller.check_out(customer, made.body["id"])
    assert bought.body["orders"][0]["lineItems"][0]["partnerIdOnRecord"] == "5550001"
    (plan,) = (await caller.get(f"/customers/{customer.id}/subscriptions", {"mpn_id": "5550001"})).body["items"]
    assert plan["partnerId"] == "5550001"


async def test_a_direct_partner_has_no_participants(simulator: Simulator, caller: Caller) -> None:
    """The cart gets the item error 10004."""
    customer = simulator.customer()
    line = {"catalogItemId": await caller.plan_item(), "quantity": 1, "billingCycle": "one_time"}
    body = {"lineItems": [line | {"participants": sold_through("5550001")}], "partnerOnRecordAttestationAccepted": True}
    answer = await caller.post(f"/customers/{customer.id}/carts", body)
    assert answer.body["lineItems"][0]["error"]["errorCode"] == 10004


async def test_knobs_refuse_carts_and_spoil_items(simulator: Simulator, caller: Caller) -> None:
    """A knob works for one customer and not for the others."""
    refused = simulator.customer(settings={"refuse_cart": 800020})
    spoilt = simulator.customer("bad_item")
    assert (await caller.cart(refused)).code == 800020
    assert (await caller.cart(spoilt)).body["lineItems"][0]["error"]["errorCode"] == 10006
    assert "error" not in (await caller.cart(simulator.customer())).body["lineItems"][0]
