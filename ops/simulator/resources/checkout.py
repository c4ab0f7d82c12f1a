"""Check-out: the money. One order per order group, bought once per cart, however often it is asked.

Page: partner-center/developer/checkout-a-cart.
"""

from ops.simulator.commerce.error_codes import CODES, Refused
from ops.simulator.commerce.order_provisioning import place_order
from ops.simulator.commerce.products import AZURE_PLAN_PRODUCT, find_item
from ops.simulator.commerce.purchase_rules import refuse_over_sandbox_limit, refuse_while_upgrading
from ops.simulator.requests.answers import Answer, Json
from ops.simulator.requests.calls import Call, Operation
from ops.simulator.resources.carts import find_cart, refuse_if_busy
from ops.simulator.resources.orders import order_body
from ops.simulator.state import Cart, CartLine, Order


def check_out(call: Call) -> Answer:
    """Buy what the cart holds and was not bought yet; a cart that is ordered repeats its first result."""
    cart = find_cart(call)
    refuse_if_busy(call, cart)
    if cart.ordered_at is not None:
        return _repeat(call, cart)
    _refuse(call, cart)
    groups = _open_groups(cart)
    failed = {group: code for group in groups if (code := _group_error(call, group)) is not None}
    orders = [_buy(call, cart, group, lines) for group, lines in groups.items() if group not in failed]
    if orders:
        cart.busy_until = call.ready_at = call.at + call.world.rng.uniform(*call.settings.checkout_seconds)
    if not failed:
        cart.ordered_at = call.at
    body: Json = {
        "orders": [order_body(call.world, order) for order in orders],
        "orderErrors": [_error_body(group, code) for group, code in failed.items()],
        "attributes": {"objectType": "CartCheckoutResult"},
    }
    if not failed:
        del body["orderErrors"]
        bought = [call.customer.orders[order_id] for order_id in cart.results.values()]
        cart.first_result = body | {"orders": [order_body(call.world, order) for order in bought]}
    return Answer(201, body)


def _repeat(call: Call, cart: Cart) -> Answer:
    if call.settings.checkout_repeat == "800065":
        raise Refused(800065, cart.id)
    return Answer(201, cart.first_result)


def _refuse(call: Call, cart: Cart) -> None:
    customer, settings = call.customer, call.settings
    if settings.refuse_checkout is not None:
        raise Refused(settings.refuse_checkout)
    if settings.agreement_checked != "never" and not customer.agreed:
        raise Refused(13605)
    refuse_while_upgrading(customer)
    if any(line.error is not None for line in cart.lines):
        raise Refused(800009)
    items = [find_item(call.world, line.catalog_item_id, customer.country) for line in cart.lines]
    if any(item is None for item in items):
        raise Refused(400019)
    if any(item and item.product.id == AZURE_PLAN_PRODUCT for item in items):
        refuse_over_sandbox_limit(call, customer)


def _open_groups(cart: Cart) -> dict[str, list[CartLine]]:
    groups: dict[str, list[CartLine]] = {}
    for line in cart.lines:
        if line.order_group not in cart.results:
            groups.setdefault(line.order_group, []).append(line)
    return groups


def _group_error(call: Call, group: str) -> int | None:
    hit = not call.settings.order_error_groups or group in call.settings.order_error_groups
    return call.settings.order_error if hit else None


def _buy(call: Call, cart: Cart, group: str, lines: list[CartLine]) -> Order:
    customer = call.customer
    order = place_order(call.world, customer, cart, lines)
    order.request_id = call.received.request_id
    cart.results[group] = order.id
    call.effect("order.created", customer, order.id, cart=cart.id, items=[line.catalog_item_id for line in lines])
    return order


def _error_body(group: str, code: int) -> Json:
    text = CODES.get(code, (400, "The order failed."))[1]
    return {"orderGroupId": group, "code": code, "description": text, "attributes": {"objectType": "OrderError"}}


OPERATIONS = (
    Operation(
        "carts.checkout",
        "POST",
        "/customers/{customer_id}/carts/{cart_id}/checkout",
        check_out,
        effect=True,
        busy_code=800064,
    ),
)
