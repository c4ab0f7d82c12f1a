"""Orders: get by id, list (late), provisioning status.

Pages: partner-center/developer/get-an-order-by-id, get-all-of-a-customer-s-orders, get-order-provisioning-status.
"""

from ops.simulator.clock import wire_date
from ops.simulator.commerce.error_codes import Refused
from ops.simulator.commerce.order_provisioning import SETTLED
from ops.simulator.commerce.products import CURRENCIES
from ops.simulator.commerce.purchase_rules import BILLING_CYCLES
from ops.simulator.requests.answers import Answer, Json, collection, link, present
from ops.simulator.requests.calls import Call, Operation
from ops.simulator.state import Order, OrderLine
from ops.simulator.world import World


def get_order(call: Call) -> Answer:
    """Answer an order; a very young one may not be found yet."""
    return Answer(200, order_body(call.world, _find(call)))


def list_orders(call: Call) -> Answer:
    """List the customer's orders, without those that are too young for the list."""
    customer = call.customer
    wanted = call.query.get("billingtype")
    if wanted is not None and wanted.lower() not in BILLING_CYCLES:
        raise Refused(900126, "billingType")
    orders = [
        order
        for order in customer.orders.values()
        if order.listed_at <= call.at and (wanted is None or wanted.lower() == order.billing_cycle.replace("_", ""))
    ]
    uri = f"/customers/{customer.id}/orders"
    return Answer(200, collection([order_body(call.world, order) for order in orders], uri))


def provisioning_status(call: Call) -> Answer:
    """Tell for each item whether it was delivered."""
    customer = call.customer
    order = customer.orders.get(call.params["order_id"].lower())
    if order is None or order.readable_at > call.at:
        raise Refused(800007)
    items = []
    for line in order.lines:
        status = _line_status(order, line)
        done = [{"quantity": line.quantity, "status": status}]
        items.append({"lineItemNumber": line.number, "status": status, "quantityProvisioningInformation": done})
    return Answer(200, collection(items))


def order_body(world: World, order: Order) -> Json:
    """Return an Order as it is now."""
    uri = f"/customers/{order.customer_id}/orders/{order.id}"
    symbols = dict(CURRENCIES.values())
    return {
        "id": order.id,
        "alternateId": order.id,
        "referenceCustomerId": order.customer_id,
        "billingCycle": order.billing_cycle,
        "currencyCode": order.currency,
        "currencySymbol": symbols.get(order.currency, "$"),
        "lineItems": [_line_body(line) for line in order.lines],
        "creationDate": wire_date(world.clock.date(order.created_at)),
        "status": order.status,
        "transactionType": "UserPurchase",
        "links": {
            "self": link(uri),
            "provisioningStatus": link(f"{uri}/provisioningstatus"),
            "patchOperation": link(uri, "PATCH"),
        },
        "client": {},
        "attributes": {"objectType": "Order"},
    }


def _line_body(line: OrderLine) -> Json:
    product_id, _, rest = line.offer_id.partition(":")
    sku_id, _, availability_id = rest.partition(":")
    links = {"product": link(f"/products/{product_id}")}
    if sku_id:
        links["sku"] = link(f"/products/{product_id}/skus/{sku_id}")
        links["availability"] = link(f"/products/{product_id}/skus/{sku_id}/availabilities/{availability_id}")
    return present(
        lineItemNumber=line.number,
        offerId=line.offer_id,
        subscriptionId=line.subscription_id,
        termDuration=line.term_duration,
        transactionType="New",
        friendlyName=line.friendly_name,
        quantity=line.quantity,
        partnerIdOnRecord=line.reseller,
        provisioningContext=line.provisioning_context or None,
        links=links,
    )


def _line_status(order: Order, line: OrderLine) -> str:
    if line.subscription_id is not None or order.status == "completed":
        return "fulfilled"
    return "unfulfilled" if order.status in SETTLED else "prefulfillmentPending"


def _find(call: Call) -> Order:
    order = call.customer.orders.get(call.params["order_id"].lower())
    if order is None or order.readable_at > call.at:
        raise Refused(20000)
    return order


OPERATIONS = (
    Operation("orders.list", "GET", "/customers/{customer_id}/orders", list_orders),
    Operation("orders.get", "GET", "/customers/{customer_id}/orders/{order_id}", get_order),
    Operation(
        "orders.provisioning_status",
        "GET",
        "/customers/{customer_id}/orders/{order_id}/provisioningstatus",
        provisioning_status,
        auth="user",
    ),
)
