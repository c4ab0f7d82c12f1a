"""Azure spending of the present month: by customer, subscription, resource and meter.

Pages: partner-center/developer/azure-spending and the get-a-customer-...-usage-... pages. Legacy subscriptions and
Azure plans have different members; both are as the samples show them.
"""

import calendar
from datetime import datetime, timedelta
from decimal import Decimal

from ops.simulator.billing.spending import ResourceCost, Spent, percent_used, spent_by, usd
from ops.simulator.clock import wire_date
from ops.simulator.commerce.error_codes import Refused
from ops.simulator.requests.answers import Answer, Json, collection, link, present
from ops.simulator.requests.calls import Call, Operation
from ops.simulator.state import Customer

CULTURES = {"USD": "en-US", "EUR": "fr-FR", "GBP": "en-GB", "CHF": "de-CH", "JPY": "ja-JP"}


def partner_summary(call: Call) -> Answer:
    """Answer what legacy customers have cost: plan customers are left out of the total."""
    partner, own = call.partner, _customers(call)
    legacy = [each for each in own if _is_legacy(each)]
    spent = {each.id: _total(call, each) for each in own}
    over = [each for each in own if each.budget and spent[each.id] > each.budget]
    trending = [each for each in own if each.budget and each not in over and spent[each.id] * 10 > each.budget * 8]
    start, end = _anniversary(call)
    body: Json = {
        "customersOverBudget": len(over),
        "customersTrendingOver": len(trending),
        "customersWithUsageBasedSubscription": len([each for each in own if spent_by(call.world, each)]),
        "resourceId": partner.tenant_id,
        "id": partner.tenant_id,
        "resourceName": "Contoso Partner",
        "name": "Contoso Partner",
        "billingStartDate": start,
        "billingEndDate": end,
        "totalCost": sum((spent[each.id] for each in legacy), Decimal(0)),
        "currencyLocale": "en-US",
        "lastModifiedDate": _modified(call),
        "links": {"self": link("/usagesummary")},
        "attributes": {"objectType": "PartnerUsageSummary"},
    }
    return Answer(200, body)


def customers_records(call: Call) -> Answer:
    """Answer every customer with usage, on one page however many there are."""
    found = ((each, spent_by(call.world, each)) for each in _customers(call))
    records = [_customer_record(call, customer, spent) for customer, spent in found if spent]
    return Answer(200, collection(records, "/customers/usagerecords"))


def customer_summary(call: Call) -> Answer:
    """Answer what a customer has cost. Refused with 3000 where there is no usage."""
    customer = call.customer
    spent = _spent(call, customer)
    legacy = _is_legacy(customer)
    body = {"budget": _budget(customer), **_names(customer.id, customer.name, both=legacy)}
    body |= _period(call, legacy=legacy) | _cost(customer, spent, legacy=legacy)
    body["lastModifiedDate"] = _modified(call)
    if legacy:
        body["links"] = {"self": link(f"/customers/{customer.id}/usagesummary")}
    return Answer(200, body | {"attributes": {"objectType": "CustomerUsageSummary"}})


def subscription_records(call: Call) -> Answer:
    """Answer what each plan and each legacy subscription of a customer has cost."""
    customer, items = call.customer, []
    for spent in spent_by(call.world, customer):
        bought, legacy = spent.subscription, spent.subscription.kind == "legacy_azure"
        item: Json = {"status": bought.status}
        if not legacy:
            item["partnerOnRecord"] = bought.partner_id or call.partner.partner_id
        item |= {"offerId": bought.offer_id, **_names(bought.id, bought.friendly_name, both=True)}
        item |= _cost(customer, [spent], legacy=legacy) | {"lastModifiedDate": _modified(call)}
        items.append(item | {"attributes": {"objectType": "SubscriptionMonthlyUsageRecord"}})
    slash = "/" if _is_legacy(customer) else ""
    return Answer(200, collection(items, f"/customers/{customer.id}/subscriptions/usagerecords{slash}"))


def subscription_summary(call: Call) -> Answer:
    """Answer what one plan or legacy subscription has cost."""
    customer, spent, legacy = _subscription(call)
    bought = spent.subscription
    body = _names(bought.id, bought.friendly_name, both=legacy) | _period(call, legacy=legacy)
    body |= _cost(customer, [spent], legacy=legacy) | {"lastModifiedDate": _modified(call)}
    body["links"] = {"self": link(f"/customers/{customer.id}/subscriptions/{bought.id}/usagesummary")}
    return Answer(200, body | {"attributes": {"objectType": "SubscriptionUsageSummary"}})


def by_resource(call: Call) -> Answer:
    """Answer what each resource of a plan has cost. Legacy subscriptions have no such view."""
    customer, spent, legacy = _subscription(call)
    if legacy:
        raise Refused(800011, "not for legacy subscriptions", status=call.settings.legacy_resources_status)
    items = [_resource_record(call, customer, spent, each) for each in spent.resources]
    return Answer(200, _view(call, items, "resourceusagerecords"))


def by_meter(call: Call) -> Answer:
    """Answer what each meter of a plan or legacy subscription has cost, summed over its Azure subscriptions."""
    customer, spent, legacy = _subscription(call)
    items = []
    for used in _by_meter(spent):
        meter = used[0].meter
        unit = meter.unit.partition(" ")[2] or meter.unit
        item: Json = {
            "subscriptionId": spent.subscription.id,
            "meterId": f"DZH318Z0BNVX-{draw_sku(meter.name)}-{meter.name} ({unit})",
            "meterName": meter.name,
            "category": meter.category,
            "subcategory": meter.subcategory,
            "quantityUsed": sum((each.quantity for each in used), Decimal(0)),
            "unit": meter.unit,
            **_amounts(customer, sum((each.cost for each in used), Decimal(0)), legacy=legacy),
            "lastModifiedDate": _modified(call),
            "attributes": {"objectType": "MeterUsageRecord"},
        }
        items.append(item)
    return Answer(200, _view(call, items, "meterusagerecords"))


def legacy_resources(call: Call) -> Answer:
    """Answer the older view by resource, of legacy subscriptions alone."""
    customer, spent, legacy = _subscription(call)
    if not legacy:
        raise Refused(800011, "only for legacy subscriptions", status=call.settings.legacy_resources_status)
    items: list[Json] = []
    for used in _by_meter(spent):
        meter = used[0].meter
        identity = f"{draw_sku(meter.name)}0000-0000-4000-8000-000000000001"
        cost = sum((each.cost for each in used), Decimal(0))
        item: Json = {"category": meter.category, "subcategory": meter.subcategory}
        item |= {"quantityUsed": sum((each.quantity for each in used), Decimal(0)), "unit": meter.unit}
        item |= _names(identity, meter.name, both=True) | _amounts(customer, cost, legacy=True)
        item |= {"lastModifiedDate": _modified(call), "attributes": {"objectType": "AzureResourceMonthlyUsageRecord"}}
        items.append(item)
    return Answer(200, _view(call, items, "usagerecords/resources"))


def draw_sku(text: str) -> str:
    """Return four hexadecimal digits that follow from a text."""
    return f"{sum(text.encode()) * 7919 % 65536:04x}"


def _customers(call: Call) -> list[Customer]:
    own = (each for each in call.world.customers.values() if each.partner == call.partner.tenant_id and each.related)
    return [each for each in own if each.shows_at is None or each.shows_at <= call.at]


def _customer_record(call: Call, customer: Customer, spent: list[Spent]) -> Json:
    legacy, total = _is_legacy(customer), sum((each.total for each in spent), Decimal(0))
    item: Json = {"budget": _budget(customer)}
    if legacy:
        item["customerSpendingBudget"] = _budget(customer)
    item |= {"percentUsed": percent_used(total, customer.budget), "isUpgraded": not legacy}
    item |= _names(customer.id, customer.name, both=True) | _amounts(customer, total, legacy=legacy)
    item |= {"lastModifiedDate": _modified(call), "attributes": {"objectType": "CustomerMonthlyUsageRecord"}}
    return item


def _resource_record(call: Call, customer: Customer, spent: Spent, used: ResourceCost) -> Json:
    azure = used.azure_subscription
    entitlement, meter = azure.id if azure else spent.subscription.id, used.meter
    address = f"{meter.provider}/{meter.kind}/{used.name}"
    return {
        "subscriptionId": spent.subscription.id,
        "resourceUri": f"/subscriptions/{entitlement}/resourceGroups/{used.group}/providers/{address}",
        "resourceType": meter.provider,
        "entitlementId": entitlement,
        "entitlementName": azure.name if azure else "",
        "resourceGroupName": used.group.upper(),
        "name": used.name,
        "resourceName": used.name,
        **_amounts(customer, used.cost, legacy=False),
        "lastModifiedDate": _modified(call),
        "attributes": {"objectType": "ResourceUsageRecord"},
    }


def _view(call: Call, items: list[Json], name: str) -> Json:
    uri = f"/customers/{call.customer.id}/subscriptions/{call.params['subscription_id'].lower()}/{name}"
    return collection(items, uri)


def _by_meter(spent: Spent) -> list[list[ResourceCost]]:
    found: dict[str, list[ResourceCost]] = {}
    for each in spent.resources:
        found.setdefault(each.meter.name, []).append(each)
    return list(found.values())


def _spent(call: Call, customer: Customer) -> list[Spent]:
    spent = spent_by(call.world, customer)
    if not spent:
        raise Refused(3000, status=call.settings.no_usage_status, text="Customer does not have usage data.")
    return spent


def _subscription(call: Call) -> tuple[Customer, Spent, bool]:
    """Return the customer, what the subscription of the path has cost, and whether the subscription is legacy.

    The id of an Azure subscription is not that of its plan.
    """
    customer, wanted = call.customer, call.params["subscription_id"].lower()
    for spent in spent_by(call.world, customer):
        if spent.subscription.id == wanted:
            return customer, spent, spent.subscription.kind == "legacy_azure"
    if wanted not in customer.subscriptions:
        raise Refused(20003)
    _spent(call, customer)
    raise Refused(800011)


def _total(call: Call, customer: Customer) -> Decimal:
    return sum((each.total for each in spent_by(call.world, customer)), Decimal(0))


def _is_legacy(customer: Customer) -> bool:
    return not any(each.kind == "azure_plan" for each in customer.subscriptions.values())


def _names(identity: str, name: str, *, both: bool) -> Json:
    second = {"id": identity, "name": name} if both else {}
    return {"resourceId": identity, "resourceName": name, **second}


def _budget(customer: Customer) -> Json:
    return present(amount=customer.budget) | {"attributes": {"objectType": "SpendingBudget"}}


def _cost(customer: Customer, spent: list[Spent], *, legacy: bool) -> Json:
    return _amounts(customer, sum((each.total for each in spent), Decimal(0)), legacy=legacy)


def _amounts(customer: Customer, total: Decimal, *, legacy: bool) -> Json:
    if legacy:
        return {
            "totalCost": total,
            "currencyLocale": CULTURES.get(customer.currency, "en-US"),
            "usdTotalCost": Decimal(0),
        }
    return {"totalCost": total, "currencyCode": customer.currency, "usdTotalCost": usd(customer, total)}


def _period(call: Call, *, legacy: bool) -> Json:
    if legacy:
        start, end = _anniversary(call)
        return {"billingStartDate": start, "billingEndDate": end}
    today = call.world.clock.date()
    start_of_month = today.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    days = calendar.monthrange(today.year, today.month)[1]
    next_month = start_of_month + timedelta(days=days)
    return {"billingStartDate": _day(start_of_month), "billingEndDate": _day(next_month)}


def _anniversary(call: Call) -> tuple[str, str]:
    """Return a period of a legacy subscription: from the 28th to the 27th, in another zone, the end included."""
    today = call.world.clock.date()
    start = (today.replace(day=1) - timedelta(days=1)).replace(day=28) if today.day < 28 else today.replace(day=28)
    end = (start.replace(day=1) + timedelta(days=40)).replace(day=27)
    return f"{start:%Y-%m-%d}T00:00:00-07:00", f"{end:%Y-%m-%d}T00:00:00-07:00"


def _day(date: datetime) -> str:
    return wire_date(date, digits=0).replace("Z", "+00:00")


def _modified(call: Call) -> str:
    """Return when the figures were made: once a day, at ten past three."""
    today = call.world.clock.date()
    made = today.replace(hour=3, minute=10, second=44, microsecond=140_000)
    return wire_date(made if made <= today else made - timedelta(days=1), digits=2)


_OF_ONE = "/customers/{customer_id}/subscriptions/{subscription_id}"

OPERATIONS = (
    Operation("usage.partner_summary", "GET", "/usagesummary", partner_summary, auth="billing_user"),
    Operation("usage.customers", "GET", "/customers/usagerecords", customers_records, auth="billing_user"),
    Operation(
        "usage.customer_summary", "GET", "/customers/{customer_id}/usagesummary", customer_summary, auth="billing_user"
    ),
    Operation(
        "usage.subscriptions",
        "GET",
        "/customers/{customer_id}/subscriptions/usagerecords",
        subscription_records,
        auth="billing_user",
    ),
    Operation(
        "usage.subscription_summary", "GET", f"{_OF_ONE}/usagesummary", subscription_summary, auth="billing_user"
    ),
    Operation("usage.by_resource", "GET", f"{_OF_ONE}/resourceusagerecords", by_resource, auth="billing_user"),
    Operation("usage.by_meter", "GET", f"{_OF_ONE}/meterusagerecords", by_meter, auth="billing_user"),
    Operation("usage.legacy_resources", "GET", f"{_OF_ONE}/usagerecords/resources", legacy_resources),
)
