"""Instants and the microseconds of the journal."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from worker.clock import instant, micros


@given(st.integers(min_value=0, max_value=4_000_000_000_000_000))
def test_microseconds_become_an_instant_and_back_exactly(number: int) -> None:
    """Floating point would lose the last digit of some instants."""
    assert micros(instant(number)) == number


def test_an_instant_of_another_time_zone_is_the_same_instant() -> None:
    """The journal keeps one clock."""
    noon = datetime(2026, 3, 2, 12, 0, 0, 7, tzinfo=UTC)

    assert micros(noon) == 1_772_452_800_000_007
    assert micros(noon.astimezone(timezone(timedelta(hours=2)))) == micros(noon)
