"""The names of the attributes of lines."""

from decimal import Decimal

import pytest

from events.messages.usage import UsageRecord
from worker.files.lines import COLUMNS, RECORDS, USAGE_RECORDS, Attribute, ValueType, attribute, is_legacy


@pytest.mark.parametrize(
    ("wire", "ours"),
    [
        ("billingPreTaxTotal", Attribute("billingPreTaxTotal", ValueType.DECIMAL)),
        ("BillingPreTaxTotal", Attribute("billingPreTaxTotal", ValueType.DECIMAL)),
        ("ResourceURI", Attribute("resourceUri", ValueType.TEXT)),
        ("BenefitID", Attribute("benefitId", ValueType.TEXT)),
        ("PCToBCExchangeRate", Attribute("pcToBCExchangeRate", ValueType.DECIMAL)),
        ("Unit", Attribute("unitOfMeasure", ValueType.TEXT)),
        ("Tier2MpnId", Attribute("resellerMpnId", ValueType.TEXT)),
        ("Total", Attribute("totalForCustomer", ValueType.DECIMAL)),
        ("PartnerEarnedCreditPercentage", Attribute("rateOfPartnerEarnedCredit", ValueType.DECIMAL, Decimal("0.01"))),
        ("CreditPercentage", Attribute("rateOfCredit", ValueType.DECIMAL, Decimal("0.01"))),
        ("rateOfCredit", Attribute("rateOfCredit", ValueType.DECIMAL)),
        ("UsageDate", Attribute("usageDate", ValueType.TIMESTAMP)),
        ("PriceBenefits", Attribute("priceBenefits", ValueType.TEXT, known=False)),
    ],
)
def test_an_attribute_has_one_name_whatever_the_wire_calls_it(wire: str, ours: Attribute) -> None:
    """Microsoft writes camelCase or PascalCase, and has second names in files; percentages become fractions."""
    assert attribute(wire, lines="usage") == ours


def test_legacy_lines_keep_names_that_new_commerce_replaced() -> None:
    """In lines of legacy offers `unit` and `tier2MpnId` are no second names."""
    found = [attribute(name, lines="usage", legacy=True).name for name in ("Unit", "Tier2MpnId")]
    assert found == ["unit", "tier2MpnId"]


def test_lines_of_new_commerce_may_name_an_offer() -> None:
    """An attribute that Microsoft adds does not make them legacy lines, which have no product."""
    assert is_legacy(["CustomerId", "OfferId"], "usage")
    assert not is_legacy(["CustomerId", "ProductId", "OfferId"], "usage")


def test_no_column_is_named_twice() -> None:
    """Each version has a column once."""
    assert all(len({name.lower() for name in names}) == len(names) for names in COLUMNS.values())


def test_a_usage_record_in_a_file_has_the_members_of_the_event() -> None:
    """Amounts are decimals and the instant is one. Words that lines of invoices have too keep their own names."""
    members = UsageRecord.model_json_schema()["properties"]
    assert tuple(members) == USAGE_RECORDS
    found = {name: attribute(name, lines=RECORDS) for name in USAGE_RECORDS}
    assert [each.name for each in found.values()] == list(USAGE_RECORDS)
    decimals = {name for name, each in found.items() if each.type is ValueType.DECIMAL}
    assert decimals == {"quantity", "total", "totalUsd", "budget", "percentUsed"}
    assert [name for name, each in found.items() if each.type is ValueType.TIMESTAMP] == ["lastModified"]
    assert not is_legacy(USAGE_RECORDS, RECORDS), "an offer's id is no sign of a legacy offer here"
