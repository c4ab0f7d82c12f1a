"""The n-th line of a legacy invoice: licences, Azure by month, Azure by day. Only Partner Center has them.

Members: partner-center/developer/invoice-resources (LicenseBasedLineItem, UsageBasedLineItem, DailyUsageLineItem).
"""

from decimal import Decimal
from typing import Any

from ops.simulator.billing.invoices import Buyer, Invoice, Planted
from ops.simulator.invoice_lines.consumption import Group, group, group_of
from ops.simulator.invoice_lines.daily_usage import day
from ops.simulator.invoice_lines.reconciliation import reconciliation_line

Line = dict[str, Any]
CHARGES = {
    "new": "Purchase fee",
    "cycleCharge": "Cycle fee",
    "renew": "Renew",
    "cancelImmediate": "Prorate fees when cancel",
    "removeQuantity": "Prorate fees when cancel",
    "customerCredit": "CREDIT",
}
OFFER = "MS-AZR-0145P"


def license_line(invoice: Invoice, number: int, planted: Planted | None = None) -> Line:
    """Return a line of ``office``: its numbers follow those of Azure."""
    modern = reconciliation_line(invoice, number, planted)
    return {
        "partnerId": invoice.partner,
        "customerId": modern["customerId"].upper(),
        "orderId": modern["orderId"],
        "subscriptionId": modern["subscriptionId"].upper(),
        "syndicationPartnerSubscriptionNumber": f"NAP-{number:08d}",
        "offerId": modern["productId"],
        "durableOfferId": modern["skuId"],
        "offerName": modern["productName"],
        "subscriptionStartDate": day(invoice, 0),
        "subscriptionEndDate": day(invoice, 365),
        "chargeStartDate": modern["chargeStartDate"],
        "chargeEndDate": modern["chargeEndDate"],
        "chargeType": CHARGES.get(modern["chargeType"], "Cycle fee"),
        "unitPrice": modern["unitPrice"],
        "quantity": modern["quantity"],
        "amount": modern["subtotal"],
        "totalOtherDiscount": Decimal(0),
        "subtotal": modern["subtotal"],
        "tax": modern["taxTotal"],
        "totalForCustomer": modern["totalForCustomer"],
        "currency": modern["currency"],
        "customerName": modern["customerName"],
        "mpnId": int(invoice.partner_id) if invoice.partner_id.isdigit() else 0,
        "tier2MpnId": -1,
        "domainName": modern["customerDomainName"],
        "billingCycleType": "Monthly",
        "subscriptionName": modern["productName"],
        "subscriptionDescription": modern["productName"],
    }


def azure_line(invoice: Invoice, number: int, planted: Planted | None = None) -> Line:
    """Return a line of Azure by month."""
    modern, found = reconciliation_line(invoice, number, planted), group(invoice, number)
    return _azure(invoice, found, found.buyer) | {
        "detailLineItemId": number,
        "sku": found.sku_id,
        "includedQuantity": Decimal(0),
        "overageQuantity": found.billable_quantity,
        "consumedQuantity": found.billable_quantity,
        "listPrice": found.unit_price,
        "consumptionPrice": modern["subtotal"],
        "consumptionDiscount": Decimal(0),
        "currency": modern["currency"],
        "pretaxCharges": modern["subtotal"],
        "taxAmount": modern["taxTotal"],
        "postTaxTotal": modern["totalForCustomer"],
        "pretaxEffectiveRate": found.effective_unit_price,
        "postTaxEffectiveRate": found.effective_unit_price,
        "chargeType": "ASSESS USAGE FEE FOR CURRENT CYCLE",
    }


def daily_line(invoice: Invoice, number: int) -> Line:
    """Return a line of Azure by day: quantities without amounts."""
    found = group_of(invoice, number)
    k = number - found.begin
    return _azure(invoice, found, found.buyer) | {
        "customerBillableAccount": found.buyer.id.upper(),
        "usageDate": day(invoice, k % invoice.days),
        "meteredService": found.meter.category,
        "meteredServiceType": found.meter.subcategory,
        "meteredRegion": found.meter.region,
        "project": "",
        "serviceInfo": "",
        "serviceInfo1": "",
        "consumedQuantity": found.quantity(k),
    }


def _azure(invoice: Invoice, found: Group, buyer: Buyer) -> Line:
    return {
        "partnerId": invoice.partner,
        "partnerName": "Contoso Partner",
        "partnerBillableAccountId": "1010578050",
        "customerId": buyer.id.upper(),
        "customerCompanyName": buyer.name,
        "domainName": buyer.domain,
        "mpnId": int(invoice.partner_id) if invoice.partner_id.isdigit() else 0,
        "tier2MpnId": -1,
        "invoiceNumber": invoice.id,
        "subscriptionId": buyer.plan.upper(),
        "subscriptionName": "Microsoft Azure",
        "subscriptionDescription": "Microsoft Azure",
        "billingCycleType": "Monthly",
        "orderId": OFFER,
        "serviceName": found.meter.category,
        "serviceType": found.meter.subcategory,
        "resourceGuid": found.meter_id,
        "resourceName": found.meter.name,
        "region": found.meter.region,
        "chargeStartDate": day(invoice, 0),
        "chargeEndDate": day(invoice, invoice.days - 1),
        "unit": found.meter.unit,
    }
