"""Product upgrades: eligibility, one at a time, hours until there is a plan."""

from typing import Any

import pytest

from ops.simulator.simulator import Simulator
from ops.simulator.state import Customer
from tests.simulator.caller import Answered, Caller


def wish(customer: Customer) -> dict[str, str]:
    """The body that all three calls take."""
    return {"customerId": customer.id.upper(), "productFamily": "Azure"}


async def started(caller: Caller, customer: Customer) -> str:
    """Create an upgrade. Returns its id from the relative Location."""
    answer = await caller.post("/productupgrades", wish(customer))
    assert (answer.status, answer.content) == (202, b"")
    prefix, _, upgrade = answer.headers["Location"].partition("/")
    assert prefix == "productUpgrades"
    return upgrade


async def status_of(caller: Caller, customer: Customer, upgrade: str) -> Answered:
    """Read the status of an upgrade, with POST."""
    return await caller.post(f"/productUpgrades/{upgrade}/status", wish(customer))


async def test_an_upgrade_moves_the_legacy_subscription_under_a_plan(simulator: Simulator, caller: Caller) -> None:
    """Its status is pending, in progress, completed. The Azure subscription keeps its id; the old one is suspended."""
    customer = simulator.customer("legacy")
    (legacy,) = customer.subscriptions.values()
    assert (await caller.post("/productUpgrades/eligibility", wish(customer))).body["isEligible"] is True
    upgrade = await started(caller, customer)
    assert (await status_of(caller, customer, upgrade)).body["status"] == "Pending"
    simulator.clock.advance(60)
    assert (await status_of(caller, customer, upgrade)).body["status"] == "InProgress"
    simulator.clock.advance(3599)
    assert len(customer.subscriptions) == 1
    simulator.clock.advance(1)
    done = (await status_of(caller, customer, upgrade)).body
    plan = next(each for each in customer.subscriptions.values() if each.kind == "azure_plan")
    assert done["status"] == "Completed"
    assert done["lineItems"][0]["sourceProduct"]["id"] == legacy.id
    assert done["lineItems"][0]["targetProduct"]["id"] == plan.id
    assert legacy.status == "suspended"
    assert [each.id for each in plan.azure_subscriptions] == [legacy.entitlement_id]
    assert [each.kind for each in simulator.books.effects] == [
        "upgrade.created",
        "upgrade.running",
        "subscription.created",
        "upgrade.completed",
    ]


async def test_a_running_upgrade_is_named_and_blocks(simulator: Simulator, caller: Caller) -> None:
    """The customer is not eligible, and the answer has the id.

    A second upgrade is 409/900109; a cart 409/900112, then 900113.
    """
    customer = simulator.customer("legacy")
    upgrade = await started(caller, customer)
    answer = (await caller.post("/productUpgrades/eligibility", wish(customer))).body
    assert (answer["isEligible"], answer["upgradeId"]) == (False, upgrade)
    second = await caller.post("/productUpgrades", wish(customer))
    assert (second.status, second.code) == (409, 900109)
    assert (await caller.cart(customer)).code == 900112
    simulator.clock.advance(60)
    assert (await caller.cart(customer)).code == 900113
    assert len(simulator.books.upgrades) == 1


async def test_a_failed_upgrade_says_why_and_may_be_tried_again(simulator: Simulator, caller: Caller) -> None:
    """A line item has errorDetails. Purchases are 409/900114. The customer stays eligible unless the knob says no."""
    customer = simulator.customer("upgrade_fails")
    upgrade = await started(caller, customer)
    simulator.move_upgrade(upgrade, "failed")
    body = (await status_of(caller, customer, upgrade)).body
    assert body["status"] == body["lineItems"][0]["status"] == "Failed"
    assert set(body["lineItems"][0]["errorDetails"]) == {"code", "description"}
    simulator.change(upgrade_error_text="message")
    body = (await status_of(caller, customer, upgrade)).body
    assert set(body["lineItems"][0]["errorDetails"]) == {"code", "message"}
    assert (await caller.cart(customer)).code == 900114
    assert (await caller.post("/productUpgrades/eligibility", wish(customer))).body["isEligible"] is True
    customer.overrides["failed_upgrade_stays_eligible"] = False
    assert (await caller.post("/productUpgrades", wish(customer))).code == 900120
    customer.overrides.clear()
    assert await started(caller, customer) != upgrade
    assert len(simulator.books.upgrades) == 2


async def test_a_completed_upgrade_is_not_started_again(simulator: Simulator, caller: Caller) -> None:
    """Eligibility names it. Creating another is 400/900110."""
    customer = simulator.customer("legacy")
    upgrade = await started(caller, customer)
    simulator.move_upgrade(upgrade, "running")
    simulator.move_upgrade(upgrade, "completed")
    answer = (await caller.post("/productUpgrades/eligibility", wish(customer))).body
    assert (answer["isEligible"], answer["upgradeId"]) == (False, upgrade)
    assert (await caller.post("/productUpgrades", wish(customer))).code == 900110


@pytest.mark.parametrize(
    ("profile", "changes", "code"),
    [
        ("ready", {}, 900108),
        ("legacy_suspended", {}, 900105),
        ("legacy", {"agreement": None}, 13605),
        ("legacy", {"settings": {"ineligible_reason": "not today"}}, 900120),
        ("legacy", {"settings": {"refuse_upgrade": 900130}}, 900130),
    ],
)
async def test_a_customer_that_cannot_upgrade_gets_the_reason(
    simulator: Simulator, caller: Caller, profile: str, changes: dict[str, Any], code: int
) -> None:
    """Eligibility gives a reason, and creating gives the code. A refusal by knob alone comes only at creation."""
    customer = simulator.customer(profile, **changes)
    answer = (await caller.post("/productUpgrades/eligibility", wish(customer))).body
    assert answer["isEligible"] is (code == 900130)
    assert ("reason" in answer) is (code != 900130)
    assert (await caller.post("/productUpgrades", wish(customer))).code == code
    assert simulator.books.upgrades == []


async def test_an_upgrade_is_read_by_its_own_customer(simulator: Simulator, caller: Caller) -> None:
    """Another customer's is 400/900111, an unknown one 404/900106. The address without /status is served too."""
    customer, other = simulator.customer("upgrading"), simulator.customer("legacy")
    upgrade = customer.upgrades[0].id
    assert (await status_of(caller, other, upgrade)).code == 900111
    assert (await status_of(caller, customer, customer.id)).code == 900106
    assert (await caller.post(f"/productUpgrades/{upgrade}", wish(customer))).body["status"] == "InProgress"
    assert simulator.books.upgrades == []


async def test_upgrades_need_a_user_and_the_family(simulator: Simulator, caller: Caller, app_only: Caller) -> None:
    """The application gets 403/900329. Another family gets 400/900126."""
    customer = simulator.customer("legacy")
    for path in ("/productUpgrades", "/productUpgrades/eligibility"):
        assert (await app_only.post(path, wish(customer))).code == 900329
        assert (await caller.post(path, {"customerId": customer.id, "productFamily": "office"})).code == 900126
    assert (await caller.post("/productUpgrades", {"productFamily": "azure"})).code == 900118
