"""What time makes of a purchase: orders end, subscriptions and their first Azure subscription appear."""

from ops.simulator.commerce.products import AZURE_PLAN_PRODUCT, LEGACY_AZURE_SKU, RESERVATION_PRODUCT, find_item
from ops.simulator.requests.calls import change_by_time
from ops.simulator.reserved import Reservation
from ops.simulator.state import AzureSubscription, Cart, CartLine, Customer, Order, OrderLine, Subscription
from ops.simulator.world import World

YEAR = 365 * 86400.0
SETTLED = frozenset({"completed", "error", "cancelled", "partial_success", "po_review_rejected"})


def place_order(world: World, customer: Customer, cart: Cart, lines: list[CartLine]) -> Order:
    """Make an order of the lines of one group and let it run its course."""
    settings = world.settings_for(customer)
    order = Order(
        id=world.new_order_id(),
        customer_id=customer.id,
        cart_id=cart.id,
        billing_cycle=lines[0].billing_cycle,
        currency=lines[0].currency,
        lines=[_order_line(world, customer, number, line) for number, line in enumerate(lines)],
        created_at=world.now,
        listed_at=world.now + world.lag(settings.order_list_lag),
        readable_at=world.now + world.lag(settings.order_get_lag),
    )
    customer.orders[order.id] = order
    if settings.order_outcome != "never":
        world.later(
            world.lag(settings.order_provisioning), lambda: end_order(world, customer, order, settings.order_outcome)
        )
    return order


def end_order(world: World, customer: Customer, order: Order, status: str) -> None:
    """Give an order its next status; ``completed`` and ``partial_success`` bring what was bought."""
    if order.status in SETTLED:
        return
    order.status = status
    change_by_time(world, f"order.{status}", customer, order.id)
    delivered = {"completed": len(order.lines), "partial_success": 1}.get(status, 0)
    for line in order.lines[:delivered]:
        _deliver(world, customer, order, line)


def new_plan(world: World, customer: Customer, *, offer_id: str, order_id: str, reseller: str | None) -> Subscription:
    """Return an active Azure plan without Azure subscriptions, owned by the customer from now on."""
    plan = Subscription(
        id=world.new_id(),
        customer_id=customer.id,
        kind="azure_plan",
        offer_id=offer_id,
        offer_name="Azure plan",
        friendly_name="Azure plan",
        order_id=order_id,
        created_at=world.now,
        billing_cycle="one_time",
        partner_id=reseller or "",
    )
    customer.subscriptions[plan.id] = plan
    return plan


def past_order(world: World, customer: Customer) -> Order:
    """Return a completed order without lines that nobody made here, owned by the customer from now on."""
    order = Order(
        id=world.new_order_id(),
        customer_id=customer.id,
        cart_id=None,
        billing_cycle="one_time",
        currency="USD",
        lines=[],
        created_at=world.now,
        listed_at=world.now,
        readable_at=world.now,
        status="completed",
        seeded=True,
    )
    customer.orders[order.id] = order
    return order


def add_reservation(world: World, customer: Customer, parts: int, reseller: str | None) -> None:
    """Give a customer a reservation order that nobody made here, of `parts` instances, each a reservation."""
    order = past_order(world, customer)
    name = "Reserved VM Instance, Standard_DS1_v2, US East, 1 Year"
    order.lines.append(OrderLine(0, f"{RESERVATION_PRODUCT}:00G1:DZH318Z0BK2V", name, parts, "P1Y", reseller))
    reserved = Reservation(world.new_id(), order.id, name, parts, world.now + YEAR, reseller)
    if parts > 1:
        reserved.split(parts)
    customer.reservations.append(reserved)


def _put_under(world: World, customer: Customer, plan: Subscription) -> None:
    """Make what the customer has under a new plan."""
    settings = world.settings_for(customer)
    for number in range(1, settings.plan_azure_subscriptions + 1):
        plan.azure_subscriptions.append(AzureSubscription(world.new_id(), f"Azure subscription {number}"))
    for _ in range(settings.plan_reservations):
        add_reservation(world, customer, 1, plan.partner_id or None)


def _order_line(world: World, customer: Customer, number: int, line: CartLine) -> OrderLine:
    item = find_item(world, line.catalog_item_id, customer.country)
    return OrderLine(
        number=number,
        offer_id=line.catalog_item_id,
        friendly_name=line.friendly_name or (item.product.title if item else "Azure plan"),
        quantity=line.quantity,
        term_duration=line.term_duration,
        reseller=line.reseller,
        provisioning_context=line.provisioning_context,
    )


def _deliver(world: World, customer: Customer, order: Order, line: OrderLine) -> None:
    product_id = line.offer_id.partition(":")[0].upper()
    if product_id == RESERVATION_PRODUCT:
        expires = world.now + YEAR
        customer.reservations.append(
            Reservation(world.new_id(), order.id, line.friendly_name, line.quantity, expires, line.reseller)
        )
        return
    if product_id == AZURE_PLAN_PRODUCT:
        bought = new_plan(world, customer, offer_id=line.offer_id, order_id=order.id, reseller=line.reseller)
        _put_under(world, customer, bought)
    else:
        bought = _other_subscription(world, customer, order, line)
    line.subscription_id = bought.id
    change_by_time(world, "subscription.created", customer, bought.id, order=order.id, offer=line.offer_id)


def _other_subscription(world: World, customer: Customer, order: Order, line: OrderLine) -> Subscription:
    legacy = line.offer_id.upper() == LEGACY_AZURE_SKU
    bought = Subscription(
        id=world.new_id(),
        customer_id=customer.id,
        kind="legacy_azure" if legacy else "licence",
        offer_id=line.offer_id,
        offer_name=line.friendly_name,
        friendly_name=line.friendly_name,
        order_id=order.id,
        created_at=world.now,
        billing_cycle=order.billing_cycle,
        quantity=line.quantity,
        auto_renew=not legacy,
        term_duration=line.term_duration or "",
        entitlement_id=world.new_id() if legacy else None,
    )
    customer.subscriptions[bought.id] = bought
    return bought
