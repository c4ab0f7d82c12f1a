"""Which order belongs to a cart whose check-out was never answered."""

from datetime import timedelta

import pytest

from tests.support.virtual_time import START
from worker.azure_plans.order import OrderDescription
from worker.partner_center.resources.orders import Order

ITEM, OTHER_ITEM = "DZH318Z0BPS6:0001:DZH318Z0VN5W", "DZH318Z0BPS6:0001:DZH318Z0SOLD"
BEFORE, AFTER = START - timedelta(seconds=1), START + timedelta(seconds=1)
SOUGHT = OrderDescription("customer-1", ITEM, START, reseller_id="5550001", others=["void-1"])


@pytest.mark.parametrize(
    ("order", "fits"),
    [
        ({"creation_date": AFTER}, True),
        ({"creation_date": BEFORE}, False),
        ({"creation_date": None}, True),
        ({"creation_date": None, "item": OTHER_ITEM}, False),
        ({"creation_date": AFTER, "item": OTHER_ITEM}, True),
        ({"creation_date": AFTER, "item": "CFQ7TTC0LH18:0001:CFQ7TTC0K971"}, False),
        ({"creation_date": AFTER, "reseller": "5550002"}, False),
        ({"creation_date": AFTER, "reseller": None}, True),
        ({"creation_date": None, "id": "VOID-1"}, False),
    ],
    ids=["later", "earlier", "no date", "no date, other item", "mended", "no plan", "other reseller", "none", "void"],
)
def test_an_order_is_the_one_of_a_cart(order: dict[str, object], fits: bool) -> None:
    """The order is for an Azure plan, not older than the cart, from its reseller, and not of a cart closed for good."""
    line = {"offerId": order.get("item", ITEM), "partnerIdOnRecord": order.get("reseller", "5550001")}
    members = {"id": order.get("id", "order-1"), "creationDate": order["creation_date"], "lineItems": [line]}
    assert SOUGHT.fits(Order.model_validate(members)) is fits
