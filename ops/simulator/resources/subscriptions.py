"""Subscriptions: list, by order, get, change.

Pages: partner-center/developer/get-all-of-a-customer-s-subscriptions, get-a-list-of-subscriptions-by-order,
get-a-subscription-by-id, suspend-a-subscription, reactivate-a-suspended-a-subscription, update-a-subscription-by-id,
create-azure-plan.
"""

import base64
import json
from typing import Any

from ops.simulator.clock import wire_date
from ops.simulator.commerce.error_codes import Refused
from ops.simulator.commerce.purchase_rules import whole_number
from ops.simulator.requests.answers import Answer, Json, collection, link, present
from ops.simulator.requests.calls import Call, Operation
from ops.simulator.state import Customer, Subscription
from ops.simulator.world import World

STATUSES = frozenset({"none", "active", "suspended", "deleted", "expired", "pending", "disabled"})
DECIDED_BY_CALLER = frozenset({"active", "suspended"})
FULL_RESOURCE = ("id", "friendlyname", "quantity", "status", "autorenewenabled", "billingtype", "orderid")


def list_subscriptions(call: Call) -> Answer:
    """List the customer's subscriptions, of one order or one reseller where that is asked for."""
    customer = call.customer
    order_id, reseller = call.query.get("order_id"), call.query.get("mpn_id")
    found = [
        each
        for each in customer.subscriptions.values()
        if (order_id is None or each.order_id.lower() == order_id.lower())
        and (reseller is None or each.partner_id == reseller)
    ]
    uri = f"/customers/{customer.id}/subscriptions"
    return Answer(200, collection([subscription_body(call.world, each) for each in found], uri))


def get_subscription(call: Call) -> Answer:
    """Answer one subscription."""
    return Answer(200, subscription_body(call.world, find_subscription(call)))


def patch_subscription(call: Call) -> Answer:
    """Replace the whole resource: members that the body leaves out are reset, as the vendor's page warns."""
    customer, subscription = call.customer, find_subscription(call)
    target = _target_status(call, subscription)
    _refuse(call, customer, subscription, target)
    _warn_about_gaps(call, subscription)
    settings = call.settings
    if settings.patch_mode == "slow" and target != subscription.status:
        wait = call.world.lag(settings.patch_seconds)
        subscription.busy_until = call.at + wait
        call.world.later(wait, lambda: _apply(call, customer, subscription, target))
        location = f"/customers/{customer.id}/subscriptions/{subscription.id}"
        return Answer(202, headers={"Location": location})
    _apply(call, customer, subscription, target)
    return Answer(200, subscription_body(call.world, subscription))


def find_subscription(call: Call) -> Subscription:
    """Return the subscription of the path, in any case; raises Refused 20003."""
    found = call.customer.subscriptions.get(call.params["subscription_id"].lower())
    if found is None:
        raise Refused(20003)
    return found


def subscription_body(world: World, subscription: Subscription) -> Json:
    """Return a Subscription."""
    azure = subscription.kind != "licence"
    created = world.clock.date(subscription.created_at)
    return present(
        id=subscription.id,
        offerId=subscription.offer_id,
        offerName=subscription.offer_name,
        friendlyName=subscription.friendly_name,
        entitlementId=subscription.entitlement_id,
        productType={"id": "Azure", "displayName": "Azure"} if azure else _licence_type(),
        quantity=subscription.quantity,
        unitType="Usage-based" if azure else "Licenses",
        hasPurchasableAddons=False,
        creationDate=wire_date(created),
        effectiveStartDate=wire_date(created),
        commitmentEndDate="9999-12-31T00:00:00Z" if azure else wire_date(created.replace(year=created.year + 1, day=1)),
        status=subscription.status,
        autoRenewEnabled=subscription.auto_renew,
        isTrial=False,
        billingType="usage" if azure else "license",
        billingCycle=subscription.billing_cycle,
        termDuration=subscription.term_duration,
        isMicrosoftProduct=True,
        partnerId=subscription.partner_id,
        attentionNeeded=False,
        actionTaken=False,
        contractType="subscription",
        orderId=subscription.order_id,
        publisherName="Microsoft Corporation",
        links=_links(subscription),
        attributes=present(objectType="Subscription", etag=etag(subscription)),
    )


def etag(subscription: Subscription) -> str | None:
    """Return the etag of a legacy subscription; the newer ones have none."""
    if subscription.kind != "legacy_azure":
        return None
    text = json.dumps({"id": subscription.id, "version": subscription.version}, separators=(",", ":"))
    return base64.b64encode(text.encode()).decode()


def _licence_type() -> Json:
    return {"id": "OnlineServicesNCE", "displayName": "OnlineServicesNCE"}


def _links(subscription: Subscription) -> Json:
    links = {"self": link(f"/customers/{subscription.customer_id}/subscriptions/{subscription.id}")}
    product_id, _, rest = subscription.offer_id.partition(":")
    if rest:
        links["product"] = link(f"/products/{product_id}")
        links["sku"] = link(f"/products/{product_id}/skus/{rest.partition(':')[0]}")
    return links


def _target_status(call: Call, subscription: Subscription) -> str:
    if str(call.body.get("id") or subscription.id).lower() != subscription.id:
        raise Refused(800002, "the id in the body is not that of the path")
    status = str(call.body.get("status") or "").lower()
    if not status:
        raise Refused(800002, "status is missing")
    if status not in STATUSES:
        raise Refused(900126, "status")
    return status


def _refuse(call: Call, customer: Customer, subscription: Subscription, target: str) -> None:
    if subscription.busy_until > call.at:
        raise Refused(800082)
    if subscription.status == "deleted":
        raise Refused(2011)
    _refuse_stale(call, subscription)
    if target == subscription.status:
        return
    if target not in DECIDED_BY_CALLER or subscription.status not in DECIDED_BY_CALLER:
        raise Refused(800040, f"from {subscription.status} to {target}")
    if _quantity(call.body, subscription) != subscription.quantity:
        raise Refused(2001)
    if target == "suspended" and subscription.kind == "azure_plan" and _has_active_assets(call, customer, subscription):
        raise Refused(900115)


def _refuse_stale(call: Call, subscription: Subscription) -> None:
    current = etag(subscription)
    attributes = call.body.get("attributes")
    inside = attributes.get("etag") if isinstance(attributes, dict) else None
    header = call.headers.get("if-match", "").strip('"') or None
    if current is not None and any(given not in (None, current) for given in (inside, header)):
        raise Refused(2055)


def _has_active_assets(call: Call, customer: Customer, plan: Subscription) -> bool:
    if any(each.status == "active" for each in plan.azure_subscriptions):
        return True
    active = [each for each in customer.reservations if each.expires_at > call.at and each.quantity > 0]
    return call.settings.reservations_block and bool(active)


def _quantity(body: dict[str, Any], subscription: Subscription) -> int:
    """Read the quantity; nothing and 0, which the vendor's SDK sends for a status change, mean no change."""
    given = whole_number(body.get("quantity", 0))
    if given == 0 or body.get("quantity") is None:
        return subscription.quantity
    if given is None or given < 1 or (subscription.kind == "azure_plan" and given != 1):
        raise Refused(2002)
    return given


def _warn_about_gaps(call: Call, subscription: Subscription) -> None:
    gaps = [name for name in FULL_RESOURCE if name not in call.body]
    if gaps:
        call.world.warn(f"PATCH of subscription {subscription.id} leaves out {', '.join(gaps)}: those are reset")


def _apply(call: Call, customer: Customer, subscription: Subscription, target: str) -> None:
    changed = target != subscription.status
    subscription.status = target
    subscription.quantity = _quantity(call.body, subscription)
    subscription.auto_renew = bool(call.body.get("autorenewenabled", False))
    subscription.friendly_name = call.body.get("friendlyname") or subscription.offer_name
    subscription.version += 1
    call.effect(f"subscription.{target}" if changed else "subscription.updated", customer, subscription.id)


OPERATIONS = (
    Operation(
        "subscriptions.list_by_order",
        "GET",
        "/customers/{customer_id}/subscriptions",
        list_subscriptions,
        query="order_id",
    ),
    Operation("subscriptions.list", "GET", "/customers/{customer_id}/subscriptions", list_subscriptions),
    Operation("subscriptions.get", "GET", "/customers/{customer_id}/subscriptions/{subscription_id}", get_subscription),
    Operation(
        "subscriptions.patch",
        "PATCH",
        "/customers/{customer_id}/subscriptions/{subscription_id}",
        patch_subscription,
        effect=True,
        busy_code=800082,
    ),
)
