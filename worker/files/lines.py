"""The attributes of invoice lines and usage records: our name of each, what the wire may call it, and its type.

Sources: Microsoft's resource pages "Invoice resources" (line items of the v1 API) and "attributeSet" of the partner
billing reports in Microsoft Graph. The API writes names in camelCase, files in PascalCase, and some attributes have a
second name in files. A reader therefore compares names without case, and knows the second names.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from worker.partner_center.answers.exact_json import whole_text


class ValueType(StrEnum):
    """How the values of a column are stored."""

    DECIMAL = "decimal(38,20)"
    TIMESTAMP = "timestamp(us, UTC)"
    TEXT = "text"


PERCENT = Decimal("0.01")
"""Files write 15 where the API writes 0.15."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """Our name of an attribute, its type, and the factor from the wire's number to ours (None: the same number)."""

    name: str
    type: ValueType
    factor: Decimal | None = None
    known: bool = True


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


USAGE = _names("""
partnerId partnerName customerId customerName customerDomainName customerCountry invoiceNumber productId skuId
availabilityId skuName productName publisherName publisherId subscriptionId subscriptionDescription chargeStartDate
chargeEndDate usageDate meterType meterCategory meterId meterSubCategory meterName meterRegion unitOfMeasure
resourceLocation consumedService resourceGroup resourceUri tags additionalInfo serviceInfo1 serviceInfo2 mpnId
resellerMpnId chargeType unitPrice quantity unitType billingPreTaxTotal billingCurrency pricingPreTaxTotal
pricingCurrency entitlementId entitlementDescription pcToBCExchangeRate pcToBCExchangeRateDate effectiveUnitPrice
rateOfPartnerEarnedCredit rateOfCredit creditType benefitOrderId benefitId benefitType
""")
"""Daily rated usage. These columns are in every version, also where an attribute is absent."""

RECONCILIATION = _names("""
partnerId customerId customerName customerDomainName customerCountry invoiceNumber mpnId resellerMpnId orderId
orderDate productId skuId availabilityId productName skuName productQualifiers chargeType unitPrice
effectiveUnitPrice unitType quantity subtotal taxTotal totalForCustomer currency publisherName publisherId
subscriptionDescription subscriptionId subscriptionStartDate subscriptionEndDate chargeStartDate chargeEndDate
termAndBillingCycle alternateId referenceId priceAdjustmentDescription discountDetails pricingCurrency
pcToBCExchangeRate pcToBCExchangeRateDate billableQuantity meterDescription billingFrequency reservationOrderId
creditReasonCode promotionId
""")
"""Invoice lines of new commerce. These columns are in every version, also where an attribute is absent."""

OTHERS = _names("""
hasPartnerEarnedCredit invoiceLineItemType billingProvider attributes attributes/objectType tier2MpnId
syndicationPartnerSubscriptionNumber offerId durableOfferId offerName domainName billingCycleType subscriptionName
amount totalOtherDiscount tax detailLineItemId sku includedQuantity overageQuantity listPrice consumptionPrice
consumptionDiscount pretaxCharges taxAmount postTaxTotal pretaxEffectiveRate postTaxEffectiveRate
customerCompanyName serviceName serviceType resourceGuid resourceName region consumedQuantity unit
customerBillableAccount meteredService meteredServiceType meteredRegion project serviceInfo providerSource
""")
"""Known attributes of other lines: legacy offers, and what the API adds. A version has those that its lines have."""

RECORDS = "usageRecords"
USAGE_RECORDS = _names("""
kind id name subscriptionId entitlementId entitlementName resourceUri resourceType resourceGroup meterId meterName
category subcategory unit quantity total currency currencyLocale totalUsd budget percentUsed isUpgraded status offerId
partnerOnRecord lastModified
""")
"""The members of a record of `UsageRecorded`. Azplan writes these files itself: each member has one name."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "usage": USAGE,
    "reconciliation": RECONCILIATION,
    "aggregatedUsage": (),
    RECORDS: USAGE_RECORDS,
}
"""The columns that every version of these lines has."""

DECIMALS = frozenset(
    _names("""
unitPrice quantity effectiveUnitPrice billableQuantity subtotal taxTotal totalForCustomer billingPreTaxTotal
pricingPreTaxTotal pcToBCExchangeRate rateOfPartnerEarnedCredit rateOfCredit amount totalOtherDiscount tax
includedQuantity overageQuantity listPrice consumptionPrice consumptionDiscount pretaxCharges taxAmount postTaxTotal
pretaxEffectiveRate postTaxEffectiveRate consumedQuantity
""")
)
TIMESTAMPS = frozenset(
    _names("""
chargeStartDate chargeEndDate usageDate orderDate subscriptionStartDate subscriptionEndDate pcToBCExchangeRateDate
""")
)

TYPES_OF_RECORDS: Mapping[str, ValueType] = {
    **dict.fromkeys(_names("quantity total totalUsd budget percentUsed"), ValueType.DECIMAL),
    "lastModified": ValueType.TIMESTAMP,
}
"""The types of the members of a usage record that are no text."""

SYNONYMS: Mapping[str, tuple[str, Decimal | None]] = {
    "unit": ("unitOfMeasure", None),
    "tier2mpnid": ("resellerMpnId", None),
    "total": ("totalForCustomer", None),
    "partnerearnedcreditpercentage": ("rateOfPartnerEarnedCredit", PERCENT),
    "creditpercentage": ("rateOfCredit", PERCENT),
}
"""Second names in lower case, each with our name and the factor to our number."""
LEGACY = frozenset({"offerid", "detaillineitemid", "meteredservice", "pretaxcharges"})
"""Attributes of legacy lines, in lower case. These lines call `unit` and `tier2MpnId` what they are."""
NEW_COMMERCE = "productid"
"""An attribute that every line of new commerce has and no legacy line, in lower case."""

_KNOWN = {name.lower(): name for name in [*OTHERS, *USAGE, *RECONCILIATION]}


def attribute(wire: str, *, lines: str, legacy: bool = False) -> Attribute:
    """The attribute that the wire calls `wire` in these lines, in any case.

    An attribute that nobody knows is text under its own name in camelCase. `legacy`: the line is one of a legacy offer.
    """
    if lines == RECORDS:
        return Attribute(wire, type_of(wire, lines), known=wire in USAGE_RECORDS)
    lower = wire.lower()
    if lower in SYNONYMS and not (legacy and lower in _KNOWN):
        name, factor = SYNONYMS[lower]
        return Attribute(name, type_of(name, lines), factor)
    if lower in _KNOWN:
        return Attribute(_KNOWN[lower], type_of(_KNOWN[lower], lines))
    return Attribute(whole_text(wire[:1].lower() + wire[1:]), ValueType.TEXT, known=False)


def wires_of(names: Iterable[str]) -> tuple[str, ...]:
    """What the wire may call these attributes of ours, in lower case and in their order."""
    second = {name: [wire for wire, (ours, _) in SYNONYMS.items() if ours == name] for name in names}
    return tuple(wire for name, others in second.items() for wire in (name.lower(), *others))


def type_of(name: str, lines: str) -> ValueType:
    """The type of the column of these lines that we call `name`."""
    if lines == RECORDS:
        return TYPES_OF_RECORDS.get(name, ValueType.TEXT)
    if name in DECIMALS:
        return ValueType.DECIMAL
    return ValueType.TIMESTAMP if name in TIMESTAMPS else ValueType.TEXT


def is_legacy(wires: Iterable[str], lines: str) -> bool:
    """Whether lines with these attributes belong to a legacy offer."""
    lower = {wire.lower() for wire in wires}
    return lines != RECORDS and NEW_COMMERCE not in lower and not LEGACY.isdisjoint(lower)
