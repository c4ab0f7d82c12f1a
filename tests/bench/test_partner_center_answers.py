"""`ops/bench/ground/partner_center_answers.py`: the benchmark's Partner Center answers what the operations read."""

import json
import re
import uuid

import pytest

from ops.bench.ground.partner_center_answers import ROUTES, plan_id, route_of
from worker.partner_center.all_operations import operations

CUSTOMER = str(uuid.uuid4())


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_is_that_of_the_operation_with_its_name(route: str) -> None:
    """The benchmark counts calls by the names that the worker's own metrics have."""
    name, _ = ROUTES[route]
    operation = operations()[name]

    assert route == f"{operation.method} {re.sub('{[^}]+}', '*', operation.path).removeprefix('/')}"


@pytest.mark.parametrize("route", ROUTES)
def test_an_answer_is_a_success_that_the_operation_can_read(route: str) -> None:
    """The worker parses these answers as it parses Partner Center's."""
    name, answer = ROUTES[route]
    body = json.dumps({"status": "suspended", "customerId": CUSTOMER, "productFamily": "azure"}).encode()
    status, document = answer({CUSTOMER: "active"}, CUSTOMER, body)
    operation = operations()[name]

    assert status in operation.success
    operation.answer.model_validate(json.loads(json.dumps(document)))


def test_ids_in_an_address_do_not_change_its_route() -> None:
    """Queries and the ids of customers and plans are left out."""
    target = f"/v1/customers/{CUSTOMER}/subscriptions/{plan_id(CUSTOMER)}?order_id=1"

    assert route_of("GET", target) == ("GET customers/*/subscriptions/*", CUSTOMER)
    assert route_of("POST", "/v1/productUpgrades/eligibility") == ("POST productUpgrades/eligibility", "")


def test_a_plan_keeps_the_status_that_it_was_given() -> None:
    """A suspended plan is shown as suspended."""
    plans: dict[str, str] = {}
    ROUTES["POST customers/*/carts/*/checkout"][1](plans, CUSTOMER, b"")
    ROUTES["PATCH customers/*/subscriptions/*"][1](plans, CUSTOMER, b'{"status": "suspended"}')

    _, shown = ROUTES["GET customers/*/subscriptions"][1](plans, CUSTOMER, b"")
    assert [each["status"] for each in shown["items"]] == ["suspended"]
