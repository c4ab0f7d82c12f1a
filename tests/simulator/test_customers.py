"""Customers are listed by pages and read by id; strangers are not shown."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from ops.simulator.simulator import Simulator
from ops.simulator.state import Partner
from tests.simulator.caller import Caller


async def pages_from(caller: Caller, path: str) -> list[list[str]]:
    """Follow ``links.next`` with its headers to the end. Returns the ids page by page."""
    pages: list[list[str]] = []
    following: dict[str, Any] | None = {"uri": path, "headers": []}
    while following:
        headers = {each["key"]: each["value"] for each in following["headers"]}
        answer = await caller.get(following["uri"], headers=headers)
        pages.append([item["id"] for item in answer.body["items"]])
        following = answer.body["links"].get("next")
    return pages


async def test_pages_are_followed_by_link_and_continuation_header(simulator: Simulator, caller: Caller) -> None:
    """Each customer comes once. The size decides the number of pages."""
    everybody = [each.id for each in simulator.customers(5)]
    pages = await pages_from(caller, "/customers?size=2")
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [each for page in pages for each in page] == everybody


async def test_size_zero_and_a_huge_size_get_the_services_own_page(simulator: Simulator, caller: Caller) -> None:
    """The service's limit counts before the caller's wish."""
    simulator.customers(5)
    simulator.change(page_size=3)
    for size in ("0", "1000"):
        assert [len(page) for page in await pages_from(caller, f"/customers?size={size}")] == [3, 2]


async def test_a_next_page_without_its_header_is_refused(simulator: Simulator, caller: Caller) -> None:
    """The continuation token is not in the address."""
    simulator.customers(3)
    answer = await caller.get("/customers?size=1&seekOperation=Next")
    assert (answer.status, answer.code) == (400, 800002)


async def test_a_filter_finds_names_that_start_with_a_text(simulator: Simulator, caller: Caller) -> None:
    """The vendor's filter document, in any case."""
    wanted = simulator.customers(11)[9:]
    text = '{"Field":"CompanyName","Value":"fabrikam 1","Operator":"starts_with"}'
    answer = await caller.get("/customers", {"size": "50", "filter": text})
    assert [item["id"] for item in answer.body["items"]][1:] == [each.id for each in wanted]


@pytest.mark.parametrize(
    ("field", "value", "numbers"),
    [
        ("companyname", "FABRIKAM 2", [2]),
        ("Domain", "fabrikam1", [1]),
        ("IndirectReseller", "5550001", [3]),
        ("IndirectCloudSolutionProvider", "5550001", []),
    ],
)
async def test_a_filter_takes_the_four_documented_fields(
    simulator: Simulator, caller: Caller, field: str, value: str, numbers: list[int]
) -> None:
    """Fact sheet 7.1: the operator is starts_with, and the value has no case."""
    simulator.customers(2)
    simulator.customer(reseller="5550001")
    text = json.dumps({"Field": field, "Value": value, "Operator": "starts_with"})
    answer = await caller.get("/customers", {"size": "0", "filter": text})
    assert [int(item["id"][-3:]) for item in answer.body["items"]] == numbers


@pytest.mark.parametrize(
    "text",
    [
        "fabrikam",
        '{"Field":"CompanyName","Value":"x"}',
        '{"Field":"CompanyName","Value":"x","Operator":"equals"}',
        '{"Field":"City","Value":"x","Operator":"starts_with"}',
    ],
    ids=["no JSON", "no operator", "another operator", "another field"],
)
async def test_another_filter_is_refused(caller: Caller, text: str) -> None:
    """Fact sheet 7.1."""
    answer = await caller.get("/customers", {"filter": text})
    assert (answer.status, answer.code) == (400, 800002)


async def test_a_filter_goes_along_with_the_pages(simulator: Simulator, caller: Caller) -> None:
    """Fact sheet 6.3 and 7.1: ``links.next`` has it in its address, and the continuation token in its headers."""
    simulator.customers(12)
    text = quote('{"Field":"CompanyName","Value":"Fabrikam 1","Operator":"starts_with"}')
    pages = await pages_from(caller, f"/customers?size=2&filter={text}")
    assert [[int(each[-3:]) for each in page] for page in pages] == [[1, 10], [11, 12]]


async def test_a_customer_is_found_in_any_case_of_path_and_id(simulator: Simulator, caller: Caller) -> None:
    """Paths and ids may have any case, a doubled slash, and a slash at the end."""
    customer = simulator.customer(country="DE", company_country="FR")
    assert simulator.operation("get", "/V1//customers/some/") == "customers.get"
    answer = await caller.get(f"/Customers/{customer.id.upper()}/")
    assert answer.status == 200
    assert answer.body["id"] == customer.id
    assert answer.body["billingProfile"]["defaultAddress"]["country"] == "DE"
    assert answer.body["companyProfile"]["address"]["country"] == "FR"


async def test_without_delegated_access_the_address_is_left_out(simulator: Simulator, caller: Caller) -> None:
    """A partner without delegated rights does not see the address."""
    customer = simulator.customer(delegated=False)
    body = (await caller.get(f"/customers/{customer.id}")).body
    assert "address" not in body["companyProfile"]
    assert body["allowDelegatedAccess"] is False


async def test_strangers_unknown_ones_and_bad_ids_are_told_apart(simulator: Simulator, caller: Caller) -> None:
    """No relationship is 20002, no tenant is 60003, no GUID is 900118."""
    other = Partner("5e11e500-0000-4000-8000-000000000002", "client", "secret")
    simulator.world.partners[other.tenant_id] = other
    left, elsewhere = simulator.customer("no_relationship"), simulator.customer(partner=other.tenant_id)
    expected = {
        left.id: (403, 20002),
        elsewhere.id: (403, 20002),
        "c0ffee00-0000-4000-8000-00000000dead": (404, 60003),
        "nobody": (400, 900118),
    }
    for identity, refusal in expected.items():
        answer = await caller.get(f"/customers/{identity}")
        assert (answer.status, answer.code) == refusal
    assert (await caller.get("/customers")).body["items"] == []
