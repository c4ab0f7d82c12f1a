"""The rules of buying: what a cart item must be, and what stands against a purchase. Pure, save for drawing lags."""

from collections.abc import Mapping
from typing import Any

from ops.simulator.commerce.error_codes import Refused
from ops.simulator.commerce.products import AZURE_PLAN_PRODUCT, CURRENCIES, Availability, find_item
from ops.simulator.requests.calls import Call, is_guid
from ops.simulator.state import CartLine, Customer, Partner

BILLING_CYCLES = {
    name.replace("_", ""): name for name in ("monthly", "annual", "none", "one_time", "triennial", "biennial")
}

ITEM_ERRORS = {
    10000: "The currency is not supported.",
    10001: "The catalog item id is not valid.",
    10002: "The quota is not available.",
    10003: "The inventory is not available.",
    10004: "Participants are not supported for this partner.",
    10006: "The item could not be processed.",
    10007: "The subscription is not valid.",
    10009: "The sandbox limit is exceeded.",
    10010: "The input is invalid.",
    10012: "The attestation was not accepted.",
}


def read_lines(call: Call, customer: Customer) -> list[CartLine]:
    """Return the items of a cart body, each checked; raises Refused where the whole body cannot be."""
    items = call.body.get("lineitems")
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise Refused(800002, "lineItems must hold at least one item")
    lines = [_read_line(call, customer, number, item) for number, item in enumerate(items)]
    if len({line.id for line in lines}) != len(lines):
        raise Refused(800002, "two items have the same id")
    if any(line.participants for line in lines) and call.body.get("partneronrecordattestationaccepted") is not True:
        raise Refused(900206)
    groups: dict[tuple[str, str | None], str] = {}
    for line in lines:
        line.order_group = groups.setdefault((line.billing_cycle, line.reseller), str(len(groups)))
    return lines


def _read_line(call: Call, customer: Customer, number: int, item: Mapping[str, Any]) -> CartLine:
    catalog_item_id, quantity = item.get("catalogitemid"), whole_number(item.get("quantity"))
    if not isinstance(catalog_item_id, str) or not catalog_item_id:
        raise Refused(900142, f"item {number}")
    if quantity is None or quantity < 1:
        raise Refused(800002, f"the quantity of item {number} must be a whole number above zero")
    participants = item.get("participants") or None
    line = CartLine(
        id=_line_id(item.get("id"), number),
        catalog_item_id=catalog_item_id,
        quantity=quantity,
        billing_cycle=billing_cycle(item.get("billingcycle")),
        currency=CURRENCIES.get(customer.country, ("USD", "$"))[0],
        order_group="",
        term_duration=item.get("termduration") or None,
        friendly_name=item.get("friendlyname") or None,
        reseller=_reseller(participants, call.partner),
        participants=participants,
        provisioning_context=dict(item.get("provisioningcontext") or {}),
    )
    line.error = _item_error(call, customer, line)
    return line


def billing_cycle(value: object) -> str:
    """Return a billing cycle in its usual spelling; raises Refused 800002 or 900126."""
    if value is None:
        raise Refused(800002, "billingCycle is missing")
    known = BILLING_CYCLES.get(str(value).lower().replace("_", ""))
    if known is None:
        raise Refused(900126, "billingCycle")
    return known


def whole_number(value: object) -> int | None:
    """Read a number as leniently as the service does: text of digits counts. None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None


def _line_id(value: object, number: int) -> int:
    line_id = number if value is None else whole_number(value)
    if line_id is None:
        raise Refused(800002, f"the id of item {number} must be a whole number")
    return line_id


def _reseller(participants: object, partner: Partner) -> str | None:
    if participants is None:
        return None
    if not isinstance(participants, list) or not all(isinstance(each, dict) for each in participants):
        raise Refused(800002, "participants must be a list of key and value")
    named = [str(each.get("value")) for each in participants if str(each.get("key")).lower() == "transaction_reseller"]
    if len(named) == 1 and partner.indirect and partner.resellers.get(named[0]) is False:
        raise Refused(800039)
    return named[0] if len(named) == 1 else None


def _item_error(call: Call, customer: Customer, line: CartLine) -> int | None:
    settings = call.world.settings_for(customer)
    if settings.cart_item_error is not None:
        return settings.cart_item_error
    if line.participants and not call.partner.indirect:
        return 10004
    if call.partner.indirect and line.reseller not in call.partner.resellers:
        return 10010
    found = find_item(call.world, line.catalog_item_id, customer.country)
    if found is None:
        return _not_found(call, line)
    return _misfit(found, line)


def _not_found(call: Call, line: CartLine) -> int:
    if any(find_item(call.world, line.catalog_item_id, country) for country in CURRENCIES):
        raise Refused(800070)
    return 10001


def _misfit(found: Availability, line: CartLine) -> int | None:
    if not found.purchasable or found.segment != "commercial":
        return 10001
    if line.quantity > found.sku.maximum or line.billing_cycle not in found.sku.billing_cycles:
        return 10010
    if found.product.id == AZURE_PLAN_PRODUCT and line.term_duration is not None:
        return 10010
    if found.sku.provisioning_variables and not is_guid(str(line.provisioning_context.get("subscriptionId", ""))):
        return 10007
    return None


def refuse_while_upgrading(customer: Customer) -> None:
    """Raise Refused 900112, 900113 or 900114 while the customer's newest upgrade is open or failed."""
    codes = {"pending": 900112, "running": 900113, "failed": 900114}
    if customer.upgrades and customer.upgrades[-1].stage in codes:
        raise Refused(codes[customer.upgrades[-1].stage], customer.upgrades[-1].id)


def refuse_over_sandbox_limit(call: Call, customer: Customer) -> None:
    """Raise Refused 900116 where a sandbox partner has no Azure plan left to give."""
    if not call.partner.sandbox:
        return
    own = [c for c in call.world.customers.values() if c.partner == call.partner.tenant_id]
    each_limit = 3 if call.partner.indirect else 1
    if sum(map(_plans_of, own)) >= 10 or _plans_of(customer) >= each_limit:
        raise Refused(900116)


def _plans_of(customer: Customer) -> int:
    owned = [each for each in customer.subscriptions.values() if each.kind == "azure_plan" and each.status != "deleted"]
    open_orders = [order for order in customer.orders.values() if order.status.startswith("pending")]
    return len(owned) + len(open_orders)
