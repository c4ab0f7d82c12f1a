"""What every request must have, and what every answer has."""

import httpx
import pytest

from ops.simulator.operations import OPERATIONS
from ops.simulator.simulator import Simulator, routes
from tests.simulator.caller import Caller


async def test_ids_are_echoed_or_made(simulator: Simulator, caller: Caller) -> None:
    """MS-RequestId and MS-CorrelationId come back. A missing one is made."""
    sent = "0e9d0a3a-6d0f-4c43-8f5c-000000000002"
    answer = await caller.get("/customers", request_id=sent, headers={"MS-CorrelationId": sent})
    assert answer.headers["MS-RequestId"] == answer.headers["MS-CorrelationId"] == sent
    assert len((await caller.get("/customers")).headers["MS-CorrelationId"]) == 36
    assert answer.headers["Date"] == "Sun, 01 Mar 2026 09:00:00 GMT"


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/customers/a/b/c/d", 404), ("/orders", 404)])
async def test_unknown_paths_are_not_found(caller: Caller, path: str, status: int) -> None:
    """The answer is 404 with an error body."""
    answer = await caller.get(path)
    assert (answer.status, answer.code) == (status, 1000)


async def test_a_known_path_with_another_method_is_405(simulator: Simulator, caller: Caller) -> None:
    """Nothing can be deleted in these APIs."""
    assert (await caller.call("DELETE", f"/customers/{simulator.customer().id}")).status == 405


async def test_a_body_must_be_json_and_say_so(simulator: Simulator) -> None:
    """Another type, broken JSON and a value that is no object get 400/800002."""
    path = f"http://simulator/v1/customers/{simulator.customer().id}/carts"
    bearer = {"Authorization": f"Bearer {simulator.token()}"}
    async with httpx.AsyncClient(transport=simulator.transport(), headers=bearer, trust_env=False) as client:
        for content, kind in ((b"{}", "text/plain"), (b"{", "application/json"), (b"[]", "application/json")):
            answer = await client.post(path, content=content, headers={"Content-Type": kind})
            assert (answer.status_code, answer.json()["code"]) == (400, 800002)


async def test_a_caller_who_takes_no_json_is_refused(caller: Caller) -> None:
    """The answer is 406."""
    assert (await caller.get("/customers", headers={"Accept": "text/csv"})).status == 406


async def test_a_write_without_request_id_is_taken_and_noted(simulator: Simulator, caller: Caller) -> None:
    """At Partner Center the id is optional, and leaving it out is careless."""
    await caller.post(f"/customers/{simulator.customer().id}/carts", {}, headers={"MS-RequestId": ""})
    assert simulator.books.warnings == ["carts.create by user came without MS-RequestId"]


async def test_the_books_keep_requests_without_their_credentials(simulator: Simulator, caller: Caller) -> None:
    """The books have method, path, operation, customer, ids, body and status, and no token."""
    customer = simulator.customer()
    await caller.cart(customer)
    (entry,) = simulator.books.requests_of("carts.create", customer.id.upper())
    assert (entry.method, entry.status, entry.outcome) == ("POST", 201, 201)
    assert entry.body["lineItems"][0]["quantity"] == 1
    assert entry.request_id == simulator.books.effects_of(customer.id)[0].request_id
    assert "Bearer" not in repr(simulator.books.requests)


def test_every_operation_has_a_route_of_its_own(simulator: Simulator) -> None:
    """The path made from a template leads back to its operation."""
    for operation in OPERATIONS:
        path = "/v1" + operation.template.replace("{", "").replace("}", "")
        query = {operation.query: "x"} if operation.query else {}
        assert simulator.operation(operation.method, path, query) == operation.name
    assert ("POST", "/customers/{customer_id}/carts/{cart_id}/checkout") in routes()
    assert simulator.operation("GET", "/v2/customers") is None


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("customers.get", "customers"),
        ("carts.checkout", "carts"),
        ("azure_entitlements.list", "subscriptions"),
        ("catalog.get_sku", "products"),
        ("catalog.get_sku_by_customer", "products"),
        ("upgrades.status", "productupgrades"),
        ("agreements.metadata", "agreements"),
    ],
)
def test_the_family_is_the_segment_after_the_customer(name: str, family: str) -> None:
    """Without a customer, the family is the first segment."""
    (operation, *_) = [each for each in OPERATIONS if each.name == name]
    assert operation.family == family
