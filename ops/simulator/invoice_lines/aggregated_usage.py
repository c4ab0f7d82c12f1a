"""The n-th line of aggregated Azure usage, which explains the price of a meter."""

from typing import Any

from ops.simulator.billing.invoices import Invoice
from ops.simulator.invoice_lines.consumption import group
from ops.simulator.invoice_lines.daily_usage import day

Line = dict[str, Any]


def aggregated_line(invoice: Invoice, number: int) -> Line:
    """Return a line by its number: one for each group of consumption."""
    found = group(invoice, number)
    return {
        "partnerId": invoice.partner,
        "customerId": found.buyer.id,
        "invoiceNumber": invoice.number,
        "productId": found.product_id,
        "skuId": found.sku_id,
        "meterId": found.meter_id,
        "subscriptionId": found.buyer.plan,
        "chargeStartDate": day(invoice, 0),
        "chargeEndDate": day(invoice, invoice.days),
        "quantity": found.billable_quantity,
        "unitPrice": found.unit_price,
        "partnerPrice": found.unit_price,
        "priceBenefits": "Partner earned credit" if found.earned else "",
        "effectiveUnitPrice": found.effective_unit_price,
        "pricingCurrency": found.pricing_currency,
        "billingCurrency": invoice.currency,
        "billingPreTaxTotal": found.usage_total,
    }
