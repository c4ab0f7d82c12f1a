"""The text of requests."""

import re
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from worker.partner_center.all_operations import operations
from worker.partner_center.answers.resource import Header, Link
from worker.partner_center.client.request import Request, follow, headers, prepare, request_id, template
from worker.partner_center.errors import Unanswered
from worker.partner_center.operation import Operation
from worker.partner_center.resources import billing_exports, carts, customers, orders, subscriptions

BASE = "https://api.partnercenter.microsoft.com"
COMMAND = UUID("c0ffee00-0000-4000-8000-000000000001")


def test_a_path_is_filled_in_and_escaped() -> None:
    """It begins with the version. Each id is a single segment, whatever it holds."""
    path = {"customer_id": "c/1", "order_id": "a_b-c 1"}
    assert prepare(orders.GET, path, None, None).target == "/v1/customers/c%2F1/orders/a_b-c%201"


def test_a_query_is_escaped() -> None:
    """Names and values of the query are escaped."""
    assert prepare(subscriptions.LIST, {"customer_id": "c"}, {"order_id": "a&b=c"}, None).target.endswith(
        "?order_id=a%26b%3Dc"
    )


@pytest.mark.parametrize("value", ["", ".", "..", "a\nb", "a" * 257])
def test_an_id_that_would_change_the_path_is_refused(value: str) -> None:
    """An id can neither be empty nor change the path."""
    with pytest.raises(ValueError, match="segment of an address"):
        prepare(customers.GET, {"customer_id": value}, None, None)


@pytest.mark.parametrize(
    "uri",
    [
        "/customers?size=40&seekOperation=Next",
        "customers?size=40&seekOperation=Next",
        "/v1/customers?size=40&seekOperation=Next",
        "/V1//customers?size=40&seekOperation=Next",
        "https://api.partnercenter.microsoft.com/v1/customers?size=40&seekOperation=Next",
        "HTTPS://API.partnercenter.microsoft.com:443/customers?size=40&seekOperation=Next",
    ],
)
def test_links_are_relative_to_the_version_root(uri: str) -> None:
    """A link may be with or without the version, a slash, or the host of the base URL."""
    link = Link(uri=uri, headers=(Header(key="MS-ContinuationToken", value="t=="),))
    request = follow(customers.LIST, link, BASE, {})
    assert request.target == "/v1/customers?size=40&seekOperation=Next"
    assert request.headers == {"MS-ContinuationToken": "t=="}


@pytest.mark.parametrize(
    "uri", ["/customers/../x", "..", "/v1/%2e%2E/x", "https://api.partnercenter.microsoft.com/./x"]
)
def test_links_that_climb_are_not_followed(uri: str) -> None:
    """This holds within the host of the base URL too, however the dots are written."""
    with pytest.raises(Unanswered, match="in its path"):
        follow(customers.LIST, Link(uri=uri), BASE, {})


ODD = ["..", ".", "a/../b", "a%2F..", "a?b#c", "a\\b", "%2e%2e"]


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("operation", operations().values(), ids=operations().keys())
def test_no_id_leaves_its_segment(operation: Operation[Any], value: str) -> None:
    """For every operation, an id from Microsoft is one segment of an address or is refused."""
    names = {"customer_id", *re.findall(r"{(\w+)}", operation.path)}
    try:
        target = prepare(operation, dict.fromkeys(names, value), None, None).target
    except ValueError:
        assert value in {"..", "."}
        return
    asked = urlsplit(target)
    version = f"api-version={operation.arm.api_version}" if operation.arm else ""
    assert (asked.query, asked.fragment) == (version, "")
    assert asked.path.count("/") == template(operation).count("/")
    assert {".", ".."}.isdisjoint(asked.path.split("/"))


def test_an_address_of_a_link_is_percent_encoded_where_it_must_be() -> None:
    """A token in a link may have any character. What is encoded already is not encoded again."""
    link = Link(uri='/customers?token=a b"<c>%2F+/==')
    assert follow(customers.LIST, link, BASE, {}).target == "/v1/customers?token=a%20b%22%3Cc%3E%2F+/=="


def test_links_under_a_base_url_with_a_path() -> None:
    """The path of the base URL is not doubled."""
    link = Link(uri="http://localhost:8080/pc/v1/customers?x=1")
    assert follow(customers.LIST, link, "http://localhost:8080/pc", {}).target == "/v1/customers?x=1"


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/v1/customers",
        "http://api.partnercenter.microsoft.com/v1/customers",
        "https://api.partnercenter.microsoft.com:444/v1/customers",
        "//evil.example/v1/customers",
        "https://api.partnercenter.microsoft.com@evil.example/v1/customers",
        "https://[::1/v1/customers",
        "/customers\r\nX: 1",
        "/kunden/ä",
    ],
)
def test_links_that_lead_elsewhere_are_not_followed(uri: str) -> None:
    """No token goes to another host, and no odd address is sent."""
    with pytest.raises(Unanswered):
        follow(customers.LIST, Link(uri=uri), BASE, {})


@pytest.mark.parametrize(
    ("operation", "what"),
    [
        (customers.LIST, "the next page"),
        (billing_exports.OPERATION, "the operation of the export"),
        (billing_exports.MANIFEST, "the manifest of the export"),
    ],
    ids=["page", "operation", "manifest"],
)
@pytest.mark.parametrize(
    ("uri", "trouble"),
    [
        ("https://evil.example/v1.0/x", "an address at another host"),
        ("https://[::1/x", "an address that cannot be read"),
        ("/x/../y", "an address with `.` or `..` in its path"),
        ("/kunden/ä", "an address or a header that cannot be sent"),
    ],
)
def test_a_link_that_is_not_followed_is_named(operation: Operation[Any], what: str, uri: str, trouble: str) -> None:
    """A person reads what it is whose address is wrong."""
    with pytest.raises(Unanswered, match=re.escape(f"{what} has {trouble}")):
        follow(operation, Link(uri=uri), BASE, {})


def test_a_links_headers_do_not_replace_those_of_the_client() -> None:
    """All headers of the link are sent, except token, ids and headers of the connection."""
    link = Link(
        uri="/customers",
        headers=tuple(
            Header(key=key, value="theirs")
            for key in ("MS-ContinuationToken", "authorization", "MS-REQUESTID", "Host", "Content-Length", "X-Extra")
        ),
    )
    sent = headers(follow(customers.LIST, link, BASE, {}), token="t", request_id="r", correlation_id="c")
    theirs = {name for name, value in sent.items() if value == "theirs"}
    assert theirs == {"MS-ContinuationToken", "X-Extra"}
    assert (sent["Authorization"], sent["MS-RequestId"]) == ("Bearer t", "r")


def test_a_request_id_depends_on_everything_that_makes_the_request() -> None:
    """The id depends on nothing else: the same parts give the same id in every process."""
    cart = prepare(carts.UPDATE, {"customer_id": "c", "cart_id": "1"}, None, {"id": "1"})
    other_path = prepare(carts.UPDATE, {"customer_id": "c", "cart_id": "2"}, None, {"id": "1"})
    other_body = prepare(carts.UPDATE, {"customer_id": "c", "cart_id": "1"}, None, {"id": "2"})
    other_method = Request(carts.GET, cart.target, cart.body)
    ids = [
        request_id(COMMAND, None, cart, 0),
        request_id(COMMAND, None, cart, 1),
        request_id(COMMAND, "mend", cart, 0),
        request_id(UUID(int=1), None, cart, 0),
        request_id(COMMAND, None, other_path, 0),
        request_id(COMMAND, None, other_body, 0),
        request_id(COMMAND, None, other_method, 0),
    ]
    assert len(set(ids)) == len(ids)
    assert ids[0] == "f9592eef-6b97-5c48-86d2-71b7f9dbafa4"
    assert UUID(ids[0]).version == 5
