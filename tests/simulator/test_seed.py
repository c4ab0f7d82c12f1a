"""Initial customers: profiles, changes to them, and refused profiles."""

from typing import Any

import pytest

from ops.simulator.seed import PROFILES
from ops.simulator.simulator import Simulator
from tests.simulator.caller import Caller


@pytest.mark.parametrize("profile", PROFILES)
async def test_every_profile_makes_a_customer_that_can_be_read(
    simulator: Simulator, caller: Caller, profile: str
) -> None:
    """Each is readable by id and with its subscriptions, unless it is no customer of the partner."""
    customer = simulator.customer(profile)
    answer = await caller.get(f"/customers/{customer.id}/subscriptions")
    assert answer.status == (200 if customer.related else 403)
    assert simulator.books.orders == []
    assert simulator.books.effects == []


def test_customers_are_counted_and_have_ids_that_can_be_typed(simulator: Simulator) -> None:
    """Numbers begin at one. A chosen id is taken in lower case, and only once."""
    assert [each.id[-3:] for each in simulator.customers(3)] == ["001", "002", "003"]
    chosen = "ABCDEF00-0000-4000-8000-000000000001"
    assert simulator.customer(identity=chosen).id == chosen.lower()
    with pytest.raises(ValueError, match="already"):
        simulator.customer(identity=chosen)


def test_a_profile_is_changed_member_by_member(simulator: Simulator) -> None:
    """The members are plans, their Azure subscriptions and their status."""
    customer = simulator.customer("plan", plans=2, azure_subscriptions=3, plan_status="suspended")
    assert [len(each.azure_subscriptions) for each in customer.subscriptions.values()] == [3, 3]
    assert {each.status for each in customer.subscriptions.values()} == {"suspended"}


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"profile": "nice"}, "nice"),
        ({"plan": 1}, "plan"),
        ({"plans": "many"}, "plans"),
        ({"settings": {"order_outcom": "error"}}, "order_outcom"),
        ({"settings": {"order_outcome": "eror"}}, "order_outcome"),
        ({"settings": {"page_size": 5}}, "cannot differ"),
    ],
)
def test_a_wrong_profile_is_refused(simulator: Simulator, wrong: dict[str, Any], word: str) -> None:
    """The message names the wrong word. No half-made customer is left."""
    with pytest.raises(ValueError, match=word):
        simulator.customer(wrong.pop("profile", "ready"), **wrong)
    assert simulator.world.customers == {}


def test_a_reset_forgets_customers_books_and_faults(simulator: Simulator) -> None:
    """Settings and time stay."""
    simulator.customers(2)
    simulator.faults.add("late")
    simulator.change(page_size=7)
    simulator.clock.advance(5)
    simulator.reset()
    assert (simulator.world.customers, simulator.faults.waiting, simulator.books.requests) == ({}, [], [])
    assert (simulator.settings.page_size, simulator.clock.time()) == (7, 5)


@pytest.mark.parametrize("wrong", [{"no_such_knob": 1}, {"latency": "soon"}, {"hostility": {"rudeness": True}}])
def test_a_knob_that_does_not_exist_is_refused(simulator: Simulator, wrong: dict[str, Any]) -> None:
    """The message names the existing knobs."""
    with pytest.raises(ValueError, match=r"known are|latency"):
        simulator.change(**wrong)


async def test_a_plan_can_be_given_outside_of_the_api(simulator: Simulator, caller: Caller) -> None:
    """The plan is as if a person had bought it in the portal."""
    customer = simulator.customer()
    plan = simulator.add_plan(customer.id.upper(), azure_subscriptions=2)
    (seen,) = (await caller.get(f"/customers/{customer.id}/subscriptions")).body["items"]
    assert seen["id"] == plan.id
    assert len(plan.azure_subscriptions) == 2
    assert simulator.books.orders == []
