"""Instants and the microseconds of the journal."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.clock import duration_micros, instant, micros


@given(st.integers(min_value=0, max_value=4_000_000_000_000_000))
def test_microseconds_become_an_instant_and_back_exactly(number: int) -> None:
    """Floating point would lose the last digit of some instants."""
    assert micros(instant(number)) == number


def test_an_instant_of_another_time_zone_is_the_same_instant() -> None:
    """The journal keeps one clock."""
    noon = datetime(2026, 3, 2, 12, 0, 0, 7, tzinfo=UTC)

    assert micros(noon) == 1_772_452_800_000_007
    assert micros(noon.astimezone(timezone(timedelta(hours=2)))) == micros(noon)


@pytest.mark.parametrize(("seconds", "kept"), [(0.0, 0), (1.5, 1_500_000), (0.000_000_9, 0), (-2.0, -2_000_000)])
def test_a_duration_is_kept_in_whole_microseconds(seconds: float, kept: int) -> None:
    """A part of a microsecond is dropped."""
    assert duration_micros(seconds) == kept
