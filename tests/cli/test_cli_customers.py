"""`azplan customers`: the sent command, the tables, the JSON and the exit codes (sections 1 and 4 of the lifecycle)."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from events.codes import FailedCode, RejectedCode
from events.messages.base import Event, Origin
from events.messages.command_status import CommandAccepted, CommandFailed, CommandRejected, CommandValidated
from events.messages.customers import (
    CustomerReported,
    CustomersListed,
    CustomersReported,
    ReportCustomer,
    ReportCustomers,
)
from events.wire.record import Record
from ops.local.topics import Topics
from tests.cli.answering import Answerer
from tests.cli.conftest import Azplan
from tests.cli.test_cli_layout import COLOUR
from tests.cli.test_cli_terminal import at_a_terminal

CUSTOMER = "3c0e5f4a-9d2b-4a6e-8f1c-5b7d2e9a0c11"
OTHER = "9b2a6d0e-5c43-4f7e-8f53-1d1f6d2c7a10"
TENANT = "7e9a1c3b-5d2f-4e80-9a6c-1b3d5f7092e4"
ACCOUNT = {
    "AZPLAN_PARTNERS__CONTOSO__TENANT_ID": TENANT,
    "AZPLAN_PARTNERS__CONTOSO__CLIENT_ID": "c",
}
REPORT = {
    "name": "Fabrikam Test",
    "domain": "fabrikamtest.onmicrosoft.com",
    "country": "DE",
    "relationship": "reseller",
    "agreement": {"accepted": True, "how": "attested", "agreedOn": "2026-02-03T00:00:00Z"},
    "plans": [
        {
            "subscriptionId": "8d1f6a20-4b7e-4c35-9a52-e6c0b1f7d3a4",
            "status": "active",
            "orderId": "6183dd0e8d09",
            "createdOn": "2026-02-04T08:15:00Z",
            "resellerId": None,
            "azureSubscriptions": [
                {"id": "e2b4c6d8-1357-4a9b-bcde-0f2468ace013", "name": "Production", "status": "active"}
            ],
        }
    ],
    "reservations": [
        {
            "id": "0d5a3a4e-91c2-4f0b-8a43-6f1c2e7d9b55",
            "name": "Reserved VM Instance, Standard_DS1_v2, US East, 1 Year",
            "status": "active",
            "quantity": "2",
            "expiresOn": "2027-02-04T00:00:00Z",
        }
    ],
    "legacySubscriptions": [{"subscriptionId": OTHER, "offerId": "MS-AZR-0145P", "status": "suspended"}],
    "orders": [
        {"orderId": "6183dd0e8d09", "status": "completed", "createdOn": "2026-02-04T08:15:00Z", "azurePlan": True}
    ],
    "asOf": "2026-03-02T09:41:00Z",
    "leftOut": [{"member": "upgrade", "reason": "upgrades.eligibility: it takes a user's token"}],
}


@pytest.fixture
def here(topics: Topics, clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> Topics:
    """The settings point to fresh topics of a real broker, and have one account."""
    for name, value in {**topics.env, **ACCOUNT}.items():
        monkeypatch.setenv(name, value)
    return topics


def _listed(origin: Origin, _: Record) -> Iterable[Event]:
    yield CommandAccepted.of(origin, received_at=datetime.now(UTC))
    for page, (customer, name) in enumerate({CUSTOMER: "Fabrikam Test", OTHER: "Fabrikam Retail"}.items(), start=1):
        shown = {"customerId": customer, "name": name, "domain": "fabrikam.example", "relationship": "reseller"}
        yield CustomersListed.of(origin, page=page, pages=2, customers=[shown])
    yield CustomersReported.of(origin, customers=2, pages=2)


def _reported(origin: Origin, _: Record) -> Iterable[Event]:
    accepted = CommandAccepted.of(origin, received_at=datetime.now(UTC))
    yield accepted
    yield CustomerReported.model_validate({**accepted.wire_data(), **REPORT})


def _validated(origin: Origin, _: Record) -> Iterable[Event]:
    yield CommandValidated.of(origin, would_do=())


def _unknown(origin: Origin, _: Record) -> Iterable[Event]:
    yield CommandRejected.of(origin, code=RejectedCode.CUSTOMER_NOT_FOUND, detail="no tenant has this id")


def _failed(origin: Origin, _: Record) -> Iterable[Event]:
    yield CommandFailed.of(
        origin, code=FailedCode.RETRIES_EXHAUSTED, detail="it kept failing", attempts=10, outcome_unknown=False
    )


@pytest.mark.kafka
@pytest.mark.parametrize("words", [("customers",), ("customers", "list")], ids=["left out", "named"])
def test_the_customers_are_listed(here: Topics, azplan: Azplan, words: tuple[str, ...]) -> None:
    """`azplan customers [list] [--name TEXT]` sends the command for the partner account and shows all pages."""
    with Answerer(here, _listed) as answerer:
        ended = azplan(*words, "--name", "Fabrikam", "--wait", "1m")
    assert ended.code == 0
    (record,) = answerer.seen
    assert dict(record.headers)["ce_type"].decode() == ReportCustomers.wire_type()
    assert json.loads(record.value or b"") == {"customerId": TENANT, "name": "Fabrikam"}
    heads, *rows = ended.out.splitlines()
    assert heads.split() == ["CUSTOMER", "NAME", "DOMAIN", "RELATIONSHIP"]
    assert [row.split()[0] for row in rows] == [CUSTOMER, OTHER]
    assert "2 customers." in ended.err


@pytest.mark.kafka
def test_the_list_as_json_has_the_customers_of_the_pages(here: Topics, azplan: Azplan) -> None:
    """Each customer is shaped as in the event."""
    with Answerer(here, _listed):
        ended = azplan("customers", "--json", "--partner", "Contoso", "--wait", "1m")
    assert ended.code == 0
    assert [each["customerId"] for each in ended.json] == [CUSTOMER, OTHER]
    assert set(ended.json[0]) == {"customerId", "name", "domain", "country", "relationship"}


@pytest.mark.kafka
def test_a_customer_is_shown_at_80_columns(here: Topics, tmp_path: Path) -> None:
    """Everything that the report says, no id cut, and no line longer than the terminal."""
    with Answerer(here, _reported) as answerer:
        code, shown = at_a_terminal(
            tmp_path, "customers", "show", CUSTOMER, settings={**here.env, **ACCOUNT}, columns=80
        )
    assert code == 0, shown
    (record,) = answerer.seen
    assert dict(record.headers)["ce_type"].decode() == ReportCustomer.wire_type()
    lines = [line for line in COLOUR.sub("", shown).splitlines() if not line.startswith(("Sent ", "Waiting "))]
    assert max(map(len, lines)) <= 80
    whole = "\n".join(lines)
    for text in (
        "Fabrikam Test",
        "accepted on 2026-02-03",
        "upgrades.eligibility: it takes a user's token",
        "1 plan",
        REPORT["plans"][0]["subscriptionId"],  # type: ignore[index]
        "1 Azure subscription under",
        "e2b4c6d8-1357-4a9b-bcde-0f2468ace013",
        "1 reservation",
        "2027-02-04",
        "1 legacy subscription",
        "1 order",
    ):
        assert text in whole, text


@pytest.mark.kafka
def test_a_customer_as_json_is_the_data_of_the_event(here: Topics, azplan: Azplan) -> None:
    """The shape of `--json` is that of `CustomerReported`."""
    with Answerer(here, _reported):
        ended = azplan("customers", "show", CUSTOMER, "--json", "--wait", "1m")
    assert ended.code == 0
    assert {name: ended.json[name] for name in REPORT} == REPORT
    assert "upgrade" not in ended.json


@pytest.mark.kafka
@pytest.mark.parametrize("words", [("list",), ("show", CUSTOMER)], ids=["list", "show"])
def test_the_partner_account_is_named_in_the_command(here: Topics, azplan: Azplan, words: tuple[str, ...]) -> None:
    """`azplan customers` takes `--partner`: the command is for that account."""
    with Answerer(here, _reported if words[0] == "show" else _listed) as answerer:
        ended = azplan("customers", *words, "--partner", "Contoso", "--json", "--wait", "1m")
    assert ended.code == 0
    (record,) = answerer.seen
    assert (dict(record.headers)["ce_partner"] or b"").decode().lower() == "contoso"


@pytest.mark.kafka
def test_an_unknown_customer_exits_4(here: Topics, azplan: Azplan) -> None:
    """`customers show` of an unknown id exits 4, and says what to do."""
    with Answerer(here, _unknown):
        ended = azplan("customers", "show", OTHER, "--wait", "1m")
    assert ended.code == 4
    assert "customer_not_found" in ended.err
    assert "Check that customerId" in ended.err
    assert ended.out == ""


@pytest.mark.kafka
def test_a_worker_that_only_validates_reports_nothing(here: Topics, azplan: Azplan) -> None:
    """The sentence names the setting of the worker."""
    with Answerer(here, _validated):
        ended = azplan("customers", "show", OTHER, "--wait", "1m")
    assert ended.code == 4
    assert "AZPLAN_WORKER__VALIDATE_ONLY" in ended.err


@pytest.mark.kafka
def test_a_report_that_fails_exits_1_and_silence_5(here: Topics, azplan: Azplan) -> None:
    """As `azplan send --wait` does."""
    with Answerer(here, _failed):
        assert azplan("customers", "show", OTHER, "--wait", "1m").code == 1
    ended = azplan("customers", "--wait", "1s")
    assert ended.code == 5
    assert "azplan commands show" in ended.err


def test_an_id_that_is_no_guid_is_refused_before_anything_is_sent(azplan: Azplan) -> None:
    """Exit code 2."""
    ended = azplan("customers", "show", "fabrikam")
    assert ended.code == 2
    assert "must be a GUID" in ended.err


def test_the_account_must_be_clear(azplan: Azplan) -> None:
    """Without a configured account, nothing tells whose customers are meant."""
    assert azplan("customers").code == 2
    assert "list" in azplan("customers", "--help").out
