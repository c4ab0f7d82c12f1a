"""What a reservation is worth when it is returned, what forbids the return, and how a return ends.

Specification: github.com Azure/azure-rest-api-specs, Microsoft.Capacity 2022-11-01; the limit of 50 000 US dollars:
learn.microsoft.com azure/cost-management-billing/reservations/exchange-and-refund-azure-reservations. Prices are ours.
"""

from ops.simulator.books import Received
from ops.simulator.commerce.order_provisioning import YEAR
from ops.simulator.commerce.products import CURRENCIES
from ops.simulator.requests.calls import record
from ops.simulator.reserved import Quote, Reservation, ReservedItem, Return
from ops.simulator.state import Customer
from ops.simulator.world import World

DOLLARS_A_YEAR = 1051.20
"""Price of one instance: twelve cents an hour."""
RATE = 0.9
"""What a US dollar is worth in any other currency."""
MINUTE = 60.0

PolicyErrors = list[dict[str, str]]


def calculate(world: World, customer: Customer, reservation: Reservation, item: ReservedItem, quantity: int) -> Quote:
    """Make a quote: what is left of the price, by the minute, so that a later quote is a little lower."""
    settings = world.settings_for(customer)
    left = max(0.0, reservation.expires_at - world.now) // MINUTE * MINUTE / YEAR
    dollars = round(DOLLARS_A_YEAR * quantity * left - settings.quote_change * item.quotes, 2)
    currency = CURRENCIES.get(customer.country, ("USD", "$"))[0]
    item.quotes += 1
    quote = Quote(
        id=world.new_id(),
        order_id=reservation.id,
        item_id=item.id,
        quantity=quantity,
        amount=dollars if currency == "USD" else round(dollars * RATE, 2),
        currency=currency,
        pricing_amount=dollars,
        expires_at=world.now + settings.quote_lifetime,
    )
    customer.quotes[quote.id] = quote
    return quote


def refunded(customer: Customer) -> float:
    """Return what the customer got back so far or is about to get back, in US dollars."""
    return round(sum(each.quote.pricing_amount for each in customer.returns.values() if each.status != "Failed"), 2)


def policy_errors(world: World, customer: Customer, item: ReservedItem, dollars: float) -> PolicyErrors:
    """Return what forbids a return at this moment."""
    settings = world.settings_for(customer)
    code = item.policy_error or settings.policy_error
    if code is not None:
        return [{"code": code, "message": "This reservation cannot be returned by self-service."}]
    if refunded(customer) + dollars > settings.refund_limit:
        text = f"The refunds would exceed the limit of {settings.refund_limit:.2f} USD."
        return [{"code": "RefundLimitExceeded", "message": text}]
    return []


def accept(world: World, customer: Customer, item: ReservedItem, quote: Quote, cause: Received) -> Return:
    """Begin a return. It ends at once with a ``return_status`` of 200, and otherwise as the settings say."""
    settings = world.settings_for(customer)
    accepted = Return(world.new_id(), customer.id, quote, world.now)
    customer.returns[accepted.id] = accepted
    quote.used, item.returning, item.state = True, True, settings.return_state
    detail = {"order": quote.order_id, "amount": quote.amount, "currency": quote.currency, "quantity": quote.quantity}
    record(world, cause, "reservation.return_requested", customer, item.id, detail)
    if settings.return_status == 200:
        end_return(world, customer, accepted, failed=False)
    elif settings.return_outcome != "never":
        failed = settings.return_outcome == "failed"
        wait = world.lag(settings.return_seconds)
        world.later(wait, lambda: end_return(world, customer, accepted, failed=failed))
    return accepted


def end_return(world: World, customer: Customer, accepted: Return, *, failed: bool) -> None:
    """End a return; Partner Center shows it later."""
    if accepted.status != "InProgress":
        return
    quote = accepted.quote
    reservation, item = find(customer, quote.order_id, quote.item_id)
    accepted.status, accepted.ended_at = "Failed" if failed else "Succeeded", world.now
    item.returning, item.state = False, "Succeeded"
    detail = {"order": quote.order_id, "amount": quote.amount, "currency": quote.currency, "quantity": quote.quantity}
    record(world, None, "reservation.return_failed" if failed else "reservation.returned", customer, item.id, detail)
    if failed:
        return
    if quote.quantity == item.quantity:
        item.state = "Cancelled"
    else:
        item.quantity -= quote.quantity

    def show() -> None:
        reservation.quantity -= quote.quantity
        reservation.returned += quote.quantity

    world.later(world.lag(world.settings_for(customer).reservation_flip), show)


def find(customer: Customer, order_id: str, item_id: str) -> tuple[Reservation, ReservedItem]:
    """Return a reservation and its order. Raises KeyError if the customer has no such."""
    for reservation in customer.reservations:
        for item in reservation.items:
            if (reservation.id, item.id) == (order_id.lower(), item_id.lower()):
                return reservation, item
    raise KeyError(f"there is no reservation {item_id} in order {order_id}")
