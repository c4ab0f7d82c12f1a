"""Azure subscriptions under a plan change ten minutes after the request."""

from typing import Any

import pytest

from ops.simulator.simulator import Simulator
from ops.simulator.state import Customer
from tests.simulator.caller import Caller

COMPROMISE = {"cancellationReason": "compromise"}


def shelf(customer: Customer) -> str:
    """The path of the Azure subscriptions of the customer's one plan."""
    (plan,) = customer.subscriptions.values()
    return f"/customers/{customer.id}/subscriptions/{plan.id}/azureEntitlements"


def first(customer: Customer) -> str:
    """The path of the first of them."""
    (plan,) = customer.subscriptions.values()
    return f"{shelf(customer)}/{plan.azure_subscriptions[0].id}"


@pytest.mark.parametrize("status", [200, 202])
async def test_a_cancelled_azure_subscription_stays_active_for_ten_minutes(
    simulator: Simulator, caller: Caller, status: int
) -> None:
    """The answer still says active. A read says so too until the change."""
    simulator.change(entitlement_cancel_status=status)
    customer = simulator.customer("plan")
    answer = await caller.post(f"{first(customer)}/cancel", COMPROMISE)
    assert (answer.status, answer.body["status"]) == (status, "active")
    simulator.clock.advance(599)
    assert (await caller.get(shelf(customer))).body["items"][0]["status"] == "active"
    simulator.clock.advance(1)
    assert (await caller.get(first(customer).upper())).body["status"] == "inactive"
    kinds = [effect.kind for effect in simulator.books.effects]
    assert kinds == ["entitlement.cancel_requested", "entitlement.inactive"]


async def test_cancelling_twice_is_one_cancellation(simulator: Simulator, caller: Caller) -> None:
    """This holds during the change and after it."""
    customer = simulator.customer("plan")
    for _ in range(2):
        assert (await caller.post(f"{first(customer)}/cancel", COMPROMISE)).status == 202
    simulator.clock.advance(600)
    assert (await caller.post(f"{first(customer)}/cancel", COMPROMISE)).status == 202
    assert len(simulator.books.effects_of(kind="entitlement.cancel_requested")) == 1


async def test_reactivating_needs_an_active_plan(simulator: Simulator, caller: Caller) -> None:
    """The answer is 202 without a body, and ten minutes later the status is active.

    Under a suspended plan it is 400/900337.
    """
    customer = simulator.customer("quiet_plan")
    answer = await caller.post(f"{first(customer)}/reactivate")
    assert (answer.status, answer.content) == (202, b"")
    simulator.clock.advance(600)
    assert (await caller.get(first(customer))).body["status"] == "active"
    suspended = simulator.customer("suspended_plan")
    refused = await caller.post(f"{first(suspended)}/reactivate")
    assert (refused.status, refused.code) == (400, 900337)


@pytest.mark.parametrize(("body", "code"), [(None, 800002), ({}, 900307), ({"cancellationReason": "boredom"}, 900307)])
async def test_a_cancellation_needs_its_one_reason(simulator: Simulator, caller: Caller, body: Any, code: int) -> None:
    """Only ``compromise`` is documented."""
    customer = simulator.customer("plan")
    answer = await caller.post(f"{first(customer)}/cancel", body)
    assert (answer.status, answer.code) == (400, code)


async def test_strangers_and_unknown_ones_have_codes_of_their_own(simulator: Simulator, caller: Caller) -> None:
    """The codes are 403/900159 and 404/800111."""
    customer = simulator.customer("plan")
    assert (await caller.get(f"{shelf(customer)}/{customer.id}")).code == 800111
    path = first(customer)
    customer.related = False
    answer = await caller.get(path)
    assert (answer.status, answer.code) == (403, 900159)
