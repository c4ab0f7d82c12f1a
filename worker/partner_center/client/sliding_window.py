"""A sliding window: at most so many requests in any 60 seconds, and who is next. Pure: the caller passes the time."""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from heapq import heappop, heappush

SPAN = 60.0
"""Seconds. The ceiling holds in any span of this length, not only in spans that begin on the minute."""
GRACE = 10.0
"""Seconds for which a promised slot is kept for a caller that is late."""
MOST_PROMISES = 20_000
"""How many callers the window remembers."""
NEXT_REQUEST = 3.0
"""Seconds for which a slot is kept for the next request of a caller that was admitted while others wait."""
SOONEST = 0.05
"""Shortest wait, in seconds, that a caller is told."""


@dataclass(slots=True)
class _RunNeed:
    """One run of a caller, and how many slots in a row it needs."""

    run: Hashable
    needed: int
    made: int = 0
    short: bool = False


@dataclass(frozen=True, slots=True)
class _KeptSlots:
    """Slots that are kept for the next requests of an admitted caller."""

    until: float
    slots: int


class SlidingWindow:
    """At most `limit` requests in any `SPAN`.

    A slot is taken before a request leaves. It counts until `SPAN` after the answer: only then is it certain that
    Partner Center has seen the request within that span too. A caller that finds no slot is promised one, each caller
    the next free one. So waiting callers do not all return at the same moment.

    Callers are ranked by when they first asked, and a caller keeps its rank for its later requests. While others wait,
    a slot is kept for the next request of an admitted caller. Otherwise every caller would get the first of its
    requests and nobody the last. A run that ends for want of a slot is repeated from its beginning. So the next run of
    that caller is admitted only when as many slots are free as the last run needed.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._under_way = 0
        self._free_at: deque[float] = deque()
        self._ranks: dict[Hashable, int] = {}
        self._last_rank = 0
        self._queue: list[int] = []
        self._promises: dict[int, float] = {}
        self._lapses: list[tuple[float, int]] = []
        self._let_in: dict[int, _KeptSlots] = {}
        self._runs: dict[int, _RunNeed] = {}
        self._held_until = 0.0

    def ask(self, now: float, who: Hashable, run: Hashable = None) -> float:
        """Take a slot for a `run` of `who` and return 0; or return the seconds until a slot is expected."""
        self._forget(now)
        rank = self._rank(who)
        mine = self._run(rank, run)
        ahead = bisect_left(self._queue, rank) + sum(kept.slots for each, kept in self._let_in.items() if each < rank)
        needed = min(mine.needed, self.limit) if mine.made == 0 else 1
        if now >= self._held_until and self._free() >= ahead + needed:
            self._withdraw(rank)
            mine.made, mine.short = mine.made + 1, False
            kept = max(min(mine.needed, self.limit) - mine.made, 1 if self._queue else 0)
            self._let_in.pop(rank, None)
            if kept:
                self._let_in[rank] = _KeptSlots(now + NEXT_REQUEST, kept)
            self._under_way += 1
            return 0.0
        due = self._promises.get(rank, now)
        if due - now >= SOONEST:
            return due - now
        self._withdraw(rank)
        due = max(self._due(now, ahead + needed - 1), now + SOONEST)
        self._promise(rank, due)
        return due - now

    def fell_short(self, who: Hashable, *, refused: bool) -> None:
        """The current run of `who` lacked a slot. `refused`: its last request left, and Partner Center refused it."""
        mine = self._runs.get(self._ranks.get(who, 0))
        if mine is not None:
            mine.needed = max(mine.needed, mine.made if refused else mine.made + 1)
            mine.short = True

    def spent(self, now: float) -> int:
        """How many requests were answered in the last `SPAN` or are under way."""
        self._forget(now)
        return self._under_way + len(self._free_at)

    def done(self, now: float, *, left: bool) -> None:
        """Give a slot back. If its request `left`, the slot counts for another `SPAN`."""
        self._under_way -= 1
        if left:
            self._free_at.append(now + SPAN)

    def recall(self, now: float, ages: Iterable[float]) -> None:
        """Count requests that were made before this window existed. `ages`: seconds since each answer."""
        self._free_at = deque(sorted([*self._free_at, *(now + SPAN - age for age in ages if age < SPAN)]))

    def hold(self, now: float, seconds: float) -> None:
        """Admit nobody for so many seconds."""
        self._held_until = max(self._held_until, now + seconds)

    def _free(self) -> int:
        return self.limit - self._under_way - len(self._free_at)

    def _due(self, now: float, place: int) -> float:
        """When the slot for the caller at `place` of the queue is expected. After a hold, slots come one at a time."""
        rounds, place_in_round = divmod(place, self.limit)
        ends = place_in_round - self._free()
        if ends < 0:
            due = now
        elif ends < len(self._free_at):
            due = self._free_at[ends]
        else:
            due = now + SPAN
        if now < self._held_until:
            due = max(due, self._held_until + place_in_round * SPAN / self.limit)
        return due + rounds * SPAN

    def _rank(self, who: Hashable) -> int:
        """The rank of `who` in the order of first asking. The callers that asked least recently are forgotten."""
        rank = self._ranks.pop(who, 0)
        if not rank:
            self._last_rank = rank = self._last_rank + 1
        self._ranks[who] = rank
        if len(self._ranks) > MOST_PROMISES:
            forgotten = self._ranks.pop(next(iter(self._ranks)))
            self._withdraw(forgotten)
            self._runs.pop(forgotten, None)
        return rank

    def _run(self, rank: int, run: Hashable) -> _RunNeed:
        """The needs of the current run. A new run begins with the need of the one before, if that lacked a slot."""
        mine = self._runs.get(rank)
        if mine is None or mine.run != run:
            needed = mine.needed if mine is not None and mine.short else 1
            self._runs[rank] = mine = _RunNeed(run, needed)
        return mine

    def _promise(self, rank: int, due: float) -> None:
        self._promises[rank] = due
        insort(self._queue, rank)
        heappush(self._lapses, (due + GRACE, rank))

    def _withdraw(self, rank: int) -> None:
        if self._promises.pop(rank, None) is not None:
            del self._queue[bisect_left(self._queue, rank)]

    def _forget(self, now: float) -> None:
        while self._free_at and self._free_at[0] <= now:
            self._free_at.popleft()
        self._let_in = {rank: kept for rank, kept in self._let_in.items() if kept.until > now}
        while self._lapses and self._lapses[0][0] < now:
            at, rank = heappop(self._lapses)
            if self._promises.get(rank, now) + GRACE <= at:
                self._withdraw(rank)
