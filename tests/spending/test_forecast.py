"""What a customer will have used of its budget at the end of the month."""

from datetime import datetime
from decimal import Decimal

import pytest

from worker.spending.forecast import forecast_percent


@pytest.mark.parametrize(
    ("as_of", "percent", "forecast"),
    [
        ("2026-06-16T00:00:00+00:00", "50", "100"),
        ("2026-03-22T12:00:00+00:00", "84.28", "122"),
        ("2026-02-15T00:00:00+00:00", "0", "0"),
        ("2026-06-05T00:00:00+00:00", "10", "75"),
        ("2026-06-04T23:59:59+00:00", "10", None),
    ],
)
def test_a_month_goes_on_as_it_began(as_of: str, percent: str, forecast: str | None) -> None:
    """Share of the budget divided by the share of the month that is gone; from the fifth day on."""
    found = forecast_percent(Decimal(percent), datetime.fromisoformat(as_of), plan=True)
    assert found == (None if forecast is None else Decimal(forecast))


def test_nothing_is_said_without_a_share_a_date_or_a_plan() -> None:
    """Legacy periods begin on other days, which Microsoft does not name for all customers."""
    late = datetime.fromisoformat("2026-06-16T00:00:00+00:00")
    assert forecast_percent(None, late, plan=True) is None
    assert forecast_percent(Decimal(5), None, plan=True) is None
    assert forecast_percent(Decimal(5), late, plan=False) is None
