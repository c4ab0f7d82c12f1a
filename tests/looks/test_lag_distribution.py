"""How likely something has shown after some time: from a first estimate, and from intervals between two looks."""

import math
import random

import pytest

from worker.looks.lag_distribution import LagDistribution, mixed, prior, seen

TEN_MINUTES = prior(600.0, 720.0)


@pytest.mark.parametrize(("half", "most"), [(0.05, 0.2), (25.0, 75.0), (600.0, 720.0), (43_200.0, 86_400.0)])
def test_a_first_estimate_has_the_two_times_that_it_is_made_from(half: float, most: float) -> None:
    """One of two waits is over by the first, nine of ten by the second. Times are known to 4 %."""
    made = prior(half, most)
    assert made.over(half) == pytest.approx(0.5, abs=0.02)
    assert made.over(most) == pytest.approx(0.9, abs=0.02)
    assert made.time_of(0.5) == pytest.approx(half, rel=0.02)
    assert made.time_of(0.9) == pytest.approx(most, rel=0.02)


def test_the_share_of_ended_waits_grows_from_none_to_all() -> None:
    """Also beyond the last bucket."""
    shares = [TEN_MINUTES.over(seconds) for seconds in (0, 0.001, 1, 300, 599, 601, 900, 10_000, 1e9)]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, pytest.approx(1.0))


def test_looks_are_rare_where_nothing_ends_and_dense_where_most_waits_end() -> None:
    """Nobody looks in the first eight of ten minutes; then a look is due each minute."""
    first = TEN_MINUTES.worth_looking(0.0, 27.0)
    second = TEN_MINUTES.worth_looking(first, 27.0)
    assert 480 < first < 620
    assert 20 < second - first < 100


def test_a_dearer_look_comes_later() -> None:
    """The price of a look is in seconds of delay."""
    times = [TEN_MINUTES.worth_looking(0.0, price) for price in (1.0, 10.0, 100.0)]
    assert times == sorted(times)
    assert len(set(times)) == 3


def test_no_look_is_best_where_nearly_all_waits_would_be_over() -> None:
    """The estimate says nothing about such a time."""
    assert TEN_MINUTES.worth_looking(1e6, 10.0) == math.inf


def test_the_rest_is_what_is_still_open() -> None:
    """At the start, that is everything. When half of the waits are over, half of the rest is a quarter of all."""
    assert TEN_MINUTES.time_of_rest(0.0, 0.5) == pytest.approx(600, rel=0.03)
    assert TEN_MINUTES.time_of_rest(600.0, 0.5) == pytest.approx(TEN_MINUTES.time_of(0.75), rel=0.03)


def test_what_is_seen_often_counts_more_than_the_first_estimate() -> None:
    """A single observation moves the estimate a little, fifty decide it."""
    once = mixed(TEN_MINUTES, seen(TEN_MINUTES, [(20.0, 30.0)]), 1)
    often = mixed(TEN_MINUTES, seen(TEN_MINUTES, [(20.0, 30.0)] * 50), 50)
    assert 500 < once.time_of(0.5) < 600
    assert 20 <= often.time_of(0.5) <= 31


def test_a_time_that_the_first_estimate_thinks_impossible_is_learned_all_the_same() -> None:
    """Also far outside, on both sides."""
    for interval in ((0.0, 0.02), (80_000.0, 90_000.0)):
        assert seen(TEN_MINUTES, [interval] * 20).time_of(0.5) == pytest.approx(interval[1], rel=0.5)


def test_an_interval_is_not_taken_for_its_end() -> None:
    """A look after 900 s finds what showed after ten minutes or so. The estimate stays where it is."""
    assert seen(TEN_MINUTES, [(0.0, 900.0)] * 50).time_of(0.5) == pytest.approx(600, rel=0.05)


def test_intervals_that_overlap_are_narrowed_to_what_they_share() -> None:
    """Each alone leaves everything open between 0 and 100 s."""
    own = seen(prior(30, 300), [(0.0, 40.0), (30.0, 100.0)] * 20)
    assert 28 < own.time_of(0.3) < own.time_of(0.7) < 45


def test_new_observations_replace_old_ones() -> None:
    """Microsoft has become slower: after forty waits the estimate follows, though sixty fast ones came before."""
    own = seen(prior(30, 300), [(8.0, 10.0)] * 60 + [(95.0, 105.0)] * 40)
    assert own.time_of(0.5) > 90


def test_shares_are_never_negative_and_sum_to_one() -> None:
    """Whatever was seen, contradictions included."""
    rng = random.Random(7)
    for _ in range(20):
        begins = [rng.choice([0.0, rng.uniform(0, 5), rng.uniform(0, 1e5)]) for _ in range(30)]
        own: LagDistribution = seen(TEN_MINUTES, [(begin, begin + rng.expovariate(0.01)) for begin in begins])
        assert min(own.shares) >= 0
        assert sum(own.shares) == pytest.approx(1.0)
