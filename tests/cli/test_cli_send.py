"""`azplan send`: the checks before, the written record, the printed events, and the exit codes."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from events.codes import FailedCode, RejectedCode, WaitingReason
from events.messages.base import Event, Origin, commands
from events.messages.command_status import (
    CommandAccepted,
    CommandFailed,
    CommandIdReused,
    CommandRejected,
    CommandValidated,
    CommandWaiting,
    PartnerCenterError,
)
from events.messages.plans import AzurePlanCreated, SuspendPlan
from events.wire.record import Record
from ops.local.azplan import environment
from ops.local.topics import Topics
from ops.local.waiting import wait_until
from tests.cli.answering import Answerer, Script
from tests.cli.conftest import Azplan
from worker.cli.verbs import send as verb
from worker.operators.sending.compose import Member, members, value_of
from worker.operators.sending.send import SendRequest

CUSTOMER = "3c0e5f4a-9d2b-4a6e-8f1c-5b7d2e9a0c11"
OWN = "7e9a1c3b-5d2f-4e80-9a6c-1b3d5f7092e4"
"""The tenant id of a partner account."""
ROOT = Path(__file__).parents[2]
NOBODY = "127.0.0.1:1"
"""An address without a broker."""


@pytest.fixture
def here(topics: Topics, clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> Topics:
    """The settings point to fresh topics of a real broker."""
    for name, value in topics.env.items():
        monkeypatch.setenv(name, value)
    return topics


def _accepted(origin: Origin) -> Event:
    return CommandAccepted.of(origin, received_at=datetime.now(UTC))


def _created(origin: Origin, _: Record) -> Iterable[Event]:
    yield _accepted(origin)
    yield CommandWaiting.of(origin, reason=WaitingReason.ORDER_PROVISIONING, detail="order 4711", until=None, attempt=0)
    yield AzurePlanCreated.of(
        origin,
        subscription_id="sub-1",
        status="active",
        order_id="4711",
        azure_subscriptions=[{"id": "az-1", "status": "active"}],
        already_existed=False,
    )


def _rejected(origin: Origin, _: Record) -> Iterable[Event]:
    yield _accepted(origin)
    yield CommandRejected.of(
        origin,
        code=RejectedCode.ACTIVE_ASSETS,
        detail="two are active",
        blockers=[{"kind": "azureSubscription", "id": "az-1", "name": "Production", "status": "active"}],
        partner_center=PartnerCenterError(operation="subscriptions.suspend", http_status=403, code="900115"),
    )


def _failed(origin: Origin, _: Record) -> Iterable[Event]:
    yield CommandFailed.of(
        origin, code=FailedCode.OUTCOME_UNKNOWN, detail="never answered", attempts=3, outcome_unknown=True
    )


def _validated(origin: Origin, _: Record) -> Iterable[Event]:
    yield CommandValidated.of(origin, would_do=["subscriptions.suspend: suspend the plan"])


def _silent(_origin: Origin, _record: Record) -> Iterable[Event]:
    return ()


def _reused(origin: Origin, record: Record) -> Iterable[Event]:
    place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    yield CommandIdReused.of(origin, received_at=datetime.now(UTC), detail="other content", **place)


@pytest.mark.kafka
def test_without_wait_it_writes_the_record_and_prints_its_id(here: Topics, azplan: Azplan) -> None:
    """Standard output has only the id, for scripts. The place of the record is on standard error."""
    with Answerer(here, _silent) as answerer:
        ended = azplan(
            "send", "CreateAzurePlan", "--customer", CUSTOMER.upper(), "--country", "de", "--partner", "Contoso"
        )
        assert ended.code == 0
        wait_until(lambda: answerer.seen, "the record is read", within=10)
    (record,) = answerer.seen
    headers = dict(record.headers)
    assert ended.out.strip().encode() == headers["ce_id"]
    assert here.commands in ended.err
    assert record.key == CUSTOMER.encode()
    assert json.loads(record.value or b"") == {"customerId": CUSTOMER, "country": "DE"}
    assert headers["ce_source"] == b"/azplan/cli"
    assert headers["ce_partner"] == b"Contoso"
    assert headers["ce_type"] == b"azplan.CreateAzurePlan.v1"


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("script", "code", "lines"),
    [
        (
            _created,
            0,
            ["CommandAccepted", "order_provisioning", "AzurePlanCreated", "subscriptionId sub-1", "az-1 active"],
        ),
        (
            _rejected,
            4,
            ["active_assets: The Azure plan is in use", "two are active", "What to do", "Production", "code 900115"],
        ),
        (_failed, 1, ["outcome_unknown", "never answered", "look before sending it again"]),
        (_validated, 0, ["this would be done", "suspend the plan"]),
        (_reused, 4, ["CommandIdReused", "other content"]),
    ],
    ids=lambda each: each.__name__[1:] if callable(each) else "",
)
def test_with_wait_the_events_are_printed_and_the_answer_is_the_exit_code(
    script: Script, code: int, lines: list[str], here: Topics, azplan: Azplan
) -> None:
    """0 done, 4 rejected, 1 failed. Each event is printed in plain words."""
    with Answerer(here, script):
        ended = azplan("send", "SuspendPlan", "--customer", CUSTOMER, "--wait", "30s")
    assert ended.code == code
    at = [ended.out.index(line) for line in lines]
    assert at == sorted(at)


@pytest.mark.kafka
def test_json_is_one_object_with_all_events(here: Topics, azplan: Azplan) -> None:
    """The object has the command, its place, and its events as CloudEvents. Standard output has nothing else."""
    with Answerer(here, _created):
        words = ("CreateAzurePlan", "--customer", CUSTOMER, "--id", "order-1", "--source", "/crm", "--wait", "30s")
        ended = azplan("send", *words, "--json")
    assert ended.code == 0
    told = ended.json
    assert (told["id"], told["source"], told["type"]) == ("order-1", "/crm", "azplan.CreateAzurePlan.v1")
    assert (told["customerId"], told["partner"], told["topic"]) == (CUSTOMER, None, here.commands)
    assert isinstance(told["partition"], int)
    assert isinstance(told["offset"], int)
    types = [event["type"] for event in told["events"]]
    assert types == ["azplan.CommandAccepted.v1", "azplan.CommandWaiting.v1", "azplan.AzurePlanCreated.v1"]
    assert set(told["events"][0]) == {"id", "type", "time", "data"}
    assert told["events"][2]["data"]["subscriptionId"] == "sub-1"


@pytest.mark.kafka
def test_events_of_other_commands_are_not_mistaken_for_the_answer(here: Topics, azplan: Azplan) -> None:
    """The same id of another source and another id of the same source are other commands."""

    def others(origin: Origin, record: Record) -> Iterable[Event]:
        for other in (Origin("c-1", "/else", *_rest(origin)), Origin("c-2", origin.command_source, *_rest(origin))):
            yield from _rejected(other, record)
        yield from _created(origin, record)

    with Answerer(here, others):
        ended = azplan("send", "CreateAzurePlan", "--customer", CUSTOMER, "--id", "c-1", "--wait", "30s", "--json")
    assert ended.code == 0
    assert {event["data"]["commandId"] for event in ended.json["events"]} == {"c-1"}
    assert "azplan.CommandRejected.v1" not in [event["type"] for event in ended.json["events"]]


def _rest(origin: Origin) -> tuple[str, str, str | None]:
    return origin.command_type, origin.customer_id, origin.partner


@pytest.mark.kafka
def test_the_refusal_of_another_record_with_the_id_ends_nothing(here: Topics, azplan: Azplan) -> None:
    """The record named by CommandIdReused decides. This record is missing: the event is reported and skipped."""

    def elsewhere(origin: Origin, record: Record) -> Iterable[Event]:
        place = {"topic": record.topic, "partition": record.partition, "offset": record.offset + 7}
        yield CommandIdReused.of(origin, received_at=datetime.now(UTC), detail="other content", **place)
        yield from _created(origin, record)

    with Answerer(here, elsewhere):
        ended = azplan("send", "CreateAzurePlan", "--customer", CUSTOMER, "--wait", "30s")
    assert ended.code == 0
    assert "CommandIdReused" not in ended.out
    assert "1 record of" in ended.err
    assert "the record that it is about is not on the commands topic" in ended.err


@pytest.mark.kafka
def test_an_answer_that_azplan_would_not_write_ends_nothing(here: Topics, azplan: Azplan) -> None:
    """An event with an id that does not follow, or with unreadable data, is reported and skipped."""

    def forged(origin: Origin, record: Record) -> Iterable[Event]:
        yield from _failed(origin, record)
        yield from _created(origin, record)

    with Answerer(here, forged, spoil=lambda event: isinstance(event, CommandFailed)):
        ended = azplan("send", "CreateAzurePlan", "--customer", CUSTOMER, "--wait", "30s")
    assert ended.code == 0
    assert "AzurePlanCreated" in ended.out
    assert "never answered" not in ended.out
    assert "1 record of" in ended.err
    assert "its ce_id does not follow from the command" in ended.err


@pytest.mark.kafka
def test_no_answer_in_time_is_exit_code_5_and_says_where_to_look(here: Topics, azplan: Azplan) -> None:
    """The command goes on although nobody waits."""
    ended = azplan("send", "CreateAzurePlan", "--customer", CUSTOMER, "--id", "slow-1", "--wait", "1s")
    assert ended.code == 5
    assert "no answer within 1 s" in ended.err
    assert "azplan commands show slow-1" in ended.err


@pytest.mark.kafka
def test_an_interrupt_while_waiting_is_exit_code_130_and_says_that_the_command_goes_on(
    here: Topics, clean_place: Path
) -> None:
    """Ctrl-C stops the wait and not the command."""
    words = ["send", "CreateAzurePlan", "--customer", CUSTOMER, "--id", "left-1", "--wait", "5m"]
    waiting = subprocess.Popen(
        [sys.executable, "-m", "worker.cli", *words],
        env=environment({**here.env, "PYTHONPATH": str(ROOT)}),
        cwd=clean_place,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert waiting.stderr is not None
    said = waiting.stderr.readline()
    assert said.startswith("Sent CreateAzurePlan left-1")
    waiting.send_signal(signal.SIGINT)
    _, rest = waiting.communicate(timeout=30)
    assert waiting.returncode == 130
    assert "azplan commands show left-1" in rest
    assert "Traceback" not in rest


@pytest.mark.kafka
def test_data_comes_from_a_file_and_options_win(here: Topics, azplan: Azplan, clean_place: Path) -> None:
    """A file has the data of the command. Typed options count before the file."""
    file = clean_place / "command.json"
    file.write_text(json.dumps({"customerId": CUSTOMER, "country": "US", "validateOnly": True}))
    with Answerer(here, _silent) as answerer:
        ended = azplan("send", "CreateAzurePlan", "--file", str(file), "--country", "FR")
        assert ended.code == 0
        wait_until(lambda: answerer.seen, "the record is read", within=10)
    assert json.loads(answerer.seen[0].value or b"") == {"customerId": CUSTOMER, "country": "FR", "validateOnly": True}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["CreateAzurePlan"], "--customer is missing"),
        (["CreateAzurePlan", "--customer", "contoso"], "--customer must be a GUID"),
        (["CreateAzurePlan", "--customer", CUSTOMER, "--country", "Germany"], "--country must be the two letters"),
        (
            ["SuspendPlan", "--customer", CUSTOMER, "--active-assets", "drop"],
            "--active-assets must be 'refuse' or 'cancel'",
        ),
        (["SuspendPlan", "--customer", CUSTOMER, "--deadline", "tomorrow"], "--deadline must be an RFC 3339 instant"),
        (["SuspendPlan", "--customer", CUSTOMER, "--id", "a\nb"], "ce_id has control characters"),
        (["SuspendPlan", "--customer", CUSTOMER, "--id", ""], "ce_id is empty"),
        (["SuspendPlan", "--customer", CUSTOMER, "--source", "x" * 1025], "ce_source is longer than 1024 bytes"),
        (["SuspendPlan", "--customer", CUSTOMER, "--wait", "soon"], "'soon' is no duration"),
        (["SuspendPlan", "--file", "absent.json"], "absent.json cannot be read"),
        (["SuspendPlan", "--file", "list.json"], "list.json holds no data of a command"),
        (["SuspendPlan", "--file", "twice.json"], "twice.json gives customerId more than once"),
        (
            ["SuspendPlan", "--file", "unknown.json"],
            'the key "subscriptionID" is unknown: did you mean subscriptionId?',
        ),
        (["SuspendPlan", "--file", "good.json", "--customer", CUSTOMER.replace("3", "4")], "are two customers"),
    ],
)
def test_a_command_that_the_worker_would_refuse_is_not_sent(
    words: list[str], problem: str, azplan: Azplan, clean_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code is 2. Each problem is named with its option. No broker is needed for that."""
    monkeypatch.setenv("AZPLAN_KAFKA__BOOTSTRAP_SERVERS", NOBODY)
    (clean_place / "list.json").write_text("[1]")
    (clean_place / "twice.json").write_text(f'{{"customerId": "{CUSTOMER}", "customerId": "{CUSTOMER}"}}')
    (clean_place / "good.json").write_text(json.dumps({"customerId": CUSTOMER}))
    (clean_place / "unknown.json").write_text(json.dumps({"customerId": CUSTOMER, "subscriptionID": "x"}))
    ended = azplan("send", *words)
    assert ended.code == 2
    assert problem in " ".join(ended.err.split())
    assert ended.out == ""


def test_data_comes_from_standard_input(clean_place: Path) -> None:
    """`--file -`: data from a pipe is checked like a file."""
    for data, code in ({"customerId": CUSTOMER}, 69), ({"customerID": CUSTOMER}, 2):
        ended = subprocess.run(
            [sys.executable, "-m", "worker.cli", "send", "SuspendPlan", "--file", "-"],
            env=environment({"PYTHONPATH": str(ROOT), "AZPLAN_KAFKA__BOOTSTRAP_SERVERS": NOBODY}),
            cwd=clean_place,
            input=json.dumps(data),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == code, ended.stderr


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", "007", "007"),
        ("string", "true", "true"),
        ("integer", "7", 7),
        ("number", "0.5", 0.5),
        ("array", '["a", "b"]', ["a", "b"]),
        ("object", '{"a": 1}', {"a": 1}),
        ("integer", "seven", "seven"),
    ],
)
def test_typed_text_becomes_the_json_value_that_the_schema_asks_for(kind: str, text: str, value: object) -> None:
    """Text that is no such value stays text. The check of the command then refuses it by its name."""
    assert value_of(Member("m", "--m", kind, "", None, ""), text) == value


def test_without_a_broker_it_is_exit_code_69(azplan: Azplan, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the missing broker and the next step."""
    monkeypatch.setenv("AZPLAN_KAFKA__BOOTSTRAP_SERVERS", NOBODY)
    ended = azplan("send", "CreateAzurePlan", "--customer", CUSTOMER)
    assert ended.code == 69
    assert NOBODY in ended.err
    assert "azplan check" in ended.err


@pytest.mark.parametrize("wire_type", sorted(commands()))
def test_every_member_of_every_command_has_an_option_of_its_own(wire_type: str, azplan: Azplan) -> None:
    """No member is hidden behind a common option."""
    kind = commands()[wire_type]
    shared = {"--customer", "--file", "--partner", "--id", "--source", "--wait", "--json", "--help"}
    options = [member.option for member in members(kind)]
    assert not shared & set(options)
    ended = azplan("send", wire_type, "--help")
    assert ended.code == 0
    assert all(f"  {option}" in ended.out for option in options)


@pytest.mark.parametrize("given", [(), ("--partner", "Contoso")], ids=["the only account", "named"])
def test_a_command_about_the_partner_account_has_its_tenant_id(
    azplan: Azplan, monkeypatch: pytest.MonkeyPatch, given: tuple[str, ...]
) -> None:
    """This happens if the sender gives no customer. A command of a customer needs one."""
    requests = []

    async def deliver(_settings: object, request: SendRequest, **_: object) -> None:
        requests.append(request)

    for name, value in {"TENANT_ID": OWN.upper(), "CLIENT_ID": "app", "CLIENT_SECRET": "practice"}.items():
        monkeypatch.setenv(f"AZPLAN_PARTNERS__CONTOSO__{name}", value)
    monkeypatch.setattr(verb, "_deliver", deliver)
    assert azplan("send", "SuspendPlan", *given).code == 2
    monkeypatch.setattr(SuspendPlan, "subject", "partner_account")
    assert azplan("send", "SuspendPlan", *given).code == 0
    (request,) = requests
    assert (request.customer, request.outgoing.key) == (OWN, OWN.encode())
    assert json.loads(request.outgoing.value or b"") == {"customerId": OWN}
