"""The spending budget of a customer."""

import pytest

from ops.simulator.delivery import ConnectionDropped
from ops.simulator.simulator import Simulator
from tests.simulator.caller import Caller, exact


async def test_a_budget_is_set_read_and_removed(simulator: Simulator, caller: Caller) -> None:
    """Every digit of the amount stays; null removes it; the books tell what was before."""
    customer = simulator.customer("plan")
    path = f"/customers/{customer.id}/usagebudget"
    assert "amount" not in (await caller.get(path)).body
    body = {"Amount": 100.25, "Attributes": {"ObjectType": "SpendingBudget"}}
    assert exact(await caller.call("PATCH", path, body))["amount"] == exact(await caller.get(path))["amount"]
    assert str(exact(await caller.get(path))["amount"]) == "100.25"
    assert "amount" not in (await caller.call("PATCH", path, {"Amount": None})).body
    details = [effect.detail for effect in simulator.books.effects_of(customer.id, "budget.set")]
    assert details == [{"amount": "100.25", "previous": None}, {"amount": None, "previous": "100.25"}]


@pytest.mark.parametrize("body", [{}, {"Amount": -1}, {"Amount": "100"}, {"Amount": True}])
async def test_a_wrong_amount_changes_nothing(simulator: Simulator, caller: Caller, body: object) -> None:
    """The amount must be there, and be a number that is not below zero, or null."""
    customer = simulator.customer("plan", budget="5")
    refused = await caller.call("PATCH", f"/customers/{customer.id}/usagebudget", body)
    assert (refused.status, refused.code, simulator.books.effects_of(customer.id)) == (400, 800002, [])


async def test_a_repeated_request_id_sets_once(simulator: Simulator, caller: Caller) -> None:
    """The same MS-RequestId gets the first answer and changes nothing."""
    customer = simulator.customer("plan")
    for _ in range(2):
        await caller.call("PATCH", f"/customers/{customer.id}/usagebudget", {"Amount": 7}, request_id="one")
    assert len(simulator.books.effects_of(customer.id, "budget.set")) == 1


async def test_a_sandbox_has_no_budgets(simulator: Simulator, caller: Caller) -> None:
    """In a sandbox nothing is set."""
    customer = simulator.customer("plan")
    simulator.partner.sandbox = True
    refused = await caller.call("PATCH", f"/customers/{customer.id}/usagebudget", {"Amount": 7})
    assert (refused.status, simulator.books.effects_of(customer.id)) == (403, [])


@pytest.mark.parametrize(("shape", "members"), [("flat", {"amount"}), ("empty", set())])
async def test_the_answer_of_a_patch_can_be_thinner(
    simulator: Simulator, caller: Caller, shape: str, members: set[str]
) -> None:
    """No page shows a valid answer, so its members are a knob."""
    simulator.change(budget_shape=shape)
    customer = simulator.customer("plan")
    answer = await caller.call("PATCH", f"/customers/{customer.id}/usagebudget", {"Amount": 7})
    assert set(answer.body) - {"attributes"} == members


async def test_no_budget_can_be_nothing_found(simulator: Simulator, caller: Caller) -> None:
    """Whether a missing budget is an answer without amount or 404 is a knob."""
    simulator.change(budget_without_amount="404")
    assert (await caller.get(f"/customers/{simulator.customer('plan').id}/usagebudget")).status == 404
    assert (await caller.get(f"/customers/{simulator.customer('plan', budget='1').id}/usagebudget")).status == 200


async def test_a_lost_answer_has_set_the_budget(simulator: Simulator, caller: Caller) -> None:
    """The connection drops after the effect; the same request id then gets the first answer."""
    customer = simulator.customer("plan")
    simulator.faults.add("reset_after", operation="budgets.set")
    path, body = f"/customers/{customer.id}/usagebudget", {"Amount": 12}
    with pytest.raises(ConnectionDropped):
        await caller.call("PATCH", path, body, request_id="one")
    assert exact(await caller.get(path))["amount"] == 12
    assert (await caller.call("PATCH", path, body, request_id="one")).status == 200
    assert len(simulator.books.effects_of(customer.id, "budget.set")) == 1
