"""ReportCustomer: what one customer has, and what could not be read (section 1 of the lifecycle)."""

from typing import Any

import pytest

from events.codes import RejectedCode
from events.messages.base import Event
from events.messages.command_status import CommandValidated
from events.messages.customers import CustomerReported, ReportCustomer
from events.messages.plans import CreateAzurePlan
from ops.simulator.state import Customer
from tests.handlers.stage import Cast, Stage
from tests.support.virtual_time import START

NOBODY = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
PARTS = ("agreement", "plans", "reservations", "legacySubscriptions", "upgrade", "orders")
APP_ONLY = pytest.mark.parametrize("cast", [Cast(user=False)], indirect=True, ids=["app_only"])


async def report(stage: Stage, customer: Customer, **members: Any) -> dict[str, Any]:
    """The data of the report about a customer, as they are on the wire."""
    command = ReportCustomer.model_validate({"customer_id": customer.id, **members})
    return (await stage.done(CustomerReported, command)).wire_data()


async def test_the_whole_report_of_a_customer(stage: Stage) -> None:
    """By default every part is there, each with the members of the contract; nothing is left out."""
    customer = stage.simulator.customer("reserved", reseller="5550001")
    (plan,) = customer.subscriptions.values()
    (azure_subscription,) = plan.azure_subscriptions
    (reservation,) = customer.reservations
    told = await report(stage, customer)
    assert (told["name"], told["domain"], told["country"]) == (customer.name, customer.domain, "US")
    assert told["relationship"] == "reseller"
    assert told["agreement"] == {"accepted": True, "how": "attested", "agreedOn": told["agreement"]["agreedOn"]}
    assert told["agreement"]["agreedOn"] is not None
    (shown,) = told["plans"]
    assert shown == {
        "subscriptionId": plan.id,
        "status": "active",
        "orderId": plan.order_id,
        "createdOn": shown["createdOn"],
        "resellerId": "5550001",
        "azureSubscriptions": [{"id": azure_subscription.id, "name": azure_subscription.name, "status": "active"}],
    }
    (kept,) = told["reservations"]
    assert kept | {"expiresOn": None} == {
        "id": reservation.id,
        "name": reservation.name,
        "status": "active",
        "quantity": "1",
        "expiresOn": None,
    }
    assert kept["expiresOn"] is not None
    assert told["legacySubscriptions"] == []
    assert told["upgrade"] == {
        "eligible": False,
        "reason": told["upgrade"]["reason"],
        "upgradeId": None,
        "status": None,
    }
    assert {order["orderId"] for order in told["orders"]} == set(customer.orders)
    assert told["leftOut"] == []


async def test_a_report_reads_only(stage: Stage) -> None:
    """Nothing changes at Microsoft, and no step is begun."""
    await report(stage, stage.simulator.customer("reserved"))
    assert not stage.simulator.books.effects
    assert sorted(set(stage.calls())) == [
        "agreements.confirmations",
        "azure_entitlements.list",
        "customers.get",
        "orders.list",
        "reservations.list",
        "subscriptions.list",
        "upgrades.eligibility",
    ]


async def test_as_of_is_when_the_reading_began(stage: Stage) -> None:
    """Nothing in the report is older than `asOf`."""
    stage.simulator.change(latency=[2, 2])
    command = ReportCustomer(customer_id=stage.simulator.customer("plan").id)
    assert (await stage.done(CustomerReported, command)).as_of == START


@pytest.mark.parametrize(
    ("part", "member"),
    [(part, "legacySubscriptions" if part == "legacy" else part)
     for part in ("agreement", "plans", "reservations", "legacy", "upgrade", "orders")],
)  # fmt: skip
async def test_a_part_that_was_not_asked_for_is_absent(stage: Stage, part: str, member: str) -> None:
    """It is absent and not in `leftOut`; the parts that were asked for are there."""
    told = await report(stage, stage.simulator.customer("plan"), include=[part])
    assert [each for each in PARTS if each in told] == [member]
    assert told["leftOut"] == []


async def test_a_customer_alone_is_one_call(stage: Stage) -> None:
    """With an empty `include` only the customer itself is read."""
    told = await report(stage, stage.simulator.customer("plan"), include=[])
    assert stage.calls() == ["customers.get"]
    assert not [each for each in PARTS if each in told]


async def test_plans_and_legacy_subscriptions_are_one_list(stage: Stage) -> None:
    """The customer's subscriptions are read once for both parts."""
    await report(stage, stage.simulator.customer("legacy"), include=["legacy", "plans"])
    assert stage.calls().count("subscriptions.list") == 1


async def test_a_legacy_subscription_with_its_upgrade(stage: Stage) -> None:
    """`legacySubscriptions` has id, offer and status; `upgrade` the running upgrade and its status."""
    customer = stage.simulator.customer("upgrading")
    (legacy,) = customer.subscriptions.values()
    told = await report(stage, customer)
    assert told["legacySubscriptions"] == [
        {"subscriptionId": legacy.id, "offerId": legacy.offer_id, "status": legacy.status}
    ]
    assert told["upgrade"]["upgradeId"] == customer.upgrades[0].id
    assert told["upgrade"]["status"].casefold() == "inprogress"


async def test_a_customer_that_can_be_upgraded(stage: Stage) -> None:
    """`eligible` is Microsoft's answer."""
    told = await report(stage, stage.simulator.customer("legacy"), include=["upgrade"])
    assert told["upgrade"] == {"eligible": True, "reason": None, "upgradeId": None, "status": None}


@pytest.mark.parametrize(
    ("profile", "agreement"),
    [
        ("signed_directly", {"accepted": True, "how": "direct", "agreedOn": None}),
        ("no_agreement", {"accepted": False, "how": None, "agreedOn": None}),
    ],
)
async def test_how_the_agreement_was_accepted(stage: Stage, profile: str, agreement: dict[str, Any]) -> None:
    """A direct acceptance has no date; without any acceptance `accepted` is false."""
    told = await report(stage, stage.simulator.customer(profile), include=["agreement"])
    assert told["agreement"] == agreement


async def test_an_order_says_whether_it_is_for_an_azure_plan(stage: Stage) -> None:
    """An order of licences is not one."""
    customer = stage.simulator.customer("with_licences")
    stage.simulator.change(order_list_lag=[0, 0])
    await stage.do(CreateAzurePlan(customer_id=customer.id))
    told = await report(stage, customer, include=["orders"])
    bought = {order["orderId"] for order in told["orders"] if order["azurePlan"]}
    assert bought == {order.id for order in stage.simulator.books.orders}
    assert len(told["orders"]) == len(bought) + 2
    assert all(order["status"] == "completed" and order["createdOn"] for order in told["orders"])


# ---- what is left out


@pytest.mark.parametrize(
    ("operation", "member"),
    [
        ("reservations.list", "reservations"),
        ("orders.list", "orders"),
        ("upgrades.eligibility", "upgrade"),
    ],
)
async def test_a_part_that_microsoft_refuses_is_left_out_and_named(stage: Stage, operation: str, member: str) -> None:
    """`member` is the event's member name, `reason` has Microsoft's words; the other parts are there."""
    stage.fault("fault_in_200", operation, code=2032)
    told = await report(stage, stage.simulator.customer("plan"))
    (left_out,) = told["leftOut"]
    assert left_out["member"] == member
    assert operation in left_out["reason"]
    assert "2032" in left_out["reason"]
    assert [each for each in PARTS if each not in told] == [member]


async def test_refused_subscriptions_leave_out_two_parts(stage: Stage) -> None:
    """Plans and legacy subscriptions are read from one list."""
    stage.fault("fault_in_200", "subscriptions.list", code=2032, count=None)
    told = await report(stage, stage.simulator.customer("plan"))
    assert [each["member"] for each in told["leftOut"]] == ["plans", "legacySubscriptions"]


async def test_a_plan_stays_in_the_report_without_its_azure_subscriptions(stage: Stage) -> None:
    """What could not be read is named beside what could."""
    stage.fault("fault_in_200", "azure_entitlements.list", code=900159)
    told = await report(stage, stage.simulator.customer("plan"))
    (plan,) = told["plans"]
    assert plan["azureSubscriptions"] == []
    (left_out,) = told["leftOut"]
    assert left_out["member"] == "plans"
    assert plan["subscriptionId"] in left_out["reason"]


async def test_an_upgrade_whose_status_is_refused(stage: Stage) -> None:
    """Eligibility is known, and the status is not."""
    stage.fault("fault_in_200", "upgrades.status", code=900110)
    told = await report(stage, stage.simulator.customer("upgrading"))
    assert told["upgrade"]["upgradeId"]
    assert told["upgrade"]["status"] is None
    assert [each["member"] for each in told["leftOut"]] == ["upgrade"]


async def test_half_an_agreement_is_not_guessed(stage: Stage) -> None:
    """No attestation, and the direct signature cannot be read: `accepted` is null."""
    stage.fault("fault_in_200", "agreements.direct_signature", code=2032)
    told = await report(stage, stage.simulator.customer("no_agreement"), include=["agreement"])
    assert told["agreement"] == {"accepted": None, "how": None, "agreedOn": None}
    assert [each["member"] for each in told["leftOut"]] == ["agreement"]


async def test_an_acceptance_that_is_found_is_enough(stage: Stage) -> None:
    """The customer signed directly: that attestations cannot be read leaves nothing out."""
    stage.fault("fault_in_200", "agreements.confirmations", code=2032)
    told = await report(stage, stage.simulator.customer("signed_directly"), include=["agreement"])
    assert (told["agreement"]["how"], told["leftOut"]) == ("direct", [])


@APP_ONLY
async def test_operations_that_take_a_users_token_are_left_out(stage: Stage) -> None:
    """Without a user's token agreement and upgrade cannot be read; everything else can."""
    told = await report(stage, stage.simulator.customer("plan"))
    assert {each["member"] for each in told["leftOut"]} == {"agreement", "upgrade"}
    assert all("user" in each["reason"] for each in told["leftOut"])
    assert [each for each in PARTS if each not in told] == ["agreement", "upgrade"]


# ---- no report


async def test_a_customer_that_is_not_found(stage: Stage) -> None:
    """The customer itself not found is `customer_not_found`, once a new customer would show."""
    rejected = await stage.rejected(ReportCustomer(customer_id=NOBODY))
    assert rejected.code is RejectedCode.CUSTOMER_NOT_FOUND


async def test_a_customer_that_is_not_found_in_the_middle(stage: Stage) -> None:
    """A 404 with 60003 on any resource under the customer means the same: nobody is reported about."""
    stage.fault("fault_in_200", "orders.list", code=60003, count=None)
    rejected = await stage.rejected(ReportCustomer(customer_id=stage.simulator.customer("plan").id))
    assert rejected.code is RejectedCode.CUSTOMER_NOT_FOUND


async def test_a_customer_of_somebody_else(stage: Stage) -> None:
    """A refusal of the customer itself leaves nothing to report."""
    rejected = await stage.rejected(ReportCustomer(customer_id=stage.simulator.customer("no_relationship").id))
    assert rejected.code is RejectedCode.NO_RELATIONSHIP


async def test_a_validated_report_would_do_nothing(stage: Stage) -> None:
    """`validateOnly` on a report answers `CommandValidated` with an empty `wouldDo`."""
    customer = stage.simulator.customer("plan")
    assert await stage.would_do(ReportCustomer(customer_id=customer.id)) == []
    assert stage.calls()[0] == "customers.get"


async def test_a_plan_with_many_azure_subscriptions(stage: Stage) -> None:
    """A list inside a plan has at most 500 items too; `truncated` names the member that was cut."""
    told = await report(stage, stage.simulator.customer("plan", azure_subscriptions=501), include=["plans"])
    assert len(told["plans"][0]["azureSubscriptions"]) == 500
    assert told["truncated"] == ["plans"]


async def test_a_part_that_is_not_known_is_refused(stage: Stage) -> None:
    """`include` is a subset of the six parts."""
    command = ReportCustomer(customer_id=NOBODY).model_copy(update={"include": ["invoices"]})
    answer: Event = await stage.answer(await stage.send(command))
    assert "include" in getattr(answer, "detail", "")
    assert not isinstance(answer, CommandValidated)
