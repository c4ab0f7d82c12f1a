"""What a report says of Microsoft's figures: records, sums, period and model. Pure.

Sums are exact: no digit of Microsoft's is lost, and none is added.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact
from typing import Any, Literal

from events.messages.usage import PartnerSummary, ResourceModel, UsageRecord, UsageTotal
from worker.handling import plain_id
from worker.partner_center.resources.spending.budgets import Budget
from worker.partner_center.resources.spending.usage import Figures, Summary, UsageItem

EXACT = Context(prec=1_000, traps=[Inexact])
"""Amounts have at most 100 digits on each side of the point (`answers.resource.Number`): no sum of them is rounded."""
DAY = timedelta(days=1)

Kind = Literal["customer", "subscription", "resource", "meter"]


def record(kind: Kind, item: UsageItem) -> UsageRecord:
    """One record of a report, with the members that Microsoft names for it and no others."""
    identity = item.id or item.resource_id
    members: dict[str, Any] = {
        "kind": kind,
        "id": identity and plain_id(identity),
        "name": item.name or item.resource_name,
        "subscription_id": item.subscription_id and plain_id(item.subscription_id),
        "entitlement_id": item.entitlement_id and plain_id(item.entitlement_id),
        "entitlement_name": item.entitlement_name,
        "resource_uri": item.resource_uri,
        "resource_type": item.resource_type,
        "resource_group": item.resource_group_name,
        "meter_id": item.meter_id,
        "meter_name": item.meter_name,
        "category": item.category,
        "subcategory": item.subcategory,
        "unit": item.unit,
        "quantity": item.quantity_used,
        "total": item.total_cost,
        "currency": item.currency_code and item.currency_code.upper(),
        "currency_locale": item.currency_locale,
        "total_usd": item.usd_total_cost,
        "budget": amount(item.budget) if amount(item.budget) is not None else amount(item.customer_spending_budget),
        "percent_used": item.percent_used,
        "is_upgraded": item.is_upgraded,
        "status": item.status,
        "offer_id": item.offer_id,
        "partner_on_record": item.partner_on_record,
        "last_modified": item.last_modified_date,
    }
    return UsageRecord(**{name: value for name, value in members.items() if value is not None})


def amount(budget: Budget | None) -> Decimal | None:
    """The amount of a budget; None if there is none."""
    return budget.value if budget is not None else None


@dataclass(slots=True)
class Sums:
    """Exact sums of figures, by currency; and what else a report says about all of them."""

    count: int = 0
    newest: datetime | None = None
    models: set[ResourceModel] = field(default_factory=set)
    _totals: dict[tuple[str | None, str | None], tuple[Decimal, Decimal | None]] = field(default_factory=dict)

    def add(self, figures: Figures) -> None:
        """Count one summary or record in. A figure without a total adds nothing to the sums."""
        self.count += 1
        if (model := _model(figures)) is not None:
            self.models.add(model)
        if figures.last_modified_date is not None:
            self.newest = max(filter(None, (self.newest, figures.last_modified_date)))
        if figures.total_cost is None:
            return
        currency = figures.currency_code.upper() if figures.currency_code else None
        of = (currency, None if currency else figures.currency_locale)
        total, usd = self._totals.get(of, (Decimal(0), Decimal(0)))
        more = figures.usd_total_cost if currency or figures.usd_total_cost else None  # legacy amounts say 0 dollars
        self._totals[of] = (
            EXACT.add(total, figures.total_cost),
            None if usd is None or more is None else EXACT.add(usd, more),
        )

    @property
    def totals(self) -> list[UsageTotal]:
        """The sums, in the order of their currencies."""
        ordered = sorted(self._totals.items(), key=lambda each: (each[0][0] or "~", each[0][1] or ""))
        return [
            UsageTotal(currency=currency, currency_locale=locale, total=total, total_usd=usd)
            for (currency, locale), (total, usd) in ordered
        ]

    @property
    def model(self) -> ResourceModel | None:
        """Which kind of subscription the figures are of; None if nothing tells."""
        return "mixed" if len(self.models) > 1 else next(iter(self.models), None)


def _model(figures: Figures) -> ResourceModel | None:
    upgraded = figures.is_upgraded if isinstance(figures, UsageItem) else None
    if upgraded is not None:
        return "plan" if upgraded else "legacy"
    if figures.currency_code is not None:
        return "plan"
    return "legacy" if figures.currency_locale is not None else None


def period(summary: Summary) -> tuple[datetime | None, datetime | None]:
    """The billing period: its first instant, and the first one after it.

    The period of an Azure plan ends with the first day of the next month. That of a legacy subscription ends with its
    last day, such as 28 January to 27 February: a day is added where the end is no anniversary of the begin.
    """
    begin, end = summary.billing_start_date, summary.billing_end_date
    if begin is not None and end is not None and _model(summary) == "legacy" and (end + DAY).day == begin.day:
        end += DAY
    return begin, end


def percent_of(total: Decimal | None, budget: Decimal | None) -> Decimal | None:
    """The share of the budget in percent, with two decimals; None without a total, and without a budget above 0."""
    if total is None or not budget or budget < 0:
        return None
    wide = Context(prec=1_000, rounding=ROUND_HALF_UP)
    return wide.quantize(wide.divide(wide.multiply(total, Decimal(100)), budget), Decimal("0.01"))


def partner_summary(summary: Summary) -> PartnerSummary:
    """Microsoft's own count of customers."""
    return PartnerSummary(
        customers_over_budget=_count(summary.customers_over_budget),
        customers_trending_over=_count(summary.customers_trending_over),
        customers_with_usage_based_subscription=_count(summary.customers_with_usage_based_subscription),
    )


def _count(number: Decimal | None) -> int | None:
    return None if number is None or number < 0 or number != number.to_integral_value() else int(number)
