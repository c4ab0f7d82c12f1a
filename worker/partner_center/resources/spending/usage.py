"""What Azure costs in the present billing period: estimates of Microsoft, for no invoice.

Every operation takes a user's token. A legacy subscription (MS-AZR-0145P) names a culture (`currencyLocale`), an Azure
plan a currency (`currencyCode`) and the amount in US dollars.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Annotated

from worker.partner_center.answers.resource import (
    OR_NONE,
    Amount,
    Collection,
    Flag,
    Moment,
    Number,
    Resource,
    Text,
    Word,
)
from worker.partner_center.operation import MEGABYTE, Auth, EffectClass, Operation
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources.spending.budgets import Budget
from worker.partner_center.resources.spending.listed_objects import objects

DOCS = "https://learn.microsoft.com/partner-center/developer/"

NO_USAGE = "3000"
"""The code of a customer without usage; its status is not documented."""


class Figures(Resource):
    """What all summaries and records of usage have."""

    resource_id: Text = None
    id: Text = None
    resource_name: Text = None
    name: Text = None
    total_cost: Amount = None
    currency_code: Text = None
    currency_locale: Text = None
    """A culture such as `fr-FR`, and no currency."""
    usd_total_cost: Number = None
    last_modified_date: Moment = None


class Summary(Figures):
    """The usage of the partner, a customer or a subscription in a billing period."""

    billing_start_date: Moment = None
    billing_end_date: Moment = None
    budget: Annotated[Budget | None, OR_NONE] = None
    customers_over_budget: Number = None
    customers_trending_over: Number = None
    customers_with_usage_based_subscription: Number = None


class UsageItem(Figures):
    """One record: of a customer, a subscription, a resource or a meter. Each kind has some of the members."""

    budget: Annotated[Budget | None, OR_NONE] = None
    customer_spending_budget: Annotated[Budget | None, OR_NONE] = None
    percent_used: Number = None
    is_upgraded: Flag = None
    status: Word = None
    partner_on_record: Text = None
    offer_id: Text = None
    subscription_id: Text = None
    entitlement_id: Text = None
    entitlement_name: Text = None
    resource_uri: Text = None
    resource_type: Text = None
    resource_group_name: Text = None
    meter_id: Text = None
    meter_name: Text = None
    category: Text = None
    subcategory: Text = None
    unit: Text = None
    quantity_used: Number = None


def _summary(name: str, path: str, page: str) -> Operation[Summary]:
    return Operation(
        name=name,
        method="GET",
        path=path,
        answer=Summary,
        largest=MEGABYTE,
        effect=EffectClass.READ,
        auth=Auth.USER,
        patient=True,
        source=DOCS + page,
    )


def _records(name: str, path: str, page: str) -> Operation[Collection[UsageItem]]:
    return Operation(
        name=name,
        method="GET",
        path=path,
        answer=Collection[UsageItem],
        page=True,
        effect=EffectClass.READ,
        auth=Auth.USER,
        patient=True,
        source=DOCS + page,
    )


_SUBSCRIPTION = "/customers/{customer_id}/subscriptions/{subscription_id}"

PARTNER = _summary("usage.partner_summary", "/usagesummary", "get-a-partner-usage-summary")
CUSTOMERS = _records("usage.customers", "/customers/usagerecords", "get-a-customer-s-usage-records")
CUSTOMER = _summary("usage.customer_summary", "/customers/{customer_id}/usagesummary", "get-a-customer-usage-summary")
SUBSCRIPTIONS = _records(
    "usage.subscriptions",
    "/customers/{customer_id}/subscriptions/usagerecords",
    "get-a-customer-subscription-s-usage-records",
)
SUBSCRIPTION = _summary(
    "usage.subscription_summary", f"{_SUBSCRIPTION}/usagesummary", "get-a-customer-subscription-usage-summary"
)
BY_RESOURCE = _records(
    "usage.by_resource",
    f"{_SUBSCRIPTION}/resourceusagerecords",
    "get-a-customer-subscription-resource-usage-records",
)
BY_METER = _records(
    "usage.by_meter", f"{_SUBSCRIPTION}/meterusagerecords", "get-a-customer-subscription-meter-usage-records"
)
LEGACY_RESOURCES = _records(
    "usage.legacy_resources",
    f"{_SUBSCRIPTION}/usagerecords/resources",
    "get-a-customer-s-subscription-resource-usage-information",
)


async def summary(center: PartnerCenter, operation: Operation[Summary], path: Mapping[str, str]) -> Summary:
    """One of the summaries above. Refused with 3000 where Microsoft has no usage."""
    return await center.call(operation, path)


async def records(
    center: PartnerCenter, operation: Operation[Collection[UsageItem]], path: Mapping[str, str]
) -> AsyncGenerator[UsageItem]:
    """Yield the records of one of the collections above, in little memory: there can be very many.

    Refused with 3000 without usage.
    """
    async with aclosing(objects(center, operation, path, UsageItem)) as found:
        async for item in found:
            yield item
