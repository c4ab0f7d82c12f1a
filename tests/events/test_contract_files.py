"""The contract as files: schemas made from the classes, and examples that are real records."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

import events
from events.codes import codes
from events.contract_files import example, file_name, generated_schema, messages, schema, write_schemas
from events.messages.base import Command, Message, commands
from events.wire.codec import AcceptedCommand, Outgoing, Record, decode, encode, encode_command
from events.wire.event_reader import PublishedEvent, read_event
from tests.events.sample_records import CUSTOMER, PLAN, record

FOLDER = Path(events.__file__).parent
COMMANDS = sorted(commands())
EVENTS = sorted(messages().keys() - commands().keys())


def validator(type_: str) -> Draft202012Validator:
    """The check of data by a team that trusts only the shipped schema."""
    return Draft202012Validator(schema(type_), format_checker=Draft202012Validator.FORMAT_CHECKER)


def as_record(type_: str) -> Record:
    """The example of that type as a record."""
    shown = example(type_)
    headers = tuple((name, text.encode()) for name, text in shown["headers"].items())
    return record(json.dumps(shown["value"]).encode(), headers, shown["key"].encode())


def as_example(type_: str, outgoing: Outgoing) -> dict[str, Any]:
    """A record in the form of the examples."""
    return {
        "type": type_,
        "key": (outgoing.key or b"").decode(),
        "headers": {name: (value or b"").decode() for name, value in outgoing.headers},
        "value": json.loads(outgoing.value or b""),
    }


@pytest.mark.parametrize("kind", messages().values(), ids=messages().keys())
def test_the_shipped_schema_is_the_one_of_the_class(kind: type[Message]) -> None:
    """If a class changed without its schema, the test says how to write the schema."""
    assert schema(kind.wire_type()) == generated_schema(kind), "run `make docs` to write the schemas"


@pytest.mark.parametrize("folder", ["schemas", "examples"])
def test_there_is_one_file_for_each_message(folder: str) -> None:
    """Every message has its file, and every file has its message."""
    assert {path.name for path in (FOLDER / folder).iterdir()} == {file_name(kind) for kind in messages().values()}


def test_schemas_are_written_as_they_are_shipped(tmp_path: Path) -> None:
    """The written schemas equal the shipped files to the byte."""
    written = write_schemas(tmp_path)

    assert {path.name: path.read_bytes() for path in written} == {
        path.name: path.read_bytes() for path in (FOLDER / "schemas").iterdir()
    }


@pytest.mark.parametrize("type_", messages())
def test_schemas_are_sound_and_have_names_of_their_own(type_: str) -> None:
    """Each is a schema of draft 2020-12, under an id that does not change."""
    Draft202012Validator.check_schema(schema(type_))

    assert schema(type_)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema(type_)["$id"] == f"urn:azplan:schema:{type_}"


@pytest.mark.parametrize("type_", messages())
def test_an_example_fits_its_schema(type_: str) -> None:
    """The schema describes the example's value. The headers have the message's type and customer."""
    shown = example(type_)

    validator(type_).validate(shown["value"])
    assert (shown["type"], shown["headers"]["ce_type"]) == (type_, type_)
    assert shown["key"] == shown["headers"]["ce_subject"] == shown["value"]["customerId"]


@pytest.mark.parametrize("type_", COMMANDS)
def test_the_example_of_a_command_is_accepted_and_sent_unchanged(type_: str) -> None:
    """The example decodes to its class, and sending that class gives the example again."""
    decoded = decode(as_record(type_))
    assert isinstance(decoded, AcceptedCommand)
    envelope = decoded.envelope
    assert envelope.time is not None

    sent = encode_command(
        decoded.command,
        id=envelope.id,
        source=envelope.source,
        time=envelope.time,
        partner=envelope.partner,
        correlation_id=envelope.correlation_id,
    )
    assert as_example(type_, sent) == example(type_)


@pytest.mark.parametrize("type_", EVENTS)
def test_the_example_of_an_event_is_read_and_written_unchanged(type_: str) -> None:
    """The example reads as its class, and writing that class gives the example again."""
    published = read_event(as_record(type_))
    assert isinstance(published, PublishedEvent)
    assert published.time is not None

    written = encode(
        published.event,
        id=UUID(published.id),
        time=published.time,
        correlation_id=published.correlation_id or "",
        causation_id=published.causation_id or "",
        traceparent=example(type_)["headers"]["traceparent"],
    )
    assert as_example(type_, written) == example(type_)


@pytest.mark.parametrize("type_", COMMANDS)
def test_the_schema_of_a_command_is_closed(type_: str) -> None:
    """A sender who checks against the schema finds a mistyped key before sending."""
    with pytest.raises(ValidationError, match="Additional properties"):
        validator(type_).validate({"customerId": CUSTOMER, "custom": 1})


@pytest.mark.parametrize("type_", EVENTS)
def test_the_schema_of_an_event_is_open(type_: str) -> None:
    """A reader who checks against the schema is not broken by a new member."""
    validator(type_).validate(example(type_)["value"] | {"something": "new"})


MEMBERS: list[dict[str, Any]] = [
    {"validateOnly": "true"},
    {"deadline": 7},
    {"subscriptionId": PLAN[:-1]},
    {"activeAssets": "delete"},
    {"customerId": "contoso.com"},
    {"subscriptionId": PLAN.upper()},
    {"deadline": None, "subscriptionId": None},
    {"activeAssets": "cancel", "validateOnly": True},
]


@pytest.mark.parametrize("members", MEMBERS)
def test_schema_and_decoding_agree(members: dict[str, Any]) -> None:
    """The schema of a command allows exactly the data that decoding accepts."""
    type_ = "azplan.SuspendPlan.v1"
    shown = as_record(type_)
    data = {"customerId": CUSTOMER} | members
    decoded = decode(record(json.dumps(data).encode(), shown.headers, None))

    assert isinstance(decoded, AcceptedCommand) == validator(type_).is_valid(data)


def test_a_member_has_a_name_and_no_title() -> None:
    """Titles would repeat the names."""
    members = generated_schema(commands()["azplan.SuspendPlan.v1"])["properties"]

    assert [name for name, member in members.items() if "title" in member] == []


def test_an_unknown_type_has_no_files() -> None:
    """Asking for an unknown type is an error that names the type."""
    with pytest.raises(KeyError, match=r"azplan\.Nothing\.v1"):
        schema("azplan.Nothing.v1")
    with pytest.raises(KeyError, match=r"azplan\.Nothing\.v1"):
        example("azplan.Nothing.v1")


def test_examples_tell_of_facts_in_order() -> None:
    """In an example, no event is earlier than its fact."""
    for type_ in EVENTS:
        shown = example(type_)
        received = shown["value"].get("receivedAt", shown["headers"]["ce_time"])
        assert datetime.fromisoformat(received) <= datetime.fromisoformat(shown["headers"]["ce_time"])


@pytest.mark.parametrize("type_", ["azplan.CommandRejected.v1", "azplan.CommandFailed.v1"])
def test_an_example_explains_its_code_as_the_code_does(type_: str) -> None:
    """An example has the title and advice that an event with this code has by default."""
    shown = example(type_)["value"]
    meaning = codes()[shown["code"]].meaning

    assert (shown["title"], shown["advice"]) == (meaning.title, meaning.advice)


def test_commands_and_events_are_all_the_messages() -> None:
    """The catalog lists commands first, then events."""
    assert [issubclass(kind, Command) for kind in messages().values()] == [True] * len(COMMANDS) + [False] * len(EVENTS)
