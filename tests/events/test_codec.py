"""What becomes of a record: each row of the contract's table that the record alone decides, in its order."""

import json

import pytest

from events.codes import RecordCode, RejectedCode
from events.messages.base import commands
from events.messages.plans import CreateAzurePlan, SuspendPlan
from events.wire.codec import AcceptedCommand, Mode, NotACommand, Record, RefusedCommand, decode
from tests.events.sample_records import (
    ATTRIBUTES,
    CREATE,
    CUSTOMER,
    DATA,
    OTHER_CUSTOMER,
    PLAN,
    SUSPEND,
    binary,
    record,
    structured,
)

CLOUDEVENTS = (("content-type", b"application/cloudevents+json"),)
GOOD_HEADERS = binary().headers


def levels(count: int) -> bytes:
    """The data of a command that nests `count` levels deep. The data itself is the first level."""
    return b'{"customerId":"%s","nest":%s%s}' % (CUSTOMER.encode(), b"[" * (count - 1), b"]" * (count - 1))


def document(**members: object) -> bytes:
    """The value of a record in structured mode with these further members."""
    return json.dumps({**ATTRIBUTES, **members}).encode()


NOT_JSON = {
    "no value, as a tombstone has": (record(None, GOOD_HEADERS), "the record has no value"),
    "an empty value": (binary(b""), "the value is empty"),
    "white space only": (binary(b" \n"), "the value is empty"),
    "a byte order mark only": (binary(b"\xef\xbb\xbf"), "the value is empty"),
    "UTF-16": (binary('{"customerId":"x"}'.encode("utf-16")), "the value is not UTF-8 at byte 0"),
    "a byte that is not UTF-8": (binary(b'{"a":"\xff"}'), "the value is not UTF-8 at byte 6"),
    "a byte that is not UTF-8 behind a byte order mark": (
        binary(b'\xef\xbb\xbf{"a":"\xff"}'),
        "the value is not UTF-8 at byte 9",
    ),
    "UTF-16 without a mark": (
        binary('{"customerId":"x"}'.encode("utf-16-be")),
        "the value is not JSON at line 1, column 1",
    ),
    "a byte 00 alone": (binary(b"\0{}"), "the value is not JSON at line 1, column 1"),
    "cut JSON": (binary(b'{"a":'), "the value is not JSON at line 1, column 6"),
    "two JSON values": (binary(b"{} {}"), "the value is not JSON at line 1, column 4"),
    "a raw line break in a string": (binary(b'{"a":"\n"}'), "the value is not JSON at line 1, column 7"),
    "NaN": (binary(b'{"a":NaN}'), "the value holds NaN, which is not JSON"),
    "Infinity": (binary(b'{"a":-Infinity}'), "the value holds -Infinity, which is not JSON"),
    "an array": (binary(b"[]"), "the value is an array, not a JSON object"),
    "a string": (binary(b'"x"'), "the value is a string, not a JSON object"),
    "a number": (binary(b"1.5"), "the value is a number, not a JSON object"),
    "true": (binary(b"true"), "the value is a boolean, not a JSON object"),
    "null": (binary(b"null"), "the value is null, not a JSON object"),
    "over 1 MiB": (
        binary(b'{"a":"' + b"x" * 1_048_569 + b'"}'),
        "the value has 1048577 bytes; at most 1048576 are read",
    ),
    "65 levels": (binary(levels(65)), "the value is nested deeper than 64 levels"),
    "more levels than Python has": (binary(levels(100_000)), "the value is nested deeper than 64 levels"),
    "an integer of 1000 digits": (
        binary(b'{"a":-%s}' % (b"1" * 1000)),
        "the value holds an integer of 1000 digits or more",
    ),
    "structured, not JSON": (record(b"id=1", CLOUDEVENTS), "the value is not JSON at line 1, column 1"),
    "structured, an array": (record(b"[]", CLOUDEVENTS), "the value is an array, not a JSON object"),
    "structured without data": (record(document(), CLOUDEVENTS), "data is missing"),
    "structured with null data": (record(document(data=None), CLOUDEVENTS), "data is null, not a JSON object"),
    "structured with data as text": (record(document(data="{}"), CLOUDEVENTS), "data is a string, not a JSON object"),
    "structured with encoded data": (
        record(document(data_base64="e30="), CLOUDEVENTS),
        "the data is in data_base64; send a JSON object in data",
    ),
    "a batch that is not JSON": (
        record(b"x", (("content-type", b"application/cloudevents-batch+json"),)),
        "the value is not JSON at line 1, column 1",
    ),
    "not JSON, and no envelope either": (record(b"x"), "the value is not JSON at line 1, column 1"),
}

NO_ENVELOPE = {
    "no ce_id": (binary(id=None), "ce_id is missing"),
    "no ce_source": (binary(source=None), "ce_source is missing"),
    "no ce_type": (binary(type=None), "ce_type is missing"),
    "no ce_specversion": (binary(specversion=None), "ce_specversion is missing"),
    "no headers at all": (
        record(json.dumps(DATA).encode()),
        "ce_id is missing; ce_source is missing; ce_type is missing; ce_specversion is missing",
    ),
    "an older version": (binary(specversion="0.3"), "ce_specversion is not 1.0"),
    "a newer version": (structured(specversion="1.1"), "specversion is not 1.0"),
    "an empty id": (binary(id=""), "ce_id is empty"),
    "an id without a value": (binary(id=None, extra=(("ce_id", None),)), "ce_id is not text"),
    "two ids": (binary(extra=(("ce_id", b"2"),)), "ce_id is given more than once"),
    "the same id twice": (binary(extra=(("ce_id", b"dunning-0815"),)), "ce_id is given more than once"),
    "an id that is not UTF-8": (binary(id=b"\xff"), "ce_id is not UTF-8"),
    "an id of 1025 bytes": (binary(id="x" * 1023 + "é"), "ce_id is longer than 1024 bytes"),
    "an id with U+0000": (binary(id="a\0"), "ce_id has control characters"),
    "an id with U+0085": (binary(id="a\x85"), "ce_id has control characters"),
    "an empty partner": (binary(partner=""), "ce_partner is empty"),
    "two partners": (binary(partner="a", extra=(("ce_partner", b"b"),)), "ce_partner is given more than once"),
    "a subject that is not UTF-8": (binary(subject=b"\xff"), "ce_subject is not UTF-8"),
    "an empty subject": (binary(subject=""), "ce_subject is empty"),
    "an empty correlation id": (binary(correlationid=""), "ce_correlationid is empty"),
    "an empty causation id": (binary(causationid=""), "ce_causationid is empty"),
    "two content types": (
        binary(extra=(("content-type", b"application/json"), ("content-type", b"application/json"))),
        "content-type is given more than once",
    ),
    "structured, no id": (structured(id=None), "id is missing"),
    "structured, id null": (record(document(id=None, data=DATA), CLOUDEVENTS), "id is missing"),
    "structured, id a number": (structured(id=7), "id is not text"),
    "structured, id an object": (structured(id={"a": 1}), "id is not text"),
    "structured, id a lone surrogate": (structured(id="\ud800"), "id has control characters"),
    "structured, id in the headers only": (structured(id=None, extra=(("ce_id", b"1"),)), "id is missing"),
    "structured, id twice": (
        record(document(data=DATA).replace(b'"id":', b'"id": "1", "id":'), CLOUDEVENTS),
        "id is given more than once",
    ),
    "a batch": (
        record(b"[%s]" % document(data=DATA), (("content-type", b"application/cloudevents-batch+json"),)),
        "batches are not read: send one event a record",
    ),
    "no envelope, and no customer either": (binary({}, id=None), "ce_id is missing"),
}

NO_CUSTOMER = {
    "no customerId": (binary({}), "customerId is missing"),
    "customerId in another case": (binary({"customerid": CUSTOMER}), "customerId is missing"),
    "customerId null": (binary({"customerId": None}), "customerId is no GUID"),
    "customerId a number": (binary({"customerId": 7}), "customerId is no GUID"),
    "customerId a domain": (binary({"customerId": "contoso.onmicrosoft.com"}), "customerId is no GUID"),
    "customerId without hyphens": (binary({"customerId": CUSTOMER.replace("-", "")}), "customerId is no GUID"),
    "customerId in braces": (binary({"customerId": f"{{{CUSTOMER}}}"}), "customerId is no GUID"),
    "customerId with a line break": (binary({"customerId": f"{CUSTOMER}\n"}), "customerId is no GUID"),
    "customerId beside the data": (structured({}, customerId=CUSTOMER), "customerId is missing"),
    "no customer, and an unknown type": (binary({}, type="azplan.Nothing.v1"), "customerId is missing"),
}

UNDECODABLE = [
    pytest.param(code, sample, detail, id=f"{code}: {name}")
    for code, rows in (
        (RecordCode.INVALID_JSON, NOT_JSON),
        (RecordCode.INVALID_ENVELOPE, NO_ENVELOPE),
        (RecordCode.INVALID_CUSTOMER, NO_CUSTOMER),
    )
    for name, (sample, detail) in rows.items()
]


@pytest.mark.parametrize(("code", "sample", "detail"), UNDECODABLE)
def test_a_record_that_nobody_can_be_answered_for_is_a_dead_letter(
    code: RecordCode, sample: Record, detail: str
) -> None:
    """A record without JSON, envelope or customer becomes a dead letter with a detail about the mistake."""
    decoded = decode(sample)

    assert isinstance(decoded, NotACommand)
    assert (decoded.code, decoded.detail) == (code, detail)


def test_a_dead_letter_keeps_the_readable_attributes() -> None:
    """The dead letter of an undecodable record has its identity and correlation if those were readable."""
    decoded = decode(binary(b"{", correlationid="case-1", partner="contoso"))

    assert decoded == NotACommand(
        RecordCode.INVALID_JSON,
        "the value is not JSON at line 1, column 2",
        source="/crm",
        id="dunning-0815",
        type=SUSPEND,
        partner="contoso",
        correlation_id="case-1",
    )


def test_a_dead_letter_without_correlation_is_found_by_its_id() -> None:
    """The id of the record replaces a missing correlation id."""
    decoded = decode(structured({}))

    assert isinstance(decoded, NotACommand)
    assert decoded.correlation_id == "dunning-0815"


KEYS = "the keys of this type are customerId, validateOnly, deadline, subscriptionId, activeAssets, reservations"
INSTANT = "must be an RFC 3339 instant with an offset, such as 2026-01-31T09:30:00Z"

GUID = "must be a GUID such as 3c0e5f4a-9d2b-4a6e-8f1c-5b7d2e9a0c11"
PARTNER_ID = "must be a partner id in Partner Center, 1 to 10 digits such as 5550001"
INVALID = {
    "an unknown key": ({"plan": 1}, f'the key "plan" is unknown: {KEYS}'),
    "a mistyped key": ({"validateonly": True}, 'the key "validateonly" is unknown: did you mean validateOnly?'),
    "a key as Python spells it": (
        {"validate_only": True},
        'the key "validate_only" is unknown: did you mean validateOnly?',
    ),
    "true as text": ({"validateOnly": "true"}, "validateOnly must be true or false"),
    "true as a number": ({"validateOnly": 1}, "validateOnly must be true or false"),
    "null for a flag": ({"validateOnly": None}, "validateOnly must be true or false"),
    "a date": ({"deadline": "2026-01-31"}, f"deadline {INSTANT}"),
    "a local time": ({"deadline": "2026-01-31T09:30:00"}, f"deadline {INSTANT}"),
    "a day that is not": ({"deadline": "2026-02-30T09:30:00Z"}, f"deadline {INSTANT}"),
    "an instant before the year 1": ({"deadline": "0001-01-01T00:00:00+23:59"}, f"deadline {INSTANT}"),
    "seconds since 1970": ({"deadline": 1772443800}, f"deadline {INSTANT}"),
    "a word that is not in the list": ({"activeAssets": "delete"}, "activeAssets must be 'refuse' or 'cancel'"),
    "a list for a word": ({"activeAssets": ["cancel"]}, "activeAssets must be 'refuse' or 'cancel'"),
    "a number for an id": ({"subscriptionId": 7}, "subscriptionId must be a string"),
    "a lone surrogate": (
        {"subscriptionId": "\ud800"},
        f"subscriptionId {GUID}",
    ),
    "a word for an id": ({"subscriptionId": "not-a-guid"}, f"subscriptionId {GUID}"),
    "an id that climbs": ({"subscriptionId": ".."}, f"subscriptionId {GUID}"),
    "an id with an address behind it": ({"subscriptionId": f"{PLAN}/../../orders"}, f"subscriptionId {GUID}"),
    "an id in braces": ({"subscriptionId": f"{{{PLAN}}}"}, f"subscriptionId {GUID}"),
    "an id without hyphens": ({"subscriptionId": PLAN.replace("-", "")}, f"subscriptionId {GUID}"),
    "an id with a line end": ({"subscriptionId": f"{PLAN}\n"}, f"subscriptionId {GUID}"),
    "no id in it": ({"subscriptionId": ""}, f"subscriptionId {GUID}"),
    "U+0000 in a key": ({"\0": 1}, f'the key "\ufffd" is unknown: {KEYS}'),
    "several mistakes": (
        {"validateOnly": 0, "activeAssets": ""},
        "validateOnly must be true or false; activeAssets must be 'refuse' or 'cancel'",
    ),
}


@pytest.mark.parametrize("mode", [binary, structured], ids=["binary", "structured"])
@pytest.mark.parametrize(("members", "detail"), INVALID.values(), ids=INVALID.keys())
def test_a_command_with_a_bad_member_is_rejected(members: dict[str, object], detail: str, mode) -> None:
    """A command whose data breaks its schema is rejected in either mode, and the detail names key and rule."""
    decoded = decode(mode(DATA | members))

    assert isinstance(decoded, RefusedCommand)
    assert (decoded.code, decoded.detail) == (RejectedCode.INVALID_COMMAND, detail)


FAMILIES = ["", "..", "azure/..", "azure plan", "1azure", "azure\n", "azure\0", "a" * 65, "\u00e4zure", "\ud800"]


@pytest.mark.parametrize("family", FAMILIES, ids=range(len(FAMILIES)))
def test_a_product_family_that_is_no_word_is_rejected(family: str) -> None:
    """The value goes into a request to Microsoft."""
    decoded = decode(binary(DATA | {"productFamily": family}, type="azplan.StartProductUpgrade.v1"))
    assert isinstance(decoded, RefusedCommand)
    assert decoded.detail == "productFamily must be a word of 1 to 64 letters, digits, - and _, such as azure"


def test_ids_and_words_in_partner_centers_forms_are_accepted() -> None:
    """A GUID in any case, a partner id of seven digits and a family in any case are accepted."""
    asked = [
        ({"subscriptionId": PLAN.upper()}, "azplan.SuspendPlan.v1"),
        ({"resellerId": "5550001", "country": "de"}, CREATE),
        ({"productFamily": "Azure"}, "azplan.StartProductUpgrade.v1"),
    ]
    assert all(isinstance(decode(binary(DATA | members, type=name)), AcceptedCommand) for members, name in asked)


BAD_PLANS = {
    "a country by name": (
        {"country": "Germany"},
        "country must be the two letters of a country in ISO 3166-1, such as DE",
    ),
    "a country in digits": (
        {"country": "49"},
        "country must be the two letters of a country in ISO 3166-1, such as DE",
    ),
    "a reseller as a number": ({"resellerId": 4847383}, "resellerId must be a string"),
    **{
        f"a reseller {name}": ({"resellerId": value}, f"resellerId {PARTNER_ID}")
        for name, value in {
            "of no characters": "",
            "of eleven digits": "1" * 11,
            "with U+0000": "1\0",
            "in words": "contoso",
            "that climbs": "..",
            "with a line end": "5550001\n",
            "in other digits": "\u0665\u0665",
            "that is none": "0",
        }.items()
    },
}


@pytest.mark.parametrize(("members", "detail"), BAD_PLANS.values(), ids=BAD_PLANS.keys())
def test_a_plan_that_cannot_be_bought_as_asked_is_rejected(members: dict[str, object], detail: str) -> None:
    """Country and reseller are checked before any call of Microsoft."""
    decoded = decode(binary(DATA | members, type=CREATE))

    assert isinstance(decoded, RefusedCommand)
    assert (decoded.code, decoded.detail) == (RejectedCode.INVALID_COMMAND, detail)


JSON_TWICE = b'{"customerId":"%s","customerId":"%s"}' % (OTHER_CUSTOMER.encode(), CUSTOMER.encode())
NESTED_TWICE = b'{"customerId":"%s","activeAssets":[{"a":1,"\\u0061":2}]}' % CUSTOMER.encode()

CONTRADICTORY = {
    "a doubled key": (binary(JSON_TWICE), 'the key "customerId" is given more than once'),
    "a doubled key within a member": (
        binary(NESTED_TWICE),
        "the key \"a\" is given more than once; activeAssets must be 'refuse' or 'cancel'",
    ),
    "doubled data": (
        record(document(data=DATA).replace(b'"data":', b'"data": {}, "data":'), CLOUDEVENTS),
        "data is given more than once",
    ),
    "data twice, once encoded": (structured(data_base64="e30="), "data_base64 is given beside data"),
    "a subject of another customer": (binary(subject=OTHER_CUSTOMER), "ce_subject is not the customerId"),
    "a subject of another customer, structured": (structured(subject="x"), "subject is not the customerId"),
    "a key of another customer": (binary(key=OTHER_CUSTOMER.encode()), "the record's key is not the customerId"),
    "an empty key": (binary(key=b""), "the record's key is not the customerId"),
    "a key that is not text": (binary(key=b"\xff\xfe"), "the record's key is not the customerId"),
    "a content type other than JSON": (
        binary(extra=(("content-type", b"text/plain"),)),
        'content-type is "text/plain", not application/json',
    ),
    "a data content type other than JSON": (
        structured(datacontenttype="application/xml"),
        'datacontenttype is "application/xml", not application/json',
    ),
}


@pytest.mark.parametrize(("sample", "detail"), CONTRADICTORY.values(), ids=CONTRADICTORY.keys())
def test_a_command_that_contradicts_itself_is_rejected(sample: Record, detail: str) -> None:
    """Doubled keys are refused with an answer. So are a subject, key or content type that contradict the data."""
    decoded = decode(sample)

    assert isinstance(decoded, RefusedCommand)
    assert (decoded.code, decoded.detail, decoded.envelope.customer_id) == (
        RejectedCode.INVALID_COMMAND,
        detail,
        CUSTOMER,
    )


UNKNOWN = {
    "a version that is not there": ("azplan.SuspendPlan.v2", "did you mean azplan.SuspendPlan.v1?"),
    "another case": ("azplan.suspendplan.v1", "did you mean azplan.SuspendPlan.v1?"),
    "an event": ("azplan.PlanReactivated.v1", "did you mean azplan.ReactivatePlan.v1?"),
    "somebody else's": (
        "com.example.thing",
        f"the types are {', '.join(sorted(commands()))}",
    ),
}


@pytest.mark.parametrize(("type_", "hint"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_a_type_that_is_not_known_is_rejected_before_its_data_is_judged(type_: str, hint: str) -> None:
    """The answer to an unknown type or version lists the known ones, whatever else is wrong with the record."""
    decoded = decode(binary(b'{"customerId":"%s","a":1,"a":2}' % CUSTOMER.encode(), type=type_, subject="x"))

    assert isinstance(decoded, RefusedCommand)
    assert decoded.code is RejectedCode.UNKNOWN_TYPE
    assert decoded.detail == f'"{type_}" is no type of command: {hint}'


@pytest.mark.parametrize("mode", [binary, structured], ids=["binary", "structured"])
def test_a_good_command_is_accepted_in_either_mode(mode) -> None:
    """Decoding gives the class of the command, with the envelope as its sender wrote it."""
    data = DATA | {
        "subscriptionId": PLAN,
        "activeAssets": "cancel",
        "deadline": "2026-03-01T10:00:00.1234567+01:00",
    }
    decoded = decode(
        mode(data, partner="Contoso", correlationid="case-1", causationid="click-9", time="2026-03-01T09:00:00Z")
    )

    assert isinstance(decoded, AcceptedCommand)
    assert decoded.command == SuspendPlan(
        customer_id=CUSTOMER, subscription_id=PLAN, active_assets="cancel", deadline="2026-03-01T09:00:00.123456Z"
    )
    envelope = decoded.envelope
    assert (envelope.source, envelope.id, envelope.type) == ("/crm", "dunning-0815", SUSPEND)
    assert (envelope.customer_id, envelope.partner, envelope.partner_key) == (CUSTOMER, "Contoso", "contoso")
    assert (envelope.correlation_id, envelope.causation_id) == ("case-1", "click-9")
    assert envelope.time is not None
    assert envelope.time.isoformat() == "2026-03-01T09:00:00+00:00"
    assert envelope.mode is Mode(mode.__name__)


FORGIVEN = {
    "a byte order mark": binary(b"\xef\xbb\xbf" + json.dumps(DATA).encode()),
    "an odd time": binary(time="yesterday"),
    "an empty time": binary(time=""),
    "two times": binary(time="2026-03-01T09:00:00Z", extra=(("ce_time", b"2026-03-01T09:00:00Z"),)),
    "a time that is not text": structured(time=12),
    "a broken traceparent": binary(extra=(("traceparent", b"\xff"),)),
    "a traceparent without a value": binary(extra=(("traceparent", None), ("tracestate", None))),
    "a traceparent that is no text": structured(traceparent=[1]),
    "an unknown extension that is broken": binary(extra=(("ce_priority", b"\xff\0"), ("ce_priority", b""))),
    "an unknown extension of any shape": structured(priority={"a": [1]}, **{"": None, "data_schema": 1}),
    "other headers": binary(extra=(("kafka_magic", b"\0\1"), ("", None))),
    "a content type with a parameter": binary(extra=(("content-type", b"Application/JSON; charset=utf-8"),)),
    "a content type of a JSON format": binary(extra=(("content-type", b"application/vnd.contoso+json"),)),
    "a data content type": structured(datacontenttype="application/json"),
    "a structured content type in another case": structured(content_type=b"APPLICATION/CloudEvents+JSON"),
    "headers beside a structured event": structured(extra=(("ce_id", b"other"), ("ce_id", b"another"))),
    "subject and key in another case": binary(subject=CUSTOMER.upper(), key=CUSTOMER.upper().encode()),
    "null where null is the default": binary(DATA | {"subscriptionId": None, "deadline": None}),
    "an id of 1024 bytes": binary(id="x" * 1022 + "é"),
    "spaces around the JSON": binary(b" \r\n" + json.dumps(DATA, indent=4).encode() + b"\t"),
}


@pytest.mark.parametrize("sample", FORGIVEN.values(), ids=FORGIVEN.keys())
def test_harmless_oddities_are_no_reason_to_refuse(sample: Record) -> None:
    """Byte order marks, odd times, broken trace headers and unknown extensions do not stop a good command."""
    assert isinstance(decode(sample), AcceptedCommand)


def test_64_levels_and_999_digits_and_a_mebibyte_are_read() -> None:
    """These limits are allowed values: only the command itself is left to check."""
    padding = b" " * (1_048_576 - len(json.dumps(DATA)))

    assert isinstance(decode(binary(levels(64))), RefusedCommand)
    assert isinstance(decode(binary(b'{"customerId":"%s","n":%s}' % (CUSTOMER.encode(), b"9" * 999))), RefusedCommand)
    assert isinstance(decode(binary(json.dumps(DATA).encode() + padding)), AcceptedCommand)


def test_a_command_without_optional_members_has_their_defaults() -> None:
    """A missing member has the default of the contract."""
    decoded = decode(binary(type=CREATE))

    assert isinstance(decoded, AcceptedCommand)
    assert isinstance(decoded.command, CreateAzurePlan)
    assert (decoded.command.validate_only, decoded.command.deadline) == (False, None)
    assert (decoded.command.country, decoded.command.reseller_id) == (None, None)


def test_a_country_is_read_in_any_case() -> None:
    """`de` is Germany too."""
    decoded = decode(binary(DATA | {"country": "de"}, type=CREATE))

    assert isinstance(decoded, AcceptedCommand)
    assert decoded.command == CreateAzurePlan(customer_id=CUSTOMER, country="DE")


def test_a_command_without_correlation_correlates_by_its_id() -> None:
    """The correlation id of a command that has none is its id."""
    decoded = decode(binary())

    assert isinstance(decoded, AcceptedCommand)
    assert (decoded.envelope.correlation_id, decoded.envelope.partner_key) == ("dunning-0815", None)


@pytest.mark.parametrize(
    ("message", "schema"),
    [
        (b'\0\0\0\0\x0c{"customerId":"x"}', 12),
        (b'\0\0\x01\x86\xa1 {"customerId":"x"}', 100_001),
        (b"\0\x7f\xff\xff\xff[]", 2_147_483_647),
        (b"\0\0\0\0\x07\x48AvroOrProtobuf", 7),
    ],
    ids=["JSON", "a space before it", "the largest id", "no JSON"],
)
@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_confluents_wire_format_is_named_with_the_way_out(message: bytes, schema: int, mode: str) -> None:
    """The record stays unreadable. The dead letter has the schema id and says how a sender leaves it out."""
    made = binary(message) if mode == "binary" else record(message, CLOUDEVENTS)
    answer = decode(made)
    assert isinstance(answer, NotACommand)
    assert answer.code is RecordCode.INVALID_JSON
    assert f"Confluent's wire format (byte 00 and schema id {schema})" in answer.detail
    assert "puts the schema id into a header" in answer.detail
    assert "customerId" not in answer.detail
