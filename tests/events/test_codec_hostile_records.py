"""Records from the open world: for any bytes, decoding gives an answer that can be printed, stored and sent."""

import json
import re
from dataclasses import fields, is_dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from events.codes import RecordCode
from events.wire.codec import AcceptedCommand, NotACommand, Record, RefusedCommand, decode
from tests.events.sample_records import ATTRIBUTES, CUSTOMER, DATA, binary, record

UNSTORABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

names = st.sampled_from(
    [
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_specversion",
        "ce_subject",
        "ce_partner",
        "ce_time",
        "content-type",
        "traceparent",
    ]
) | st.text(max_size=10)
values = st.sampled_from([b"1.0", b"application/cloudevents+json", b"azplan.SuspendPlan.v1", CUSTOMER.encode()])
headers = st.lists(st.tuples(names, st.none() | st.binary(max_size=30) | values), max_size=12).map(tuple)

any_text = st.text(st.characters(), max_size=20)  # lone surrogates and U+0000 among them
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)
members = st.dictionaries(
    st.sampled_from(["customerId", "validateOnly", "deadline", "subscriptionId", "activeAssets", "data"]) | any_text,
    json_values,
    max_size=6,
)


def storable(decoded: object) -> bool:
    """Whether no text in the value has control characters or lone surrogates: logs and databases need that."""
    found = [getattr(decoded, field.name) for field in fields(decoded)] if is_dataclass(decoded) else []
    return all(storable(value) if is_dataclass(value) else not UNSTORABLE.search(str(value)) for value in found)


def answered(sample: Record) -> None:
    """Check that the record becomes one of the three answers, with bounded and printable text."""
    decoded = decode(sample)
    assert isinstance(decoded, NotACommand | RefusedCommand | AcceptedCommand)
    assert storable(decoded)
    if not isinstance(decoded, AcceptedCommand):
        assert 0 < len(decoded.detail) <= 500


@settings(deadline=None)
@given(value=st.none() | st.binary(max_size=200), key=st.none() | st.binary(max_size=40), headers=headers)
def test_any_bytes_are_answered(value: bytes | None, key: bytes | None, headers: Any) -> None:
    """No key, value or header makes decoding fail."""
    answered(record(value, headers, key))


@settings(deadline=None)
@given(data=members)
def test_any_data_is_answered(data: dict[str, Any]) -> None:
    """For any JSON in a good envelope, decoding ends in an answer."""
    answered(binary(DATA | data))


@settings(deadline=None)
@given(document=members, content_type=st.sampled_from([b"application/cloudevents+json", b"application/cloudevents"]))
def test_any_structured_event_is_answered(document: dict[str, Any], content_type: bytes) -> None:
    """For any JSON in structured mode, decoding ends in an answer."""
    value = json.dumps(ATTRIBUTES | {"data": DATA} | document).encode()
    answered(record(value, (("content-type", content_type),)))


def test_a_detail_repeats_no_value_and_only_the_start_of_a_key() -> None:
    """Secrets and floods in a command stay out of the detail, because logs, events and headers have the detail."""
    decoded = decode(
        binary(DATA | {"k" * 5000: 1, "activeAssets": "hunter2", "subscriptionId": "hunter2", "deadline": "hunter2"})
    )

    assert isinstance(decoded, RefusedCommand)
    assert "hunter2" not in decoded.detail
    assert "k" * 65 not in decoded.detail


def test_a_flood_of_unknown_keys_is_counted_not_listed() -> None:
    """A hundred thousand unknown keys give a short detail."""
    decoded = decode(binary(DATA | {str(number): 0 for number in range(70_000)}))

    assert isinstance(decoded, RefusedCommand)
    assert len(decoded.detail) == 500
    assert decoded.detail.startswith('the key "0" is unknown')


def test_a_long_type_is_cut_in_the_detail() -> None:
    """The detail has the start of a type of a thousand characters."""
    decoded = decode(binary(type="t" * 1024))

    assert isinstance(decoded, RefusedCommand)
    assert decoded.detail.startswith(f'"{"t" * 99}…" is no type of command')


def test_a_long_content_type_is_cut_in_the_detail() -> None:
    """The detail has the start of a content type of a thousand characters."""
    decoded = decode(binary(extra=(("content-type", b"x" * 1000),)))

    assert isinstance(decoded, RefusedCommand)
    assert decoded.detail == f'content-type is "{"x" * 63}…", not application/json'


def test_a_record_whose_bytes_could_not_be_read_does_not_count_as_empty() -> None:
    """An unread record is the first row of the contract's table. The detail says why it was not read."""
    decoded = decode(Record("azplan.commands.v1", 0, 7, None, None, None, (), "its batch is too large"))

    assert isinstance(decoded, NotACommand)
    assert decoded.code is RecordCode.INVALID_JSON
    assert decoded.detail == "the record cannot be read: its batch is too large"
