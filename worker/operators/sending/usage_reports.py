"""Usage and budgets that a person asks for: the commands, and what their answers say as rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from events.messages.base import Event
from events.messages.usage import ReportUsage, SetUsageBudget, UsageRecord, UsageRecorded, UsageReported
from worker.operators.sending.asking import about_account, request
from worker.operators.sending.compose import CUSTOMER
from worker.operators.sending.send import SendRequest
from worker.settings.model import Settings
from worker.spending.forecast import forecast_percent
from worker.spending.usage_figures import percent_of

Order = Literal["total", "share", "name"]


def ask_for_account(settings: Settings, scope: str, *, partner: str | None, wait: timedelta) -> SendRequest:
    """The command that reports the usage of all customers (`customers`), or Microsoft's own counts (`partner`)."""
    return about_account(settings, ReportUsage, {"scope": scope}, partner, wait)


def ask_for_customer(
    customer: str, scope: str, members: Mapping[str, str | None], *, partner: str | None, wait: timedelta
) -> SendRequest:
    """The command that reports the usage of one customer or subscription. Members that are None are left out.

    Raises `InvalidRequest` for members that do not fit.
    """
    given = {name: value for name, value in members.items() if value is not None}
    return request(ReportUsage, {CUSTOMER: customer, "scope": scope, **given}, partner, wait)


def ask_for_budget(
    customer: str, amount: str | None, condition: Mapping[str, Any], *, partner: str | None, wait: timedelta
) -> SendRequest:
    """The command that sets a budget; `amount` None removes it. `condition` may hold `ifAmount`."""
    return request(SetUsageBudget, {CUSTOMER: customer, "amount": amount, **condition}, partner, wait)


@dataclass(frozen=True, slots=True)
class UsageReport:
    """The answer to a report, and all records of its pages."""

    answer: UsageReported
    records: Sequence[UsageRecord]

    def with_summary(self, summary: UsageReported) -> "UsageReport":
        """The same report, with what only a summary says: period, budget, and Microsoft's counts of customers."""
        names = ("has_usage", "period_start", "period_end", "budget", "percent_used", "partner_summary")
        said = {name: getattr(summary, name) for name in names}
        return UsageReport(self.answer.model_copy(update=said), self.records)


def usage_report(told: Sequence[Event]) -> UsageReport:
    """The report that these events tell; the last one is `UsageReported`."""
    answer = told[-1]
    if not isinstance(answer, UsageReported):
        raise TypeError(f"{answer.wire_type()} is no usage report")
    records = [each for page in told if isinstance(page, UsageRecorded) for each in page.records]
    return UsageReport(answer, records)


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What a person sees of a record."""

    record: UsageRecord
    id: str
    name: str
    total: Decimal | None
    currency: str
    """ISO 4217 code, or a culture for legacy amounts."""
    budget: Decimal | None
    percent: Decimal | None
    """Share of the budget in percent; None without a budget above 0."""
    forecast: Decimal | None
    as_of: datetime | None
    weight: Decimal
    """The total in US dollars where Microsoft says it: totals of several currencies are sorted by it."""

    @classmethod
    def of(cls, record: UsageRecord) -> "UsageRow":
        """The row of a record."""
        percent = share_of_budget(record)
        plan = record.is_upgraded is not False and record.currency is not None
        as_of = record.last_modified and record.last_modified.astimezone(UTC)
        identity = record.id or record.meter_id or record.resource_uri or ""
        return cls(
            record=record,
            id=identity,
            name=record.name or record.meter_name or identity,
            total=record.total,
            currency=record.currency or record.currency_locale or "",
            budget=record.budget,
            percent=percent,
            forecast=forecast_percent(percent, as_of, plan=plan),
            as_of=as_of,
            weight=record.total_usd or record.total or Decimal(0),
        )


def rows(records: Iterable[UsageRecord], *, order: Order, top: int | None = None) -> list[UsageRow]:
    """The rows in this order: `total` and `share` with the largest first. `top`: only the first so many."""
    made = [UsageRow.of(each) for each in records]
    match order:
        case "name":
            made.sort(key=lambda row: (row.name.casefold(), row.id))
        case "share":
            made.sort(key=lambda row: (-(row.percent if row.percent is not None else Decimal(-1)), -row.weight, row.id))
        case _:
            made.sort(key=lambda row: (-row.weight, row.name.casefold(), row.id))
    return made[:top]


def over(records: Iterable[UsageRecord], percent: Decimal | None) -> list[UsageRecord]:
    """The records with a budget of which more than `percent` is used; None: all records with a budget."""
    with_budget = [each for each in records if each.budget is not None]
    if percent is None:
        return with_budget
    return [each for each in with_budget if (share := share_of_budget(each)) is not None and share > percent]


def share_of_budget(record: UsageRecord) -> Decimal | None:
    """The share of the budget in percent: Microsoft's, else the total's. None without a budget above 0."""
    if record.budget is None or record.budget <= 0:
        return None
    return record.percent_used if record.percent_used is not None else percent_of(record.total, record.budget)
