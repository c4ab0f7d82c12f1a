"""ReportUsage: what Azure costs in the present billing period. Reads only.

Vendor pages: partner-center/developer/azure-spending and the pages that it lists.
"""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from events.codes import RejectedCode
from events.messages.base import Event
from events.messages.usage import PartnerSummary, ReportUsage, ResourceModel, UsageReported
from worker.errors import Rejected
from worker.handling import Context, facts, handles, plain_id
from worker.partner_center.answers.resource import Collection, same_id
from worker.partner_center.errors import Refused, Unanswered
from worker.partner_center.operation import Operation
from worker.partner_center.resources import subscriptions
from worker.partner_center.resources.spending import usage
from worker.partner_center.resources.spending.usage import Summary, UsageItem
from worker.partner_center.resources.subscriptions import Subscription
from worker.spending.present_budget import present_budget
from worker.spending.usage_delivery import Delivery
from worker.spending.usage_figures import Kind, amount, partner_summary, percent_of, period

ENTITLEMENT = (
    "subscriptionId is the id of an Azure plan or of a legacy subscription at Partner Center. The id of an Azure"
    " subscription is none: name its plan, as ReportCustomer lists it, and use by=resource to see each Azure"
    " subscription under the plan; then send the command with a new id."
)
BY: Mapping[str, tuple[Kind, Operation[Collection[UsageItem]]]] = {
    "resource": ("resource", usage.BY_RESOURCE),
    "meter": ("meter", usage.BY_METER),
    "legacyResource": ("resource", usage.LEGACY_RESOURCES),
}


ENDED: Mapping[str, frozenset[int]] = {
    usage.PARTNER.name: frozenset({404, 410}),
    usage.LEGACY_RESOURCES.name: frozenset({410}),
}
"""The statuses with which Partner Center says that it has a report no more. It calls the first one deprecated."""
INSTEAD = {
    usage.PARTNER.name: (
        "Microsoft has marked the summary of the partner account for deprecation, and has it no more",
        "Ask with scope=customers, which has the same sums, in a command with a new id.",
    ),
    usage.LEGACY_RESOURCES.name: (
        "Microsoft has replaced these records of legacy subscriptions by usage by meter, and has them no more",
        "Ask with by=meter, in a command with a new id.",
    ),
}
"""What is said where a report has ended, and what is there in its place."""


@dataclass(slots=True)
class Read:
    """What the answer says beside sums and records."""

    has_usage: bool = True
    begins: datetime | None = None
    ends: datetime | None = None
    budget: Decimal | None = None
    percent: Decimal | None = None
    model: ResourceModel | None = None
    partner: PartnerSummary | None = None


@handles(ReportUsage)
async def report_usage(ctx: Context, command: ReportUsage) -> Event:
    """Report the totals, and the records that the scope has. A customer without usage is an answer."""
    ctx.end_in_time()
    begun = ctx.now()
    with Delivery(ctx, command) as delivery:
        read = await _read(ctx, command, delivery)
        delivered = await delivery.deliver()
    sums = delivery.sums
    answer = ctx.answer(
        UsageReported,
        scope=command.scope,
        by=command.by,
        subscription_id=command.subscription_id and plain_id(command.subscription_id),
        has_usage=read.has_usage,
        period_start=read.begins,
        period_end=read.ends,
        as_of=sums.newest or begun,
        totals=sums.totals,
        budget=read.budget,
        percent_used=read.percent,
        resource_model=read.model or sums.model,
        partner_summary=read.partner,
        **delivered,
    )
    delivery.say()
    return answer


async def _read(ctx: Context, command: ReportUsage, delivery: Delivery) -> Read:
    match command.scope:
        case "partner":
            return await _partner(ctx, delivery)
        case "customers":
            return await _records(ctx, delivery, "customer", usage.CUSTOMERS, {})
    path = {"customer_id": command.customer_id}
    match command.scope:
        case "customer":
            return await _customer(ctx, delivery, path)
        case "subscriptions":
            return await _records(ctx, delivery, "subscription", usage.SUBSCRIPTIONS, path)
    return await _subscription(ctx, command, delivery, path)


async def _partner(ctx: Context, delivery: Delivery) -> Read:
    """Microsoft's counts and period, and our sums of all customers: Microsoft's own total leaves plan customers out."""
    summary = await _summary(ctx, usage.PARTNER, {})
    read = await _records(ctx, delivery, None, usage.CUSTOMERS, {})
    if summary is not None:
        read.begins, read.ends = period(summary)
        read.partner = partner_summary(summary)
    return read


async def _customer(ctx: Context, delivery: Delivery, path: Mapping[str, str]) -> Read:
    summary = await _summary(ctx, usage.CUSTOMER, path)
    read = _read_summary(delivery, summary)
    if summary is not None and summary.budget is not None:
        read.budget = amount(summary.budget)
    elif not ctx.account_policy.sandbox:
        read.budget = await present_budget(ctx.center, path["customer_id"])
    read.percent = percent_of(summary.total_cost if summary else None, read.budget)
    return read


async def _subscription(ctx: Context, command: ReportUsage, delivery: Delivery, path: Mapping[str, str]) -> Read:
    """The usage of a plan or legacy subscription. Microsoft says nothing of use about ids of anything else."""
    named = await _named(ctx, command)
    model: ResourceModel | None = "plan" if named.is_azure_plan else "legacy" if named.is_legacy_azure else None
    path = {**path, "subscription_id": named.id}
    if command.by == "total":
        read = _read_summary(delivery, await _summary(ctx, usage.SUBSCRIPTION, path))
    else:
        _refuse_other_model(command, model)
        read = await _records(ctx, delivery, *BY[command.by], path)
    read.model = model
    return read


async def _named(ctx: Context, command: ReportUsage) -> Subscription:
    """The plan or legacy subscription that the command names. Raises `Rejected` (`plan_not_found`) for other ids."""
    wanted = command.subscription_id or ""
    held = await subscriptions.list_present(ctx.center, command.customer_id)
    for each in held:
        if same_id(each.id, wanted) and (each.is_azure_plan or each.is_legacy_azure or each.offer_id is None):
            return each
    legacy = next((each.id for each in held if same_id(each.entitlement_id, wanted)), None)
    detail = f"the customer has no Azure plan and no legacy Azure subscription with the id {wanted}"
    if legacy is not None:
        detail = f"{wanted} is the Azure subscription behind the legacy subscription {legacy}"
    raise Rejected(RejectedCode.PLAN_NOT_FOUND, detail, advice=ENTITLEMENT)


def _refuse_other_model(command: ReportUsage, model: ResourceModel | None) -> None:
    if command.by == "resource" and model == "legacy":
        detail = "Microsoft reports usage by resource for Azure plans only, and this is a legacy subscription"
        advice = "Ask with by=meter, or with by=legacyResource, in a command with a new id."
        raise Rejected(RejectedCode.NOT_AVAILABLE, detail, advice=advice)
    if command.by == "legacyResource" and model == "plan":
        detail = "Microsoft has these records for legacy subscriptions (MS-AZR-0145P) only, and this is an Azure plan"
        advice = "Ask with by=resource or by=meter, in a command with a new id."
        raise Rejected(RejectedCode.NOT_AVAILABLE, detail, advice=advice)


def _read_summary(delivery: Delivery, summary: Summary | None) -> Read:
    if summary is None:
        return Read(has_usage=False)
    delivery.sums.add(summary)
    begins, ends = period(summary)
    return Read(begins=begins, ends=ends)


def _raise_unless_unused(no: Refused | Unanswered, operation: Operation[Any]) -> None:
    """Return if Microsoft says that there is no usage, with whatever status. Raises the refusal, or what it means."""
    if no.code == usage.NO_USAGE:
        return
    if no.status in ENDED.get(operation.name, frozenset()) and isinstance(no, Refused):
        detail, advice = INSTEAD[operation.name]
        raise Rejected(RejectedCode.NOT_AVAILABLE, detail, advice=advice, partner_center=facts(no)) from no
    raise no


async def _summary(ctx: Context, operation: Operation[Summary], path: Mapping[str, str]) -> Summary | None:
    """A summary; None if Microsoft has no usage."""
    try:
        return await usage.summary(ctx.center, operation, path)
    except (Refused, Unanswered) as no:
        _raise_unless_unused(no, operation)
        return None


async def _records(
    ctx: Context,
    delivery: Delivery,
    kind: Kind | None,
    operation: Operation[Collection[UsageItem]],
    path: Mapping[str, str],
) -> Read:
    """Read the records of a collection, which are delivered as `kind`; None: only their sums."""
    try:
        async with aclosing(usage.records(ctx.center, operation, path)) as items:
            async for item in items:
                await delivery.take(kind, item)
    except (Refused, Unanswered) as no:
        _raise_unless_unused(no, operation)
    return Read(has_usage=delivery.sums.count > 0)
