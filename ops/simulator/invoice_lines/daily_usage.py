"""The n-th line of daily rated usage: computed, never stored.

Attributes: partner-center/developer/get-invoice-billed-consumption-lineitems.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from ops.simulator.billing.invoices import Invoice, Planted
from ops.simulator.invoice_lines.consumption import Group, group_of

Line = dict[str, Any]
OF_RESOURCE = ("resourceGroup", "resourceUri", "tags")
VARYING = ("usageDate", *OF_RESOURCE, "additionalInfo", "quantity", "billingPreTaxTotal", "pricingPreTaxTotal")
"""Attributes in which the lines of a group differ."""


@dataclass(frozen=True)
class Resource:
    """What used it."""

    group: str
    uri: str
    tags: str


def usage_line(invoice: Invoice, number: int, planted: Planted | None = None) -> Line:
    """Return a line by its number, with its attributes under the names of Partner Center."""
    found = group_of(invoice, number)
    k = number - found.begin
    line = common(invoice, found)
    varying = varying_of(invoice, found, k)
    line |= varying
    if planted is not None and planted.kind == "cent":
        line["billingPreTaxTotal"] += invoice.minor if planted.amount is None else planted.amount
    elif planted is not None and planted.kind == "rate":
        line["pcToBCExchangeRate"] *= 2
        line["billingPreTaxTotal"] *= 2
    elif planted is not None and planted.kind == "currency":
        line["billingCurrency"] = foreign(invoice.currency)
    return line


def foreign(currency: str) -> str:
    """Return a currency that is another."""
    return "NOK" if currency != "NOK" else "SEK"


def varying_of(invoice: Invoice, found: Group, k: int) -> Line:
    """Return what differs between the lines of a group."""
    today, whose = divmod(k, resources(invoice, found))
    return {
        "usageDate": day(invoice, today),
        **of_resource(found, whose),
        "additionalInfo": additional_info(found, found.usage_id(k)),
        "quantity": found.quantity(k),
        "billingPreTaxTotal": found.billed(k),
        "pricingPreTaxTotal": found.priced(k),
    }


def resources(invoice: Invoice, found: Group) -> int:
    """Return the number of resources of a group: each has a line a day, and a day's lines follow one another."""
    return max(1, -(-(found.end - found.begin) // invoice.days_used))


def of_resource(found: Group, number: int) -> Line:
    """Return what the lines of a resource share, beside what they share with their group."""
    used = resource(found, number)
    return dict(zip(OF_RESOURCE, (used.group, used.uri, used.tags), strict=True))


def resource(found: Group, number: int) -> Resource:
    """Return a resource of a group."""
    drawn = hashlib.sha256(f"{found.meter_id}:{found.tier}:{number}".encode()).hexdigest()
    of_group = f"{'RG' if number % 3 else 'rg'}-{found.buyer.id[-4:]}-{number % 40}"
    name = f"{found.meter.kind[:4]}{found.number}-{number}-{drawn[:12]}"
    uri = (
        f"/subscriptions/{found.buyer.entitlement}/resourceGroups/{of_group}"
        f"/providers/{found.meter.provider}/{found.meter.kind}/{name}"
    )
    tags = json.dumps({"env": "prod", "owner": f"team {number % 7}", "cost-id": drawn[12:44]}) if number % 3 else ""
    return Resource(of_group, uri, tags)


def additional_info(found: Group, usage_id: str) -> str:
    """Return the JSON text of the attribute of this name."""
    members = {"ServiceType": found.meter.name, "ImageType": None, "VCPUs": found.number % 8 + 1, "UsageId": usage_id}
    return json.dumps(members)


def day(invoice: Invoice, number: int) -> str:
    """Return a day of the month as dates of lines are written."""
    return f"{invoice.first_day + timedelta(days=number)}T00:00:00Z"


def common(invoice: Invoice, found: Group) -> Line:
    """Return what the lines of a group share; the varying attributes hold their places."""
    buyer, meter = found.buyer, found.meter
    revision = f" r{invoice.content}" if invoice.content else ""
    credit = "Azure Credit Applied" if found.credited else "Partner Earned Credit Applied"
    return {
        "partnerId": invoice.partner,
        "partnerName": "Contoso Partner",
        "customerId": buyer.id,
        "customerName": buyer.name,
        "customerDomainName": buyer.domain,
        "customerCountry": buyer.country,
        "invoiceNumber": invoice.number,
        "mpnId": invoice.partner_id,
        "resellerMpnId": "",
        "productId": found.product_id,
        "skuId": found.sku_id,
        "availabilityId": f"{found.product_id[-4:]}{found.sku_id}ABCD",
        "skuName": f"{meter.name} - {meter.region}{revision}",
        "productName": meter.product,
        "publisherName": "Microsoft",
        "publisherId": "",
        "subscriptionId": buyer.plan,
        "subscriptionDescription": "Azure plan",
        "chargeStartDate": day(invoice, 0),
        "chargeEndDate": day(invoice, invoice.days),
        "usageDate": None,
        **_metered(found),
        "resourceLocation": meter.region.replace(" ", "").upper(),
        "consumedService": meter.provider,
        "resourceGroup": None,
        "resourceUri": None,
        "tags": None,
        "additionalInfo": None,
        "serviceInfo1": "",
        "serviceInfo2": "",
        "chargeType": "new",
        "unitPrice": found.unit_price,
        "effectiveUnitPrice": found.effective_unit_price,
        "unitType": meter.unit,
        "quantity": None,
        "billingPreTaxTotal": None,
        "billingCurrency": invoice.currency,
        "pricingPreTaxTotal": None,
        "pricingCurrency": found.pricing_currency,
        "entitlementId": buyer.entitlement,
        "entitlementDescription": f"{buyer.name} - Azure subscription",
        "pcToBCExchangeRate": found.rate,
        "pcToBCExchangeRateDate": day(invoice, 0),
        "rateOfPartnerEarnedCredit": found.earned,
        "hasPartnerEarnedCredit": bool(found.earned),
        "rateOfCredit": Decimal(1) if found.credited else found.earned,
        "creditType": credit if found.credited or found.earned else "Credit Not Applied",
        "benefitOrderId": f"5ea053d6-0000-4000-8000-{found.number:012d}" if found.covered else "",
        "benefitId": f"28ddab06-0000-4000-8000-{found.number:012d}" if found.covered else "",
        "benefitType": "SavingsPlan" if found.covered else "Charge",
    }


def _metered(found: Group) -> Line:
    return {
        "meterType": f"1 {found.meter.name} - {found.meter.unit}",
        "meterCategory": found.meter.category,
        "meterId": found.meter_id,
        "meterSubCategory": found.meter.subcategory,
        "meterName": found.meter.name,
        "meterRegion": found.meter.region,
        "unitOfMeasure": found.meter.unit,
    }
