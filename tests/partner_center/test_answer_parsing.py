"""From status, headers and bytes to a value or an error."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.partner_center.answers.answer import Answer, retry_after
from worker.partner_center.answers.answer_parsing import read
from worker.partner_center.answers.error_bodies import clean, fault_in
from worker.partner_center.errors import CallError, NotPermitted, Refused, Throttled, TokenUnavailable, Unanswered
from worker.partner_center.operation import Accepted, Operation
from worker.partner_center.resources import azure_entitlements, carts, customers, subscriptions, upgrades

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def answer(status: int, body: bytes = b"", reason: str = "", **headers: str) -> Answer:
    """An answer as the transport returns it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, named, body, AT, request_id="r", correlation_id="c", reason=reason)


OWN_SHAPES = [
    (b'{"code":20002,"description":"no","data":[],"source":"PartnerFD"}', "20002", "no"),
    (b'{"code":"20002","description":"no"}', "20002", "no"),
    (b'{"code":0,"description":"The value is not valid.","data":[]}', "0", "The value is not valid."),
    (b'{"Code":20002,"Description":"no"}', "20002", "no"),
    (
        b'{"code":600061,"message":"there","description":"there","errorName":"Exists","isRetryable":false,'
        b'"parameters":{},"errorMessageExtended":"InternalErrorCode=600061"}',
        "600061",
        "there",
    ),
    (b'\xef\xbb\xbf{"code":20002,"description":"no"}', "20002", "no"),
]
FOREIGN_WORDS = [
    (b'{"statusCode":400,"message":"Resource not found"}', "Resource not found"),
    (b'{"statusCode":404,"message":"Resource not found"}', "Resource not found"),
    (b'{"code":400,"message":"no route"}', "no route"),
    (b'{"code":"Forbidden","message":"blocked"}', "blocked"),
    (b'{"error":"invalid_request","error_description":"what?"}', "what?"),
    (b'{"error":{"code":"Conflict","message":"busy"}}', "busy"),
    (b'{"error":{"code":400,"message":"no such host","status":"NOT_FOUND"}}', "no such host"),
    (b'{"errorName":"Exists","message":"there"}', "there"),
    (b'{"Message":"No HTTP resource was found."}', "No HTTP resource was found."),
]
"""JSON that gateways and frameworks write. It has no code of Partner Center: those are numbers."""
PAGES = [b"", b" ", b"<html>Forbidden</html>", b"[]", b"null", b'"no"', b"{}", b"\xff\xfe", b'{"code":', b'{"code":""}']
"""Bodies without quotable words."""
TOLD = sorted(set(range(400, 500)) - {401, 429})
"""Statuses of refusals, except those with a meaning of their own without a body."""


@pytest.mark.parametrize(("body", "code", "description"), OWN_SHAPES)
def test_the_shapes_of_error_bodies(body: bytes, code: str | None, description: str) -> None:
    """All have code and description, under several names."""
    with pytest.raises(Refused) as caught:
        read(customers.GET, answer(400, body))
    error = caught.value
    assert (error.code, error.description, error.status) == (code, description, 400)
    assert (error.operation, error.request_id, error.correlation_id) == ("customers.get", "r", "c")


@pytest.mark.parametrize("operation", [customers.GET, subscriptions.PATCH, carts.CREATE, carts.CHECKOUT])
@pytest.mark.parametrize("body", PAGES)
def test_a_page_that_partner_center_did_not_write_is_no_refusal(operation: Operation[Any], body: bytes) -> None:
    """An empty answer or a proxy's page proves nothing, with any status. A write is in doubt."""
    for status in TOLD:
        expected = rf"the answer {status} \(So it is\) is not Partner Center's own"
        with pytest.raises(Unanswered, match=expected) as caught:
            read(operation, answer(status, body, reason="So it is"))
        assert (caught.value.code, caught.value.status, caught.value.is_foreign) == (None, status, True)


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(("body", "words"), FOREIGN_WORDS)
def test_json_that_a_gateway_wrote_is_no_refusal(body: bytes, words: str, status: int) -> None:
    """Its text is quoted for people and decides nothing. A success with such a body may have been executed."""
    with pytest.raises(Unanswered) as caught:
        read(carts.CHECKOUT, answer(status, body))
    assert caught.value.code is None
    if status == 400:
        assert words in caught.value.description


def test_a_description_fits_a_log_and_a_database() -> None:
    """One line, no control characters, no lone surrogates, at most 1 024 characters."""
    with pytest.raises(Refused) as caught:
        read(customers.GET, answer(400, rb'{"code":1,"description":"a\u0000b\r\nc\ud800' + b"x" * 3000 + b'"}'))
    assert caught.value.description.startswith("a\ufffdb c\ufffdx")
    assert len(caught.value.description) == 1024
    assert caught.value.description.isprintable()


@pytest.mark.parametrize("body", [shape for shape, _, _ in OWN_SHAPES])
def test_a_fault_inside_a_success_is_a_refusal(body: bytes) -> None:
    """2xx is not always success: a write with such an answer was not executed."""
    with pytest.raises(Refused):
        read(carts.CHECKOUT, answer(200, body))


def test_the_documented_fault_with_status_200() -> None:
    """400072 (the item is not available) comes with 200."""
    with pytest.raises(Refused) as caught:
        read(carts.CREATE, answer(200, b'{"code":400072,"description":"This item is not available."}'))
    assert (caught.value.code, caught.value.status) == ("400072", 200)


def test_a_throttle_inside_a_success_is_a_throttle() -> None:
    """The status in the body counts."""
    with pytest.raises(Throttled):
        read(carts.CREATE, answer(200, b'{"statusCode":429,"message":"slower"}'))


def test_trouble_of_the_service_inside_a_success_is_no_refusal() -> None:
    """800003 says that a part of the service broke: the write may have been executed."""
    with pytest.raises(Unanswered):
        read(carts.CHECKOUT, answer(200, b'{"code":800003,"description":"unexpected"}'))


@pytest.mark.parametrize(
    "document",
    [
        {"id": "1", "code": 5},
        {"items": [], "error": None},
        {"isSigned": True},
        {"isEligible": False, "reason": "shared services"},
        {"status": "Completed", "errorDetails": {"code": "1", "description": "x"}},
        ["code"],
        "code",
        None,
        {"code": None},
    ],
)
def test_a_resource_is_no_fault(document: object) -> None:
    """A resource with a code is not an error."""
    assert fault_in(document) is None


@pytest.mark.parametrize(
    "body", [b"", b"\xef\xbb\xbf", b" ", b'{"id":', b"<html>", b"[]", b"{}", b'{"status":"Active"}', b'{"id":null}']
)
@pytest.mark.parametrize("operation", [customers.GET, carts.CREATE])
def test_a_success_that_cannot_be_read_is_no_answer(operation: Operation[Any], body: bytes) -> None:
    """Such a write may have been executed. Such a read is repeated."""
    with pytest.raises(Unanswered, match="answered with a success, but") as caught:
        read(operation, answer(200, body))
    assert caught.value.status == 200


@pytest.mark.parametrize("identity", ["..", ".", "a\\nb", "a" * 257])
def test_an_id_that_cannot_be_part_of_an_address_makes_an_answer_that_cannot_be_read(identity: str) -> None:
    """The client would ask for the resource by that id."""
    with pytest.raises(Unanswered, match="does not have the documented form"):
        read(subscriptions.GET, answer(200, b'{"id":"%s"}' % identity.encode()))
    assert read(subscriptions.GET, answer(200, b'{"id":"s","orderId":"%s"}' % identity.encode())).order_id is None
    assert upgrades.id_in(f"/productUpgrades/{identity}".replace("\\n", "\n")) is None


def test_an_empty_200_to_a_change_is_no_answer() -> None:
    """A PATCH answered with 202 may come without a body, one answered with 200 may not."""
    assert read(subscriptions.PATCH, answer(202)) is None
    assert read(subscriptions.PATCH, answer(204)) is None
    with pytest.raises(Unanswered):
        read(subscriptions.PATCH, answer(200))
    assert read(subscriptions.PATCH, answer(202, b'{"id":"s"}')) == read(
        subscriptions.PATCH, answer(200, b'{"id":"s"}')
    )


def test_an_accepted_request_says_where_to_look() -> None:
    """The Location of an upgrade says so, if it is present."""
    assert read(upgrades.CREATE, answer(202, location="productUpgrades/7")) == Accepted(location="productUpgrades/7")
    assert read(upgrades.CREATE, answer(202)) == Accepted()
    assert read(upgrades.CREATE, answer(202, **{"retry-after": "7"})) == Accepted(retry_after=7)
    with pytest.raises(Unanswered):
        read(upgrades.CREATE, answer(202, b'{"cut'))
    with pytest.raises(Unanswered):
        read(upgrades.CREATE, answer(200, b"{}"))


def test_a_cancelled_entitlement_answers_in_two_ways() -> None:
    """The documentation disagrees: 200 with the entitlement, or 202 without a body."""
    assert read(azure_entitlements.CANCEL, answer(200, b'{"id":"e","status":"active"}')) == Accepted()
    assert read(azure_entitlements.CANCEL, answer(202)) == Accepted()
    with pytest.raises(Unanswered):
        read(azure_entitlements.CANCEL, answer(200))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, b'{"code":800003,"description":"x"}', Unanswered),
        (501, b'{"code":0,"description":"x"}', Unanswered),
        (503, b"", Unanswered),
        (408, b"", Unanswered),
        (307, b"", Unanswered),
        (401, b'{"code":900421,"description":"x"}', TokenUnavailable),
        (401, b"", TokenUnavailable),
        (403, b'{"code":900329,"description":"x"}', NotPermitted),
        (429, b'{"statusCode":429,"message":"x"}', Throttled),
        (409, b'{"code":800064,"description":"x"}', Refused),
        (412, b'{"code":2055,"description":"x"}', Refused),
        (412, b"", Unanswered),
        (404, b"", Unanswered),
        (417, b'{"code":800036,"description":"x"}', Refused),
    ],
)
def test_which_error_an_answer_is(status: int, body: bytes, kind: type[CallError]) -> None:
    """Status and code decide."""
    with pytest.raises(CallError) as caught:
        read(carts.CHECKOUT, answer(status, body))
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("status", "body", "in_doubt"),
    [
        (401, b'{"code":900421,"description":"x"}', False),
        (401, b"", True),
        (401, b"<html>", True),
        (429, b'{"statusCode":429,"message":"x"}', False),
        (429, b"", True),
        (429, b"<html>", True),
    ],
)
def test_a_write_is_in_doubt_after_a_401_or_429_that_partner_center_did_not_write(
    status: int, body: bytes, in_doubt: bool
) -> None:
    """Both lead to a wait. But only a code of Partner Center, or its documented 429, means: not executed."""
    with pytest.raises((TokenUnavailable, Throttled)) as caught:
        read(carts.CHECKOUT, answer(status, body))
    assert caught.value.in_doubt is in_doubt
    with pytest.raises((TokenUnavailable, Throttled)) as caught:
        read(customers.GET, answer(status, body))
    assert not caught.value.in_doubt


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "57"}, 57),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "999999"}, 3600),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT"}, 30),
        ({"retry-after": "Sun, 01 Mar 2026 12:05:30 GMT", "date": "Sun, 01 Mar 2026 12:05:00 GMT"}, 30),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT", "date": "nonsense"}, 30),
        ({"retry-after": "Sun, 01 Mar 2020 12:00:00 GMT"}, 0),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 3600),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_retry_after_in_both_forms(headers: dict[str, str], seconds: float | None) -> None:
    """The forms are seconds, and a date relative to the answer's own date. Nonsense counts as nothing."""
    assert retry_after(headers, AT) == seconds


@given(st.integers(100, 999), st.binary(max_size=200))
def test_no_answer_is_too_odd(status: int, body: bytes) -> None:
    """Every answer becomes a value or a `CallError`."""
    for operation in (customers.GET, customers.LIST, carts.CHECKOUT, subscriptions.PATCH, upgrades.CREATE):
        with suppress(CallError):
            assert read(operation, answer(status, body)) is not None or status in {202, 204}


def test_clean_text_is_one_line() -> None:
    """The text fits a log line."""
    assert clean("  a\nb\x00\x1bc ") == "a b\ufffd\ufffdc"
