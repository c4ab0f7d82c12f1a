"""Seeds customers: the members of a profile, and the named profiles."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from ops.simulator.behaviour import checked_copy
from ops.simulator.commerce.order_provisioning import YEAR, add_reservation, new_plan, past_order
from ops.simulator.commerce.products import LEGACY_AZURE_SKU, LICENCE_PRODUCT
from ops.simulator.commerce.upgrade_progress import plan_offer
from ops.simulator.state import (
    AzureSubscription,
    Confirmation,
    Customer,
    Order,
    OrderLine,
    Subscription,
    Upgrade,
    UpgradeLine,
)
from ops.simulator.world import World


@dataclass(frozen=True)
class Profile:
    """The first state of a customer."""

    country: str = "US"
    """Country of the billing profile, and market of the customer."""
    company_country: str | None = None
    agreement: Literal["attested", "direct"] | None = "attested"
    related: bool = True
    delegated: bool = True
    consent: Literal["granted", "missing", "unknown_application"] = "granted"
    azure_role: Literal["owner", "reader"] | None = "owner"
    reservation_role: Literal["owner", "reader"] | None = "owner"
    """Roles and consent in the customer's tenant, for Azure Resource Manager."""
    billing_profile: bool = True
    reseller: str | None = None
    plans: int = 0
    plan_status: str = "active"
    azure_subscriptions: int = 1
    """Number of active Azure subscriptions under each plan."""
    inactive_azure_subscriptions: int = 0
    reservations: int = 0
    """Reservation orders of one instance."""
    split_reservations: int = 0
    """Reservation orders of two instances, which were split into two reservations."""
    legacy: int = 0
    """Legacy MS-AZR-0145P subscriptions."""
    legacy_status: str = "active"
    licences: int = 0
    currency: str = "USD"
    budget: Decimal | None = None
    usage: bool = True
    resources: int = 3
    """What it costs: see ``Customer``."""
    upgrade: Literal["pending", "running", "completed", "failed"] | None = None
    """An upgrade that was started elsewhere and stays as it is."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Overrides of the settings for this customer."""


PROFILES: dict[str, Profile] = {
    "ready": Profile(),
    "with_licences": Profile(licences=2),
    "signed_directly": Profile(agreement="direct"),
    "no_agreement": Profile(agreement=None),
    "no_relationship": Profile(related=False),
    "plan": Profile(plans=1),
    "quiet_plan": Profile(plans=1, azure_subscriptions=0, inactive_azure_subscriptions=1),
    "suspended_plan": Profile(plans=1, plan_status="suspended", azure_subscriptions=0, inactive_azure_subscriptions=1),
    "two_plans": Profile(plans=2),
    "reserved": Profile(plans=1, reservations=1),
    "two_reserved": Profile(plans=1, reservations=2),
    "split_reserved": Profile(plans=1, split_reservations=1),
    "no_consent": Profile(plans=1, reservations=1, consent="missing"),
    "no_azure_role": Profile(plans=1, reservations=1, azure_role=None, reservation_role=None),
    "legacy": Profile(legacy=1),
    "legacy_suspended": Profile(legacy=1, legacy_status="suspended"),
    "upgrading": Profile(legacy=1, upgrade="running"),
    "no_credit": Profile(settings={"refuse_checkout": 800023}),
    "order_error": Profile(settings={"order_error": 800069}),
    "bad_item": Profile(settings={"cart_item_error": 10006}),
    "order_fails": Profile(settings={"order_outcome": "error"}),
    "order_never_ends": Profile(settings={"order_outcome": "never"}),
    "upgrade_fails": Profile(legacy=1, settings={"upgrade_outcome": "failed"}),
    "not_for_sale": Profile(country="CN"),
}
"""Customers for every path that a command can take."""


def profile_from(document: Mapping[str, Any]) -> Profile:
    """Return a profile from JSON: ``profile`` names the one to start from; raises ValueError for what is unknown."""
    changes = dict(document)
    name = changes.pop("profile", "ready")
    if name not in PROFILES:
        raise ValueError(f"unknown profile {name!r}; known are {', '.join(PROFILES)}")
    return checked_copy(PROFILES[name], changes)


def customer_id(number: int) -> str:
    """Return the id of the n-th seeded customer, counted from 1: easy to type, a valid GUID."""
    return f"c0ffee00-0000-4000-8000-{number:012d}"


def add_customer(world: World, partner: str, profile: Profile, identity: str | None = None) -> Customer:
    """Put a customer with everything in its profile into the world. Raises ValueError if the id is taken."""
    number = len(world.customers) + 1
    chosen = (identity or customer_id(number)).lower()
    if chosen in world.customers:
        raise ValueError(f"there is a customer {chosen} already")
    world.settings.for_one(profile.settings)
    customer = Customer(
        id=chosen,
        partner=partner.lower(),
        name=f"Fabrikam {number}",
        domain=f"fabrikam{number}.onmicrosoft.com",
        country=profile.country,
        company_country=profile.company_country,
        related=profile.related,
        delegated=profile.delegated,
        consent=profile.consent,
        azure_role=profile.azure_role,
        reservation_role=profile.reservation_role,
        billing_profile=profile.billing_profile,
        reseller=profile.reseller,
        signed_directly=profile.agreement == "direct",
        currency=profile.currency,
        budget=profile.budget,
        usage=profile.usage,
        resources=profile.resources,
        overrides=dict(profile.settings),
    )
    if profile.agreement == "attested":
        customer.confirmations.append(Confirmation("Ana", "Ruiz", "ana@example.com", world.now - YEAR))
    world.customers[customer.id] = customer
    if any(lag := world.settings_for(customer).customer_lag):
        customer.shows_at = world.now + world.lag(lag)
    _add_subscriptions(world, customer, profile)
    _add_upgrade(world, customer, profile)
    return customer


def _add_subscriptions(world: World, customer: Customer, profile: Profile) -> None:
    for _ in range(profile.licences):
        offer = f"{LICENCE_PRODUCT}:0001:CFQ7TTC0K971"
        _add_subscription(world, customer, "licence", offer, "Microsoft 365 Business Basic")
    for _ in range(profile.legacy):
        legacy = _add_subscription(world, customer, "legacy_azure", LEGACY_AZURE_SKU, "Microsoft Azure")
        legacy.status = profile.legacy_status
        legacy.entitlement_id = world.new_id()
        legacy.partner_id = profile.reseller or ""
    for _ in range(profile.plans):
        plan = add_plan(world, customer, profile.reseller)
        plan.status = profile.plan_status
        statuses = ["active"] * profile.azure_subscriptions + ["inactive"] * profile.inactive_azure_subscriptions
        for number, status in enumerate(statuses, start=1):
            azure = AzureSubscription(world.new_id(), f"Azure subscription {number}", status)
            azure.stopped_at = world.now if status == "inactive" else None
            plan.azure_subscriptions.append(azure)
    for number in range(profile.reservations + profile.split_reservations):
        add_reservation(world, customer, 1 if number < profile.reservations else 2, profile.reseller)


def add_plan(world: World, customer: Customer, reseller: str | None = None) -> Subscription:
    """Give a customer an active Azure plan that nobody bought here."""
    order = past_order(world, customer)
    plan = new_plan(world, customer, offer_id=plan_offer(world, customer), order_id=order.id, reseller=reseller)
    _name_in_order(order, plan)
    return plan


def _add_subscription(
    world: World, customer: Customer, kind: Literal["licence", "legacy_azure"], offer: str, name: str
) -> Subscription:
    order = past_order(world, customer)
    subscription = Subscription(
        id=world.new_id(),
        customer_id=customer.id,
        kind=kind,
        offer_id=offer,
        offer_name=name,
        friendly_name=name,
        order_id=order.id,
        created_at=world.now,
        billing_cycle="monthly",
        quantity=5 if kind == "licence" else 1,
        auto_renew=True,
        term_duration="P1Y" if kind == "licence" else "",
    )
    customer.subscriptions[subscription.id] = subscription
    _name_in_order(order, subscription)
    return subscription


def _name_in_order(order: Order, bought: Subscription) -> None:
    quantity, reseller = bought.quantity, bought.partner_id or None
    line = OrderLine(0, bought.offer_id, bought.friendly_name, quantity, bought.term_duration or None, reseller)
    line.subscription_id = bought.id
    order.lines.append(line)


def _add_upgrade(world: World, customer: Customer, profile: Profile) -> None:
    if profile.upgrade is None:
        return
    legacy = [each for each in customer.subscriptions.values() if each.kind == "legacy_azure"]
    customer.upgrades.append(
        Upgrade(
            id=world.new_id(),
            customer_id=customer.id,
            product_family="Azure",
            created_at=world.now,
            lines=[UpgradeLine(each.id, profile.upgrade) for each in legacy],
            stage=profile.upgrade,
            seeded=True,
        )
    )
