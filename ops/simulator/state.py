"""The state of Partner Center: partners, customers and their property. Everything is in memory and gone at exit."""

import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from ops.simulator.requests.answers import Json
from ops.simulator.reserved import Quote, Reservation, Return

AzureState = Literal["Enabled", "Warned", "PastDue", "Disabled", "Deleted"]


@dataclass
class Partner:
    """A CSP tenant with one registered application and one user who consented."""

    tenant_id: str
    client_id: str
    client_secret: str
    country: str = "US"
    indirect: bool = False
    """True: an indirect provider, which names a reseller on every purchase."""
    partner_id: str = "5550000"
    resellers: dict[str, bool] = field(default_factory=lambda: {"5550001": True, "5550002": True, "5550009": False})
    """Partner ids of its indirect resellers, and whether their program status is active."""
    sandbox: bool = False
    """True: at most ten Azure plans, one per customer (three for an indirect provider), and no budgets."""
    billing_permission: bool = True
    """False: the application lacks PartnerBilling.Read.All, so that Microsoft Graph refuses it."""
    certificate: str | None = None
    """PEM of the certificate or public key that signs client assertions."""
    federated_subject: str | None = None
    """Subject of federated client assertions (workload identity); their signature is not checked."""
    application_object_id: str = ""
    user_id: str = ""

    def __post_init__(self) -> None:
        self.tenant_id = self.tenant_id.lower()
        self.application_object_id = self.application_object_id or str(uuid.uuid5(uuid.NAMESPACE_OID, self.client_id))
        self.user_id = self.user_id or str(uuid.uuid5(uuid.NAMESPACE_OID, self.tenant_id))


@dataclass
class CartLine:
    """An item of a cart, checked when the cart was written."""

    id: int
    catalog_item_id: str
    quantity: int
    billing_cycle: str
    currency: str
    order_group: str
    term_duration: str | None = None
    friendly_name: str | None = None
    reseller: str | None = None
    participants: list[Json] | None = None
    provisioning_context: dict[str, Any] = field(default_factory=dict)
    error: int | None = None


@dataclass
class Cart:
    """A cart; ``results`` holds the order id of each group that was bought."""

    id: str
    customer_id: str
    created_at: float
    modified_at: float
    expires_at: float
    modified_by: str
    lines: list[CartLine]
    attestation_accepted: bool | None = None
    busy_until: float = 0.0
    ordered_at: float | None = None
    results: dict[str, str] = field(default_factory=dict)
    first_result: Json | None = None


@dataclass
class OrderLine:
    """An item of an order."""

    number: int
    offer_id: str
    friendly_name: str
    quantity: int
    term_duration: str | None = None
    reseller: str | None = None
    provisioning_context: dict[str, Any] = field(default_factory=dict)
    subscription_id: str | None = None


@dataclass
class Order:
    """An order, bought from a cart or seeded."""

    id: str
    customer_id: str
    cart_id: str | None
    billing_cycle: str
    currency: str
    lines: list[OrderLine]
    created_at: float
    listed_at: float
    readable_at: float
    status: str = "pending"
    request_id: str | None = None
    seeded: bool = False


@dataclass
class AzureSubscription:
    """An Azure subscription under an Azure plan: Partner Center's azureEntitlement."""

    id: str
    name: str
    status: str = "active"
    """At Partner Center: ``active`` or ``inactive``."""
    changing_to: str | None = None
    azure_state: AzureState | None = None
    """State at Azure Resource Manager, where it does not follow from the status."""
    stopped_at: float | None = None
    """When it became inactive: some months later it is deleted."""
    reactivation: Literal[900335, 900337] | None = None
    """Code that refuses to reactivate it: the caller may not, or it cannot be reactivated."""
    has_resources: bool = False
    """True: Azure Resource Manager cancels it only with ``IgnoreResourceCheck=true``."""


@dataclass
class Subscription:
    """A commerce subscription: an Azure plan, a legacy Azure subscription or licences."""

    id: str
    customer_id: str
    kind: Literal["azure_plan", "legacy_azure", "licence"]
    offer_id: str
    offer_name: str
    friendly_name: str
    order_id: str
    created_at: float
    billing_cycle: str
    quantity: int = 1
    status: str = "active"
    auto_renew: bool = False
    partner_id: str = ""
    term_duration: str = ""
    entitlement_id: str | None = None
    version: int = 1
    busy_until: float = 0.0
    azure_subscriptions: list[AzureSubscription] = field(default_factory=list)


@dataclass
class UpgradeLine:
    """One legacy subscription on its way under the plan."""

    source_id: str
    status: str
    target_id: str | None = None
    upgraded_at: float | None = None
    error: tuple[str, str] | None = None


@dataclass
class Upgrade:
    """A product upgrade. ``stage`` is its true stage; a setting holds the words for it."""

    id: str
    customer_id: str
    product_family: str
    created_at: float
    lines: list[UpgradeLine]
    stage: Literal["pending", "running", "completed", "failed"] = "pending"
    request_id: str | None = None
    seeded: bool = False


@dataclass
class Confirmation:
    """A recorded acceptance of the Microsoft Customer Agreement."""

    first_name: str
    last_name: str
    email: str
    agreed_at: float
    phone_number: str | None = None
    listed_at: float | None = field(default=None, init=False)
    """The instant from which it is listed; None: it always was."""

    @property
    def contact(self) -> tuple[str, str, str, str | None]:
        """What makes two acceptances the same."""
        return self.first_name, self.last_name, self.email, self.phone_number


@dataclass
class Customer:
    """A customer tenant and its property."""

    id: str
    partner: str
    """Tenant id of the partner that it buys from."""
    name: str
    domain: str
    country: str = "US"
    company_country: str | None = None
    related: bool = True
    """False: no commerce relationship any more."""
    delegated: bool = True
    """False: no delegated access, so thinner answers, and no token of the customer's tenant for a user."""
    consent: Literal["granted", "missing", "unknown_application"] = "granted"
    """Whether the customer's tenant consented to the partner's application, or does not even know it."""
    azure_role: Literal["owner", "reader"] | None = "owner"
    """The role of the partner's user on the Azure subscriptions, through GDAP."""
    reservation_role: Literal["owner", "reader"] | None = "owner"
    """The role of the partner's user on the reservation orders."""
    billing_profile: bool = True
    reseller: str | None = None
    signed_directly: bool = False
    confirmations: list[Confirmation] = field(default_factory=list)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    reservations: list[Reservation] = field(default_factory=list)
    quotes: dict[str, Quote] = field(default_factory=dict)
    returns: dict[str, Return] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    carts: dict[str, Cart] = field(default_factory=dict)
    upgrades: list[Upgrade] = field(default_factory=list)
    currency: str = "USD"
    """The currency that it is billed in."""
    budget: Decimal | None = None
    """How much it may cost in a month before somebody is told; None: no budget."""
    usage: bool = True
    """False: nothing was used yet, whatever it owns."""
    resources: int = 3
    """Number of resources under each active Azure subscription, and under a legacy subscription."""
    spent: dict[str, Decimal] = field(default_factory=dict)
    """What a subscription has cost this month, where a test chose it."""
    overrides: dict[str, Any] = field(default_factory=dict)
    """Settings that differ for this customer."""
    shows_at: float | None = None
    """The instant from which the customer is visible; None if the customer is not new."""

    @property
    def agreed(self) -> bool:
        """True when the Microsoft Customer Agreement was accepted, by attestation or directly."""
        return self.signed_directly or bool(self.confirmations)
