"""ReportUsage: what each scope says, for both kinds of subscription, and the faults that it survives."""

import gzip
import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from events.codes import RejectedCode
from events.messages.base import Event
from events.messages.command_status import CommandValidated, CommandWaiting
from events.messages.usage import ReportUsage, UsageRecord, UsageRecorded, UsageReported
from events.wire.instants import format_instant
from ops.simulator.behaviour import Hostility
from ops.simulator.state import Customer
from tests.handlers.exports import kill_children
from tests.handlers.stage import Cast, Stage
from tests.support.virtual_time import START

APP_ONLY = pytest.mark.parametrize("cast", [Cast(user=False)], indirect=True, ids=["app_only"])
TOTAL = "20.0100000000000051"


def usage(about: Customer | str, **members: object) -> ReportUsage:
    """The command about a customer, or about the partner account with this tenant id."""
    return ReportUsage.model_validate({"customerId": getattr(about, "id", about), **members})


def account(stage: Stage) -> str:
    """The tenant id of the partner account."""
    return stage.simulator.partner.tenant_id


def the_plan(customer: Customer) -> str:
    """The id of the customer's only subscription."""
    return next(iter(customer.subscriptions))


def recorded(events: Sequence[Event]) -> list[UsageRecord]:
    """The records of all pages."""
    return [each for page in events if isinstance(page, UsageRecorded) for each in page.records]


async def reported(stage: Stage, command: ReportUsage) -> tuple[dict[str, Any], list[UsageRecord]]:
    """The data of the answer, and all records before it."""
    sent = await stage.send(command)
    answer = await stage.answer(sent)
    assert isinstance(answer, UsageReported), answer
    return answer.wire_data(), recorded(await stage.events(sent))


def bytes_at(uri: str) -> bytes:
    """The content of a file in a folder."""
    return Path(uri.removeprefix("file://")).read_bytes()


# ---- one customer


async def test_a_customers_total_keeps_every_digit(stage: Stage) -> None:
    """Total, period, budget and share of one customer with an Azure plan."""
    customer = stage.simulator.customer("plan", currency="EUR", budget="50.0")
    stage.simulator.set_usage(customer, total=TOTAL)
    answer, records = await reported(stage, usage(customer))
    (total,) = answer["totals"]
    assert (total["currency"], total["currencyLocale"], total["total"]) == ("EUR", None, TOTAL)
    assert Decimal(total["totalUsd"]) > 0
    assert answer | {"commandId": "", "totals": []} == {
        **answer,
        "commandId": "",
        "totals": [],
        "scope": "customer",
        "by": "total",
        "subscriptionId": None,
        "hasUsage": True,
        "periodStart": "2026-03-01T00:00:00Z",
        "periodEnd": "2026-04-01T00:00:00Z",
        "budget": "50.0",
        "percentUsed": "40.02",
        "resourceModel": "plan",
        "records": 0,
        "pages": 0,
        "files": [],
        "partnerSummary": None,
    }
    assert records == []
    assert stage.calls(customer) == ["usage.customer_summary"]


async def test_the_period_of_a_legacy_customer_ends_after_its_last_day(stage: Stage) -> None:
    """Microsoft writes 28th to 27th, in another zone, and a culture in place of a currency."""
    customer = stage.simulator.customer("legacy", budget="100")
    answer, _ = await reported(stage, usage(customer))
    assert answer["periodEnd"][8:] == answer["periodStart"][8:] == "28T07:00:00Z"
    (total,) = answer["totals"]
    assert (total["currency"], total["currencyLocale"], total["totalUsd"]) == (None, "en-US", None)
    assert answer["resourceModel"] == "legacy"


@pytest.mark.parametrize("status", [400, 404])
async def test_a_customer_without_usage_is_an_answer(stage: Stage, status: int) -> None:
    """Code 3000, with either status. The budget is read alone then: it may be there before any usage."""
    stage.simulator.change(no_usage_status=status)
    customer = stage.simulator.customer("plan", usage=False, budget="7.5")
    answer, _ = await reported(stage, usage(customer))
    assert (answer["hasUsage"], answer["totals"], answer["budget"], answer["percentUsed"]) == (False, [], "7.5", None)
    assert stage.calls(customer) == ["usage.customer_summary", "budgets.get"]


async def test_subscriptions_are_recorded_each(stage: Stage) -> None:
    """The scope `subscriptions` has a record for each plan and legacy subscription."""
    customer = stage.simulator.customer("two_plans")
    answer, records = await reported(stage, usage(customer, scope="subscriptions"))
    assert {each.id for each in records} == set(customer.subscriptions)
    assert {each.kind for each in records} == {"subscription"}
    assert sum(each.total or 0 for each in records) == Decimal(answer["totals"][0]["total"])
    assert stage.simulator.usage_of(customer)["total"] == Decimal(answer["totals"][0]["total"])
    assert (answer["records"], answer["pages"]) == (2, 1)


# ---- one subscription


@pytest.mark.parametrize(
    ("profile", "by", "kind"),
    [
        ("plan", "resource", "resource"),
        ("plan", "meter", "meter"),
        ("legacy", "meter", "meter"),
        ("legacy", "legacyResource", "resource"),
    ],
)
async def test_a_subscription_is_broken_down(stage: Stage, profile: str, by: str, kind: str) -> None:
    """By resource and by meter, for both models. Our sum is Microsoft's total, to the last digit."""
    customer = stage.simulator.customer(profile)
    answer, records = await reported(
        stage, usage(customer, scope="subscription", subscriptionId=the_plan(customer).upper(), by=by)
    )
    assert {each.kind for each in records} == {kind}
    assert answer["subscriptionId"] == the_plan(customer), "as the records have it"
    assert stage.simulator.usage_of(customer)["total"] == Decimal(answer["totals"][0]["total"])
    assert answer["resourceModel"] == profile
    assert (answer["periodStart"], answer["periodEnd"]) == (None, None)


async def test_a_resource_has_its_azure_subscription_and_group(stage: Stage) -> None:
    """What a person needs to find the resource in the Azure portal."""
    customer = stage.simulator.customer("plan")
    _, records = await reported(
        stage, usage(customer, scope="subscription", subscriptionId=the_plan(customer), by="resource")
    )
    (plan,) = customer.subscriptions.values()
    data = records[0].wire_data()
    assert data["entitlementId"] == plan.azure_subscriptions[0].id
    assert data["resourceUri"].startswith(f"/subscriptions/{data['entitlementId']}/resourceGroups/")
    assert data["subscriptionId"] == plan.id
    assert "meterId" not in data, "a member that does not apply is left out"


async def test_a_subscriptions_total_is_one_summary(stage: Stage) -> None:
    """`by: total` reads the summary alone, and has no budget: a budget is the customer's."""
    customer = stage.simulator.customer("plan", budget="10")
    answer, _ = await reported(stage, usage(customer, scope="subscription", subscriptionId=the_plan(customer)))
    assert (answer["budget"], answer["percentUsed"]) == (None, None)
    assert answer["subscriptionId"] == the_plan(customer)
    assert stage.calls(customer) == ["subscriptions.list", "usage.subscription_summary"]


@pytest.mark.parametrize(("profile", "by"), [("legacy", "resource"), ("plan", "legacyResource")])
async def test_a_view_of_the_other_model_is_not_available(stage: Stage, profile: str, by: str) -> None:
    """Microsoft has resources for plans, and the older view for legacy subscriptions. The other is not asked for."""
    customer = stage.simulator.customer(profile)
    no = await stage.rejected(usage(customer, scope="subscription", subscriptionId=the_plan(customer), by=by))
    assert no.code is RejectedCode.NOT_AVAILABLE
    assert "by=meter" in no.advice
    assert stage.calls(customer) == ["subscriptions.list"]


async def test_a_list_of_subscriptions_with_null_in_it_is_read_without_it(stage: Stage) -> None:
    """Only a report does: what changes something asks again for a list that it can read as a whole."""
    customer = stage.simulator.customer("plan")
    stage.simulator.change(hostility=Hostility(null_items=True))
    answer, _ = await reported(stage, usage(customer, scope="subscription", subscriptionId=the_plan(customer)))
    assert answer["subscriptionId"] == the_plan(customer)


async def test_the_id_of_an_azure_subscription_is_no_plan(stage: Stage) -> None:
    """The advice says what to name instead."""
    customer = stage.simulator.customer("plan")
    (plan,) = customer.subscriptions.values()
    inner = plan.azure_subscriptions[0].id
    no = await stage.rejected(usage(customer, scope="subscription", subscriptionId=inner))
    assert no.code is RejectedCode.PLAN_NOT_FOUND
    assert "by=resource" in no.advice


# ---- the whole partner


async def test_all_customers_are_recorded_with_their_budgets(stage: Stage) -> None:
    """Plan customers and legacy customers, and totals by currency, summed exactly."""
    stage.simulator.change(hostility=Hostility(amounts="mixed"))
    plan = stage.simulator.customer("plan", currency="EUR", budget="100")
    other = stage.simulator.customer("plan", currency="EUR")
    legacy = stage.simulator.customer("legacy", budget="5")
    for each, total in ((plan, TOTAL), (other, "0.10"), (legacy, "3.333")):
        stage.simulator.set_usage(each, total=total)
    answer, records = await reported(stage, usage(account(stage), scope="customers"))
    assert {each.id: each.wire_data()["total"] for each in records} == {
        plan.id: TOTAL,
        other.id: "0.10",
        legacy.id: "3.333",
    }
    totals = {(each["currency"], each["currencyLocale"]): each["total"] for each in answer["totals"]}
    assert totals == {("EUR", None): "20.1100000000000051", (None, "en-US"): "3.333"}
    assert answer["resourceModel"] == "mixed"
    by_id = {each.id: each.wire_data() for each in records}
    assert by_id[plan.id]["budget"] == "100"
    assert "budget" not in by_id[other.id]
    assert by_id[legacy.id]["isUpgraded"] is False


async def test_the_partners_totals_are_ours(stage: Stage) -> None:
    """Microsoft's own total leaves plan customers out, so azplan sums all customers; Microsoft's counts are beside."""
    for budget in ("1", "1000000", None):
        stage.simulator.customer("plan", currency="EUR", budget=budget)
    answer, records = await reported(stage, usage(account(stage), scope="partner"))
    assert records == []
    assert answer["partnerSummary"] == {
        "customersOverBudget": 1,
        "customersTrendingOver": 0,
        "customersWithUsageBasedSubscription": 3,
        "excludesPlanCustomers": True,
    }
    assert [each["currency"] for each in answer["totals"]] == ["EUR"]
    assert answer["periodStart"] is not None
    assert stage.calls() == ["usage.partner_summary", "usage.customers"]


@pytest.mark.parametrize("scope", ["partner", "customers"])
async def test_a_scope_of_the_whole_partner_names_its_tenant(stage: Stage, scope: str) -> None:
    """Another id is a mistake, and nothing is asked."""
    no = await stage.rejected(usage(stage.simulator.customer("plan"), scope=scope))
    assert no.code is RejectedCode.INVALID_COMMAND
    assert account(stage) in no.detail
    assert stage.calls() == []


@pytest.mark.parametrize("scope", ["customer", "subscriptions"])
async def test_a_scope_of_one_customer_does_not_name_the_partners_tenant(stage: Stage, scope: str) -> None:
    """The detail says which scope is meant for that."""
    no = await stage.rejected(usage(account(stage), scope=scope))
    assert no.code is RejectedCode.INVALID_COMMAND
    assert stage.calls() == []


# ---- rights, validation, delivery


@APP_ONLY
@pytest.mark.parametrize("scope", ["partner", "customers", "customer", "subscriptions"])
async def test_usage_takes_a_users_token(stage: Stage, scope: str) -> None:
    """Without one, every scope is not permitted. The advice names the setting."""
    about = stage.simulator.customer("plan") if scope.startswith(("customer", "subs")) else account(stage)
    no = await stage.rejected(usage(account(stage) if scope == "customers" else about, scope=scope))
    assert no.code is RejectedCode.NOT_PERMITTED
    assert "REFRESH_TOKEN_FILE" in no.advice


@pytest.mark.parametrize(
    "members",
    [
        {"scope": "subscription"},
        {"subscriptionId": "x"},
        {"by": "meter"},
        {"scope": "subscriptions", "by": "resource"},
    ],
)
def test_members_of_another_scope_are_a_mistake(members: dict[str, object]) -> None:
    """The worker refuses them when it takes the command in."""
    command = ReportUsage.model_validate({"customerId": "0a1b2c3d-0000-4000-8000-00000000cafe", **members})
    assert command.problem_on_receipt(None) is not None  # type: ignore[arg-type]


async def test_a_command_that_only_asks_reads_and_says_nothing_else(stage: Stage) -> None:
    """`validateOnly` on a read: an empty `wouldDo`, no pages."""
    sent = await stage.send(usage(account(stage), scope="customers", validateOnly=True))
    answer = await stage.answer(sent)
    assert isinstance(answer, CommandValidated)
    assert (answer.would_do, recorded(await stage.events(sent))) == ((), [])


async def test_totals_can_be_had_alone(stage: Stage) -> None:
    """`deliver: none` gives no records."""
    stage.simulator.customers(3, "plan")
    answer, records = await reported(stage, usage(account(stage), scope="customers", deliver="none"))
    assert (records, answer["records"], answer["pages"], len(answer["totals"])) == ([], 0, 0, 1)


async def test_many_customers_are_divided_into_pages(stage: Stage) -> None:
    """At most 500 records a page, all of one reading."""
    stage.simulator.customers(1_100, "plan")
    answer, records = await reported(stage, usage(account(stage), scope="customers"))
    assert (len(records), answer["records"], answer["pages"]) == (1_100, 1_100, 3)
    assert len({each.id for each in records}) == 1_100


@pytest.mark.parametrize(
    ("deliver", "cast"),
    [("files", Cast()), ("auto", Cast(files={"records_in_events": 2}))],
    indirect=["cast"],
    ids=["asked", "too many"],
)
async def test_records_go_to_a_file(stage: Stage, deliver: str) -> None:
    """Where the command asks for it, and where there are more than events should hold. There are no pages then."""
    made = {each.id for each in stage.simulator.customers(3, "plan")}
    answer, records = await reported(stage, usage(account(stage), scope="customers", deliver=deliver))
    assert (records, answer["records"], answer["pages"]) == ([], 3, 0)
    (file,) = answer["files"]
    content = bytes_at(file["uri"])
    assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])
    rows = [json.loads(line, parse_float=str) for line in gzip.decompress(content).splitlines()]
    assert {each["id"] for each in rows} == made
    assert all(isinstance(each["total"], str) for each in rows)
    assert (file["rows"], file["format"]) == (3, "source")


@pytest.mark.parametrize("cast", [Cast(files={"formats": ("source", "parquet")})], indirect=True, ids=["parquet"])
async def test_records_in_a_file_are_parquet_too_where_it_is_installed(stage: Stage) -> None:
    """The same records as a table: amounts are decimals with all digits. The file begins with JSON lines."""
    parquet = pytest.importorskip("pyarrow.parquet")
    plan, legacy = stage.simulator.customer("plan", currency="EUR", budget="100"), stage.simulator.customer("legacy")
    stage.simulator.set_usage(plan, total=TOTAL)
    answer, _ = await reported(stage, usage(account(stage), scope="customers", deliver="files"))
    source, table = answer["files"]
    assert [(each["format"], each["rows"]) for each in answer["files"]] == [("source", 2), ("parquet", 2)]
    assert hashlib.sha256(bytes_at(table["uri"])).hexdigest() == table["sha256"]
    rows = parquet.read_table(table["uri"].removeprefix("file://")).to_pylist()
    lines = [json.loads(line) for line in gzip.decompress(bytes_at(source["uri"])).splitlines()]
    assert [each["id"] for each in rows] == [each["id"] for each in lines]
    by_id = {each["id"]: each for each in rows}
    assert by_id[plan.id]["total"] == Decimal(TOTAL)
    assert (by_id[plan.id]["budget"], by_id[plan.id]["currency"]) == (Decimal(100), "EUR")
    assert (by_id[legacy.id]["budget"], by_id[legacy.id]["currencyLocale"]) == (None, "en-US")
    assert by_id[plan.id]["lastModified"].tzinfo is not None


@pytest.mark.parametrize("cast", [Cast(files={"formats": ("source", "parquet")})], indirect=True, ids=["parquet"])
async def test_a_process_that_is_killed_while_records_become_parquet_is_started_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command reads once more, and says what it waits for."""
    stage.simulator.customer("plan")
    kill_children(monkeypatch, "worker.files.conversion.part", 2)
    answer, _ = await reported(stage, usage(account(stage), scope="customers", deliver="files"))
    assert [each["format"] for each in answer["files"]] == ["source", "parquet"]
    (wait,) = [event for event in await stage.events() if isinstance(event, CommandWaiting)]
    assert wait.detail == "the process that converts lines was ended by SIGKILL"


@pytest.mark.parametrize("at", ["writing", "closing", "both"])
async def test_a_disk_that_is_full_while_records_are_written_makes_the_report_wait(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """It is answered when there is room again: no record is lost, and none is in the file twice.

    The last bytes are written when the file is closed, also when the records could not be written.
    """
    made = {each.id for each in stage.simulator.customers(3, "plan")}
    writes, closings = (iter([at in (each, "both")] * 2) for each in ("writing", "closing"))

    class Writer(gzip.GzipFile):
        def write(self, data: Any) -> int:
            return super().write(data) if not next(writes, False) else self._full()

        def close(self) -> None:
            super().close()
            if next(closings, False):
                self._full()

        def _full(self) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(gzip, "GzipFile", Writer)
    sent = await stage.send(usage(account(stage), scope="customers", deliver="files"))
    answer = await stage.answer(sent)
    assert isinstance(answer, UsageReported), answer
    (source, *_) = answer.wire_data()["files"]
    rows = [json.loads(line) for line in gzip.decompress(bytes_at(source["uri"])).splitlines()]
    assert sorted(each["id"] for each in rows) == sorted(made)
    assert "files_unavailable" in [
        event.reason for event in await stage.events(sent) if isinstance(event, CommandWaiting)
    ]


async def test_ten_thousand_customers_are_twenty_pages(stage: Stage) -> None:
    """Up to so many records stand in events. The pages are published with the answer, in one transaction."""
    stage.simulator.customers(10_000, "plan")
    answer, records = await reported(stage, usage(account(stage), scope="customers"))
    assert (len(records), answer["records"], answer["pages"], answer["files"]) == (10_000, 10_000, 20, [])
    assert Decimal(answer["totals"][0]["total"]) == sum(each.total or 0 for each in records)


async def test_a_crash_mixes_no_two_readings(stage: Stage) -> None:
    """The worker dies while it reads, and figures change. All pages are of the reading that the answer is of."""
    for each in stage.simulator.customers(600, "plan"):
        stage.simulator.set_usage(each, total="1.00")
    stage.fault("slow_answer", "usage.customers", seconds=30)
    sent = await stage.send(usage(account(stage), scope="customers"))
    await stage.until("usage.customers")
    await stage.kill()
    for each in stage.simulator.world.customers.values():
        stage.simulator.set_usage(each, total="2.00")
    await stage.begin_work()
    answer = await stage.answer(sent)
    assert isinstance(answer, UsageReported), answer
    records = recorded(await stage.events(sent))
    assert (len(records), {each.total for each in records}) == (600, {Decimal("2.00")})
    assert answer.totals[0].total == Decimal("1200.00")


async def test_a_deadline_ends_the_waiting_of_a_report(stage: Stage) -> None:
    """Partner Center fails until the deadline has passed. The command ends at the deadline, not at its next try."""
    customer = stage.simulator.customer("plan")
    stage.fault("error_before", "usage.customer_summary", status=500, count=None)
    no = await stage.rejected(usage(customer, deadline=format_instant(START + timedelta(minutes=2))))
    assert no.code is RejectedCode.DEADLINE_PASSED
    assert timedelta(minutes=2) <= stage.clock.now() - START < timedelta(minutes=2, seconds=1)
