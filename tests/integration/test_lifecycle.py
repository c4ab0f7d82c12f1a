"""A customer from nothing to a plan in use, back to nothing in use, and to a plan in use again, on real parts."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ops.local.kafka_messages import Sent, answered, send
from ops.local.simulator import SimulatorProcess
from ops.local.topics import Topics
from tests.integration.conftest import WorkerFactory
from tests.support.verbs import type_verb

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

NOT_ABOUT_A_CUSTOMER = frozenset({"agreements.metadata", "catalog.list_availabilities"})
"""Operations whose requests name no customer."""
CONTACT = {"firstName": "Ana", "lastName": "Ruiz", "email": "ana@example.com"}


@pytest.mark.parametrize("door", ["partner_center", "arm"])
async def test_a_customer_without_anything_is_brought_to_a_plan_in_use_and_back(
    door: str,
    topics: Topics,
    settings: dict[str, str],
    start_worker: WorkerFactory,
    partner_center: SimulatorProcess,
    tmp_path: Path,
) -> None:
    """Four commands sent at once confirm the agreement, buy the plan, report it, and suspend it again.

    Two Azure subscriptions are cancelled and the reservation is returned. Then the plan and its Azure subscriptions are
    reactivated. The timeline of each command shows every call.
    """
    (customer,) = partner_center.customers("no_agreement", 1)
    partner_center.change_customer(customer, settings={"plan_azure_subscriptions": 2, "plan_reservations": 1})
    through = {"AZPLAN_PARTNERS__CONTOSO__CANCEL_THROUGH": door}
    start_worker(**through)
    confirm = Sent("ConfirmCustomerAgreement", customer, {"primaryContact": CONTACT, "dateAgreed": "2026-01-15"})
    create, report = Sent("CreateAzurePlan", customer), Sent("ReportCustomer", customer)
    suspend = Sent("SuspendPlan", customer, {"activeAssets": "cancel", "reservations": "return"})

    four = [confirm, create, report, suspend]
    await send(topics, *four)
    stories = await answered(topics, four, within=180)

    confirmed, bought, reported, suspended = (stories[each.id][-1] for each in four)
    assert (confirmed.type, confirmed.data["alreadyConfirmed"]) == ("CustomerAgreementConfirmed", False)
    assert (bought.type, bought.data["alreadyExisted"]) == ("AzurePlanCreated", False)
    mine = {each["id"] for each in bought.data["azureSubscriptions"]}
    assert len(mine) == 2
    assert reported.type == "CustomerReported"
    assert [each["status"] for each in reported.data["reservations"]] == ["active"]
    assert {each["id"] for each in reported.data["plans"][0]["azureSubscriptions"]} == mine
    assert suspended.type == "PlanSuspended", suspended.data
    assert not suspended.data["alreadySuspended"]
    gone = suspended.data["cancelledAssets"]
    assert {each["id"] for each in gone if each["kind"] == "azureSubscription"} == mine
    (returned,) = [each for each in gone if each["kind"] == "reservation"]
    assert suspended.data["refunds"] == [returned["refund"]]

    back = Sent("ReactivatePlan", customer, {"azureSubscriptions": "reactivate"})
    await send(topics, back)
    (active,) = [events[-1] for events in (await answered(topics, [back], within=180)).values()]

    assert (active.type, active.data["alreadyActive"]) == ("PlanReactivated", False)
    assert {each["id"]: each["status"] for each in active.data["azureSubscriptions"]} == dict.fromkeys(mine, "active")

    once = Counter(effect["kind"] for effect in partner_center.book("effects", customer=customer))
    assert once["order.created"] == once["agreement.confirmed"] == once["reservation.return_requested"] == 1
    shown = [timeline(each, {**settings, **through}, tmp_path) for each in (*four, back)]
    told = Counter(call["operation"] for each in shown for call in each["calls"])
    made = Counter(str(each["operation"]) for each in partner_center.book("requests", customer=customer))
    about_customer = Counter({name: count for name, count in told.items() if name not in NOT_ABOUT_A_CUSTOMER})
    assert about_customer == Counter({name: count for name, count in made.items() if not name.startswith("token.")})


def timeline(command: Sent, settings: dict[str, str], place: Path) -> dict[str, Any]:
    """What `azplan commands show` prints of the command."""
    shown = type_verb("commands", "show", command.id, "--json", settings=settings, cwd=place)
    assert shown.code == 0, shown.err
    found: dict[str, Any] = shown.json
    return found
