"""A line as one JSON object of an export: names, synonyms and forms of numbers as the knobs want them.

Names: the v1.0 pages of microsoft.graph.partners.billing (attributeSet), and the announcement that calls them lower
camel case. Readers must take both.
"""

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

from ops.simulator.billing.invoices import LineKind
from ops.simulator.billing.switches import BillingSettings, LineOddity, NumberForm

SPELLED = {"resourceUri": "ResourceURI", "benefitOrderId": "BenefitOrderID", "benefitId": "BenefitID"}
PASCAL = {**SPELLED, "pcToBCExchangeRate": "PCToBCExchangeRate", "pcToBCExchangeRateDate": "PCToBCExchangeRateDate"}
SYNONYMS = {
    "unitOfMeasure": "Unit",
    "resellerMpnId": "Tier2MpnId",
    "rateOfPartnerEarnedCredit": "PartnerEarnedCreditPercentage",
    "rateOfCredit": "CreditPercentage",
    "totalForCustomer": "Total",
}
PERCENTAGES = frozenset({"PartnerEarnedCreditPercentage", "CreditPercentage"})
NEVER = frozenset({"hasPartnerEarnedCredit"})
"""Attributes that only Partner Center has."""
NOT_IN_USAGE = NEVER | {"pcToBCExchangeRateDate"}
BASIC_USAGE = frozenset(
    {
        *("additionalInfo", "benefitOrderId", "benefitType", "billingCurrency", "billingPreTaxTotal"),
        *("chargeStartDate", "chargeEndDate", "chargeType", "rateOfCredit", "creditType", "customerId"),
        *("customerName", "effectiveUnitPrice", "entitlementId", "invoiceNumber", "partnerId", "partnerName"),
        *("pcToBCExchangeRate", "pricingCurrency", "pricingPreTaxTotal", "productId"),
        *("publisherName", "quantity", "resourceUri", "skuId", "skuName", "subscriptionId", "unitPrice"),
        *("unitType", "usageDate"),
    }
)
FULL_ONLY_RECONCILIATION = frozenset(
    {
        *("customerDomainName", "customerCountry", "productQualifiers", "discountDetails", "referenceId"),
        *("alternateId", "publisherId", "promotionId"),
    }
)
"""A guess: no page tells the two sets of a reconciliation apart."""
MARK = re.compile("\x00(\\w+)\x00")


class Mark(str):
    """The place of a value that is put in later."""

    __slots__ = ()


@dataclass(frozen=True)
class Style:
    """How the lines of one blob are written."""

    kind: LineKind
    attributes: Literal["full", "basic"]
    pascal: bool
    synonyms: bool
    numbers: NumberForm
    unknown: tuple[str, ...]
    dates: Literal["zone", "bare"] = "zone"
    capitals: bool = False
    """True: ids are in capitals."""

    def write(self, line: Mapping[str, Any]) -> str:
        """Return a line as JSON text, with marks where its values are marks."""
        members = [f'"{name}":{self._value(name, value)}' for each, value in line.items() if (name := self._name(each))]
        members += [f'"{name}":"0.0"' for name in self.unknown]
        return "{" + ",".join(members) + "}"

    def number(self, attribute: str, value: Decimal) -> str:
        """Return the JSON text of a number under an attribute's name at Partner Center."""
        return self._number(self._name(attribute), value)

    @cached_property
    def _names(self) -> dict[str, str]:
        """The names that were asked for."""
        return {}

    def _name(self, attribute: str) -> str:
        """Return the name of an attribute; empty for one that this blob leaves out."""
        name = self._names.get(attribute)
        if name is None:
            name = self._names[attribute] = self._new_name(attribute)
        return name

    def _new_name(self, attribute: str) -> str:
        if attribute in (NEVER if self.kind == "reconciliation" else NOT_IN_USAGE):
            return ""
        if self.attributes == "basic" and self._only_full(attribute):
            return ""
        if self.synonyms and attribute in SYNONYMS:
            name = SYNONYMS[attribute]
        else:
            name = PASCAL.get(attribute, attribute[0].upper() + attribute[1:])
        return name if self.pascal else _camel(attribute, name)

    def _only_full(self, attribute: str) -> bool:
        if self.kind == "usage":
            return attribute not in BASIC_USAGE
        return attribute in FULL_ONLY_RECONCILIATION

    def _value(self, name: str, value: Any) -> str:
        if isinstance(value, Mark):
            return f"\x00{value}\x00"
        if isinstance(value, str):
            return self.text(value.upper() if self.capitals and name.endswith("Id") else value)
        return self._number(name, value) if isinstance(value, Decimal) else json.dumps(value)

    def text(self, value: str) -> str:
        """Return the JSON text of a text, and of a date."""
        if self.dates == "bare" and value.endswith(":00Z"):
            value = value.removesuffix("Z")
        return json.dumps(value)

    def odd(self, text: str, kinds: tuple[LineOddity, ...]) -> str:
        """Return the text of a line with oddities in it. None changes an amount."""
        if "empty_number" in kinds:
            text = self._replaced(text, "rateOfCredit" if self.kind == "usage" else "resellerMpnId", '""')
        if "null_number" in kinds:
            text = self._replaced(text, "pcToBCExchangeRate", "null")
        if "many_decimals" in kinds:
            text = self._replaced(text, "unitPrice", "0.1234567890123456789012345")
        if "nested" in kinds:
            text = text[:-1] + ',"Benefits":{"Names":["a","b"],"Rate":0.10}}'
        if "doubled_key" in kinds:
            name = self._name("partnerId")
            text = f'{{"{name}":"",{text[1:]}'
        return text

    def _replaced(self, text: str, attribute: str, value: str) -> str:
        return re.sub(rf'"{self._name(attribute)}":[^,}}]+', f'"{self._name(attribute)}":{value}', text, count=1)

    def _number(self, name: str, value: Decimal) -> str:
        if name[0].upper() + name[1:] in PERCENTAGES:
            value = (value * 100).quantize(Decimal(1))
        return written(value, self.numbers, name)


def style_of(settings: BillingSettings, kind: LineKind, attributes: Literal["full", "basic"], blob: int) -> Style:
    """Return how the lines of a blob are written."""
    pascal = settings.line_keys == "pascal" or (settings.line_keys == "mixed" and blob % 2 == 0)
    synonyms = settings.line_synonyms == "export"
    capitals = settings.line_ids == "mixed" and kind == "reconciliation"
    odd_one = settings.line_dates == "mixed" and blob % 2 == 1
    dates: Literal["zone", "bare"] = "bare" if settings.line_dates == "bare" or odd_one else "zone"
    return Style(
        kind, attributes, pascal, synonyms, settings.line_numbers, settings.unknown_attributes, dates, capitals
    )


def written(value: Decimal, form: NumberForm, name: str = "") -> str:
    """Return a number as JSON text, with every digit it has."""
    if form == "exponent":
        return format(value, "e")
    plain = format(value, "f")
    return f'"{plain}"' if form == "text" or (form == "mixed" and zlib.crc32(name.encode()) % 2) else plain


def _camel(attribute: str, name: str) -> str:
    return attribute if name == PASCAL.get(attribute) else name[0].lower() + name[1:]
