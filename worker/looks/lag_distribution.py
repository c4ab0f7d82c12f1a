"""How likely something has shown at Partner Center after some time. Pure.

Nobody sees the instant itself. A look that finds nothing and a later look that finds it give an interval, and the
estimate uses intervals: the weight of each is spread over its inside as the present estimate says, until nothing
changes any more (the self-consistent estimate of Turnbull for censored observations), and is smoothed in each round
(Silverman's EMS): few intervals would otherwise give an estimate of a few sharp points. An estimate that took the later
look for the instant would be late; the next look would be later still, and so on without end.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise

LEAST = 0.01
"""The end of the first bucket, in seconds."""
STEPS = 16
"""Buckets to a doubling of time: an instant is known to 4 %."""
BUCKETS = 27 * STEPS
"""The last bucket ends after 15 days, longer than any wait lasts."""
EDGES: Sequence[float] = (0.0, *(LEAST * math.exp2(step / STEPS) for step in range(BUCKETS)))

ROUNDS = 10
"""Rounds of the estimate. Each smooths it: together they spread a sharp point over about 10 % of the time."""
FLOOR = 1e-6
"""The share that is spread over all buckets: nothing is impossible."""
FADING = 0.97
"""The weight of an observation, compared with the one after it. About the last thirty count, so that change shows."""
WEIGHT_OF_PRIOR = 3.0
"""The first estimate counts like so many observations."""

NINE_OF_TEN = 1.2815515655446004
"""So many standard deviations above its middle, nine of ten of a normal distribution lie below."""

Interval = tuple[float, float]
"""Seconds since the wait began: not shown at the first, shown at the second."""


class LagDistribution:
    """The share of waits that are over after a time, in buckets whose widths grow with the time."""

    def __init__(self, shares: Sequence[float]) -> None:
        """`shares`: the share of each bucket. Their sum need not be 1."""
        total = math.fsum(shares)
        self.shares = tuple(share / total for share in shares)
        self._over = (0.0, *accumulate(self.shares))
        self._urge = (0.0, *accumulate(map(self._urge_of, range(BUCKETS))))

    def over(self, seconds: float) -> float:
        """The share of waits that are over after `seconds`."""
        return min(1.0, _value_at(self._over, seconds))

    def time_of(self, share: float) -> float:
        """The time after which this share of waits is over, in seconds."""
        return _time_of(self._over, share)

    def time_of_rest(self, seconds: float, share: float) -> float:
        """The time by which this share is over of the waits that last longer than `seconds`."""
        return self.time_of(1.0 - (1.0 - self.over(seconds)) * (1.0 - share))

    def worth_looking(self, seconds: float, look: float) -> float:
        """The best time of the next look after one at `seconds`; infinite if nearly all waits are over by then.

        A look costs as much as `look` seconds of delay. Looks then have the density sqrt(h / 2 look), with the hazard
        h: the likelihood per second that a wait ends now that is still open (J. B. Keller, Optimum checking schedules
        for systems subject to random failure, 1974). Looks are rare where nothing ends, and dense where most waits end.
        """
        aim = _value_at(self._urge, seconds) + math.sqrt(2 * look)
        return math.inf if aim >= self._urge[-1] else _time_of(self._urge, aim)

    def _urge_of(self, bucket: int) -> float:
        """The integral of sqrt(h) over one bucket."""
        begun, done = 1.0 - self._over[bucket], 1.0 - self._over[bucket + 1]
        if begun <= FLOOR:
            return 0.0
        return math.sqrt(math.log(begun / max(done, FLOOR / 2)) * (EDGES[bucket + 1] - EDGES[bucket]))


def prior(half: float, most: float) -> LagDistribution:
    """The log-normal distribution: half of the waits are over after `half` seconds, nine of ten after `most`."""
    spread = math.log(most / half) / NINE_OF_TEN * math.sqrt(2)
    over = [0.0, *((1 + math.erf(math.log(edge / half) / spread)) / 2 for edge in EDGES[1:])]
    return LagDistribution([later - before + FLOOR / BUCKETS for before, later in pairwise(over)])


def seen(first: LagDistribution, intervals: Sequence[Interval]) -> LagDistribution:
    """The estimate from what was seen alone, the newest interval last. `first` tells likely from unlikely inside them.

    `intervals` must not be empty.
    """
    ranges = [(_bucket(after), _bucket(by) + 1, FADING**age) for age, (after, by) in enumerate(reversed(intervals))]
    shares: Sequence[float] = first.shares
    for _ in range(ROUNDS):
        over = (0.0, *accumulate(shares))
        slopes = [0.0] * (BUCKETS + 1)
        for begin, end, weight in ranges:
            factor = weight / max(over[end] - over[begin], FLOOR**3)
            slopes[begin] += factor
            slopes[end] -= factor
        shares = _smooth([share * max(0.0, by) for share, by in zip(shares, accumulate(slopes), strict=False)])
    return LagDistribution(shares)


def _smooth(shares: Sequence[float]) -> list[float]:
    """Each share with a quarter of its two neighbours' shares, in sum 1."""
    total = 4 * math.fsum(shares)
    sides = zip((0.0, *shares[:-1]), shares, (*shares[1:], 0.0), strict=True)
    return [(before + 2 * share + after) / total for before, share, after in sides]


def mixed(first: LagDistribution, own: LagDistribution, observations: int) -> LagDistribution:
    """Both together: `own` was made from so many observations, and `first` counts like `WEIGHT_OF_PRIOR` of them."""
    weight = (1 - FADING**observations) / (1 - FADING)
    return LagDistribution([WEIGHT_OF_PRIOR * a + weight * b for a, b in zip(first.shares, own.shares, strict=True)])


def _bucket(seconds: float) -> int:
    return min(max(bisect_left(EDGES, seconds) - 1, 0), BUCKETS - 1)


def _value_at(sums: Sequence[float], seconds: float) -> float:
    """The sum up to a time, with the last bucket in part."""
    if seconds >= EDGES[-1]:
        return sums[-1]
    at = _bucket(seconds)
    part = (seconds - EDGES[at]) / (EDGES[at + 1] - EDGES[at])
    return sums[at] + (sums[at + 1] - sums[at]) * max(part, 0.0)


def _time_of(sums: Sequence[float], value: float) -> float:
    """The time up to which the sum is `value`."""
    at = min(max(bisect_left(sums, value) - 1, 0), BUCKETS - 1)
    width = sums[at + 1] - sums[at]
    part = min(1.0, (value - sums[at]) / width) if width > 0 else 1.0
    return EDGES[at] + (EDGES[at + 1] - EDGES[at]) * part
