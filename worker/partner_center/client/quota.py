"""Ceilings: how many requests an account may make to one resource family in any 60 seconds, and who is next.

`Window` decides and never waits; `Quota` waits a little, and says how long to stay away where it is longer. Partner
Center's own ceilings change and are said nowhere (partner-center/developer/api-throttling-guidance): where it refuses
the same command again and again although that waited, ours was too high, and is lowered for a while.
"""

import asyncio
from bisect import bisect_left, insort
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Protocol

import structlog

from worker.clock import Clock

log = structlog.get_logger("azplan.quota")

SPAN = 60.0
"""Seconds. The ceiling holds in any span of this length, not only in those that begin on the minute."""
GRACE = 10.0
"""Seconds for which a promised slot is kept for one who is late."""
MOST_PROMISES = 20_000
NEXT_REQUEST = 3.0
"""Seconds for which one who was let in while others wait is expected to need another slot at once."""
SOONEST = 0.05
"""Seconds. Nobody is told to come back at once."""
SHORTEST_HOLD = 1.0
UNSAID, LONGEST_UNSAID = 5.0, 300.0
"""Seconds of a hold that Partner Center asked for without saying how long."""
STUBBORN, MEMORY = 6, 300.0
"""So many refusals of one command in so many seconds are no coincidence: the ceiling is lower than we were told."""
LOWERED, GROWTH = 2 * SPAN, 10.0
"""Seconds for which a lowered ceiling stays, and after which it doubles from then on, until it is the old one."""


class Full(Exception):
    """No slot within the caller's patience. One is expected in `delay` seconds."""

    def __init__(self, delay: float) -> None:
        super().__init__(f"no request may be made for {delay:.1f} s")
        self.delay = delay


@dataclass(slots=True)
class _Run:
    """A run of somebody who asks, and what it came to need at once."""

    run: Hashable
    needed: int
    made: int = 0
    short: bool = False


@dataclass(frozen=True, slots=True)
class _LetIn:
    """Slots that are kept for the next requests of one who was let in."""

    until: float
    slots: int


class Window:
    """A sliding window: at most `limit` requests in any `SPAN`. Pure: it is told the time.

    A slot is taken before a request leaves and counts until `SPAN` after its answer, since only then is it certain that
    Partner Center, too, has seen it in that span. Those who find no slot are promised one, each the next that comes
    free, so that they do not all come back at the same moment. Whoever asked first, at any time, stands before all who
    came later with each further request too, and while others wait a slot is kept for the next one: else everybody
    would get the first request of many and nobody the last. A run that ends for want of a slot begins anew, so the next
    one of `who` is let in only when as many slots are free as this one came to need.
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
        self._let_in: dict[int, _LetIn] = {}
        self._runs: dict[int, _Run] = {}
        self._held_until = 0.0

    def ask(self, now: float, who: Hashable, run: Hashable = None) -> float:
        """Take a slot for a `run` of `who` and return 0, or the seconds after which one is expected to be there."""
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
                self._let_in[rank] = _LetIn(now + NEXT_REQUEST, kept)
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
        """A run of `who` came so far and no further. `refused`: its last request left, and was one too many."""
        mine = self._runs.get(self._ranks.get(who, 0))
        if mine is not None:
            mine.needed = max(mine.needed, mine.made if refused else mine.made + 1)
            mine.short = True

    def spent(self, now: float) -> int:
        """How many requests of the last `SPAN`, and under way, there are."""
        self._forget(now)
        return self._under_way + len(self._free_at)

    def done(self, now: float, *, left: bool) -> None:
        """Give a slot back. One whose request `left` counts for `SPAN` more, any other no longer."""
        self._under_way -= 1
        if left:
            self._free_at.append(now + SPAN)

    def recall(self, now: float, ages: Iterable[float]) -> None:
        """Requests that were answered so many seconds ago, before this window was there, count as well."""
        self._free_at = deque(sorted([*self._free_at, *(now + SPAN - age for age in ages if age < SPAN)]))

    def hold(self, now: float, seconds: float) -> None:
        """Let nobody through for so long: Partner Center said so."""
        self._held_until = max(self._held_until, now + seconds)

    def _free(self) -> int:
        return self.limit - self._under_way - len(self._free_at)

    def _due(self, now: float, place: int) -> float:
        """When the slot for the one at `place` of the queue is expected; after a hold, one slot at a time."""
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
        """The place of `who` in the order of first asking; of those who were here long ago it is forgotten."""
        rank = self._ranks.pop(who, 0)
        if not rank:
            self._last_rank = rank = self._last_rank + 1
        self._ranks[who] = rank
        if len(self._ranks) > MOST_PROMISES:
            forgotten = self._ranks.pop(next(iter(self._ranks)))
            self._withdraw(forgotten)
            self._runs.pop(forgotten, None)
        return rank

    def _run(self, rank: int, run: Hashable) -> "_Run":
        """What is known of the run; of the one before only what it came to need, where it did not get it."""
        mine = self._runs.get(rank)
        if mine is None or mine.run != run:
            needed = mine.needed if mine is not None and mine.short else 1
            self._runs[rank] = mine = _Run(run, needed)
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


class Slot:
    """Leave to make one request."""

    def __init__(self) -> None:
        self.left = False
        """To be set when the request leaves."""


class Shared(Protocol):
    """The place where workers of one account may share its ceilings."""

    def part(self, family: str, limit: int) -> int:
        """How many of the account's `limit` requests are this worker's, at least 1. Asked before every request."""

    def held(self, family: str, seconds: float) -> None:
        """Told that Partner Center asked this worker to stay away for so long. Others tell us by `Quota.hold`."""


class Alone:
    """The only worker of its account: it has the whole ceiling."""

    def part(self, family: str, limit: int) -> int:
        """All of it."""
        return limit

    def held(self, family: str, seconds: float) -> None:
        """There is nobody to tell."""


class Quota:
    """The ceiling of one account and resource family."""

    def __init__(
        self,
        family: str,
        limit: int,
        clock: Clock,
        *,
        shared: Shared,
        patience: float,
        waited: Callable[[float], None],
        account: str = "",
    ) -> None:
        """`patience`: seconds that a caller waits here; `waited` is told the seconds that each caller must wait."""
        self._account = account
        self._family = family
        self._limit = limit
        self._window = Window(limit)
        self._clock = clock
        self._shared = shared
        self._patience = patience
        self._waited = waited
        self._unsaid = 0
        self._refusals: deque[tuple[float, Hashable]] = deque()
        self._lowered: tuple[float, int] | None = None
        self._said = limit
        """The lowest ceiling that was said since it was last the whole one."""

    @asynccontextmanager
    async def slot(self, who: Hashable, run: Hashable = None) -> AsyncIterator[Slot]:
        """Hold leave for one request of a run of `who` while it is made. Raises `Full`. First come, first served."""
        await self._enter(who, run)
        slot = Slot()
        try:
            yield slot
        finally:
            self._window.done(self._clock.monotonic(), left=slot.left)

    async def _enter(self, who: Hashable, run: Hashable) -> None:
        give_up = self._clock.monotonic() + self._patience
        while True:
            now = self._clock.monotonic()
            self._measure(now)
            delay = self._window.ask(now, who, run)
            if not delay:
                return
            self._waited(delay)
            if now + delay > give_up:
                self._window.fell_short(who, refused=False)
                raise Full(delay)
            await asyncio.sleep(delay)

    def standing(self) -> tuple[int, int]:
        """How many requests this worker may make in any `SPAN` now, and how many it made in the last one."""
        now = self._clock.monotonic()
        self._measure(now)
        return self._window.limit, self._window.spent(now)

    def _measure(self, now: float) -> None:
        self._window.limit = max(1, self._shared.part(self._family, self._ceiling(now)))

    def _ceiling(self, now: float) -> int:
        if self._lowered is None:
            return self._limit
        since, limit = self._lowered
        limit <<= min(int(max(now - since - LOWERED, 0.0) / GROWTH), 30)
        if limit >= self._limit:
            limit, self._lowered, self._said = self._limit, None, self._limit
            log.info("quota.raised", partner=self._account, family=self._family, requests_per_minute=limit)
        return min(limit, self._limit)

    def recall(self, ages: Iterable[float]) -> None:
        """Count requests of the last minute that were made before a restart. Ages in seconds."""
        self._window.recall(self._clock.monotonic(), ages)

    def hold(self, seconds: float) -> None:
        """Hold back every caller of this family for so long."""
        self._window.hold(self._clock.monotonic(), seconds)

    def refused(self, who: Hashable, seconds: float | None, run: Hashable = None) -> float:
        """Partner Center made too many requests of ours wait: hold, tell the other workers, and give `who` a turn.

        `seconds` is what it asked for; where it did not say, the hold doubles with each such refusal in a row. Returns
        the seconds after which `who` may come again.
        """
        pause = max(seconds, SHORTEST_HOLD) if seconds is not None else min(UNSAID * 2.0**self._unsaid, LONGEST_UNSAID)
        self._unsaid = min(self._unsaid + 1, 30) if seconds is None else 0
        now = self._clock.monotonic()
        self._learn(now, who)
        self.away(pause)
        return self._window.ask(now, who, run)

    def away(self, seconds: float) -> None:
        """Partner Center asked us to stay away for so long, and not for our number: nothing is learned of ceilings."""
        self.hold(seconds)
        self._shared.held(self._family, seconds)

    def taken(self) -> None:
        """Partner Center answered otherwise than with a refusal of this kind."""
        self._unsaid = 0

    def _learn(self, now: float, who: Hashable) -> None:
        """Lower the ceiling to what Partner Center took of us in the last minute, where `who` comes to nothing."""
        self._window.fell_short(who, refused=True)
        while self._refusals and self._refusals[0][0] < now - MEMORY:
            self._refusals.popleft()
        self._refusals.append((now, who))
        if sum(each == who for _, each in self._refusals) >= STUBBORN:
            limit = max(1, self._window.spent(now) - 1)
            self._lowered = (now, limit)
            if limit < self._said:  # each further refusal lowers it again, mostly to the same
                self._said = limit
                log.warning("quota.lowered", partner=self._account, family=self._family, requests_per_minute=limit)
