"""The n-th line of a reconciliation: computed, never stored.

Formulas: partner-center/billing/modern-invoice-reconciliation-file (rounding toward zero, tax beside the lines).
Attributes: partner-center/developer/invoice-resources (OneTimeInvoiceLineItem).
"""

from decimal import Decimal
from typing import Any

from ops.simulator.billing.invoices import Buyer, Invoice, Planted, down, draw, nearest
from ops.simulator.invoice_lines.consumption import Group, group
from ops.simulator.invoice_lines.daily_usage import day, foreign

Line = dict[str, Any]
SEAT_CHARGES = (
    "new",
    "renew",
    "cycleCharge",
    "addQuantity",
    "convert",
    "extendTerm",
    "changeBillingPlan",
    "moveQuantity",
)


def reconciliation_line(invoice: Invoice, number: int, planted: Planted | None = None) -> Line:
    """Return a line by its number, with its attributes under the names of Partner Center."""
    line = _plain(invoice, number)
    if planted is not None and planted.kind == "cent":
        line["subtotal"] += invoice.minor if planted.amount is None else planted.amount
    elif planted is not None and planted.kind == "rate":
        line["pcToBCExchangeRate"] *= 2
    elif planted is not None and planted.kind == "currency":
        line["currency"] = foreign(invoice.currency)
    line["totalForCustomer"] = line["subtotal"] + line["taxTotal"]
    return line


def _plain(invoice: Invoice, number: int) -> Line:
    if number < invoice.groups:
        return consumption_line(invoice, group(invoice, number))
    number -= invoice.groups
    if number < invoice.seats:
        return _purchase(invoice, "seat", number)
    number -= invoice.seats
    if number < invoice.reservations:
        return _purchase(invoice, "reservation", number)
    number -= invoice.reservations
    if number < invoice.refunds:
        return _purchase(invoice, "refund", number)
    return _purchase(invoice, "credit", number - invoice.refunds)


def consumption_line(invoice: Invoice, found: Group) -> Line:
    """Return the line of a group: what its customer used of a meter in a month, in one tier of the price."""
    tier = f'["{found.tier}. tier"]' if found.tier else ""
    earned = '["15.0% Partner earned credit for services managed"]' if found.earned else ""
    line = _common(invoice, found.buyer)
    return line | _amounts(invoice, found.subtotal) | {
        "productId": found.product_id,
        "skuId": found.sku_id,
        "availabilityId": f"{found.product_id[-4:]}{found.sku_id}ABCD",
        "productName": found.meter.product,
        "skuName": f"{found.meter.name} - {found.meter.region}{line['skuName']}",
        "chargeType": "new",
        "unitPrice": found.unit_price,
        "effectiveUnitPrice": found.effective_unit_price,
        "unitType": found.meter.unit,
        "quantity": Decimal(1),
        "billableQuantity": found.billable_quantity,
        "subscriptionId": found.buyer.plan,
        "subscriptionDescription": "Azure plan",
        "termAndBillingCycle": "1 Month Usage",
        "billingFrequency": "Monthly",
        "priceAdjustmentDescription": earned or tier,
        "pricingCurrency": found.pricing_currency,
        "pcToBCExchangeRate": found.rate,
        "meterDescription": f"{found.meter.category} - {found.meter.subcategory} - {found.meter.name}",
    }  # fmt: skip


def _purchase(invoice: Invoice, kind: str, number: int) -> Line:
    buyer = invoice.buyers[number % len(invoice.buyers)]
    seed = draw(invoice.seed, kind, number)
    currency = invoice.pricing_currencies[number % len(invoice.pricing_currencies)]
    rate = invoice.rate(currency)
    price = Decimal(seed % 90_000 + 1_000).scaleb(-2 if kind == "reservation" else -4)
    quantity = Decimal(seed % 40 + 1 if kind == "seat" else 1)
    charge = SEAT_CHARGES[number % len(SEAT_CHARGES)]
    if kind == "refund":
        quantity, charge = -quantity, ("cancelImmediate", "removeQuantity")[number % 2]
    if kind == "credit":
        price, charge = -price, "customerCredit"
    reserved = kind == "reservation"
    name = {"seat": "Microsoft 365 Business Basic", "credit": "Azure credit"}.get(kind, "Reserved VM Instance, D2s v5")
    line = _common(invoice, buyer)
    return line | _amounts(invoice, down(price * rate, invoice.minor) * quantity) | {
        "productId": f"{'DZH318Z0' if reserved else 'CFQ7TTC0'}{seed % 16**4:04X}",
        "skuId": f"{seed // 16**4 % 16**3:04X}",
        "availabilityId": f"CFQ{seed:08X}"[:12],
        "productName": name,
        "skuName": f"{name}, 1 year{line['skuName']}",
        "chargeType": charge,
        "unitPrice": price,
        "effectiveUnitPrice": price,
        "unitType": "Licenses" if kind == "seat" else "",
        "quantity": quantity,
        "billableQuantity": quantity,
        "subscriptionId": f"{seed:08x}-5ea7-4000-8000-{number:012d}",
        "subscriptionDescription": name,
        "subscriptionStartDate": day(invoice, 0),
        "subscriptionEndDate": day(invoice, 365),
        "termAndBillingCycle": "One-Year commitment, billed monthly" if kind == "seat" else "1 Year One-Time",
        "billingFrequency": "Monthly" if kind == "seat" else "OneTime",
        "pricingCurrency": currency,
        "pcToBCExchangeRate": rate,
        "reservationOrderId": f"{seed:08x}-0bde-4000-8000-{number:012d}" if reserved else "",
        "creditReasonCode": "Azure Credit Offer" if kind == "credit" else "",
    }  # fmt: skip


def _amounts(invoice: Invoice, subtotal: Decimal) -> Line:
    tax = nearest(subtotal * invoice.tax_rate, invoice.minor) if invoice.tax == "shown" else Decimal("0.00")
    return {"subtotal": subtotal, "taxTotal": tax, "totalForCustomer": subtotal + tax}


def _common(invoice: Invoice, buyer: Buyer) -> Line:
    return {
        "partnerId": invoice.partner,
        "customerId": buyer.id,
        "customerName": buyer.name,
        "customerDomainName": buyer.domain,
        "customerCountry": buyer.country,
        "invoiceNumber": invoice.number,
        "mpnId": invoice.partner_id,
        "resellerMpnId": Decimal(0),
        "orderId": f"{draw(invoice.seed, buyer.id):012x}",
        "orderDate": f"{day(invoice, 0)[:10]}T08:31:47.1751688Z",
        "productId": "",
        "skuId": "",
        "availabilityId": "",
        "productName": "",
        "skuName": f" r{invoice.content}" if invoice.content else "",
        "productQualifiers": "",
        "chargeType": "",
        "unitPrice": Decimal(0),
        "effectiveUnitPrice": Decimal(0),
        "unitType": "",
        "quantity": Decimal(0),
        "subtotal": Decimal(0),
        "taxTotal": Decimal(0),
        "totalForCustomer": Decimal(0),
        "currency": invoice.currency,
        "publisherName": "Microsoft",
        "publisherId": "",
        "subscriptionDescription": "",
        "subscriptionId": "",
        "subscriptionStartDate": None,
        "subscriptionEndDate": None,
        "chargeStartDate": day(invoice, 0),
        "chargeEndDate": day(invoice, invoice.days - 1),
        "termAndBillingCycle": "",
        "alternateId": f"{draw(invoice.seed, 'quote', buyer.id):012x}",
        "referenceId": "",
        "priceAdjustmentDescription": "",
        "discountDetails": "",
        "pricingCurrency": "",
        "pcToBCExchangeRate": Decimal(1),
        "pcToBCExchangeRateDate": day(invoice, 0),
        "billableQuantity": Decimal(0),
        "meterDescription": "",
        "billingFrequency": "",
        "reservationOrderId": "",
        "creditReasonCode": "",
        "promotionId": "",
    }
