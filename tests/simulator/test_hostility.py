"""The oddities of answers, one by one: they change the form of an answer and never its meaning."""

import json
from decimal import Decimal
from typing import Any

import pytest

from ops.simulator.behaviour import Hostility, Settings
from ops.simulator.requests.answer_oddities import BOM, Oddities
from ops.simulator.requests.answers import Answer
from ops.simulator.simulator import Simulator, build
from tests.simulator.caller import PLAN_SHELF, Caller, exact

MANY = 40


async def bodies(simulator: Simulator, path: str) -> list[Any]:
    """The same read, many times over."""
    caller = Caller(simulator)
    return [(await caller.get(path)).body for _ in range(MANY)]


def hostile(**oddities: Any) -> Simulator:
    """A simulator with only the given oddities."""
    return build(settings=Settings().changed({"hostility": False}).changed({"hostility": oddities}))


@pytest.mark.parametrize(
    ("bom", "marked"), [("never", (False, False)), ("successes", (True, False)), ("always", (True, True))]
)
async def test_the_knob_decides_which_answers_have_a_byte_order_mark(bom: str, marked: tuple[bool, bool]) -> None:
    """The mark is before successes, before every answer, or nowhere."""
    caller = Caller(hostile(bom=bom))
    answers = [await caller.get("/customers"), await caller.get("/nothing")]
    assert tuple(each.content.startswith(BOM) for each in answers) == marked


async def test_catalog_answers_double_their_headers() -> None:
    """Other answers do not."""
    caller = Caller(hostile(doubled_headers=True))
    answer = await caller.get(PLAN_SHELF, {"country": "US"})
    one, two = answer.headers["MS-RequestId"].split(",")
    assert one == two
    assert answer.headers["X-Locale"] == "en-US,en-US"
    assert "," not in (await caller.get("/customers")).headers["MS-RequestId"]


async def test_ids_and_enumerations_change_their_case() -> None:
    """Their meaning stays."""
    simulator = hostile(odd_case=True)
    customer = simulator.customer("plan")
    (plan,) = customer.subscriptions.values()
    read = await bodies(simulator, f"/customers/{customer.id}/subscriptions/{plan.id}")
    assert {each["status"] for each in read} > {"active"}
    assert {each["status"].lower() for each in read} == {"active"}
    assert len({each["id"] for each in read}) == 2
    assert {each["id"].lower() for each in read} == {plan.id}


async def test_counts_are_text_now_and_then_and_codes_too() -> None:
    """JSON strings that hold a number."""
    simulator = hostile(numbers_as_text=True, error_codes="mixed")
    assert {repr(each["totalCount"]) for each in await bodies(simulator, "/customers")} == {"0", "'0'"}
    assert {repr(each["code"]) for each in await bodies(simulator, "/nothing")} == {"1000", "'1000'"}


async def test_members_come_and_go() -> None:
    """There are unknown members, nulls in place of missing members, and collections without links."""
    simulator = hostile(extra_fields=True, explicit_nulls=True, missing_links=True)
    customer = simulator.customer("plan")
    read = await bodies(simulator, f"/customers/{customer.id}/subscriptions")
    assert all("serviceHints" in each for each in read)
    assert {"links" in each for each in read} == {True, False}
    assert {"suspensionReasons" in each["items"][0] for each in read} == {True, False}


async def test_a_link_to_the_next_page_is_never_missing() -> None:
    """A missing link would change the meaning of the answer."""
    simulator = hostile(missing_links=True)
    simulator.customers(2)
    assert all("next" in each["links"] for each in await bodies(simulator, "/customers?size=1"))


async def test_dates_have_offsets_and_agreements_no_zone() -> None:
    """Dates have seven digits, and sometimes an offset instead of Z."""
    simulator = hostile(odd_dates=True)
    customer = simulator.customer("plan")
    (plan,) = customer.subscriptions.values()
    dates = {e["creationDate"] for e in await bodies(simulator, f"/customers/{customer.id}/subscriptions/{plan.id}")}
    assert dates == {"2026-03-01T09:00:00.0000000Z", "2026-03-01T09:00:00.0000000+00:00"}
    path = f"/customers/{customer.id}/agreements?agreementType=MicrosoftCustomerAgreement"
    assert {each["items"][0]["dateAgreed"] for each in await bodies(simulator, path)} == {"2025-03-01T09:00:00"}


def test_an_id_that_looks_a_little_like_a_date_stays_as_it_is(simulator: Simulator) -> None:
    """Catalog item ids have colons and may have a T and end in Z."""
    body = {"catalogItemId": "DZH318Z0BPS6:0001:DZH318Z0TTTZ", "links": {"self": {"uri": "/a?T:Z"}}}
    oddities = Oddities(Hostility(bom="never", extra_fields=False), simulator.world.noise)
    assert {oddities.encode(Answer(200, body)) for _ in range(MANY)} == {
        json.dumps(body, separators=(",", ":")).encode()
    }


async def test_members_that_decide_nothing_have_new_values() -> None:
    """There may be a new unit or contract. Status and billing stay known."""
    simulator = hostile(unknown_enums=True)
    customer = simulator.customer("plan")
    (plan,) = customer.subscriptions.values()
    read = await bodies(simulator, f"/customers/{customer.id}/subscriptions/{plan.id}")
    assert {each["contractType"] for each in read} == {"subscription", "evergreen"}
    assert {each["status"] for each in read} == {"active"}


async def test_answers_may_carry_other_ids_than_the_request() -> None:
    """Several captures show this."""
    answer = await Caller(hostile(foreign_ids=True)).get("/customers", request_id="mine")
    assert answer.headers["MS-RequestId"] != "mine"


def test_disguise_leaves_the_answer_itself_alone(simulator: Simulator) -> None:
    """The stored answer for a repeated request id stays plain."""
    answer = Answer(200, {"totalCount": 0, "items": []})
    Oddities(Hostility(), simulator.world.noise).encode(answer)
    assert answer.body == {"totalCount": 0, "items": []}


async def test_disguise_changes_neither_ids_nor_lags() -> None:
    """The same seed buys the same order, with or without oddities."""
    found = []
    for hostility in (True, False):
        simulator = build(settings=Settings().changed({"hostility": hostility}), seed=7)
        caller, customer = Caller(simulator), simulator.customer()
        simulator.change(availability_rotation=0)
        shelf = (await caller.get(PLAN_SHELF, {"country": "US"})).body["items"]
        line = {"catalogItemId": shelf[-1]["catalogItemId"], "quantity": 1, "billingCycle": "one_time"}
        cart = await caller.post(f"/customers/{customer.id}/carts", {"lineItems": [line]})
        await caller.check_out(customer, cart.body["id"])
        (order,) = simulator.books.orders
        found.append((order.id, order.listed_at, json.dumps(order.cart_id)))
    assert found[0] == found[1]


@pytest.mark.parametrize("form", ["number", "text", "mixed", "exponent"])
async def test_amounts_keep_their_digits_in_every_form(form: str) -> None:
    """As numbers, as texts, now the one and now the other, or with exponents: the same amount to the last digit."""
    simulator = hostile(amounts=form)
    customer = simulator.customer("plan")
    simulator.set_usage(customer, "120.56829999999959")
    path = f"/customers/{customer.id}/usagesummary"
    found = [exact(await Caller(simulator).get(path))["totalCost"] for _ in range(MANY)]
    assert {Decimal(each) for each in found} == {Decimal("120.56829999999959")}
    assert {type(each) for each in found} == {
        "number": {Decimal},
        "text": {str},
        "mixed": {Decimal, str},
        "exponent": {Decimal},
    }[form]


async def test_members_can_have_capitals_and_lists_can_have_nulls() -> None:
    """Every member of every body begins with a capital; a null stands between the items."""
    simulator = hostile(member_case="pascal", null_items=True)
    simulator.customers(2, "plan")
    body = (await Caller(simulator).get("/customers/usagerecords")).body
    assert sorted(body) == ["Attributes", "Items", "Links", "TotalCount"]
    assert (body["TotalCount"], body["Items"].count(None), len(body["Items"])) == (2, 1, 3)
    assert all("TotalCost" in item for item in body["Items"] if item)
