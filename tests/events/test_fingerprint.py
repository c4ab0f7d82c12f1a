"""Fingerprints: which differences make another content and which do not."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.messages.plans import SuspendPlan
from events.wire.codec import AcceptedCommand, Record, RefusedCommand, decode
from events.wire.fingerprint import fingerprint
from tests.events.sample_records import CREATE, CUSTOMER, DATA, OTHER_CUSTOMER, PLAN, binary, structured

UPGRADE = "azplan.StartProductUpgrade.v1"
FULL = DATA | {
    "subscriptionId": PLAN,
    "activeAssets": "cancel",
    "deadline": "2026-03-01T09:00:00Z",
    "validateOnly": True,
}


def content(sample: Record) -> str:
    """The fingerprint of a record that holds a good command."""
    decoded = decode(sample)
    assert isinstance(decoded, AcceptedCommand), decoded
    return decoded.fingerprint


def spelled(data: dict[str, Any], order: list[str], indent: int | None) -> bytes:
    """`data` as JSON with its keys in the given order."""
    return json.dumps({key: data[key] for key in order}, indent=indent).encode()


@settings(deadline=None)
@given(order=st.permutations(list(FULL)), indent=st.none() | st.integers(0, 8))
def test_order_and_white_space_do_not_count(order: list[str], indent: int | None) -> None:
    """The same members in any order and layout are the same content."""
    assert content(binary(spelled(FULL, order, indent))) == content(binary(FULL))


@settings(deadline=None)
@given(upper=st.lists(st.booleans(), min_size=36, max_size=36), key=st.sampled_from(["customerId", "subscriptionId"]))
def test_the_case_of_guids_does_not_count(upper: list[bool], key: str) -> None:
    """A GUID in any case is the same GUID."""
    written = "".join(char.upper() if up else char for char, up in zip(FULL[key], upper, strict=True))

    assert content(binary(FULL | {key: written})) == content(binary(FULL))


def test_the_mode_does_not_count() -> None:
    """Binary and structured mode carry the same content."""
    assert content(structured(FULL)) == content(binary(FULL))


@pytest.mark.parametrize(
    "member", [{"validateOnly": False}, {"deadline": None}, {"subscriptionId": None}, {"activeAssets": "refuse"}]
)
def test_a_member_that_has_its_default_does_not_count(member: dict[str, Any]) -> None:
    """A written default is the same content as a missing member."""
    assert content(binary(DATA | member)) == content(binary(DATA))


def test_time_tracing_and_correlation_do_not_count() -> None:
    """Headers that differ each time a record is sent leave the content the same."""
    trace = ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    sent_again = binary(
        FULL, time="2026-03-01T09:00:00Z", correlationid="x", causationid="y", subject=CUSTOMER.upper(), extra=(trace,)
    )

    assert content(sent_again) == content(binary(FULL))


def test_the_byte_order_mark_does_not_count() -> None:
    """A value is the same content with and without a byte order mark."""
    assert content(binary(b"\xef\xbb\xbf" + json.dumps(FULL).encode())) == content(binary(FULL))


@pytest.mark.parametrize(
    "member",
    [
        {"customerId": OTHER_CUSTOMER},
        {"subscriptionId": OTHER_CUSTOMER},
        {"subscriptionId": None},
        {"activeAssets": "refuse"},
        {"validateOnly": False},
        {"deadline": "2026-03-01T09:00:01Z"},
        {"deadline": "2026-03-01T10:00:00+01:00"},
        {"deadline": None},
    ],
)
def test_every_member_counts_as_it_is_written(member: dict[str, Any]) -> None:
    """Another value, or another spelling of it, is another content."""
    assert content(binary(FULL | member)) != content(binary(FULL))


def test_the_type_counts() -> None:
    """The same data under another type is another content."""
    assert content(binary(type=CREATE)) != content(binary())


def test_the_partner_counts_as_it_is_written() -> None:
    """Another account, another spelling of it, or none, is another content."""
    contents = {content(binary(partner=partner)) for partner in ("contoso", "Contoso", "fabrikam", None)}

    assert len(contents) == 4


words = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,20}", fullmatch=True)


@settings(deadline=None)
@given(one=words, other=words)
def test_different_words_are_different_content(one: str, other: str) -> None:
    """A member that is a word counts to the letter."""
    first, second = (content(binary(DATA | {"productFamily": word}, type=UPGRADE)) for word in (one, other))

    assert (first == second) == (one == other)


def test_a_record_that_an_earlier_version_accepted_keeps_its_fingerprint() -> None:
    """The record comes again and its content is known. If more than values are wrong, no version ever accepted it."""
    decoded = decode(binary(DATA | {"subscriptionId": "not-a-guid"}))
    assert isinstance(decoded, RefusedCommand)
    assert decoded.values_fingerprint == fingerprint(SuspendPlan, DATA | {"subscriptionId": "not-a-guid"}, None)
    for other in (binary(BAD), binary(DATA | {"subscriptionId": ".."}, key=b"x")):
        refused_for_more = decode(other)
        assert isinstance(refused_for_more, RefusedCommand)
        assert refused_for_more.values_fingerprint is None


def refused(sample: Record) -> str:
    """The fingerprint of a record that is refused with an answer."""
    decoded = decode(sample)
    assert isinstance(decoded, RefusedCommand)
    return decoded.fingerprint


BAD = json.dumps(DATA | {"plan": 1}).encode()


def test_a_refused_command_is_its_type_and_its_bytes() -> None:
    """An unreadable command is compared to the byte. Of its attributes only the type counts."""
    assert refused(binary(BAD)) == refused(binary(BAD, partner="contoso", correlationid="x", key=CUSTOMER.encode()))
    assert refused(binary(BAD)) != refused(binary(BAD + b" "))
    assert refused(binary(BAD)) != refused(binary(BAD, type=CREATE))


def test_a_refused_command_is_never_the_good_one_with_its_bytes() -> None:
    """A corrected record key makes another content. A refused identity stays used up."""
    assert refused(binary(key=b"x")) != content(binary())


def test_the_fingerprint_stays_what_it_was() -> None:
    """The journal remembers fingerprints for a year: a change here needs a new number of the algorithm."""
    assert (
        content(binary(FULL, partner="contoso")) == "83b1d4fb4eaac2a464cc1696d670cf4001add1e888adb7f27d46002ed7cbef36"
    )
    assert refused(binary(BAD)) == "e6e0c6881c4c3621a7d527002dc3d7ee1881a30759c9c99fc1de51c60d61a43f"
