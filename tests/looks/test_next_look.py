"""The instant of the next look: few looks, little delay, and always within the bounds of the settings."""

import random
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from statistics import mean

import pytest

from events.codes import WaitingReason
from worker.looks.awaited import Awaited
from worker.looks.lag_distribution import Interval
from worker.looks.next_look import Lags, lags, next_look
from worker.partner_center.resources import azure_entitlements, carts, customers, orders, subscriptions, upgrades

ALL = [
    value
    for module in (azure_entitlements, carts, customers, orders, subscriptions, upgrades)
    for value in vars(module).values()
    if isinstance(value, Awaited)
]
Draw = Callable[[random.Random], float]


def looks(known: Lags, shows: float, first: float, longest: float, spread: float = 0.0) -> list[float]:
    """The instants of all looks, the last of which finds what shows after `shows` seconds."""
    times = [0.0]
    while times[-1] < shows:
        times.append(times[-1] + next_look(known, times[-1], first, longest, spread))
    return times[1:]


@pytest.mark.parametrize("awaited", ALL, ids=lambda awaited: awaited.name)
@pytest.mark.parametrize(("first", "longest"), [(5.0, 300.0), (0.05, 1.0), (0.2, 1.0), (1.0, 60.0), (10.0, 3600.0)])
@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_a_gap_stays_between_the_settings_where_the_account_has_shown_nothing(
    awaited: Awaited, first: float, longest: float, spread: float
) -> None:
    """Documented times do not make azplan wait longer than AZPLAN_WAITS__MAX, and a tenth that parts commands."""
    known = lags(awaited, longest)
    times = [0.0, *looks(known, min(2 * 86_400.0, 300 * longest), first, longest, spread)]
    gaps = [later - before for before, later in pairwise(times)]
    assert min(gaps) >= first * (1 - 1e-9)
    assert max(gaps) <= max(longest, known.apart) * 1.1 + 1e-6


def test_the_longest_gap_counts_where_the_shortest_is_longer() -> None:
    """Settings that contradict each other make no look later."""
    assert next_look(lags(orders.COMPLETION, 2.0), 0.0, 10.0, 2.0) == 2.0


@pytest.mark.parametrize("awaited", ALL, ids=lambda awaited: awaited.name)
def test_gaps_grow_to_the_longest_where_nothing_is_known_any_more(awaited: Awaited) -> None:
    """The wait lasts far longer than expected."""
    known = lags(awaited, 300.0)
    late = max(40 * awaited.most, 600.0)
    assert next_look(known, late, 5.0, 300.0) == max(300.0, known.apart)


@pytest.mark.parametrize(
    ("awaited", "shows", "most_looks", "most_delay"),
    [
        (orders.COMPLETION, 20.0, 2, 20.0),
        (orders.COMPLETION, 60.0, 4, 22.0),
        (azure_entitlements.INACTIVITY, 540.0, 2, 70.0),
        (azure_entitlements.INACTIVITY, 600.0, 3, 60.0),
        (azure_entitlements.INACTIVITY, 660.0, 4, 60.0),
        (subscriptions.CHANGE, 30.0, 4, 15.0),
    ],
)
def test_a_documented_time_takes_few_looks_on_a_new_journal(
    awaited: Awaited, shows: float, most_looks: int, most_delay: float
) -> None:
    """With the defaults of the settings."""
    times = looks(lags(awaited, 300.0), shows, 5.0, 300.0)
    assert len(times) <= most_looks
    assert times[-1] - shows <= most_delay


@pytest.mark.parametrize("factor", [60.0, 600.0])
def test_a_faster_partner_center_with_faster_settings_has_the_same_looks_faster(factor: float) -> None:
    """First estimates hold for the default of AZPLAN_WAITS__MAX, and shrink with it."""
    usual = looks(lags(azure_entitlements.INACTIVITY, 300.0), 600.0, 5.0, 300.0)
    fast = looks(lags(azure_entitlements.INACTIVITY, 300.0 / factor), 600.0 / factor, 5.0 / factor, 300.0 / factor)
    assert [time * factor for time in fast] == pytest.approx(usual, rel=0.05)


def test_a_look_that_costs_a_refused_change_comes_once_an_hour() -> None:
    """Partner Center refuses the change for up to 24 hours (900278)."""
    times = looks(lags(subscriptions.OPERATION_END, 300.0), 6 * 3600.0, 5.0, 300.0)
    assert times == [3600.0 * hour for hour in range(1, 7)]


def test_commands_that_began_together_do_not_look_at_the_same_instant() -> None:
    """The look of one comes at its best time, the other's at most a tenth of the gap later."""
    known = lags(azure_entitlements.INACTIVITY, 300.0)
    early, late = (next_look(known, 0.0, 5.0, 300.0, spread) for spread in (0.0, 1.0))
    assert early < late <= early * 1.1


def test_a_few_waits_do_not_lengthen_a_gap_beyond_the_setting() -> None:
    """Five of them are enough."""
    hour: tuple[Interval, ...] = ((3000.0, 3600.0),)
    assert next_look(lags(upgrades.END, 300.0, hour * 4), 0.0, 5.0, 300.0) == 300.0
    assert next_look(lags(upgrades.END, 300.0, hour * 5), 0.0, 5.0, 300.0) > 300.0


@pytest.mark.parametrize("waited", [0.0, 1000.0, 3000.0])
def test_a_longer_gap_ends_where_half_of_the_open_waits_were_over(waited: float) -> None:
    """The delay of half of them is then within one look."""
    known = lags(upgrades.END, 300.0, tuple((600.0 * number, 600.0 * (number + 1)) for number in range(12)) * 4)
    assert known.own is not None
    half = known.own.time_of_rest(waited, 0.5)
    assert 300.0 < next_look(known, waited, 5.0, 300.0) <= half - waited


def learning(awaited: Awaited, draw: Draw, waits: int = 1000) -> list[tuple[int, float]]:
    """The looks and the delay of each of many waits, when each run learns from the looks of those before."""
    rng, kept, results = random.Random(5), deque[Interval](maxlen=64), []
    for number in range(waits):
        if number % 10 == 0:
            known = lags(awaited, 300.0, tuple(kept))
        shows = draw(rng)
        times = [0.0, *looks(known, shows, 5.0, 300.0, rng.random())]
        kept.append((times[-2], times[-1]))
        results.append((len(times) - 1, times[-1] - shows))
    return results


@pytest.mark.parametrize(
    ("awaited", "draw", "most_looks", "most_delay"),
    [
        (orders.COMPLETION, lambda rng: rng.uniform(5, 60), 2.1, 13.0),
        (orders.COMPLETION, lambda rng: rng.uniform(0.5, 2), 1.1, 5.0),
        (orders.COMPLETION, lambda rng: rng.uniform(120, 240), 3.0, 25.0),
        (azure_entitlements.INACTIVITY, lambda rng: rng.uniform(540, 660), 2.0, 35.0),
        (azure_entitlements.INACTIVITY, lambda rng: rng.uniform(50, 70), 2.5, 15.0),
        (upgrades.END, lambda rng: rng.uniform(310, 7320), 6.0, 500.0),
    ],
    ids=["order", "quick order", "slow order", "Azure subscription", "quick Azure subscription", "upgrade"],
)
def test_what_is_learned_from_its_own_looks_stays_good(
    awaited: Awaited, draw: Draw, most_looks: float, most_delay: float
) -> None:
    """A thousand waits: the looks become few and stay few, and the delay does not drift later and later."""
    results = learning(awaited, draw)
    parts = [results[begin : begin + 200] for begin in (200, 400, 600, 800)]
    for part in parts:
        assert mean(count for count, _ in part) <= most_looks
        assert mean(delay for _, delay in part) <= most_delay


def test_estimates_follow_a_partner_center_that_becomes_slower_and_faster_again() -> None:
    """Within about a hundred waits."""

    def draw(rng: random.Random, number: list[int]) -> float:
        number[0] += 1
        return rng.uniform(100, 130) if 300 < number[0] <= 600 else rng.uniform(10, 13)

    count = [0]
    results = learning(orders.COMPLETION, lambda rng: draw(rng, count), 900)
    for begin, end, most in ((100, 300, 6.0), (400, 600, 25.0), (700, 900, 6.0)):
        assert mean(delay for _, delay in results[begin:end]) <= most
        assert mean(looked for looked, _ in results[begin:end]) <= 2.5


def test_every_wait_has_a_name_of_its_own() -> None:
    """The journal keeps times under the name, and the beginning of a wait beside those of the reasons."""
    names = [awaited.name for awaited in ALL] + [str(reason) for reason in WaitingReason]
    assert len(set(names)) == len(names)
    assert all(awaited.source and awaited.half < awaited.most for awaited in ALL)
