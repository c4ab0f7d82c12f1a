"""The messages: their registry, the values of their members, and the lists that events cut."""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from pydantic import ValidationError

from events import messages as package
from events.codes import BlockerKind, FailedCode, RejectedCode
from events.messages import base
from events.messages.base import Command, Event, Origin, commands, events
from events.messages.command_status import (
    Blocker,
    CommandAccepted,
    CommandFailed,
    CommandRejected,
    CommandValidated,
    PartnerCenterError,
)
from events.messages.plans import AzurePlanCreated, CreateAzurePlan, PlanSuspended, SuspendPlan
from events.messages.upgrades import ProductUpgradeCompleted, UpgradeLineItem
from events.messages.usage import SetUsageBudget
from events.messages.validation import read_command
from tests.events.sample_records import CUSTOMER

ORIGIN = Origin("dunning-0815", "/crm", "azplan.SuspendPlan.v1", CUSTOMER, "contoso")
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

ANSWERS = {
    "azplan.CreateAzurePlan.v1": "azplan.AzurePlanCreated.v1",
    "azplan.SuspendPlan.v1": "azplan.PlanSuspended.v1",
    "azplan.ReactivatePlan.v1": "azplan.PlanReactivated.v1",
    "azplan.StartProductUpgrade.v1": "azplan.ProductUpgradeCompleted.v1",
    "azplan.ConfirmCustomerAgreement.v1": "azplan.CustomerAgreementConfirmed.v1",
    "azplan.ReportCustomers.v1": "azplan.CustomersReported.v1",
    "azplan.ReportCustomer.v1": "azplan.CustomerReported.v1",
    "azplan.ExportInvoiceLines.v1": "azplan.InvoiceLinesExported.v1",
    "azplan.FetchInvoiceStatement.v1": "azplan.InvoiceStatementFetched.v1",
    "azplan.ReportUsage.v1": "azplan.UsageReported.v1",
    "azplan.ReportInvoices.v1": "azplan.InvoicesReported.v1",
    "azplan.SetUsageBudget.v1": "azplan.UsageBudgetSet.v1",
}
TERMINAL = {*ANSWERS.values(), "azplan.CommandValidated.v1", "azplan.CommandRejected.v1", "azplan.CommandFailed.v1"}
OTHERS = {
    "azplan.CommandAccepted.v1",
    "azplan.CommandWaiting.v1",
    "azplan.ProductUpgradeStarted.v1",
    "azplan.ProductUpgradeProgressed.v1",
    "azplan.CommandIdReused.v1",
    "azplan.CustomersListed.v1",
    "azplan.InvoiceExportProgressed.v1",
    "azplan.UsageRecorded.v1",
}


def test_a_condition_that_was_not_given_is_not_sent() -> None:
    """Null asks for no budget. A copied default is the default still, also in a message that nobody has checked."""
    asked = [
        SetUsageBudget(customer_id=CUSTOMER, amount="5", if_amount=None),
        SetUsageBudget(customer_id=CUSTOMER, amount="5"),
    ]
    assert [each.wire_data().get("ifAmount", "left out") for each in asked] == [None, "left out"]
    assert SetUsageBudget.model_construct(customer_id=CUSTOMER).wire_data() == {"customerId": CUSTOMER}


def test_every_command_names_the_event_that_answers_it() -> None:
    """The commands of the contract, each with its answer."""
    assert {type_: kind.answered_by.wire_type() for type_, kind in commands().items()} == ANSWERS


def test_the_answers_end_the_story_and_nothing_else_does() -> None:
    """These are the events of the contract, divided into terminal ones and others."""
    assert {type_ for type_, kind in events().items() if kind.terminal} == TERMINAL
    assert {type_ for type_, kind in events().items() if not kind.terminal} == OTHERS


@pytest.fixture
def new_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a further module of the package, `events.messages.closing`. It is removed after the test."""
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    yield tmp_path / "closing.py"
    del package.closing, sys.modules["events.messages.closing"]


def test_a_message_is_registered_by_being_there(new_module: Path) -> None:
    """A command in a new module of the package is found without being named anywhere else."""
    new_module.write_text("from events.messages.base import Command\n\nclass CloseAccount(Command):\n    pass\n")

    assert base._found(Command).keys() == {*ANSWERS, "azplan.CloseAccount.v1"}


def test_two_messages_of_one_name_are_an_error(new_module: Path) -> None:
    """A second class of the same name would hide the first. The error names the place to correct."""
    new_module.write_text("from events.messages.base import Command\n\nclass SuspendPlan(Command):\n    pass\n")

    with pytest.raises(TypeError, match=r"SuspendPlan\.v1 is defined twice: rename the class in events\.messages\.p"):
        base._found(Command)


def test_events_of_a_command_begin_with_their_common_members() -> None:
    """Every event names command, customer, partner and story. Its own members follow, in camelCase."""
    event = PlanSuspended.of(ORIGIN, subscription_id="5A2A", already_suspended=True)

    assert event.wire_data() == {
        "commandId": "dunning-0815",
        "commandSource": "/crm",
        "commandType": "azplan.SuspendPlan.v1",
        "customerId": CUSTOMER,
        "partner": "contoso",
        "redrive": 0,
        "subscriptionId": "5A2A",
        "alreadySuspended": True,
        "cancelledAssets": [],
        "refunds": [],
    }


def test_the_customer_is_in_lower_case() -> None:
    """This holds for any case in the source."""
    origin = Origin("1", "/crm", "azplan.SuspendPlan.v1", CUSTOMER.upper(), None)

    assert CommandAccepted.of(origin, received_at=NOW).customer_id == CUSTOMER
    assert CreateAzurePlan(customer_id=CUSTOMER.upper()).customer_id == CUSTOMER


@pytest.mark.parametrize(("made", "named"), [(500, None), (501, ["blockers"]), (2_000, ["blockers"])])
def test_a_long_list_is_cut_and_named(made: int, named: list[str] | None) -> None:
    """A list has at most 500 items. The first ones are kept, and `truncated` names the list."""
    blockers = [Blocker(kind=BlockerKind.ORDER, id=str(number)) for number in range(made)]
    data = CommandRejected.of(ORIGIN, code=RejectedCode.ACTIVE_ASSETS, detail="x", blockers=blockers).wire_data()

    assert [blocker["id"] for blocker in data["blockers"]] == [str(number) for number in range(min(made, 500))]
    assert data.get("truncated") == named


def test_every_list_of_every_event_is_cut() -> None:
    """`truncated` has the names of the wire, in any event."""
    items = [UpgradeLineItem(status="Completed")] * 501
    upgrade = ProductUpgradeCompleted.of(ORIGIN, upgrade_id="u", adopted=False, line_items=items)
    validated = CommandValidated.of(ORIGIN, would_do=["x"] * 501)
    created = AzurePlanCreated.of(
        ORIGIN,
        subscription_id="s",
        status="active",
        already_existed=True,
        azure_subscriptions=[{"id": "a", "status": "b"}] * 501,
    )

    assert upgrade.truncated == ("lineItems",)
    assert validated.truncated == ("wouldDo",)
    assert created.truncated == ("azureSubscriptions",)
    assert [len(list_) for list_ in (upgrade.line_items, validated.would_do, created.azure_subscriptions)] == [500] * 3


def test_a_cut_list_stays_named_when_it_is_read_again() -> None:
    """Reading an event and writing it again changes nothing."""
    event = CommandValidated.of(ORIGIN, would_do=["x"] * 501)

    assert CommandValidated.model_validate(event.wire_data()) == event


def test_microsofts_texts_are_made_printable_and_cut() -> None:
    """The text of Microsoft or a person cannot break a log, a database or the size of a record."""
    error = PartnerCenterError(operation="carts.checkout", code="9\x00\ud800", description="one\r\ntwo" + "x" * 3_000)
    blocker = Blocker(kind=BlockerKind.ORDER, id="o", name="n" * 1_000)

    assert error.code == "9\ufffd\ufffd"
    assert error.description is not None
    assert (error.description[:8], len(error.description), error.description[-1]) == ("one twox", 2_000, "…")
    assert blocker.name == "n" * 255 + "…"


@pytest.mark.parametrize("code", [*RejectedCode])
def test_a_rejection_explains_its_code(code: RejectedCode) -> None:
    """Title and advice follow from the code if the event has none of its own."""
    event = CommandRejected.of(ORIGIN, code=code, detail="x")

    assert (event.title, event.advice) == (code.meaning.title, code.meaning.advice)


def test_better_advice_is_kept() -> None:
    """A handler that knows more than the code says so in the event."""
    event = CommandFailed.of(
        ORIGIN, code=FailedCode.ORDER_FAILED, detail="x", advice="Buy again.", attempts=1, outcome_unknown=False
    )

    assert (event.title, event.advice) == (FailedCode.ORDER_FAILED.meaning.title, "Buy again.")


def test_a_code_of_failures_is_none_of_rejections() -> None:
    """The two lists are closed: each refuses a code of the other and names the code."""
    with pytest.raises(ValidationError, match="code"):
        CommandRejected.of(ORIGIN, code=FailedCode.ORDER_FAILED, detail="x")
    with pytest.raises(ValidationError, match="code"):
        CommandFailed.of(ORIGIN, code="plan_not_found", detail="x", attempts=1, outcome_unknown=False)


def test_readers_ignore_members_that_they_do_not_know() -> None:
    """An older azplan reads an event of a newer one with more members."""
    data = CommandAccepted.of(ORIGIN, received_at=NOW).wire_data()

    assert CommandAccepted.model_validate(data | {"laneDepth": 3, "received_at": "x"}) == CommandAccepted.of(
        ORIGIN, received_at=NOW
    )


def test_an_instant_is_written_in_utc() -> None:
    """Any offset is accepted. The output is UTC, with a fraction only if there is one."""
    berlin = datetime(2026, 3, 2, 10, 30, tzinfo=timezone(timedelta(hours=1)))

    assert CommandAccepted.of(ORIGIN, received_at=berlin).wire_data()["receivedAt"] == "2026-03-02T09:30:00Z"
    late = NOW + timedelta(microseconds=1)
    assert CommandAccepted.of(ORIGIN, received_at=late).wire_data()["receivedAt"] == "2026-03-02T09:30:00.000001Z"


def test_a_naive_datetime_is_refused() -> None:
    """A local time is no instant, even in azplan's own code."""
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(ValidationError, match="must be an RFC 3339 instant with an offset"):
        CommandAccepted.of(ORIGIN, received_at=naive)
    with pytest.raises(ValidationError, match="must be an RFC 3339 instant with an offset"):
        SuspendPlan(customer_id=CUSTOMER, deadline=naive)


def test_messages_cannot_be_changed() -> None:
    """A published event never changes."""
    with pytest.raises(ValidationError, match="frozen"):
        SuspendPlan(customer_id=CUSTOMER).active_assets = "cancel"  # type: ignore[misc]


def test_a_command_is_sent_without_its_defaults() -> None:
    """A message of azplan leaves out members with their default."""
    assert SuspendPlan(customer_id=CUSTOMER, active_assets="refuse").wire_data() == {"customerId": CUSTOMER}


@pytest.mark.parametrize("kind", [*commands().values(), *events().values()])
def test_every_message_says_what_it_means(kind: type[Command] | type[Event]) -> None:
    """Every message has a sentence of its own. The schemas show it to other teams."""
    assert kind.__doc__ is not None
    assert re.match(r"[A-Z].+\.", kind.__doc__)


def short(value: object) -> str:
    """The value as the name of a test."""
    return repr(value)[:16]


@pytest.mark.parametrize("type_", sorted(commands()))
@pytest.mark.parametrize("value", [[], {}, "", 5, 1.5, True, None, "x" * 5_000, [1], [{}], {"a": 1}], ids=short)
def test_a_wrong_member_is_told_in_the_words_of_json(type_: str, value: object) -> None:
    """Senders use other languages: no sentence has the validator's own words."""
    kind = commands()[type_]
    for name, member in kind.model_fields.items():
        told = read_command(kind, {"customerId": CUSTOMER, (member.alias or name): value})
        for sentence in told if isinstance(told, list) else []:
            assert not re.search("should|Input|instance|dictionary|validation", sentence), sentence


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"lines": []}, "lines must not be empty"),
        ({"formats": []}, "formats must not be empty"),
        ({"lines": "usage"}, "lines must be a list"),
        ({"unbilled": "current"}, "unbilled must be an object"),
    ],
)
def test_a_list_or_an_object_of_a_command_has_a_plain_rule(members: dict[str, object], problem: str) -> None:
    """The sentence names the key and the rule."""
    kind = commands()["azplan.ExportInvoiceLines.v1"]
    assert read_command(kind, {"customerId": CUSTOMER, "invoiceId": "G000000001", **members}) == [problem]
