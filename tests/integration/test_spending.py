"""Usage, budgets and invoices: commands through Kafka and PostgreSQL, and verbs that ask a worker, on real parts."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ops.local.azplan import azplan
from ops.local.kafka_messages import Sent, answered, send
from ops.local.simulator import SimulatorProcess
from ops.local.topics import Topics
from tests.integration.conftest import WorkerFactory

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

TOTAL = "4213.8700000000000051"


@pytest.mark.parametrize("journal_url", ["postgres"], indirect=True)
async def test_every_figure_is_answered(
    topics: Topics,
    settings: dict[str, str],
    start_worker: WorkerFactory,
    partner_center: SimulatorProcess,
    tmp_path: Path,
) -> None:
    """A budget is set; usage is read in every scope and for both models; invoices, by id too. Every digit stays."""
    (customer,), (legacy,) = partner_center.customers("plan", 1), partner_center.customers("legacy", 1)
    partner_center.set_usage(customer, TOTAL)
    (plan,), (older,) = (partner_center.usage_of(each)["subscriptions"] for each in (customer, legacy))
    invoice = partner_center.invoice(month="2026-01", currency="EUR")
    account = settings["AZPLAN_PARTNERS__CONTOSO__TENANT_ID"]
    start_worker()

    budget = Sent("SetUsageBudget", customer, {"amount": "5000.00", "ifAmount": None})
    one, split = Sent("ReportUsage", customer), Sent("ReportUsage", customer, {"scope": "subscriptions"})
    parts = [
        Sent("ReportUsage", about, {"scope": "subscription", "subscriptionId": subscription, "by": by})
        for about, subscription, by in (
            (customer, plan, "total"),
            (customer, plan, "resource"),
            (customer, plan, "meter"),
            (legacy, older, "legacyResource"),
        )
    ]
    everybody, partner = (Sent("ReportUsage", account, {"scope": scope}) for scope in ("customers", "partner"))
    listed = Sent("ReportInvoices", account, {"from": "2026-01-01", "include": ["balances", "estimateLinks"]})
    shown = Sent("ReportInvoices", account, {"invoiceId": invoice})
    all_of_them = [budget, one, split, *parts, everybody, partner, listed, shown]
    await send(topics, *all_of_them)
    stories = await answered(topics, all_of_them, within=120)
    told: dict[str, Any] = {name: events[-1].data for name, events in stories.items()}

    assert (told[budget.id]["previous"], told[budget.id]["current"]) == (None, "5000.00")
    assert (told[one.id]["totals"][0]["total"], told[one.id]["percentUsed"]) == (TOTAL, "84.28")
    for each in (split, *parts[:3]):
        assert told[each.id]["totals"][0]["total"] == TOTAL
    assert Decimal(told[parts[3].id]["totals"][0]["total"]) == Decimal(partner_center.usage_of(legacy)["total"])
    pages = [event.data["records"] for event in stories[everybody.id] if event.type == "UsageRecorded"]
    assert {customer, legacy} <= {record["id"] for page in pages for record in page}
    assert told[partner.id]["partnerSummary"]["excludesPlanCustomers"] is True
    (found,) = [each for each in told[listed.id]["invoices"] if each["id"] == invoice]
    assert Decimal(found["total"]) == Decimal(partner_center.figures(invoice)["invoice_total"])
    assert found["ways"] == {"reconciliation": "graph", "usage": "graph"}
    assert len(told[listed.id]["estimateLinks"]) == 4 * len(told[listed.id]["balances"])
    assert told[shown.id]["invoices"][0]["periodStart"] == "2026-01-01T00:00:00Z"

    words = ("budgets", "--over", "50", "--json", "--wait", "1m")
    ended = azplan(*words, settings=settings, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    (mine,) = [each for each in json.loads(ended.stdout) if each["id"] == customer]
    assert (mine["total"], mine["percentUsed"]) == (TOTAL, "84.28")
    once = [each["kind"] for each in partner_center.book("effects", customer=customer)]
    assert once.count("budget.set") == 1
