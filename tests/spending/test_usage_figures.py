"""What a report says of Microsoft's figures: exact sums, periods, models, shares."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import ValidationError

from worker.partner_center.answers.exact_json import loads
from worker.partner_center.resources.spending.usage import Summary, UsageItem
from worker.spending.usage_figures import Sums, percent_of, period, record


def item(text: str) -> UsageItem:
    """A record as Microsoft may write it."""
    return UsageItem.model_validate(loads(text.encode()))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("20.0100000000000051", "20.0100000000000051"),
        ("1.50", "1.50"),
        ('"1.50"', "1.50"),
        ("0", "0"),
        ("-12.5", "-12.5"),
        ("1.2E+3", "1200"),
        ("5e-7", "0.0000005"),
        ("120.5682999999995912345678", "120.5682999999995912345678"),
        ("123456789012345678901234567890.12345678901234567890", "123456789012345678901234567890.12345678901234567890"),
    ],
)
def test_every_digit_of_an_amount_stays(written: str, read: str) -> None:
    """From Microsoft's text to ours, as a number or as text; exponents are written out."""
    assert record("meter", item(f'{{"totalCost": {written}}}')).wire_data()["total"] == read


@pytest.mark.parametrize("written", ['"a lot"', "true", '"1_000"', "1e999", "[]", '"Infinity"', '"٣"'])
def test_what_is_no_amount_makes_a_record_unreadable(written: str) -> None:
    """Sums that leave it out would be too small."""
    with pytest.raises(ValidationError):
        item(f'{{"totalCost": {written}, "currencyCode": "EUR"}}')


@pytest.mark.parametrize("written", ["null", '""', '" "'])
def test_a_total_may_be_absent(written: str) -> None:
    """Microsoft names no total: the record leaves the member out, and the sums do without it."""
    odd = item(f'{{"totalCost": {written}, "currencyCode": "EUR"}}')
    sums = Sums()
    sums.add(odd)
    assert "total" not in record("meter", odd).wire_data()
    assert (sums.totals, sums.count) == ([], 1)


def test_sums_are_exact() -> None:
    """Ten million dollars and a ten-quadrillionth: no digit is lost, and none is added."""
    sums = Sums()
    for total in ("10000000", "0.0000000000000001", "0.10", "-0.1"):
        sums.add(item(f'{{"totalCost": {total}, "currencyCode": "eur", "usdTotalCost": 1.10}}'))
    (total,) = [each.wire_data() for each in sums.totals]
    assert total == {
        "currency": "EUR",
        "currencyLocale": None,
        "total": "10000000.0000000000000001",
        "totalUsd": "4.40",
    }


def test_a_sum_in_dollars_needs_all_its_parts() -> None:
    """If Microsoft does not say one part in dollars, the sum in dollars is not known. Legacy amounts say 0."""
    sums = Sums()
    sums.add(item('{"totalCost": 1, "currencyCode": "EUR", "usdTotalCost": 2}'))
    sums.add(item('{"totalCost": 1, "currencyCode": "EUR"}'))
    sums.add(item('{"totalCost": 1, "currencyLocale": "fr-FR", "usdTotalCost": 0}'))
    assert [(each.currency, each.currency_locale, each.total_usd) for each in sums.totals] == [
        ("EUR", None, None),
        (None, "fr-FR", None),
    ]


def test_a_budget_under_either_name_is_read() -> None:
    """Legacy customers have a twin of the budget, and a sample of Microsoft's spells the amount otherwise."""
    odd = item('{"budget": {"attributes": {}}, "customerSpendingBudget": {"ammount": 5.0}}')
    assert record("customer", odd).wire_data()["budget"] == "5.0"


@pytest.mark.parametrize(
    ("begin", "end", "money", "last"),
    [
        ("2026-02-01T00:00:00+00:00", "2026-03-01T00:00:00+00:00", "currencyCode", "2026-03-01T00:00:00+00:00"),
        ("2026-01-28T00:00:00-07:00", "2026-02-27T00:00:00-07:00", "currencyLocale", "2026-02-28T00:00:00-07:00"),
        ("2026-01-28T00:00:00", "2026-02-28T00:00:00", "currencyLocale", "2026-02-28T00:00:00+00:00"),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "currencyLocale", None),
    ],
)
def test_a_period_ends_with_the_first_instant_after_it(begin: str, end: str, money: str, last: str | None) -> None:
    """Plans have the first of the next month; legacy periods name their last day. The year 1 stands for no date."""
    found = period(
        Summary.model_validate({"billingStartDate": begin, "billingEndDate": end, money: "EUR", "totalCost": 1})
    )
    assert found[1] == (None if last is None else datetime.fromisoformat(last))


@pytest.mark.parametrize(
    ("total", "budget", "percent"),
    [
        ("20.0100000000000051", "50", "40.02"),
        ("602.84", "100", "602.84"),
        ("0", "5", "0.00"),
        ("1", "3", "33.33"),
        ("1", "0", None),
        ("1", None, None),
        (None, "1", None),
    ],
)
def test_the_share_of_a_budget_has_two_decimals(total: str | None, budget: str | None, percent: str | None) -> None:
    """As Microsoft writes it for all customers: 602.84 is 602.84 %."""
    found = percent_of(total and Decimal(total), budget and Decimal(budget))
    assert found == (None if percent is None else Decimal(percent))


def test_figures_tell_when_microsoft_made_them() -> None:
    """The newest counts."""
    sums = Sums()
    for day in (3, 9, 5):
        sums.add(item(f'{{"lastModifiedDate": "2026-02-0{day}T17:08:11.1234567"}}'))
    sums.add(item('{"lastModifiedDate": "0001-01-01T00:00:00Z"}'))
    assert sums.newest == datetime(2026, 2, 9, 17, 8, 11, 123456, tzinfo=UTC)
