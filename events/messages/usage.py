"""What Azure costs a customer now, and the budget that Microsoft watches.

All figures are Microsoft's estimates for the present billing period. Amounts are exact: text with Microsoft's digits.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final, Literal, Self, cast

from events.messages.base import Command, Event, Message, Subject
from events.messages.fields import LEFT_OUT, Amount, Count, Instant, Label, Prose, Quantity
from events.report_pages import ReportPage

Scope = Literal["partner", "customers", "customer", "subscriptions", "subscription"]
By = Literal["total", "resource", "meter", "legacyResource"]
ResourceModel = Literal["plan", "legacy", "mixed"]


class _Unset:
    """The default of a member for which `null` has a meaning of its own."""

    def __repr__(self) -> str:
        return "(absent)"

    def __deepcopy__(self, memo: object) -> Self:
        """There is only one: a copied default is the default still."""
        return self


ABSENT: Final = _Unset()


class UsageRecord(Message):
    """The usage of one customer, subscription, resource or meter. Members that do not apply are left out."""

    kind: Literal["customer", "subscription", "resource", "meter"]
    id: Label | None = LEFT_OUT
    name: Label | None = LEFT_OUT
    subscription_id: Label | None = LEFT_OUT
    """Id of the plan or of the legacy subscription."""
    entitlement_id: Label | None = LEFT_OUT
    """Id of the Azure subscription."""
    entitlement_name: Label | None = LEFT_OUT
    resource_uri: Prose | None = LEFT_OUT
    resource_type: Label | None = LEFT_OUT
    resource_group: Label | None = LEFT_OUT
    meter_id: Label | None = LEFT_OUT
    meter_name: Label | None = LEFT_OUT
    category: Label | None = LEFT_OUT
    subcategory: Label | None = LEFT_OUT
    unit: Label | None = LEFT_OUT
    quantity: Quantity | None = LEFT_OUT
    total: Quantity | None = LEFT_OUT
    currency: Label | None = LEFT_OUT
    """ISO 4217 code. Legacy subscriptions have `currencyLocale` instead."""
    currency_locale: Label | None = LEFT_OUT
    """A culture such as `fr-FR`, in which Microsoft writes legacy amounts."""
    total_usd: Quantity | None = LEFT_OUT
    """The total in US dollars."""
    budget: Quantity | None = LEFT_OUT
    percent_used: Quantity | None = LEFT_OUT
    """Share of the budget in percent: 602.84 is 602.84 %."""
    is_upgraded: bool | None = LEFT_OUT
    """Whether the customer is on an Azure plan."""
    status: Label | None = LEFT_OUT
    offer_id: Label | None = LEFT_OUT
    partner_on_record: Label | None = LEFT_OUT
    last_modified: Instant | None = LEFT_OUT


class UsageTotal(Message):
    """The sum of all records, or Microsoft's own total, in one currency."""

    currency: Label | None
    """ISO 4217 code; null where Microsoft names only a culture."""
    currency_locale: Label | None
    """Culture of legacy amounts, such as `fr-FR`; null elsewhere."""
    total: Quantity
    total_usd: Quantity | None
    """In US dollars; null if Microsoft does not say it for each part of the total."""


class UsageFile(Message):
    """A file that holds all records of a report."""

    uri: Prose
    format: Label
    """`source`: JSON lines, compressed with gzip; each line is a record as in `UsageRecorded`. `parquet`: the same
    records as a table, where the worker can write it."""
    rows: Count
    bytes: Count
    sha256: Label


class PartnerSummary(Message):
    """Microsoft's own count of the partner's customers. Customers with an Azure plan are not in it."""

    customers_over_budget: Count | None
    customers_trending_over: Count | None
    customers_with_usage_based_subscription: Count | None
    excludes_plan_customers: Literal[True] = True


class UsageRecorded(ReportPage):
    """One page of the records of a report. All pages are of one reading."""

    place: ClassVar[str] = "usage-recorded"

    records: tuple[UsageRecord, ...]
    """At most 500 records."""


class UsageReported(Event):
    """What Azure costs in the present billing period, by Microsoft's estimate."""

    terminal: ClassVar[bool] = True

    scope: Scope
    by: By
    subscription_id: Label | None
    has_usage: bool
    """False if Microsoft has no usage: the totals are then empty."""
    period_start: Instant | None
    """Null where Microsoft names no period."""
    period_end: Instant | None
    """The first instant after the period; null where Microsoft names no period."""
    as_of: Instant
    """When Microsoft last changed the figures; when azplan read them, where Microsoft does not say it."""
    totals: tuple[UsageTotal, ...]
    budget: Quantity | None
    """The customer's budget; null if there is none, and in reports about anything but one customer."""
    percent_used: Quantity | None
    """Share of the budget in percent, with two decimals: 602.84 is 602.84 %. Null without a budget above 0."""
    resource_model: ResourceModel | None
    """`plan`: an Azure plan, `legacy`: MS-AZR-0145P, `mixed`: both. Null if nothing tells."""
    records: Count
    """Number of records, in pages before this event or in files."""
    pages: Count
    """Number of pages; 0 if the records are in files, or were not asked for."""
    files: tuple[UsageFile, ...] = ()
    partner_summary: PartnerSummary | None = None
    """Only for the scope `partner`."""


class UsageBudgetSet(Event):
    """The customer's budget is as the command says."""

    terminal: ClassVar[bool] = True

    previous: Quantity | None
    """The budget before the command; null if there was none."""
    current: Quantity | None
    """The budget now; null if there is none."""
    already_set: bool
    """Whether the budget was so before the command."""

    @property
    def nothing_done(self) -> bool:
        """Whether the budget was so before."""
        return self.already_set


class ReportUsage(Command):
    """Report what Azure costs in the present billing period. Changes nothing."""

    answered_by: ClassVar[type[Event]] = UsageReported
    reads: ClassVar[bool] = True
    scoped: ClassVar[bool] = True

    scope: Scope = "customer"
    """`partner`: totals of the partner account. `customers`: a record for each customer. `customer`: totals and budget
    of one customer. `subscriptions`: a record for each subscription of the customer. `subscription`: one subscription.
    For `partner` and `customers`, customerId is the tenant id of the partner account."""
    subscription_id: Label | None = None
    """Id of the Azure plan or of the legacy subscription, for the scope `subscription`."""
    by: By = "total"
    """What a record of the scope `subscription` is: `total` has none, `resource` (Azure plans), `meter`, or
    `legacyResource` (legacy subscriptions)."""
    deliver: Literal["auto", "files", "none"] = "auto"
    """`auto`: records in events, and very many in a file. `files`: in a file. `none`: totals only."""

    @classmethod
    def subject_of(cls, data: Mapping[str, Any]) -> Subject:
        """The partner account for the scopes of the whole partner."""
        return "partner_account" if data.get("scope") in ("partner", "customers") else "customer"

    def problem_on_receipt(self, received_at: datetime) -> str | None:
        """The members that belong to one scope."""
        if (self.scope == "subscription") != (self.subscription_id is not None):
            return "subscriptionId must be given with the scope subscription, and only there"
        if self.by != "total" and self.scope != "subscription":
            return f"by can be {self.by} only with the scope subscription"
        return None


class SetUsageBudget(Command):
    """Set or remove the customer's budget, which Microsoft watches. Usage is not stopped by it."""

    answered_by: ClassVar[type[Event]] = UsageBudgetSet
    trials: ClassVar[Mapping[str, Mapping[str, Any]]] = {"": {"amount": "0"}}

    amount: Amount | None
    """The amount in the customer's billing currency, such as `"250.00"`; null removes the budget."""
    if_amount: Amount | None = cast("Amount | None", ABSENT)
    """Set the budget only if this is the present amount; null: only if there is none. Left out: in any case."""

    @property
    def is_conditional(self) -> bool:
        """Whether `if_amount` was given, be it null."""
        return "if_amount" in self.model_fields_set
