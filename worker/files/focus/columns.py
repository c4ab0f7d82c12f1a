"""The columns of a FOCUS 1.2 dataset and their types, in the order of the file.

Source: FOCUS specification 1.2, dataset Cost and Usage. Columns of our own begin with `x_`; names that Microsoft's own
FOCUS exports use mean the same here.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from worker.files.conversion.arrow_lines import ARROW, DECIMAL
from worker.files.focus.coded_texts import CODED, coded, constant
from worker.files.lines import ValueType

MOMENT = ARROW[ValueType.TIMESTAMP]

_FOCUS = """
AvailabilityZone BilledCost:d BillingAccountId BillingAccountName BillingAccountType BillingCurrency BillingPeriodEnd:t
BillingPeriodStart:t CapacityReservationId CapacityReservationStatus ChargeCategory ChargeClass ChargeDescription
ChargeFrequency ChargePeriodEnd:t ChargePeriodStart:t CommitmentDiscountCategory CommitmentDiscountId
CommitmentDiscountName CommitmentDiscountQuantity:d CommitmentDiscountStatus CommitmentDiscountType
CommitmentDiscountUnit ConsumedQuantity:d ConsumedUnit ContractedCost:d ContractedUnitPrice:d EffectiveCost:d InvoiceId
InvoiceIssuerName ListCost:d ListUnitPrice:d PricingCategory PricingCurrency PricingCurrencyContractedUnitPrice:d
PricingCurrencyEffectiveCost:d PricingCurrencyListUnitPrice:d PricingQuantity:d PricingUnit ProviderName PublisherName
RegionId RegionName ResourceId ResourceName ResourceType ServiceCategory ServiceName ServiceSubcategory SkuId SkuMeter
SkuPriceDetails SkuPriceId SubAccountId SubAccountName SubAccountType Tags
"""
_OURS = """
x_CustomerId x_CustomerName x_ResellerId x_PartnerCreditApplied:b x_PartnerCreditRate:d x_BillingExchangeRate:d
x_BillingExchangeRateDate:t x_SkuMeterId x_SkuMeterCategory x_SkuMeterSubcategory x_SkuOrderId x_ResourceGroupName
x_EffectiveUnitPrice:d x_BilledUnitPrice:d x_AzplanVersion x_AzplanPart:i x_AzplanLine:l x_AzplanRow
"""
_TYPES = {"": pa.string(), "d": DECIMAL, "t": MOMENT, "b": pa.bool_(), "i": pa.int32(), "l": pa.int64()}


def _typed(text: str) -> dict[str, Any]:
    pairs = (word.partition(":") for word in text.split())
    return {name: _TYPES[letter] for name, _, letter in pairs}


COLUMNS: Mapping[str, Any] = _typed(_FOCUS) | _typed(_OURS)
SCHEMA = pa.schema([(name, CODED if each == pa.string() else each) for name, each in COLUMNS.items()])
"""The schema of the tables: texts are coded. The file has them as texts."""


def rows_of(columns: Mapping[str, Any], rows: int) -> Any:
    """A table of all columns. What is not in `columns` is null; a single value stands for all rows."""
    unknown = set(columns) - set(COLUMNS)
    if unknown:
        raise KeyError(f"no FOCUS columns: {sorted(unknown)}")
    return pa.table([_column(columns.get(name), each, rows) for name, each in COLUMNS.items()], schema=SCHEMA)


def _column(given: Any, column_type: Any, rows: int) -> Any:
    texts = column_type == pa.string()
    if isinstance(given, pa.Array | pa.ChunkedArray):
        return coded(given) if texts else given.cast(column_type)
    if isinstance(given, list):
        column = pa.array(given, column_type)
        return coded(column) if texts else column
    if texts:
        return constant(given, rows)
    return pa.nulls(rows, column_type) if given is None else pa.repeat(pa.scalar(given, column_type), rows)
