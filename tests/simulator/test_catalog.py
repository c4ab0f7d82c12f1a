"""The catalog by country and by customer, and ids that do not last."""

import pytest

from ops.simulator.simulator import Simulator
from tests.simulator.caller import PLAN_SHELF, Caller


async def test_the_azure_plan_is_found_from_product_to_availability(caller: Caller) -> None:
    """The path is list, product, SKUs, SKU, availabilities, availability."""
    country = {"country": "US"}
    products = (await caller.get("/products", {**country, "targetView": "MicrosoftAzure"})).body["items"]
    assert "DZH318Z0BPS6" in [each["id"] for each in products]
    assert (await caller.get("/products/dzh318z0bps6", country)).body["title"] == "Azure plan"
    assert [s["id"] for s in (await caller.get("/products/DZH318Z0BPS6/skus", country)).body["items"]] == ["0001"]
    sku = (await caller.get("/products/DZH318Z0BPS6/skus/0001", country)).body
    assert sku["supportedBillingCycles"] == ["one_time"]
    item = await caller.plan_item()
    one = (await caller.get(f"{PLAN_SHELF}/{item.rsplit(':', 1)[1]}", country)).body
    assert one["catalogItemId"] == item
    assert one["defaultCurrency"] == {"code": "USD", "symbol": "$"}


async def test_the_first_availabilities_on_the_shelf_are_not_the_right_ones(caller: Caller) -> None:
    """One cannot be bought and one is for schools: a client that takes the first one fails."""
    shelf = (await caller.get(PLAN_SHELF, {"country": "US"})).body["items"]
    assert [(each["segment"], each["isPurchasable"]) for each in shelf] == [
        ("commercial", False),
        ("education", True),
        ("commercial", True),
    ]
    only = (await caller.get(PLAN_SHELF, {"country": "US", "targetSegment": "education"})).body["items"]
    assert [each["segment"] for each in only] == ["education"]


async def test_the_twins_by_customer_use_the_customers_country(simulator: Simulator, caller: Caller) -> None:
    """Their addresses have no country."""
    customer = simulator.customer(country="CH")
    shelf = (await caller.get(f"/customers/{customer.id}{PLAN_SHELF}")).body["items"]
    assert {each["country"] for each in shelf} == {"CH"}
    view = {"targetView": "MicrosoftAzure"}
    assert (await caller.get(f"/customers/{customer.id}/products", view)).body["totalCount"] == 2


async def test_an_id_lasts_a_while_after_it_was_replaced(simulator: Simulator, caller: Caller) -> None:
    """The catalog gives it out for half an hour, and carts take it for a quarter of an hour more."""
    old = await caller.plan_item()
    path = f"{PLAN_SHELF}/{old.rsplit(':', 1)[1]}"
    simulator.clock.advance(1800)
    assert await caller.plan_item() != old
    assert (await caller.get(path, {"country": "US"})).status == 200
    simulator.clock.advance(901)
    stale = await caller.get(path, {"country": "US"})
    assert (stale.status, stale.code) == (404, 400019)


async def test_rotating_makes_every_id_stale_at_once(simulator: Simulator, caller: Caller) -> None:
    """Tests use this if they need a stale id now."""
    old = await caller.plan_item()
    simulator.rotate_catalog()
    assert (await caller.get(f"{PLAN_SHELF}/{old.rsplit(':', 1)[1]}", {"country": "US"})).code == 400019


async def test_a_catalog_without_offers_is_empty(simulator: Simulator, caller: Caller) -> None:
    """This is a country without offers, or a plan that was withdrawn."""
    assert (await caller.get(PLAN_SHELF, {"country": "CN"})).body["items"] == []
    simulator.change(plan_for_sale=False)
    shelf = (await caller.get(PLAN_SHELF, {"country": "US"})).body["items"]
    assert [each["isPurchasable"] for each in shelf] == [False]


async def test_reservations_for_the_plan_need_their_scope(caller: Caller) -> None:
    """Without reservationScope=AzurePlan they are not in the list."""
    view = {"country": "US", "targetView": "AzureReservationsVM"}
    assert (await caller.get("/products", view)).body["items"] == []
    assert (await caller.get("/products", {**view, "reservationScope": "AzurePlan"})).body["totalCount"] == 1


@pytest.mark.parametrize(
    ("path", "query", "refusal"),
    [
        ("/products", {"country": "US"}, (400, 800002)),
        ("/products", {"targetView": "MicrosoftAzure"}, (400, 800002)),
        ("/products", {"country": "US", "targetView": "Everything"}, (403, 400036)),
        ("/products", {"country": "US", "targetView": "Azure", "targetSegment": "pets"}, (403, 400030)),
        ("/products/NOPE", {"country": "US"}, (404, 400013)),
        ("/products/DZH318Z0BPS6/skus/9999", {"country": "US"}, (404, 400018)),
        (PLAN_SHELF + "/NOPE", {"country": "US"}, (404, 400019)),
    ],
)
async def test_each_wrong_question_has_its_code(
    caller: Caller, path: str, query: dict[str, str], refusal: tuple[int, int]
) -> None:
    """The documented codes of the catalog."""
    answer = await caller.get(path, query)
    assert (answer.status, answer.code) == refusal
