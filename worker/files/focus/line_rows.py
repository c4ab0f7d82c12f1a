"""FOCUS rows of reconciliation lines that no usage explains, of rounding, and of tax.

Rounding: where the invoice's lines and the daily usage of a group differ by what Microsoft's rounding can do, one row
has the difference, so that the sum of `BilledCost` is the invoice. Nothing else is ever filled up.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from worker.files.comparison.currency_units import minor_unit, rounded_down
from worker.files.comparison.sums import BEFORE_TAX, CREDITS, NONE, Group, first_number
from worker.files.conversion.exact_lines import moment_in, number_in
from worker.files.conversion.totals import EXACT
from worker.files.focus.services import Service, service_of
from worker.files.focus.texts import customer_id, exclusive_end, reseller_id, sku_id, sku_price_id
from worker.files.focus.units import unit_of
from worker.files.focus.usage_rows import Bill, to_scale

CANCELLED = "cancel"
REFUNDS = {CANCELLED, "removequantity", "cancelimmediate"}
"""Kinds of charge that give back what an earlier invoice charged, if their dates are those of an earlier month."""
TAX = "Tax"
SCALED = Decimal("1e-18")


def purchase_row(line: Mapping[str, Any], kind: str, bill: Bill, version: str) -> dict[str, Any]:
    """The row of a reconciliation line of this kind: consumption without usage, reservations, seats or credits."""
    amount = to_scale(str(first_number(line, *BEFORE_TAX) or NONE)) or NONE
    currency = (_text(line, "currency") or bill.currency).upper()
    category = _category(line, kind)
    committed = kind == "reservations"
    frequency = "Usage-Based" if category == "Usage" else _frequency(line.get("termAndBillingCycle"))
    start, end = _moment(line, "chargeStartDate"), _moment(line, "chargeEndDate")
    product = _text(line, "productName", "skuName", "offerName", "serviceName")
    plan = "savings plan" in (product or "").lower()
    effective = NONE if committed or plan else amount
    sku = _sku(line)
    return {
        **bill.columns(),
        **_prices(line, category, amount),
        **_customer(customer_id(line.get("customerId")), _text(line, "customerName", "customerCompanyName")),
        "BilledCost": amount,
        "EffectiveCost": effective,
        "BillingCurrency": currency,
        "PricingCurrency": (_text(line, "pricingCurrency") or currency).upper(),
        "PricingCurrencyEffectiveCost": effective and _in_pricing_currency(line, amount),
        "ChargePeriodStart": start or bill.month_begins,
        "ChargePeriodEnd": exclusive_end(start or bill.month_begins, end) or bill.month_ends,
        "ChargeCategory": category,
        "ChargeClass": _class(line, amount, bill),
        "ChargeDescription": " ".join(filter(None, (_text(line, "skuName") or product, _adjustment(line)))) or None,
        "ChargeFrequency": frequency,
        "PublisherName": _text(line, "publisherName") or "Microsoft",
        **_service(service_of(product)),
        "SkuId": sku,
        "SkuPriceId": sku_price_id(sku or "", _text(line, "availabilityId") or ""),
        "SkuMeter": _text(line, "meterDescription") or product,
        "PricingCategory": "Committed" if committed else "Standard",
        "CommitmentDiscountId": line.get("reservationOrderId") if committed else None,
        "CommitmentDiscountType": "Reservation" if committed else None,
        "CommitmentDiscountCategory": "Usage" if committed else None,
        "CommitmentDiscountQuantity": to_scale(line.get("billableQuantity")) if committed else None,
        "CommitmentDiscountUnit": unit_of(line.get("unitType")).name if committed else None,
        "x_ResellerId": reseller_id(line.get("resellerMpnId")),
        "x_SkuOrderId": _text(line, "orderId"),
        "x_BillingExchangeRate": to_scale(line.get("pcToBCExchangeRate")),
        "x_BillingExchangeRateDate": _moment(line, "pcToBCExchangeRateDate"),
        "x_AzplanVersion": version,
        "x_AzplanPart": line.get("_part"),
        "x_AzplanLine": line.get("_line"),
        "x_AzplanRow": "reconciliation",
    }


def rounding_row(group: Group, amount: Decimal, names: Mapping[str, str], bill: Bill, version: str) -> dict[str, Any]:
    """The row of the difference between the invoice's lines and the usage of this group."""
    words = f"Rounding of daily usage to the invoice: {group.product}:{group.sku}"
    product = names.get(group.product) or group.product
    return _sum_row("rounding", words, amount, group.currency, bill, version) | {
        **_customer(group.customer, names.get(group.customer)),
        **_service(service_of(product, "Rounding")),
        "ChargeCategory": "Adjustment",
    }


def tax_row(
    customer: str, currency: str, amount: Decimal, names: Mapping[str, str], bill: Bill, version: str
) -> dict[str, Any]:
    """The row of all tax of a customer."""
    return _sum_row("tax", TAX, amount, currency, bill, version) | {
        **_customer(customer, names.get(customer)),
        **_service(service_of(TAX)),
        "ChargeCategory": TAX,
    }


def columns_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The columns of these rows."""
    rows = list(rows)
    return {name: [row.get(name) for row in rows] for name in dict.fromkeys(name for row in rows for name in row)}


def _sum_row(row: str, words: str, amount: Decimal, currency: str, bill: Bill, version: str) -> dict[str, Any]:
    costs = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "PricingCurrencyEffectiveCost")
    return {
        **bill.columns(),
        **dict.fromkeys(costs, to_scale(amount) or NONE),
        "BillingCurrency": currency,
        "PricingCurrency": currency,
        "ChargePeriodStart": bill.month_begins,
        "ChargePeriodEnd": bill.month_ends,
        "ChargeDescription": words,
        "ChargeFrequency": "One-Time",
        "PublisherName": "Microsoft",
        "x_AzplanVersion": version,
        "x_AzplanRow": row,
    }


def _service(service: Service) -> dict[str, Any]:
    return {
        "ServiceName": service.name,
        "ServiceCategory": service.category,
        "ServiceSubcategory": service.subcategory,
    }


def _customer(customer: str | None, name: str | None) -> dict[str, Any]:
    return {"x_CustomerId": customer or None, "x_CustomerName": (name or "").strip() or None}


def _prices(line: Mapping[str, Any], category: str, amount: Decimal) -> dict[str, Any]:
    """Prices and quantities. A credit has none: its costs are its amount."""
    quantity, price = number_in(line.get("billableQuantity")), number_in(line.get("unitPrice"))
    if category == "Credit" or quantity is None or price is None:
        return {"ListCost": amount, "ContractedCost": amount}
    rate = number_in(line.get("pcToBCExchangeRate"))
    list_price = to_scale(str(EXACT.multiply(price, Decimal(1) if rate is None else rate)))
    if list_price is None or (cost := to_scale(str(EXACT.multiply(list_price, quantity)))) is None:
        return {"ListCost": amount, "ContractedCost": amount}
    list_price = list_price.quantize(SCALED, context=EXACT)
    unit = unit_of(line.get("unitType"))
    consumed = to_scale(str(EXACT.multiply(quantity, unit.block))) if category == "Usage" else None
    return {
        "ListUnitPrice": list_price,
        "ContractedUnitPrice": list_price,
        "ListCost": cost,
        "ContractedCost": cost,
        "PricingQuantity": to_scale(quantity),
        "PricingUnit": unit.priced,
        "ConsumedQuantity": consumed,
        "ConsumedUnit": unit.name if consumed is not None else None,
        "PricingCurrencyListUnitPrice": to_scale(price),
        "PricingCurrencyContractedUnitPrice": to_scale(price),
    }


def _in_pricing_currency(line: Mapping[str, Any], amount: Decimal) -> Decimal:
    """The amount in the pricing currency, by Microsoft's formula; the same amount where the currencies are one.

    Its sign is that of the amount: price and quantity of a credit can be those of the purchase.
    """
    price, quantity = number_in(line.get("effectiveUnitPrice")), number_in(line.get("billableQuantity"))
    currency = (_text(line, "pricingCurrency") or "").upper()
    if currency in ("", (_text(line, "currency") or "").upper()) or price is None or quantity is None:
        return amount
    priced = to_scale(str(rounded_down(EXACT.multiply(price, quantity), minor_unit(currency))))
    return amount if priced is None else priced.copy_sign(amount)


def _category(line: Mapping[str, Any], kind: str) -> str:
    """The category of a charge. Its type says that it is a credit: a purchase can have the reason of a credit too."""
    if _charge_type(line) in CREDITS:
        return "Credit"
    return "Usage" if kind == "consumption" or line.get("resourceGuid") else "Purchase"


def _charge_type(line: Mapping[str, Any]) -> str:
    return (line.get("chargeType") or "").strip().lower()


def _class(line: Mapping[str, Any], amount: Decimal, bill: Bill) -> str | None:
    start, kind = _moment(line, "chargeStartDate"), _charge_type(line)
    if start is None or amount >= 0:
        return None
    earlier = start < bill.month_begins and kind in REFUNDS
    later = start >= bill.month_ends and kind == CANCELLED
    return "Correction" if earlier or later else None


def _frequency(term: str | None) -> str:
    words = (term or "").lower().replace("-", "").replace(" ", "")
    return "One-Time" if "onetime" in words else "Recurring"


def _adjustment(line: Mapping[str, Any]) -> str | None:
    """The first price adjustment in words. Microsoft writes a JSON list of texts."""
    text = _text(line, "priceAdjustmentDescription")
    first = text.strip('[]" ').split('","')[0] if text else ""
    return f"({first})" if first else None


def _sku(line: Mapping[str, Any]) -> str | None:
    """Product and SKU. Lines of legacy offers have an offer, or a SKU alone."""
    product, sku = _text(line, "productId", "durableOfferId", "offerId"), _text(line, "skuId", "sku")
    return sku_id(product or "", sku or "")


def _moment(line: Mapping[str, Any], name: str) -> datetime | None:
    return moment_in(line.get(name))


def _text(line: Mapping[str, Any], *names: str) -> str | None:
    """The first of these texts that is not empty."""
    return next((text for name in names if (text := (line.get(name) or "").strip())), None)
