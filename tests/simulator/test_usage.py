"""Azure spending of the present month, of plans and of legacy subscriptions."""

from decimal import Decimal

import pytest

from ops.simulator.simulator import Simulator
from tests.simulator.billing import summed
from tests.simulator.caller import Caller, exact

PLAN_ONLY = {"currencyCode"}
LEGACY_ONLY = {"currencyLocale", "id", "name", "links"}


async def test_summaries_of_plans_and_of_legacy_customers_have_their_own_members(
    simulator: Simulator, caller: Caller
) -> None:
    """A plan has a currency and a calendar month; legacy has a culture, ids twice, and an anniversary."""
    plan, legacy = simulator.customer("plan", currency="EUR", budget="97"), simulator.customer("legacy")
    of_plan = (await caller.get(f"/customers/{plan.id}/usagesummary")).body
    of_legacy = (await caller.get(f"/customers/{legacy.id}/usagesummary")).body
    assert set(of_plan) >= PLAN_ONLY
    assert not LEGACY_ONLY & set(of_plan)
    assert set(of_legacy) >= LEGACY_ONLY
    assert not PLAN_ONLY & set(of_legacy)
    assert (of_plan["budget"]["amount"], "amount" in of_legacy["budget"]) == (97, False)
    assert (of_plan["billingStartDate"][:10], of_plan["billingEndDate"][:10]) == ("2026-03-01", "2026-04-01")
    assert (of_legacy["billingStartDate"][:10], of_legacy["billingEndDate"][:10]) == ("2026-02-28", "2026-03-27")


@pytest.mark.parametrize("status", [404, 400])
async def test_a_customer_without_usage_is_refused_with_3000(simulator: Simulator, caller: Caller, status: int) -> None:
    """Its words are those that users saw; its status is a knob, for no page tells it."""
    simulator.change(no_usage_status=status)
    for customer in (simulator.customer("ready"), simulator.customer("plan", usage=False)):
        refused = await caller.get(f"/customers/{customer.id}/usagesummary")
        assert (refused.status, refused.code) == (status, 3000)
        assert refused.body["description"] == "Customer does not have usage data."


async def test_every_view_adds_up_to_the_same_total(simulator: Simulator, caller: Caller) -> None:
    """Resources, meters, subscription, customer and the list of customers say the same, to the last digit."""
    customer = simulator.customer("plan", azure_subscriptions=3, resources=4)
    (plan,) = customer.subscriptions
    total = simulator.usage_of(customer)["total"]
    under = f"/customers/{customer.id}/subscriptions"
    for path in (f"{under}/{plan}/resourceusagerecords", f"{under}/{plan}/meterusagerecords", f"{under}/usagerecords"):
        assert summed(exact(await caller.get(path))["items"], "totalCost") == total
    for path in (f"{under}/{plan}/usagesummary", f"/customers/{customer.id}/usagesummary"):
        assert exact(await caller.get(path))["totalCost"] == total
    (record,) = exact(await caller.get("/customers/usagerecords"))["items"]
    assert (record["totalCost"], record["isUpgraded"], record["percentUsed"]) == (total, True, 0)


async def test_a_chosen_total_keeps_its_digits(simulator: Simulator, caller: Caller) -> None:
    """Twenty-two digits come back as they were put in, and the share of the budget is counted again."""
    customer = simulator.customer("plan", budget="50")
    simulator.set_usage(customer, "20.0100000000000051")
    (record,) = exact(await caller.get("/customers/usagerecords"))["items"]
    assert (str(record["totalCost"]), record["percentUsed"]) == ("20.0100000000000051", Decimal("40.02"))
    customer.budget = Decimal(10)
    (record,) = exact(await caller.get("/customers/usagerecords"))["items"]
    assert record["percentUsed"] == Decimal("200.10")


async def test_a_legacy_subscription_has_meters_and_no_resources(simulator: Simulator, caller: Caller) -> None:
    """By resource is for plans alone, the oldest view for legacy alone; an Azure subscription is no plan."""
    legacy, plan = simulator.customer("legacy"), simulator.customer("plan")
    of_legacy = f"/customers/{legacy.id}/subscriptions/{next(iter(legacy.subscriptions))}"
    of_plan = f"/customers/{plan.id}/subscriptions/{next(iter(plan.subscriptions))}"
    azure = next(iter(plan.subscriptions.values())).azure_subscriptions[0].id
    statuses = [
        (await caller.get(path)).status
        for path in (
            f"{of_legacy}/resourceusagerecords",
            f"{of_legacy}/meterusagerecords",
            f"{of_legacy}/usagerecords/resources",
            f"{of_plan}/usagerecords/resources",
            f"/customers/{plan.id}/subscriptions/{azure}/usagesummary",
        )
    ]
    assert statuses == [400, 200, 200, 400, 404]


async def test_the_partner_summary_leaves_plans_out(simulator: Simulator, caller: Caller) -> None:
    """Its total is that of legacy customers; its counts are of all."""
    legacy, plan = simulator.customer("legacy"), simulator.customer("plan", budget="0.5")
    simulator.set_usage(plan, "1")
    body = exact(await caller.get("/usagesummary"))
    assert body["totalCost"] == simulator.usage_of(legacy)["total"]
    assert (body["customersOverBudget"], body["customersWithUsageBasedSubscription"]) == (1, 2)


@pytest.mark.parametrize(("answer", "status"), [("2032", 403), ("900329", 403), ("allowed", 200)])
async def test_an_application_on_its_own_is_refused(
    simulator: Simulator, app_only: Caller, answer: str, status: int
) -> None:
    """Usage needs a user, and so do an invoice by id and its PDF; what an application meets is a knob."""
    simulator.change(app_only_refusal=answer)
    customer = simulator.customer("plan")
    simulator.invoice()
    for path in (f"/customers/{customer.id}/usagesummary", "/invoices/G000000001", "/invoices/summaries"):
        refused = await app_only.get(path)
        assert (refused.status, refused.code) == (status, int(answer) if status == 403 else None)
    assert (await app_only.get("/invoices")).status == 200
    assert (await app_only.get(f"/customers/{customer.id}/usagebudget")).status == 200


async def test_ten_thousand_customers_are_on_one_page(simulator: Simulator, caller: Caller) -> None:
    """The list of customers' usage has no pages, however long it is."""
    simulator.customers(10_000, "plan")
    body = (await caller.get("/customers/usagerecords")).body
    assert (body["totalCount"], len({item["id"] for item in body["items"]})) == (10_000, 10_000)
