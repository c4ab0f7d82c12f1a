"""FOCUS rows of usage lines: one row each, made a row group at a time with Arrow.

`BilledCost` is Microsoft's amount, untouched. Prices in the billing currency are products and rounded to 18 decimals:
Arrow refuses products of more than 76 digits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from worker.files.comparison.currency_units import EXACT
from worker.files.conversion.arrow_lines import DECIMAL
from worker.files.conversion.exact_lines import SCALE, number_in
from worker.files.focus.columns import MOMENT, rows_of
from worker.files.focus.regions import region_of
from worker.files.focus.services import service_of
from worker.files.focus.texts import price_details, resource_name, resource_type, tags
from worker.files.focus.units import unit_of

DAY = pa.scalar(timedelta(days=1), pa.duration("us"))
PRICE = pa.decimal256(37, 18)
COST = pa.decimal256(38, 20)


@dataclass(frozen=True, slots=True)
class Bill:
    """What all rows of a dataset have in common."""

    account_id: str
    account_name: str
    invoice_id: str | None
    """None for a month without an invoice yet."""
    month_begins: datetime
    month_ends: datetime
    """The first moment after the month."""

    def columns(self) -> dict[str, Any]:
        """The columns with one value for all rows."""
        return {
            "BillingAccountId": self.account_id,
            "BillingAccountName": self.account_name,
            "BillingAccountType": "Partner",
            "BillingPeriodStart": self.month_begins,
            "BillingPeriodEnd": self.month_ends,
            "InvoiceId": self.invoice_id,
            "InvoiceIssuerName": "Microsoft",
            "ProviderName": "Microsoft",
        }


def usage_rows(lines: Any, bill: Bill, version: str) -> Any:
    """The rows of a table of usage lines in the columns of a Parquet part."""
    take = _Lines(lines)
    rate = take.number("pcToBCExchangeRate", Decimal(1))
    price, quantity = take.number("unitPrice"), take.number("quantity")
    list_price = product(price, rate, PRICE)
    list_cost = product(list_price, quantity, COST)
    billed_price = product(take.number("effectiveUnitPrice"), rate, PRICE)
    billed = pc.coalesce(take.number("billingPreTaxTotal"), _zero(lines))
    units = take.mapped("unitOfMeasure", lambda text: unit_of(text).name)
    blocks = take.mapped("unitOfMeasure", lambda text: unit_of(text).block, DECIMAL)
    committed = pc.fill_null(pc.equal(pc.utf8_lower(take.text("benefitType")), "savingsplan"), fill_value=False)
    committed = pc.and_(committed, pc.is_valid(take.text("benefitId")))
    uri = pc.utf8_lower(take.text("resourceUri"))
    columns: dict[str, Any] = {
        **bill.columns(),
        **_usage_texts(take),
        "BilledCost": billed,
        "EffectiveCost": billed,
        "ListUnitPrice": list_price,
        "ContractedUnitPrice": list_price,
        "ListCost": list_cost,
        "ContractedCost": list_cost,
        "PricingCurrencyListUnitPrice": price,
        "PricingCurrencyContractedUnitPrice": price,
        "PricingCurrencyEffectiveCost": pc.coalesce(take.number("pricingPreTaxTotal"), billed),
        "ChargePeriodStart": take.column("usageDate", MOMENT),
        "ChargePeriodEnd": pc.add(take.column("usageDate", MOMENT), DAY),
        "ChargeClass": _corrections(take, billed, bill),
        "PricingCategory": pc.if_else(committed, "Committed", "Standard"),
        "CommitmentDiscountId": _where(committed, take.text("benefitId")),
        "CommitmentDiscountType": _where(committed, "Savings Plan"),
        "CommitmentDiscountCategory": _where(committed, "Spend"),
        "CommitmentDiscountStatus": _where(committed, "Used"),
        "CommitmentDiscountQuantity": _where(committed, billed),
        "CommitmentDiscountUnit": _where(committed, take.text("billingCurrency")),
        "PricingQuantity": quantity,
        "PricingUnit": take.mapped("unitOfMeasure", lambda text: unit_of(text).priced),
        "ConsumedQuantity": product(quantity, blocks.cast(PRICE), COST),
        "ConsumedUnit": units,
        "ResourceId": uri,
        "x_PartnerCreditApplied": pc.greater(take.number("rateOfPartnerEarnedCredit", Decimal(0)), _zero(lines)),
        "x_PartnerCreditRate": take.number("rateOfPartnerEarnedCredit"),
        "x_BillingExchangeRate": take.number("pcToBCExchangeRate"),
        "x_BillingExchangeRateDate": take.column("pcToBCExchangeRateDate", MOMENT),
        "x_EffectiveUnitPrice": billed_price,
        "x_BilledUnitPrice": billed_price,
        "x_AzplanVersion": version,
        "x_AzplanPart": lines.column("_part"),
        "x_AzplanLine": lines.column("_line"),
        "x_AzplanRow": "usage",
    }
    return rows_of(columns, lines.num_rows)


def _usage_texts(take: "_Lines") -> dict[str, Any]:
    """The columns that are texts of the line, or made from one text."""
    sku = pc.binary_join_element_wise(take.whole("productId"), take.whole("skuId"), ":")
    return {
        "BillingCurrency": take.text("billingCurrency"),
        "PricingCurrency": pc.coalesce(take.text("pricingCurrency"), take.text("billingCurrency")),
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-Based",
        "ChargeDescription": take.text("skuName"),
        "SubAccountId": pc.utf8_lower(take.text("entitlementId")),
        "SubAccountName": _where(
            pc.is_valid(take.text("entitlementId")),
            pc.coalesce(take.text("entitlementDescription"), pc.utf8_lower(take.text("entitlementId"))),
        ),
        "SubAccountType": _where(pc.is_valid(take.text("entitlementId")), "Subscription"),
        "PublisherName": pc.coalesce(take.text("publisherName"), pa.scalar("Microsoft")),
        "ResourceName": take.mapped("resourceUri", lambda uri: resource_name(uri) if uri else None),
        "ResourceType": take.mapped("resourceUri", lambda uri: resource_type(uri) if uri else None),
        "ServiceName": take.mapped("meterCategory", lambda text: service_of(text).name),
        "ServiceCategory": take.mapped("meterCategory", lambda text: service_of(text).category),
        "ServiceSubcategory": take.mapped("meterCategory", lambda text: service_of(text).subcategory),
        "RegionId": take.mapped("resourceLocation", lambda text: region_of(text)[0]),
        "RegionName": take.mapped("resourceLocation", lambda text: region_of(text)[1]),
        "SkuId": sku,
        "SkuPriceId": pc.binary_join_element_wise(sku, take.whole("availabilityId"), ":"),
        "SkuMeter": pc.coalesce(take.text("meterName"), take.text("skuName"), take.text("productName")),
        "SkuPriceDetails": take.mapped("additionalInfo", price_details),
        "Tags": take.mapped("tags", tags),
        "x_CustomerId": take.text("customerId"),
        "x_CustomerName": take.text("customerName"),
        "x_ResellerId": take.text("resellerMpnId"),
        "x_SkuMeterId": take.text("meterId"),
        "x_SkuMeterCategory": take.text("meterCategory"),
        "x_SkuMeterSubcategory": take.text("meterSubCategory"),
        "x_ResourceGroupName": take.text("resourceGroup"),
    }


def product(left: Any, right: Any, arrow_type: Any) -> Any:
    """The product of two columns of decimals, rounded to the decimals of `arrow_type`, as decimal(38,20)."""
    whole = pc.multiply(left.cast(COST), pc.round(right.cast(COST), ndigits=18).cast(PRICE))
    return pc.round(whole, ndigits=arrow_type.scale).cast(DECIMAL)


def _where(condition: Any, value: Any) -> Any:
    value = pa.scalar(value, pa.string()) if isinstance(value, str) else value
    return pc.if_else(condition, value, pa.scalar(None, value.type))


def _zero(lines: Any) -> Any:
    return pa.repeat(pa.scalar(Decimal(0), DECIMAL), lines.num_rows)


def _corrections(take: "_Lines", billed: Any, bill: Bill) -> Any:
    """Correction where a cancelled charge below 0 belongs to another month."""
    cancelled = pc.equal(pc.utf8_lower(take.text("chargeType")), "cancel")
    day = take.column("usageDate", MOMENT)
    outside = pc.or_(
        pc.less(day, pa.scalar(bill.month_begins, MOMENT)), pc.greater_equal(day, pa.scalar(bill.month_ends, MOMENT))
    )
    corrects = pc.and_(pc.and_(cancelled, pc.less(billed, pa.scalar(Decimal(0), DECIMAL))), outside)
    return _where(pc.fill_null(corrects, fill_value=False), "Correction")


class _Lines:
    """Columns of a table of lines. A column that the version has as text, or not at all, is brought to its type."""

    def __init__(self, lines: Any) -> None:
        self._lines = lines

    def column(self, name: str, arrow_type: Any) -> Any:
        """The column, all null if it is absent or of another type."""
        if name in self._lines.schema.names and self._lines.schema.field(name).type == arrow_type:
            return self._lines.column(name).combine_chunks()
        return pa.nulls(self._lines.num_rows, arrow_type)

    def number(self, name: str, otherwise: Decimal | None = None) -> Any:
        """The column as decimals."""
        column = self.column(name, DECIMAL)
        if name in self._lines.schema.names and pa.types.is_string(self._lines.schema.field(name).type):
            column = pa.array([to_scale(text) for text in self._lines.column(name).to_pylist()], DECIMAL)
        return column if otherwise is None else pc.fill_null(column, pa.scalar(otherwise, DECIMAL))

    def whole(self, name: str) -> Any:
        """The column as texts without null."""
        return pc.fill_null(self.column(name, pa.string()), "")

    def text(self, name: str) -> Any:
        """The column as texts; empty ones are null."""
        column = self.column(name, pa.string())
        return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)

    def mapped(self, name: str, change: Callable[[str | None], Any], arrow_type: Any = None) -> Any:
        """The column with each different text changed once."""
        coded = pc.fill_null(self.column(name, pa.string()), "").dictionary_encode()
        changed = [change(text or None) for text in coded.dictionary.to_pylist()]
        return pa.array(changed, arrow_type or pa.string()).take(coded.indices)


def to_scale(value: Decimal | str | None) -> Decimal | None:
    """The number in a cell with 20 decimals: a column of a version may be text because some value has more."""
    number = number_in(value)
    return None if number is None else number.quantize(SCALE, context=EXACT)
