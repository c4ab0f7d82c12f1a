"""Carts: create, get, update.

Pages: partner-center/developer/create-a-cart, update-a-cart, cart-resources; rest/api/partner-center/manage-orders/
get-a-cart-by-id.
"""

from ops.simulator.clock import wire_date
from ops.simulator.commerce.error_codes import Refused
from ops.simulator.commerce.purchase_rules import ITEM_ERRORS, read_lines, refuse_while_upgrading
from ops.simulator.requests.answers import Answer, Json, link, present
from ops.simulator.requests.calls import Call, Operation
from ops.simulator.state import Cart, CartLine, Customer
from ops.simulator.world import World


def create_cart(call: Call) -> Answer:
    """Make a cart, with an error on every item that cannot be bought."""
    customer = call.customer
    _refuse_purchase(call, customer)
    cart = Cart(
        id=call.world.new_id(),
        customer_id=customer.id,
        created_at=call.at,
        modified_at=call.at,
        expires_at=call.at + call.settings.cart_lifetime + call.world.rng.uniform(6, 20),
        modified_by=call.caller.object_id,
        lines=read_lines(call, customer),
        attestation_accepted=call.body.get("partneronrecordattestationaccepted"),
    )
    customer.carts[cart.id] = cart
    call.effect("cart.created", customer, cart.id)
    return Answer(201, cart_body(call.world, cart))


def get_cart(call: Call) -> Answer:
    """Answer a cart; ``Ordered`` once every order group of it was bought."""
    return Answer(200, cart_body(call.world, find_cart(call)))


def update_cart(call: Call) -> Answer:
    """Replace the items of a cart that was not ordered."""
    customer, cart = call.customer, find_cart(call)
    refuse_if_busy(call, cart)
    if cart.ordered_at is not None:
        raise Refused(800065, cart.id)
    _refuse_purchase(call, customer)
    if str(call.body.get("id") or cart.id).lower() != cart.id:
        raise Refused(800002, "the id in the body is not that of the path")
    cart.lines = [line for line in read_lines(call, customer) if line.order_group not in cart.results]
    cart.modified_at, cart.modified_by = call.at, call.caller.object_id
    cart.attestation_accepted = call.body.get("partneronrecordattestationaccepted", cart.attestation_accepted)
    call.effect("cart.updated", customer, cart.id)
    return Answer(201, cart_body(call.world, cart))


def find_cart(call: Call) -> Cart:
    """Return the cart of the path. Raises Refused 800008 if there is none or the cart has expired."""
    cart = call.customer.carts.get(call.params["cart_id"].lower())
    if cart is None or cart.expires_at <= call.at:
        raise Refused(800008)
    return cart


def refuse_if_busy(call: Call, cart: Cart) -> None:
    """Raise Refused 800064 while a check-out of the cart is being worked on."""
    if cart.busy_until > call.at:
        raise Refused(800064, cart.id)


def cart_body(world: World, cart: Cart) -> Json:
    """Return a Cart."""
    date = world.clock.date
    ordered = cart.ordered_at is not None and cart.busy_until <= world.now
    return present(
        id=cart.id,
        creationTimestamp=wire_date(date(cart.created_at)),
        lastModifiedTimestamp=wire_date(date(cart.modified_at)),
        expirationTimestamp=wire_date(date(cart.expires_at)),
        lastModifiedUser=cart.modified_by,
        status="Ordered" if ordered else "Active",
        lineItems=[_line_body(line) for line in cart.lines],
        partnerOnRecordAttestationAccepted=cart.attestation_accepted,
        links={"self": link(f"/customers/{cart.customer_id}/carts/{cart.id}")},
        attributes={"objectType": "Cart"},
    )


def _line_body(line: CartLine) -> Json:
    return present(
        id=line.id,
        catalogItemId=line.catalog_item_id,
        friendlyName=line.friendly_name,
        quantity=line.quantity,
        currencyCode=line.currency,
        billingCycle=line.billing_cycle,
        termDuration=line.term_duration,
        participants=line.participants,
        provisioningContext=line.provisioning_context,
        orderGroup=line.order_group,
        error=_error_body(line.error) if line.error is not None else None,
    )


def _error_body(code: int) -> Json:
    text = ITEM_ERRORS.get(code, "The item is in error.")
    return {"errorCode": code, "errorDescription": text, "attributes": {"objectType": "CartError"}}


def _refuse_purchase(call: Call, customer: Customer) -> None:
    if call.settings.refuse_cart is not None:
        raise Refused(call.settings.refuse_cart)
    if call.settings.agreement_checked == "cart" and not customer.agreed:
        raise Refused(13605)
    refuse_while_upgrading(customer)


OPERATIONS = (
    Operation("carts.create", "POST", "/customers/{customer_id}/carts", create_cart, effect=True, busy_code=800064),
    Operation("carts.get", "GET", "/customers/{customer_id}/carts/{cart_id}", get_cart),
    Operation(
        "carts.update", "PUT", "/customers/{customer_id}/carts/{cart_id}", update_cart, effect=True, busy_code=800064
    ),
)
