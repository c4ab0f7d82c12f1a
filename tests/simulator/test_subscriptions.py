"""Subscriptions are changed as whole resources. An Azure plan with anything active under it cannot be suspended."""

from typing import Any

import pytest

from ops.simulator.simulator import Simulator
from ops.simulator.state import Customer, Subscription
from tests.simulator.caller import Answered, Caller


def only(customer: Customer) -> Subscription:
    """The customer's one subscription."""
    (subscription,) = customer.subscriptions.values()
    return subscription


async def patched(caller: Caller, customer: Customer, leave_out: tuple[str, ...] = (), **changes: Any) -> Answered:
    """Read the one subscription, change it, and send it back whole."""
    path = f"/customers/{customer.id}/subscriptions/{only(customer).id}"
    body = (await caller.get(path)).body | changes
    return await caller.call("PATCH", path, {name: body[name] for name in body if name not in leave_out})


async def test_a_quiet_plan_is_suspended_and_reactivated(simulator: Simulator, caller: Caller) -> None:
    """The answer is 200 with the new status. Each change is one effect; the same status again changes nothing."""
    customer = simulator.customer("quiet_plan")
    for status in ("suspended", "active"):
        answer = await patched(caller, customer, status=status)
        assert (answer.status, answer.body["status"]) == (200, status)
        assert (await patched(caller, customer, status=status)).status == 200
        assert len(simulator.books.effects_of(customer.id, f"subscription.{status}")) == 1
    assert simulator.books.warnings == []


@pytest.mark.parametrize("profile", ["plan", "reserved"])
async def test_a_plan_with_active_assets_is_not_suspended(simulator: Simulator, caller: Caller, profile: str) -> None:
    """Azure subscriptions and reservations give 403/900115."""
    customer = simulator.customer(profile, azure_subscriptions=1 if profile == "plan" else 0)
    answer = await patched(caller, customer, status="suspended")
    assert (answer.status, answer.code) == (403, 900115)
    assert only(customer).status == "active"


async def test_reservations_may_be_let_through(simulator: Simulator, caller: Caller) -> None:
    """The vendor documents a code for Azure subscriptions only."""
    simulator.change(reservations_block=False)
    customer = simulator.customer("reserved", azure_subscriptions=0)
    assert (await patched(caller, customer, status="suspended")).status == 200


async def test_a_member_that_a_body_leaves_out_is_reset_and_noted(simulator: Simulator, caller: Caller) -> None:
    """Without autoRenewEnabled it is false afterwards. The books have a warning for the careless caller."""
    customer = simulator.customer(licences=1)
    only(customer).friendly_name = "Mine"
    answer = await patched(caller, customer, leave_out=("autoRenewEnabled", "friendlyName"), status="suspended")
    assert answer.body["autoRenewEnabled"] is False
    assert answer.body["friendlyName"] == "Microsoft 365 Business Basic"
    (warning,) = simulator.books.warnings
    assert "friendlyname, autorenewenabled" in warning


async def test_a_slow_change_is_accepted_and_seen_later(simulator: Simulator, caller: Caller) -> None:
    """The answer is 202 with Location and no body. Another change meanwhile is 409/800082."""
    simulator.change(patch_mode="slow")
    customer = simulator.customer("quiet_plan")
    answer = await patched(caller, customer, status="suspended")
    assert (answer.status, answer.content) == (202, b"")
    assert answer.headers["Location"] == f"/customers/{customer.id}/subscriptions/{only(customer).id}"
    assert (await caller.get(answer.headers["Location"])).body["status"] == "active"
    meanwhile = await patched(caller, customer, status="suspended")
    assert (meanwhile.status, meanwhile.code) == (409, 800082)
    simulator.clock.advance(30)
    assert (await caller.get(answer.headers["Location"])).body["status"] == "suspended"


async def test_only_legacy_subscriptions_have_an_etag(simulator: Simulator, caller: Caller) -> None:
    """A stale one is 400/2055, in the body as in If-Match."""
    customer = simulator.customer("legacy")
    path = f"/customers/{customer.id}/subscriptions/{only(customer).id}"
    stale = (await caller.get(path)).body
    assert (await patched(caller, customer, friendlyName="New")).status == 200
    answer = await caller.call("PATCH", path, stale)
    assert (answer.status, answer.code) == (400, 2055)
    fresh = (await caller.get(path)).body
    by_header = await caller.call("PATCH", path, fresh, headers={"If-Match": f'"{stale["attributes"]["etag"]}"'})
    assert by_header.code == 2055
    plan = simulator.customer("plan")
    (body,) = (await caller.get(f"/customers/{plan.id}/subscriptions")).body["items"]
    assert "etag" not in body["attributes"]


@pytest.mark.parametrize(
    ("before", "changes", "refusal"),
    [
        ("active", {"status": "deleted"}, (400, 800040)),
        ("active", {"status": "sleeping"}, (400, 900126)),
        ("active", {"status": None}, (400, 800002)),
        ("active", {"id": "another"}, (400, 800002)),
        ("active", {"quantity": 2, "status": "suspended"}, (400, 2002)),
        ("deleted", {"status": "active"}, (400, 2011)),
        ("expired", {"status": "active"}, (400, 800040)),
    ],
)
async def test_each_impossible_change_has_its_code(
    simulator: Simulator, caller: Caller, before: str, changes: dict[str, Any], refusal: tuple[int, int]
) -> None:
    """The subscription stays unchanged."""
    customer = simulator.customer("quiet_plan")
    only(customer).status = before
    answer = await patched(caller, customer, **changes)
    assert (answer.status, answer.code) == refusal
    assert only(customer).status == before
    assert simulator.books.effects == []


async def test_a_status_alone_is_taken_as_the_vendors_sample_sends_it(simulator: Simulator, caller: Caller) -> None:
    """Everything else gets its default, including a quantity of 0."""
    customer = simulator.customer("quiet_plan")
    path = f"/customers/{customer.id}/subscriptions/{only(customer).id.upper()}"
    assert (await caller.call("PATCH", path, {"Status": "suspended", "Quantity": 0})).status == 200
    assert only(customer).quantity == 1


async def test_an_unknown_subscription_is_not_found(simulator: Simulator, caller: Caller) -> None:
    """Reading and changing give 404/20003."""
    customer = simulator.customer()
    path = f"/customers/{customer.id}/subscriptions/{customer.id}"
    assert ((await caller.get(path)).status, (await caller.get(path)).code) == (404, 20003)
    assert (await caller.call("PATCH", path, {"status": "active"})).code == 20003
