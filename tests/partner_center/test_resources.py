"""How odd resources are read, and how changed resources are sent back."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from worker.partner_center.answers.exact_json import dumps, loads
from worker.partner_center.answers.resource import (
    Collection,
    Document,
    Flag,
    Id,
    Instant,
    Number,
    Resource,
    Text,
    Word,
    same_id,
)
from worker.partner_center.resources.azure_products import is_azure_plan_item, is_legacy_azure_item
from worker.partner_center.resources.carts import Cart, CheckoutResult, NewCart, NewLineItem
from worker.partner_center.resources.orders import Order, OrderLineItem
from worker.partner_center.resources.reservations import ReservationEntitlement
from worker.partner_center.resources.subscriptions import Subscription
from worker.partner_center.resources.upgrades import Upgrade, id_in


class Thing(Resource):
    """One field of each kind."""

    id: Id = "-"
    text: Text = None
    kind_of_thing: Word = None
    yes: Flag = None
    amount: Number = None
    at: Instant = None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("UserPurchase", "user_purchase"),
        ("user_purchase", "user_purchase"),
        ("ACTIVE", "active"),
        ("Active ", "active"),
        (3, "3"),
        ("", None),
        (None, None),
        (True, None),
        ({}, None),
    ],
)
def test_open_enumerations(given: object, expected: str | None) -> None:
    """Any value in any case is accepted, numbers too. Other JSON counts as no value."""
    assert Thing(kind_of_thing=given).kind_of_thing == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-03-01T09:00:00.1234567Z", datetime(2026, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)),
        ("2026-03-01T09:00:00.76+00:00", datetime(2026, 3, 1, 9, 0, 0, 760000, tzinfo=UTC)),
        ("2026-03-01T09:00:00-08:00", datetime(2026, 3, 1, 9, tzinfo=timezone(timedelta(hours=-8)))),
        ("2026-03-01T09:00:00", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("9999-12-31T00:00:00Z", datetime(9999, 12, 31, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01TT09:00:00Z", None),
        ("soon", None),
        (5, None),
    ],
)
def test_instants(given: object, expected: datetime | None) -> None:
    """Seven digits, offsets and no zone are read. A malformed instant is None and no failure."""
    assert Thing(at=given).at == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (1, Decimal(1)),
        ("1.50", Decimal("1.50")),
        (Decimal("0.1"), Decimal("0.1")),
        ("many", None),
        (True, None),
        ([], None),
    ],
)
def test_numbers(given: object, expected: Decimal | None) -> None:
    """Numbers come as numbers or as text."""
    assert Thing(amount=given).amount == expected


@pytest.mark.parametrize(
    ("given", "expected"), [(True, True), ("True", True), ("false", False), ("maybe", None), (1, None), (None, None)]
)
def test_flags(given: object, expected: bool | None) -> None:
    """Flags come as booleans or as text."""
    assert Thing(yes=given).yes is expected


def test_member_names_in_any_case() -> None:
    """Answers have members in several cases."""
    assert Thing.model_validate({"ID": 5, "Text": "x", "kindofthing": "A", "unknown": {}}) == Thing(
        id="5", text="x", kind_of_thing="a"
    )


@pytest.mark.parametrize("document", [{"id": ""}, {"id": {}}, {"id": True}, [], "x", None])
def test_an_id_is_needed(document: object) -> None:
    """A resource without an id is unusable."""
    with pytest.raises(ValidationError):
        Thing.model_validate(document)


def test_ids_compare_without_case() -> None:
    """None equals no id, not even None."""
    assert same_id("ABC", "abc")
    assert not same_id("abc", "abd")
    assert not same_id(None, None)


@pytest.mark.parametrize(
    "document",
    [{"items": []}, {"totalCount": 0}, {"items": None, "attributes": {"objectType": "Collection"}}, [], {"Items": []}],
)
def test_an_empty_collection(document: object) -> None:
    """An empty collection has several forms."""
    assert Collection[Thing].model_validate(document).items == ()


@pytest.mark.parametrize("document", [{}, {"items": {}}, {"items": [{"id": {}}]}, {"items": [], "links": "x"}, "x"])
def test_an_answer_that_is_no_collection(document: object) -> None:
    """No item is skipped silently: the unreadable item may be the one that matters."""
    with pytest.raises(ValidationError):
        Collection[Thing].model_validate(document)


def test_a_document_is_sent_back_whole() -> None:
    """Unknown members and the digits of numbers stay as they came."""
    body = b'{"ID":"s","STATUS":"Active","price":1.10,"next":{"term":null,"n":1E2},"(whole)":1}'
    assert dumps(Subscription.model_validate(loads(body)).raw) == body


class Note(Document):
    """A document with a member that has the name of a field of the class."""

    id: Id


def test_a_member_named_raw_is_a_member() -> None:
    """The member does not replace the whole document."""
    assert Note.model_validate({"id": "1", "raw": 5}).raw == {"id": "1", "raw": 5}


@pytest.mark.parametrize(
    ("document", "plan", "legacy"),
    [
        ({"offerId": "DZH318Z0BPS6:0001:DZH318Z0BML6", "billingType": "usage"}, True, False),
        ({"offerId": "dzh318z0bps6:0001:x"}, True, False),
        ({"offerId": "DZH318Z0BPS6"}, True, False),
        ({"offerId": "DZH318Z0BPS60:0001:x", "billingType": "usage"}, False, False),
        ({"offerId": "DZH318Z0BQ3Q:0001:x", "productType": {"id": "Azure"}, "billingType": "usage"}, False, False),
        ({"offerId": "MS-AZR-0145P", "billingType": "usage"}, False, True),
        ({"offerId": "ms-azr-0145p"}, False, True),
        ({"offerId": "MS-AZR-0145P", "billingType": "none"}, False, True),
        ({"offerId": "MS-AZR-0145P", "billingType": "license"}, False, False),
        ({"productType": {"id": "Azure", "displayName": "x"}, "billingType": "usage"}, True, False),
        ({"productType": {"displayName": "Azure plan"}, "billingType": "Usage"}, True, False),
        ({"productType": {"id": "Azure"}, "billingType": "usage", "entitlementId": "e"}, False, False),
        ({"productType": {"id": "Azure"}, "billingType": "license"}, False, False),
        ({"productType": "Azure", "billingType": "usage"}, False, False),
        ({}, False, False),
    ],
)
def test_which_subscription_is_an_azure_plan(document: dict[str, Any], plan: bool, legacy: bool) -> None:
    """The offer decides. The product type decides only without an offer."""
    subscription = Subscription.model_validate({"id": "s", **document})
    assert (subscription.is_azure_plan, subscription.is_legacy_azure) == (plan, legacy)


def test_which_line_is_an_azure_plan() -> None:
    """Orders and carts name catalog items in any case."""
    assert OrderLineItem(offer_id="dzh318z0bps6:0001:a").is_azure_plan
    assert not is_azure_plan_item(None)
    assert not is_legacy_azure_item("DZH318Z0BPS6:0001:a")


@pytest.mark.parametrize(
    ("status", "completed", "failed", "still_open"),
    [
        ("completed", True, False, False),
        ("Completed", True, False, False),
        ("partial_success", True, False, False),
        ("cancelled", False, True, False),
        ("error", False, True, False),
        ("po_review_rejected", False, True, False),
        ("PendingReview", False, False, True),
        ("pending_po_upload", False, False, True),
        ("pending", False, False, True),
        ("unknown", False, False, True),
        ("something new", False, False, True),
        (None, False, False, True),
    ],
)
def test_the_meaning_of_an_orders_status(status: str | None, completed: bool, failed: bool, still_open: bool) -> None:
    """Every status that is not known to be over is open."""
    order = Order.model_validate({"id": "o", "status": status})
    assert (order.is_completed, order.is_failed, order.is_open) == (
        completed,
        failed,
        still_open,
    )


def test_errors_of_a_cart_are_found_wherever_they_are() -> None:
    """Errors are on items and on their add-ons. A word is an error too."""
    cart = Cart.model_validate(
        {
            "id": "c",
            "lineItems": [
                {"id": 0, "addonItems": [{"id": 1, "error": {"errorCode": "10009"}}, {"id": 2}]},
                {"id": 3, "error": "no"},
                {"id": 4, "error": None},
            ],
        }
    )
    assert [item.id for item in cart.items] == ["0", "1", "2", "3", "4"]
    assert [(error.error_code, error.error_description) for error in cart.errors] == [("10009", None), (None, "no")]


def test_a_cart_whose_errors_cannot_be_read_is_not_read() -> None:
    """An answer that might hide an error counts as unreadable."""
    with pytest.raises(ValidationError):
        Cart.model_validate({"id": "c", "lineItems": [{"id": 0, "error": ["no"]}]})


def test_a_stale_item_is_replaced_in_its_cart() -> None:
    """Only the catalog item changes, and its error is removed."""
    body = (
        b'{"Id":"c","Status":"Active","LineItems":[{"Id":0,"CatalogItemId":"a:b:old","pricing":{"listPrice":1.10},'
        b'"Error":{"errorCode":10001}},{"Id":1,"CatalogItemId":"x:y:z"}],"x":0.30}'
    )
    assert dumps(Cart.model_validate(loads(body)).with_catalog_items({"0": "a:b:new"})) == (
        b'{"Id":"c","Status":"Active","LineItems":[{"Id":0,"CatalogItemId":"a:b:new","pricing":{"listPrice":1.10}},'
        b'{"Id":1,"CatalogItemId":"x:y:z"}],"x":0.30}'
    )


def test_a_new_cart_without_a_reseller() -> None:
    """The cart has no participants, and no attestation about them."""
    assert NewCart([NewLineItem("a:b:c")]).document() == {
        "lineItems": [{"id": 0, "catalogItemId": "a:b:c", "quantity": 1, "billingCycle": "one_time"}]
    }


@pytest.mark.parametrize(
    ("document", "orders", "errors"),
    [
        ({"orders": [{"id": "1"}]}, 1, 0),
        ({"Orders": None, "orderErrors": [{"code": "5"}]}, 0, 1),
        ({"orders": [{"id": "1"}], "orderErrors": [{"code": 5}]}, 1, 1),
        ({"id": "1", "lineItems": [], "referenceCustomerId": "c"}, 1, 0),
    ],
)
def test_results_of_a_check_out(document: object, orders: int, errors: int) -> None:
    """There are orders, errors, or both. A lone order is a result of one order."""
    result = CheckoutResult.model_validate(document)
    assert (len(result.orders), len(result.order_errors)) == (orders, errors)


@pytest.mark.parametrize("document", [{}, {"attributes": {}}, {"orders": [{}]}, {"orders": "x"}, []])
def test_an_answer_that_is_no_result_of_a_check_out(document: object) -> None:
    """Without a result nobody knows what was bought."""
    with pytest.raises(ValidationError):
        CheckoutResult.model_validate(document)


@pytest.mark.parametrize(
    ("location", "upgrade"),
    [
        ("productUpgrades/42", "42"),
        ("/v1/productUpgrades/42", "42"),
        ("https://api.example/v1/productupgrades/42/", "42"),
        ("/productUpgrades/42?x=1", "42"),
        ("productUpgrades", None),
        ("/", None),
        ("", None),
        (None, None),
    ],
)
def test_the_upgrade_in_a_location(location: str | None, upgrade: str | None) -> None:
    """The id is the last segment, in all forms. Sometimes there is none."""
    assert id_in(location) == upgrade


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Completed", "completed"),
        ("completed", "completed"),
        ("Failed", "failed"),
        ("CompletedWithErrors", "failed"),
        ("InProgress", "running"),
        ("pending", "running"),
        (None, "running"),
    ],
)
def test_the_state_of_an_upgrade(status: str | None, state: str) -> None:
    """Only one status word is documented. A new word means that the upgrade still runs."""
    assert Upgrade.model_validate({"status": status}).state == state


NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("document", "active"),
    [
        ({"expiryDate": "2027-01-01T00:00:00Z"}, True),
        ({"expiryDate": "2025-01-01T00:00:00Z"}, False),
        ({}, True),
        ({"quantityDetails": [{"quantity": 1, "status": "Cancelled"}]}, False),
        ({"quantityDetails": [{"status": "Cancelled"}, {"status": "Active"}]}, True),
    ],
)
def test_whether_a_reservation_is_in_force(document: dict[str, Any], active: bool) -> None:
    """Every reservation that is not known to be over is in force."""
    assert ReservationEntitlement.model_validate(document).is_active(NOW) is active
