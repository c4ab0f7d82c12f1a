"""Amounts, shares and days as a person reads them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from worker.cli.output.spending.amounts import day_and_time, money, right, share, whole_percent

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("5000", "5 000.00"),
        ("4213.8700000000000051", "4 213.87"),
        ("0.005", "0.01"),
        ("-1234567.5", "−1 234 567.50"),
        ("999", "999.00"),
        ("12345678901234567890123456789012345", "12 345 678 901 234 567 890 123 456 789 012 345.00"),
    ],
)
def test_an_amount_has_two_decimals_in_groups_of_three(amount: str, shown: str) -> None:
    """For reading; `--json` has all digits."""
    assert money(Decimal(amount)) == shown


def test_what_is_not_known_is_empty() -> None:
    """An empty cell, and no 0."""
    assert (money(None), share(None), whole_percent(None), day_and_time(None, NOW)) == ("", "", "", "")


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        ("2026-03-02T03:10:00+00:00", "today 03:10"),
        ("2026-03-01T22:10:00-05:00", "today 03:10"),
        ("2026-03-01T03:10:00+00:00", "yesterday 03:10"),
        ("2026-02-27T03:10:00+00:00", "2026-02-27"),
    ],
)
def test_days_are_those_of_utc(at: str, shown: str) -> None:
    """Microsoft's figures have instants; a person looks for today's."""
    assert day_and_time(datetime.fromisoformat(at), NOW) == shown


def test_numbers_stand_below_each_other() -> None:
    """Heading and cells end at the same place."""
    assert right("used", ["1.00", "12 000.00"]) == ("     used", ["     1.00", "12 000.00"])
