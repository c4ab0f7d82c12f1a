"""When to look next at something that shows at Partner Center some time after its cause. Pure.

The objective: calls plus delay are least. A look costs a call of a family that has a ceiling, and counts like `worth`
seconds of delay of the answer: `SHARE` of the geometric mean of `AZPLAN_WAITS__FIRST` and of the time that half of
these waits take. That is 7 s for an order of half a minute, 33 s for ten minutes, and 80 s for an hour.

The bounds hold always:

- no look before `first` seconds have passed since the last one, or `longest` where that is less;
- no gap above `longest` seconds, except where the account's own times say so: the next look may come later than that,
  yet not after the instant by which half of the waits that are still open now were over;
- where nearly all waits would be over (by the account's own times if there are enough), the gap is half of the time
  waited so far, up to `longest`.
"""

import math
from dataclasses import dataclass

from worker.looks.awaited import Awaited
from worker.looks.lag_distribution import Interval, LagDistribution, mixed, prior, seen

USUAL_LONGEST = 300.0
"""The default of AZPLAN_WAITS__MAX, for which the first estimates hold. A smaller setting says that this Partner Center
is faster by as much."""
ENOUGH = 5
"""So many waits of an account must have been seen before a gap may exceed AZPLAN_WAITS__MAX."""
RARE = 0.05
"""Where fewer waits than this are still open, their distribution says nothing."""
SHARE = 0.6
"""With it, about two looks find an order or a change of a plan, and five an upgrade of some minutes to two hours."""
NEARLY_ALL = 0.9
"""A look comes not later than this share of the open waits is over: the few others may last very long."""


@dataclass(frozen=True, slots=True)
class Lags:
    """What is known of a kind of wait of one account: all of it, and the account's own times where there are enough."""

    known: LagDistribution
    own: LagDistribution | None = None
    apart: float = 0.0


def lags(awaited: Awaited, longest: float, intervals: tuple[Interval, ...] = ()) -> Lags:
    """What is known of a wait, from its first estimate and from the account's intervals, the newest last."""
    scale = min(1.0, longest / USUAL_LONGEST)
    first, apart = prior(awaited.half * scale, awaited.most * scale), awaited.apart * scale
    if not intervals:
        return Lags(first, apart=apart)
    own = seen(first, intervals)
    return Lags(mixed(first, own, len(intervals)), own if len(intervals) >= ENOUGH else None, apart)


def next_look(lags: Lags, waited: float, first: float, longest: float, spread: float = 0.0) -> float:
    """Seconds until the next look, now that `waited` seconds have passed. `spread`, from 0 to 1, parts commands."""
    worth = SHARE * math.sqrt(first * lags.known.time_of(0.5))
    surest = lags.own or lags.known
    if 1 - surest.over(waited) < RARE:
        gap = min(waited / 2, longest)
    else:
        best = min(lags.known.worth_looking(waited, worth), surest.time_of_rest(waited, NEARLY_ALL))
        allowed = lags.own.time_of_rest(waited, 0.5) - waited if lags.own else 0.0
        gap = min(best - waited, max(longest, allowed))
    return max(min(first, longest), lags.apart, gap) + spread * min(gap / 10, worth / 2)
