"""`ops/bench/figures.py`: the arithmetic of the comparison."""

import pytest

from ops.bench.figures import bound, latencies, middle_rate, percentile, ratio


@pytest.mark.parametrize(
    ("values", "percent", "found"),
    [
        ([1.0], 50, 1.0),
        ([1.0], 99, 1.0),
        ([4.0, 1.0, 3.0, 2.0], 50, 2.0),
        ([4.0, 1.0, 3.0, 2.0], 75, 3.0),
        ([4.0, 1.0, 3.0, 2.0], 76, 4.0),
        ([float(each) for each in range(1, 101)], 95, 95.0),
        ([float(each) for each in range(1, 101)], 99, 99.0),
        ([float(each) for each in range(1, 101)], 100, 100.0),
        ([2.0, 1.0], 0, 1.0),
    ],
)
def test_a_percentile_is_a_measured_value(values: list[float], percent: float, found: float) -> None:
    """The nearest rank: nothing is interpolated between two measurements."""
    assert percentile(values, percent) == found


def test_no_values_have_no_percentile() -> None:
    """A case that measured nothing fails instead of printing a number."""
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_the_rate_leaves_out_the_start_and_the_end() -> None:
    """A start of ten seconds and a last straggler do not change the rate of the hundred answers between."""
    steady = [10 + index / 100 for index in range(100)]

    assert middle_rate(steady) == pytest.approx(100)
    assert middle_rate([0.0, *steady, 60.0]) == pytest.approx(100)


@pytest.mark.parametrize("answered", [[], [1.0], [1.0, 1.0, 1.0]])
def test_answers_at_one_instant_make_no_rate(answered: list[float]) -> None:
    """Nothing is divided by zero."""
    with pytest.raises(ValueError, match="make no rate"):
        middle_rate(answered)


def test_a_latency_is_the_time_from_sending_to_the_answer() -> None:
    """Only what was answered counts."""
    assert latencies({"a": 1.0, "b": 2.0, "c": 3.0}, {"b": 2.5, "a": 4.0}) == [0.5, 3.0]


def test_the_bound_is_what_the_slots_allow() -> None:
    """64 commands at once of 5.4 calls of 50 ms."""
    assert bound(64, 5.4, 0.05) == pytest.approx(237.04, abs=0.01)


def test_a_ratio_is_taken_within_each_round() -> None:
    """A round in which the machine was three times slower has the same ratio as the others."""
    assert ratio([2.0, 6.0, 2.0], [1.0, 3.0, 1.0]) == 2.0


def test_rounds_without_a_partner_are_a_mistake() -> None:
    """A missing round of the base is not ignored."""
    with pytest.raises(ValueError, match="shorter"):
        ratio([1.0, 2.0], [1.0])
