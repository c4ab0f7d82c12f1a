"""`azplan usage` and `azplan budgets`: the sent commands, the tables, the JSON and the exit codes."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from events.codes import RejectedCode
from events.messages.base import Event, Origin
from events.messages.command_status import CommandRejected
from events.messages.usage import SetUsageBudget, UsageBudgetSet, UsageRecorded, UsageReported
from events.wire.record import Record
from ops.local.topics import Topics
from tests.cli.answering import Answerer
from tests.cli.conftest import Azplan
from tests.cli.test_cli_customers import ACCOUNT, CUSTOMER, OTHER, TENANT
from tests.cli.test_cli_layout import COLOUR
from tests.cli.test_cli_terminal import at_a_terminal
from tests.support.standing import stand
from worker.cli.output.spending.usage import show_totals
from worker.files.layout import Dataset, Unbilled

VERSION = "20260322T101959Z-6b1f0c9d2a47"
PLAN = "8d1f6a20-4b7e-4c35-9a52-e6c0b1f7d3a4"
RECORDS = [
    {
        "kind": "customer",
        "id": CUSTOMER,
        "name": "Contoso Demo",
        "total": "4213.8700000000000051",
        "currency": "EUR",
        "totalUsd": "4845.95",
        "budget": "5000",
        "percentUsed": "84.28",
        "isUpgraded": True,
        "lastModified": "2026-03-22T12:00:00Z",
    },
    {
        "kind": "customer",
        "id": OTHER,
        "name": "A company with a very long name that has to be cut",
        "total": "12",
        "currencyLocale": "fr-FR",
        "budget": "10",
        "percentUsed": "120",
        "isUpgraded": False,
    },
    {"kind": "customer", "id": "9b2a6d0e-5c43-4f7e-8f53-1d1f6d2c7a11", "name": "Zero", "total": "0", "currency": "EUR"},
]
REPORT = {
    "scope": "customers",
    "by": "total",
    "subscription_id": None,
    "has_usage": True,
    "period_start": None,
    "period_end": None,
    "as_of": "2026-03-22T12:00:00Z",
    "totals": [{"currency": "EUR", "currencyLocale": None, "total": "4213.8700000000000051", "totalUsd": "4845.95"}],
    "budget": None,
    "percent_used": None,
    "resource_model": "mixed",
    "records": 3,
    "pages": 2,
}
COUNTS = {"customersOverBudget": 1, "customersTrendingOver": 2, "customersWithUsageBasedSubscription": 3}


@pytest.fixture
def here(topics: Topics, clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> Topics:
    """The settings point to fresh topics of a real broker, and have one account."""
    for name, value in {**topics.env, **ACCOUNT}.items():
        monkeypatch.setenv(name, value)
    return topics


def _worker(origin: Origin, record: Record) -> Iterable[Event]:
    """Answers as a worker does."""
    data = json.loads(record.value or b"")
    if origin.command_type == SetUsageBudget.wire_type():
        if "ifAmount" in data and data["ifAmount"] is None:
            yield CommandRejected.of(origin, code=RejectedCode.BUDGET_CHANGED, detail="the present budget is 100")
            return
        yield UsageBudgetSet.of(origin, previous="4000", current=data["amount"], already_set=False)
        return
    scope = data.get("scope", "customer")
    recorded = {"customers": RECORDS, "subscriptions": [{**RECORDS[0], "kind": "subscription", "id": PLAN}]}
    pages = [recorded[scope][:1], recorded[scope][1:]] if scope in recorded else []
    for number, page in enumerate(pages, start=1):
        yield UsageRecorded.of(origin, page=number, pages=len(pages), records=page)
    told = {**REPORT, "scope": scope, "by": data.get("by", "total")}
    if scope == "partner":
        told |= {"partner_summary": COUNTS, "period_start": "2026-03-01T00:00:00Z"}
    if scope == "customer":
        told |= {"budget": "5000", "percent_used": "84.28"}
    yield UsageReported.of(origin, **told)


def asked(answerer: Answerer) -> list[dict[str, object]]:
    """The data of the sent commands, without the customer."""
    return [{k: v for k, v in json.loads(each.value or b"").items() if k != "customerId"} for each in answerer.seen]


def screen(shown: str) -> list[str]:
    """What a terminal shows, without colours and without what was sent."""
    lines = (line.rstrip() for line in COLOUR.sub("", shown).splitlines())
    return [line for line in lines if not line.startswith(("Sent ", "Waiting ", "Plan: "))]


@pytest.mark.kafka
def test_budgets_fit_a_terminal_of_80_columns(here: Topics, tmp_path: Path) -> None:
    """Amounts are grouped and aligned; the forecast is for Azure plans. The largest share is first."""
    with Answerer(here, _worker) as answerer:
        code, shown = at_a_terminal(tmp_path, "budgets", "--over", "50", settings={**here.env, **ACCOUNT}, columns=80)
    assert code == 0, shown
    assert asked(answerer) == [{"scope": "customers"}]
    assert json.loads(answerer.seen[0].value or b"")["customerId"] == TENANT
    assert screen(shown) == [
        "customer                budget      used      %  forecast  as of",
        "─" * 76,
        "A company with a ve…     10.00     12.00  120.0                        fr-FR",
        "Contoso Demo          5 000.00  4 213.87   84.3     122 %  2026-03-22  EUR",
        "2 customers.",
    ]


@pytest.mark.kafka
def test_usage_of_all_customers_has_microsofts_counts(here: Topics, azplan: Azplan) -> None:
    """Two commands for the account: the records, and the counts of the partner summary. JSON is exact."""
    with Answerer(here, _worker) as answerer:
        ended = azplan("usage", "--sort", "name", "--top", "2", "--json", "--wait", "1m")
    assert ended.code == 0, ended.err
    assert asked(answerer) == [{"scope": "customers"}, {"scope": "partner"}]
    assert ended.json["totals"][0]["total"] == "4213.8700000000000051"
    assert ended.json["partnerSummary"]["customersTrendingOver"] == 2
    assert [each["name"][:7] for each in ended.json["usageRecords"]] == ["A compa", "Contoso"]
    assert ended.json["usageRecords"][1]["total"] == "4213.8700000000000051"


@pytest.mark.kafka
def test_a_count_that_microsoft_leaves_out_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """The summary of the partner account is on its way out, and may lack members."""
    counts = {"customersOverBudget": 1, "customersTrendingOver": None, "customersWithUsageBasedSubscription": None}
    report: dict[str, Any] = {"scope": "partner", "by": "total", "subscriptionId": None, "hasUsage": True}
    report |= {"periodStart": None, "periodEnd": None, "asOf": "2026-03-01T09:00:00Z", "totals": [], "budget": None}
    report |= {"percentUsed": None, "resourceModel": None, "records": 0, "pages": 0, "partnerSummary": counts}
    show_totals(UsageReported.of(Origin("c-1", "/crm", "azplan.ReportUsage.v1", TENANT, "contoso"), **report))
    assert "over budget   1 customer\n" in capsys.readouterr().out


def test_usage_of_a_customer_has_its_subscriptions_and_its_budget(here: Topics, azplan: Azplan) -> None:
    """The subscriptions as rows, and below them total, period and budget."""
    with Answerer(here, _worker) as answerer:
        ended = azplan("usage", "--customer", CUSTOMER, "--wait", "1m")
    assert ended.code == 0, ended.err
    assert asked(answerer) == [{"scope": "subscriptions"}, {}]
    assert "SUBSCRIPTION" in ended.out
    assert PLAN in ended.out, "its id is what --subscription takes"
    assert "budget        5 000.00, 84.3 % used" in ended.out
    assert "total         4 213.87 EUR (4 845.95 USD)" in ended.out


@pytest.mark.kafka
def test_usage_of_a_subscription_is_one_command(here: Topics, azplan: Azplan) -> None:
    """`--by` divides it."""
    with Answerer(here, _worker) as answerer:
        ended = azplan(
            "usage", "--customer", CUSTOMER, "--subscription", PLAN, "--by", "meter", "--json", "--wait", "1m"
        )
    assert ended.code == 0, ended.err
    assert asked(answerer) == [{"scope": "subscription", "subscriptionId": PLAN, "by": "meter"}]
    assert (ended.json["scope"], ended.json["usageRecords"]) == ("subscription", [])


@pytest.mark.kafka
def test_budgets_in_a_file_are_not_told_to_be_none(here: Topics, azplan: Azplan) -> None:
    """A partner with very many customers has their records in files: the verb says where."""
    file = {
        "uri": "file:///srv/azplan/v1/records.jsonl.gz",
        "format": "source",
        "rows": 12000,
        "bytes": 9,
        "sha256": "0",
    }
    told = {**REPORT, "records": 12000, "pages": 0, "files": [file]}
    with Answerer(here, lambda origin, _: [UsageReported.of(origin, **told)]):
        ended = azplan("budgets", "--wait", "1m")
    assert ended.code == 0, ended.err
    assert "The records of all 12000 customers are in files" in ended.err
    assert "source: file:///srv/azplan/v1/records.jsonl.gz" in ended.err
    assert "No customer has a budget" not in ended.err


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("words", "data"),
    [
        (("set", CUSTOMER, "5000.00"), {"amount": "5000.00"}),
        (("set", CUSTOMER, "5000", "--if", "4000"), {"amount": "5000", "ifAmount": "4000"}),
        (("clear", CUSTOMER), {"amount": None}),
    ],
)
def test_a_budget_is_set_and_removed(
    here: Topics, azplan: Azplan, words: tuple[str, ...], data: dict[str, object]
) -> None:
    """The plan is told, then the command is sent with the digits as they were typed."""
    with Answerer(here, _worker) as answerer:
        ended = azplan("budgets", *words, "--yes", "--json", "--wait", "1m")
    assert ended.code == 0, ended.err
    assert asked(answerer) == [data]
    assert ended.json["previous"] == "4000"
    assert "Plan: " in ended.err


@pytest.mark.kafka
def test_another_present_amount_exits_4(here: Topics, azplan: Azplan) -> None:
    """`--if none`: only if there is no budget."""
    with Answerer(here, _worker) as answerer:
        ended = azplan("budgets", "set", CUSTOMER, "5", "--if", "none", "--yes", "--wait", "1m")
    assert ended.code == 4
    assert asked(answerer) == [{"amount": "5", "ifAmount": None}]
    assert "budget_changed" in ended.err


def test_a_budget_is_changed_only_with_a_yes(azplan: Azplan) -> None:
    """Without a terminal to ask on, `--yes` is needed: exit code 2, and nothing was sent."""
    ended = azplan("budgets", "clear", CUSTOMER)
    assert ended.code == 2
    assert f"Plan: remove the budget of {CUSTOMER}, whatever it is now." in ended.err
    assert "--yes" in ended.err


@pytest.mark.parametrize(
    "words",
    [
        ("usage", "--subscription", PLAN),
        ("usage", "--customer", CUSTOMER, "--by", "meter"),
        ("usage", "--sort", "age"),
        ("usage", "--customer", "fabrikam"),
        ("budgets", "--over", "much"),
        ("budgets", "set", CUSTOMER, "1,000", "--yes"),
        ("budgets", "set", CUSTOMER, "-5", "--yes"),
    ],
)
def test_words_that_do_not_fit_exit_2(azplan: Azplan, words: tuple[str, ...]) -> None:
    """Before anything is sent."""
    assert azplan(*words).code == 2


@pytest.mark.kafka
def test_a_picture_shows_budgets_and_the_cost_by_day(
    here: Topics, azplan: Azplan, clean_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--chart` writes an SVG, and the terminal shows the same with blocks. Files are read below AZPLAN_FILES__URL."""
    monkeypatch.setenv("AZPLAN_FILES__URL", "file:files")
    line = {"UsageDate": "2026-03-02T00:00:00Z", "BillingPreTaxTotal": "4213.87"}
    part = gzip.compress(json.dumps(line).encode() + b"\n")
    dataset = Dataset("contoso", "lines=usage", unbilled=Unbilled("2026-03", "EUR"))
    stand(clean_place / "files", dataset, VERSION, {"source/part": ("source", part)})
    with Answerer(here, _worker):
        ended = azplan("usage", "--chart", "usage.svg", "--wait", "1m")
        (clean_place / "files" / dataset.version_folder(VERSION) / "source/part").write_bytes(part[:-1])
        damaged = azplan("usage", "--chart", "other.svg", "--wait", "1m")
    assert ended.code == 0, ended.err
    drawn = (clean_place / "usage.svg").read_text("utf-8")
    assert ET.fromstring(drawn).tag.endswith("svg")
    assert "84.28 % · 4\u202f213.87 of 5\u202f000.00 EUR" in drawn
    assert "as of 2026-03-22 12:00 UTC" in drawn
    assert "Zero" not in drawn
    assert "█" in ended.out
    assert "2 customers with a budget" in ended.err
    assert "March 2026 up to day 2: 4\u202f213.87 EUR" in drawn
    assert f"2026-03 version {VERSION}" in drawn
    assert "Cost by day, EUR" in ended.out
    assert "The cost by day cannot be read: not gzip, or cut" in damaged.err
    assert (damaged.code, "Cost by day" in (clean_place / "other.svg").read_text("utf-8")) == (0, False)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("budgets", "set", CUSTOMER, "5,000", "--yes"), "AMOUNT must be an amount of 0 or more"),
        (("budgets", "set", CUSTOMER, "5", "--if", "x", "--yes"), "--if must be an amount of 0 or more"),
        (("usage", "--customer", "contoso"), "the customer's ID must be a GUID"),
        (("invoices", "show", "G0/1"), "the invoice's ID must "),
    ],
)
def test_a_value_that_is_refused_is_named_as_it_was_typed(
    azplan: Azplan, words: tuple[str, ...], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not by the option that another verb has for it."""
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)
    ended = azplan(*words)
    assert ended.code == 2
    assert named in ended.err
