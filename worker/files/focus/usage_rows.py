"""FOCUS rows of usage lines: one row each, made a row group at a time with Arrow.

`BilledCost` is Microsoft's amount, untouched. Prices in the billing currency are products and rounded to 18 decimals:
Arrow refuses products of more than 76 digits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from worker.files.conversion.arrow_lines import DECIMAL
from worker.files.conversion.exact_lines import SCALE, moment_in, number_in
from worker.files.conversion.totals import EXACT
from worker.files.focus.coded_texts import CODED, changed, coded, constant, first, joined, lower, trimmed, where
from worker.files.focus.columns import MOMENT, rows_of
from worker.files.focus.regions import region_of
from worker.files.focus.services import service_of
from worker.files.focus.texts import (
    customer_id,
    price_details,
    reseller_id,
    resource_name,
    resource_type,
    sku_id,
    sku_price_id,
    tags,
)
from worker.files.focus.units import unit_of

DAY = pa.scalar(timedelta(days=1), pa.duration("us"))
LAST_DAY = pa.scalar(datetime(9999, 12, 31, tzinfo=UTC), MOMENT)
PRICE = pa.decimal256(37, 18)
COST = pa.decimal256(38, 20)
DIGITS = DECIMAL.precision - DECIMAL.scale
"""Digits before the point that a column can hold."""
MOST = pa.scalar(Decimal(10) ** DIGITS - 1, pa.decimal256(38, 0))
BOOLEANS = {"true": True, "false": False}
_READ = """
unitPrice quantity effectiveUnitPrice pcToBCExchangeRate pcToBCExchangeRateDate billingPreTaxTotal pricingPreTaxTotal
rateOfPartnerEarnedCredit hasPartnerEarnedCredit creditType usageDate unitOfMeasure unitType benefitType benefitId
chargeType billingCurrency pricingCurrency
productId skuId availabilityId skuName productName publisherName entitlementId entitlementDescription resourceUri
resourceLocation resourceGroup additionalInfo tags customerId customerName resellerMpnId subscriptionId meterId
meterCategory meterSubCategory meterName _part _line
"""
READ = tuple(_READ.split())
"""The columns of usage lines that rows are made from, and those of the groups of a comparison."""


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
    currency: str = ""
    """That of the document, for lines that name none."""

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
    """The rows of a table of usage lines in the columns of a Parquet part, whose texts are coded."""
    take = _Lines(lines)
    rate = take.number("pcToBCExchangeRate", Decimal(1))
    price, quantity = take.number("unitPrice"), take.number("quantity")
    list_price = product(price, rate, PRICE)
    billed_price = product(take.number("effectiveUnitPrice"), rate, PRICE)
    billed = pc.coalesce(take.number("billingPreTaxTotal"), _zero(lines))
    list_cost = pc.coalesce(product(list_price, quantity, COST), billed)
    unit = first(take.text("unitOfMeasure"), take.text("unitType"))
    blocks = changed(unit, lambda text: unit_of(text).block, PRICE)
    committed = changed(take.text("benefitType"), lambda text: (text or "").lower() == "savingsplan", pa.bool_())
    identified = pc.and_(committed, pc.is_valid(take.text("benefitId")))
    day = take.moment("usageDate")
    columns: dict[str, Any] = {
        **bill.columns(),
        **_usage_texts(take, bill),
        "BilledCost": billed,
        "EffectiveCost": billed,
        "ListUnitPrice": list_price,
        "ContractedUnitPrice": list_price,
        "ListCost": list_cost,
        "ContractedCost": list_cost,
        "PricingCurrencyListUnitPrice": price,
        "PricingCurrencyContractedUnitPrice": price,
        "PricingCurrencyEffectiveCost": pc.coalesce(take.number("pricingPreTaxTotal"), billed),
        "ChargePeriodStart": pc.coalesce(day, pa.scalar(bill.month_begins, MOMENT)),
        "ChargePeriodEnd": pc.coalesce(_day_after(day), pa.scalar(bill.month_ends, MOMENT)),
        "ChargeClass": where(_corrections(take, day, billed, bill), take.each("Correction")),
        "PricingCategory": first(where(committed, take.each("Committed")), take.each("Standard")),
        "CommitmentDiscountId": where(identified, take.text("benefitId")),
        "CommitmentDiscountType": where(identified, take.each("Savings Plan")),
        "CommitmentDiscountCategory": where(identified, take.each("Spend")),
        "CommitmentDiscountStatus": where(identified, take.each("Used")),
        "CommitmentDiscountQuantity": pc.if_else(identified, billed, pa.scalar(None, DECIMAL)),
        "CommitmentDiscountUnit": where(identified, take.text("billingCurrency")),
        "PricingQuantity": quantity,
        "PricingUnit": changed(unit, lambda text: unit_of(text).priced),
        "ConsumedQuantity": product(quantity, blocks, COST),
        "ConsumedUnit": changed(unit, lambda text: unit_of(text).name),
        "x_PartnerCreditApplied": _credit_applied(take),
        "x_PartnerCreditRate": take.number("rateOfPartnerEarnedCredit"),
        "x_BillingExchangeRate": take.number("pcToBCExchangeRate"),
        "x_BillingExchangeRateDate": take.moment("pcToBCExchangeRateDate"),
        "x_EffectiveUnitPrice": billed_price,
        "x_BilledUnitPrice": billed_price,
        "x_AzplanVersion": version,
        "x_AzplanPart": lines.column("_part"),
        "x_AzplanLine": lines.column("_line"),
        "x_AzplanRow": "usage",
    }
    return rows_of(columns, lines.num_rows)


def _usage_texts(take: "_Lines", bill: Bill) -> dict[str, Any]:
    """The columns that are texts of the line, or made from one text."""
    sku = joined(take.text("productId"), take.text("skuId"), sku_id)
    billed_in = take.changed("billingCurrency", lambda text: (text or bill.currency).upper() or None)
    plan = lower(take.text("entitlementId"))
    named = pc.is_valid(plan)
    return {
        "BillingCurrency": billed_in,
        "PricingCurrency": first(take.changed("pricingCurrency", lambda text: text and text.upper()), billed_in),
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-Based",
        "ChargeDescription": take.text("skuName"),
        "SubAccountId": plan,
        "SubAccountName": where(named, first(take.text("entitlementDescription"), plan)),
        "SubAccountType": where(named, take.each("Subscription")),
        "PublisherName": first(take.text("publisherName"), take.each("Microsoft")),
        "ResourceId": lower(take.text("resourceUri")),
        "ResourceName": take.changed("resourceUri", lambda uri: resource_name(uri) if uri else None),
        "ResourceType": take.changed("resourceUri", lambda uri: resource_type(uri) if uri else None),
        "ServiceName": take.changed("meterCategory", lambda text: service_of(text).name),
        "ServiceCategory": take.changed("meterCategory", lambda text: service_of(text).category),
        "ServiceSubcategory": take.changed("meterCategory", lambda text: service_of(text).subcategory),
        "RegionId": take.changed("resourceLocation", lambda text: region_of(text)[0]),
        "RegionName": take.changed("resourceLocation", lambda text: region_of(text)[1]),
        "SkuId": sku,
        "SkuPriceId": joined(sku, take.text("availabilityId"), sku_price_id),
        "SkuMeter": first(take.text("meterName"), take.text("skuName"), take.text("productName")),
        "SkuPriceDetails": take.changed("additionalInfo", price_details),
        "Tags": take.changed("tags", tags),
        "x_CustomerId": take.changed("customerId", customer_id),
        "x_CustomerName": take.text("customerName"),
        "x_ResellerId": take.changed("resellerMpnId", reseller_id),
        "x_SkuMeterId": take.text("meterId"),
        "x_SkuMeterCategory": take.text("meterCategory"),
        "x_SkuMeterSubcategory": take.text("meterSubCategory"),
        "x_ResourceGroupName": take.text("resourceGroup"),
    }


def product(left: Any, right: Any, arrow_type: Any) -> Any:
    """The product of two columns of decimals, rounded to the decimals of `arrow_type`, as decimal(38,20).

    Null where it has too many digits.
    """
    whole = pc.multiply(left.cast(COST), pc.round(right.cast(COST), ndigits=18).cast(PRICE))
    whole = pc.round(whole, ndigits=arrow_type.scale)
    if pc.any(pc.greater(pc.abs(whole), MOST)).as_py():
        whole = pc.if_else(pc.greater(pc.abs(whole), MOST), pa.scalar(None, whole.type), whole)
    return whole.cast(DECIMAL)


def _day_after(day: Any) -> Any:
    """A day later. The last day that readers know has no day after it."""
    return pc.if_else(pc.less(day, LAST_DAY), pc.add(day, DAY), LAST_DAY)


def _zero(lines: Any) -> Any:
    return pa.repeat(pa.scalar(Decimal(0), DECIMAL), lines.num_rows)


def _credit_applied(take: "_Lines") -> Any:
    """Whether the line has partner earned credit. Null where it does not say so: basic attributes have no rate."""
    credit = take.text("creditType")
    applied = changed(
        credit, lambda text: ("partner earned credit applied" in (text or "").lower()) or None, pa.bool_()
    )
    rated = pc.greater(take.number("rateOfPartnerEarnedCredit"), pa.scalar(Decimal(0), DECIMAL))
    told = changed(take.text("hasPartnerEarnedCredit"), lambda text: BOOLEANS.get((text or "").lower()), pa.bool_())
    none = changed(credit, lambda text: False if (text or "").lower() == "credit not applied" else None, pa.bool_())
    return pc.coalesce(applied, rated, told, none)


def _corrections(take: "_Lines", day: Any, billed: Any, bill: Bill) -> Any:
    """Whether a cancelled charge below 0 belongs to another month."""
    cancelled = changed(take.text("chargeType"), lambda text: (text or "").lower() == "cancel", pa.bool_())
    outside = pc.or_(
        pc.less(day, pa.scalar(bill.month_begins, MOMENT)), pc.greater_equal(day, pa.scalar(bill.month_ends, MOMENT))
    )
    corrects = pc.and_(pc.and_(cancelled, pc.less(billed, pa.scalar(Decimal(0), DECIMAL))), outside)
    return pc.fill_null(corrects, fill_value=False)


class _Lines:
    """Columns of a table of lines. A column that the version has as text, or not at all, is brought to its type."""

    def __init__(self, lines: Any) -> None:
        self._lines = lines
        self._types = dict(zip(lines.schema.names, lines.schema.types, strict=True))
        self._texts: dict[str, Any] = {}

    def column(self, name: str, arrow_type: Any) -> Any:
        """The column, all null if it is absent or of another type."""
        if self._types.get(name) == arrow_type:
            return self._lines.column(name).combine_chunks()
        return pa.nulls(self._lines.num_rows, arrow_type)

    def number(self, name: str, otherwise: Decimal | None = None) -> Any:
        """The column as decimals."""
        column = self.column(name, DECIMAL)
        if self._types.get(name) == CODED:
            column = changed(coded(self._lines.column(name)), to_scale, DECIMAL)
        return column if otherwise is None else pc.fill_null(column, pa.scalar(otherwise, DECIMAL))

    def moment(self, name: str) -> Any:
        """The column as times. Where a version has it as text, each row has the time that can be read."""
        if self._types.get(name) == CODED:
            return changed(coded(self._lines.column(name)), moment_in, MOMENT)
        return self.column(name, MOMENT)

    def text(self, name: str) -> Any:
        """The column as coded texts without blanks around them; empty ones are null."""
        if name not in self._texts:
            there = self._types.get(name) == CODED
            column = coded(self._lines.column(name)) if there else self.each(None)
            self._texts[name] = trimmed(column)
        return self._texts[name]

    def each(self, text: str | None) -> Any:
        """This text in each row."""
        return constant(text, self._lines.num_rows)

    def changed(self, name: str, change: Callable[[str | None], str | None]) -> Any:
        """The column with each different text changed once."""
        return changed(self.text(name), change)


def to_scale(value: Decimal | str | None) -> Decimal | None:
    """The number in a cell with 20 decimals: a column of a version may be text because some value has more.

    None for what no column can hold: 19 digits before the point.
    """
    number = number_in(value)
    if number is None or (number and number.adjusted() >= DIGITS):
        return None
    scaled = number.quantize(SCALE, context=EXACT)
    return None if scaled and scaled.adjusted() >= DIGITS else scaled
