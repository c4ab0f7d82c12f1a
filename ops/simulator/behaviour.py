"""Every knob of the simulator's behaviour, with the defaults of the reference."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from pydantic import TypeAdapter

from ops.simulator.billing.switches import FOR_ALL_BILLING, BillingSettings, NumberForm

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

Range = tuple[float, float]

FOR_ALL = frozenset(
    {
        *("hostility", "availability_rotation", "plan_for_sale", "quota_per_minute", "retry_after", "page_size"),
        *("token_lifetime", "refresh_token_reuse", "mfa_answer", "unknown_customer"),
        *("azure_deletion", "azure_reads_per_hour", "azure_writes_per_hour", "reservations_per_page"),
        *FOR_ALL_BILLING,
    }
)
"""Knobs for every customer, marked [all] below."""

OrderOutcome = Literal["completed", "error", "cancelled", "partial_success", "pending_review", "never"]
UpgradeOutcome = Literal["completed", "failed", "never"]


@dataclass(frozen=True)
class Hostility:
    """Oddities of the answers, each seen in documented samples. None changes what an answer means."""

    bom: Literal["never", "successes", "always"] = "successes"
    """Where a UTF-8 byte order mark stands before the JSON."""
    doubled_headers: bool = True
    """Catalog answers repeat the id headers and X-Locale, comma-joined."""
    odd_case: bool = True
    """GUIDs in capitals and enum values in another case, now and then."""
    extra_fields: bool = True
    """Members that no page documents."""
    numbers_as_text: bool = True
    """``totalCount`` and ``quantity`` as JSON strings, now and then."""
    amounts: NumberForm = "mixed"
    """Amounts, prices and rates as JSON numbers, as JSON strings, now the one and now the other, or with exponents."""
    error_codes: Literal["number", "text", "mixed"] = "mixed"
    """JSON type of ``code`` in error bodies."""
    odd_dates: bool = True
    """Seven fractional digits, offsets in place of Z, and agreement dates without a zone."""
    unknown_enums: bool = True
    """New values in members that decide nothing."""
    missing_links: bool = True
    """Collections without ``links``, now and then; never where a next page exists."""
    explicit_nulls: bool = True
    """Members that are null instead of absent."""
    flat_errors: bool = True
    """Errors of Microsoft.Subscription have ``code`` and ``message`` at the top, now and then, as its spec allows."""
    member_case: Literal["camel", "pascal"] = "camel"
    """Case of the first letter of every member: some samples and clients have capitals."""
    null_items: bool = False
    """A null between the items of a collection."""
    foreign_ids: bool = False
    """Id headers of the answer differ from those of the request."""

    @classmethod
    def off(cls) -> Self:
        """Answer as the plainest documented sample does."""
        return cls(
            bom="never",
            doubled_headers=False,
            odd_case=False,
            extra_fields=False,
            numbers_as_text=False,
            amounts="number",
            error_codes="number",
            odd_dates=False,
            unknown_enums=False,
            missing_links=False,
            explicit_nulls=False,
            flat_errors=False,
        )


@dataclass(frozen=True)
class Settings(BillingSettings):
    """The behaviour of the simulator. Lags are in seconds, drawn evenly from a range and divided by the clock's scale.

    Any of them can be overridden for one customer (``Customer.overrides``), save those marked [all], which have no
    customer.
    """

    hostility: Hostility = field(default_factory=Hostility)
    """[all] Oddities of the answers."""

    latency: Range = (0.0, 0.0)
    """How long an answer takes after its effect; real seconds, not scaled."""

    # Customers
    customer_lag: Range = (0.0, 0.0)
    """How late a new customer becomes visible: until then every request about the customer finds it unknown."""
    unknown_customer: Literal[60003, 1000] = 60003
    """[all] Code, with 404, of an unknown customer."""

    # The customer's agreement
    refuse_attestation: int | None = None
    """Code that refuses to record an acceptance: how the service ended the old way of attestation is not known."""
    agreement_lag: Range = (0.0, 0.0)
    """From recording an acceptance until it is listed; the same contact again is refused at once."""

    # Purchases
    checkout_seconds: Range = (0.0, 0.0)
    """How long a cart is busy: a second check-out meanwhile is 409/800064; real seconds, not scaled."""
    checkout_repeat: Literal["first_result", "800065"] = "first_result"
    """Answer to a repeated check-out of a fully checked-out cart."""
    cart_lifetime: float = 7 * 86400.0
    """After it a cart is 404/800008."""
    refuse_cart: int | None = None
    """Code that refuses to make or change a cart."""
    cart_item_error: int | None = None
    """Error code on every item of a cart that is still made, with 201."""
    refuse_checkout: int | None = None
    """Code that refuses a check-out as a whole: 800023 credit, 800069 risk, 800073 review, 900116 sandbox limit, ..."""
    order_error: int | None = None
    """Code inside ``orderErrors`` of a check-out that answers 201."""
    order_error_groups: tuple[str, ...] = ()
    """Order groups that ``order_error`` hits; empty means all."""
    agreement_checked: Literal["checkout", "cart", "never"] = "checkout"
    """The operation that refuses a missing customer agreement with 403/13605."""
    order_provisioning: Range = (5.0, 60.0)
    """From check-out to the final status, with ``subscriptionId`` and the subscription itself."""
    order_outcome: OrderOutcome = "completed"
    """How an order ends; ``never`` stays pending and ``pending_review`` waits for a person."""
    order_list_lag: Range = (0.0, 900.0)
    """From check-out until the order is in the list."""
    order_get_lag: Range = (0.0, 2.0)
    """From check-out until the order can be read by id."""

    plan_azure_subscriptions: int = 1
    """Azure subscriptions under a plan that was bought: Microsoft makes one, the customer more."""
    plan_reservations: int = 0
    """Reservations that the customer buys as soon as it has a plan."""

    # Catalog
    availability_rotation: float = 1800.0
    """[all] How long an availability id is handed out; it stays valid for half as long again. 0: for ever."""
    plan_for_sale: bool = True
    """[all] False: the Azure plan has no availability that can be bought. For one customer: seed it in country CN."""

    # Subscriptions and the Azure subscriptions under them
    patch_mode: Literal["now", "slow"] = "now"
    """``slow``: 202 with Location, applied later; meanwhile 409/800082."""
    patch_seconds: Range = (5.0, 60.0)
    """How much later."""
    entitlement_cancel_status: Literal[200, 202] = 202
    """The developer page says 200, the REST reference 202."""
    entitlement_flip: Range = (540.0, 660.0)
    """From cancel or reactivate until Partner Center shows it: about ten minutes."""
    reservations_block: bool = True
    """Active reservations count for 403/900115 as Azure subscriptions do."""

    # Azure Resource Manager
    azure_warned: Range = (0.0, 5.0)
    """From its cancel until the state of an Azure subscription is Warned."""
    azure_disabled: Range = (60.0, 300.0)
    """From its cancel until the state is Disabled."""
    azure_enabled: Range = (0.0, 60.0)
    """From its enable until the state is Enabled."""
    azure_repeat: Literal["accepted", "refused"] = "accepted"
    """Answer to the cancel of an Azure subscription that is cancelled, and to the enable of an enabled one."""
    azure_deletion: float = 90 * 86400.0
    """[all] How long an inactive Azure subscription can be reactivated; real seconds, not scaled."""
    quote_lifetime: float = 900.0
    """How long the ``sessionId`` of a quote can be used; real seconds, not scaled."""
    quote_change: float = 0.0
    """By how much each further quote of a reservation is lower, beside what time takes away."""
    refund_limit: float = 50_000.0
    """What a customer gets back in all, in US dollars; more is the policy error RefundLimitExceeded."""
    policy_error: str | None = None
    """Code that every quote names as policy error, such as SelfServiceRefundNotSupported."""
    return_status: Literal[200, 202] = 202
    """202 comes with the address of an operation that ends later."""
    return_seconds: Range = (30.0, 3600.0)
    """From a return with 202 until its end."""
    return_outcome: Literal["completed", "failed", "never"] = "completed"
    """How a return with 202 ends."""
    return_repeat: Literal["refused", "first_answer"] = "refused"
    """Answer to a second return with the session of the first; one with another session is refused."""
    return_headers: Literal["both", "location", "async"] = "both"
    """Headers of a 202: ``Location``, ``Azure-AsyncOperation``, or both."""
    return_state: Literal["PendingBilling", "Succeeded"] = "PendingBilling"
    """``provisioningState`` of a reservation while its return is under way."""
    reservation_flip: Range = (540.0, 660.0)
    """From the end of a return until Partner Center shows it."""
    reservations_per_page: int = 50
    """[all] Most reservations of an order on one page."""
    azure_reads_per_hour: int = 12_000
    """[all] Reads in any hour for each Azure subscription, and for each tenant; 0: no limit."""
    azure_writes_per_hour: int = 1_200
    """[all] The same of writes, quotes included."""

    # Product upgrades
    upgrade_pending: Range = (10.0, 120.0)
    """From creation until the upgrade is in progress."""
    upgrade_running: Range = (300.0, 7200.0)
    """From being in progress until the end of the upgrade."""
    upgrade_outcome: UpgradeOutcome = "completed"
    """How an upgrade ends."""
    upgrade_statuses: tuple[str, str, str, str] = ("Pending", "InProgress", "Completed", "Failed")
    """The words for pending, running, done and failed; only the third is documented."""
    upgrade_error_text: Literal["description", "message"] = "description"
    """Member of ``errorDetails`` that holds the words: the SDKs know the first, the pages the second."""
    ineligible_reason: str | None = None
    """Set: eligibility says no with this reason, whatever the customer owns."""
    refuse_upgrade: int | None = None
    """Code that refuses to create an upgrade: 900105, 900107, 900108, 900119, 900120, 900130."""
    failed_upgrade_stays_eligible: bool = True
    """A customer whose upgrade failed may start another."""

    # Admission
    remember_request_ids: bool = True
    """A write whose MS-RequestId was answered before is answered the same and does nothing."""
    request_id_memory: float = 86400.0
    """How long; real seconds, not scaled."""
    quota_per_minute: int = 500
    """[all] Calls per partner and resource family in any 60 seconds; 0: no limit."""
    retry_after: Literal["seconds", "date", "none"] = "seconds"
    """[all] Form of Retry-After on a 429 by quota."""
    page_size: int = 100
    """[all] Most customers on one page, whatever ``size`` asks for."""
    token_lifetime: float = 3599.0
    """[all] Seconds that an access token lives; not scaled."""
    refresh_token_reuse: bool = True
    """[all] A refresh token that was redeemed still works, as at Entra; False: it is dead."""
    mfa_answer: Literal["900421", "empty"] = "900421"
    """[all] What a user's token without ``mfa`` meets: the newer code, or the older empty 401."""

    def for_one(self, overrides: Mapping[str, Any]) -> "Settings":
        """Return the settings of one customer. Raises ValueError for a knob that is for all, unknown or ill-set."""
        if shared := FOR_ALL & set(overrides):
            raise ValueError(f"{sorted(shared)} cannot differ between customers")
        return self.changed(overrides)

    def changed(self, changes: Mapping[str, Any]) -> "Settings":
        """Return a copy with changes as they come from JSON; ``hostility`` may be true, false or some of its members.

        Raises ValueError that names an unknown knob or a value that it cannot have.
        """
        hostility = changes.get("hostility", {})
        if isinstance(hostility, bool):
            changes = {**changes, "hostility": Hostility() if hostility else Hostility.off()}
        elif isinstance(hostility, Mapping):
            changes = {**changes, "hostility": checked_copy(self.hostility, hostility)}
        return checked_copy(self, changes)


def checked_copy(instance: T, changes: Mapping[str, Any]) -> T:
    """Return a dataclass instance with changes that were checked against its types; raises ValueError."""
    values = {each.name: getattr(instance, each.name) for each in fields(instance)}
    if unknown := set(changes) - set(values):
        raise ValueError(f"unknown {sorted(unknown)}; known are {', '.join(sorted(values))}")
    checked: T = adapter(type(instance)).validate_python({**values, **changes})
    return checked


def change_members(instance: T, changes: Mapping[str, Any]) -> None:
    """Change members of a dataclass instance in place, checked against its types; raises ValueError."""
    changed = checked_copy(instance, changes)
    for name in changes:
        setattr(instance, name, getattr(changed, name))


@functools.cache
def adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """Return what checks the members of a dataclass; made once for each, for it takes milliseconds."""
    return TypeAdapter(kind)
