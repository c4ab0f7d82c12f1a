"""A sliding window: at most so many requests in any 60 seconds, and who is next. Pure: the caller passes the time."""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from worker.ceiling.shared_ceiling import SPAN, Grant

GRACE = 10.0
"""Seconds for which a promised slot is kept for a caller that is late."""
MOST_PROMISES = 20_000
"""How many callers the window remembers while some of them wait."""
MOST_UNHINDERED = 1_000
"""How many callers the window remembers while nobody waits: a rank is worth something only against others."""
NEXT_REQUEST = 3.0
"""Seconds for which a slot is kept for the next request of a caller that was admitted while others wait."""
SOONEST = 0.05
"""Shortest wait, in seconds, that a caller is told."""
KNOWN = 6.0
"""Seconds after an exchange in which its answer is a good guess at what is free: a heartbeat, and some more."""
TICK = 0.05
"""Seconds. Answers that came within one of these are stated to other processes as one."""


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

    If the ceiling is `shared` with other processes, a slot must also be in hand: granted, and not yet used.
    """

    def __init__(self, limit: int, *, shared: bool = False) -> None:
        self.limit = limit
        self.in_hand: int | None = 0 if shared else None
        """Slots that were granted and are not used. None if the ceiling is not shared."""
        self.others = 0
        """Slots of other processes that counted at the last exchange."""
        self._coming: list[float] = []
        self._room = 0
        self._known_until = -SPAN
        self._answers: deque[tuple[int, int]] = deque()
        self._under_way = 0
        self._free_at: deque[float] = deque()
        self._ranks: dict[Hashable, int] = {}
        self._last_rank = 0
        self._queue: list[int] = []
        self._promises: dict[int, float] = {}
        self._lapses: list[tuple[float, int]] = []
        self._let_in: dict[int, _KeptSlots] = {}
        self._runs: dict[int, _RunNeed] = {}
        self._held_until = -SPAN
        self._since_hold = 0
        """Requests that were admitted since the last hold."""

    def ask(self, now: float, who: Hashable, run: Hashable = None, *, more: int | None = None) -> float:
        """Take a slot for a `run` of `who` and return 0; or return the seconds until a slot is expected.

        `more`: how many requests are expected to follow in this run; None if nobody knows.
        """
        self._forget(now)
        rank = self._rank(who)
        mine = self._run(rank, run)
        before = bisect_left(self._queue, rank)
        ahead = before + sum(kept.slots for each, kept in self._let_in.items() if each < rank)
        needed = min(mine.needed, self.limit) if mine.made == 0 else 1
        if now >= self._held_until and self._free() >= ahead + needed:
            self._withdraw(rank)
            mine.made, mine.short = mine.made + 1, False
            follows = more is None or more > 0
            kept = max(min(mine.needed, self.limit) - mine.made, 1 if self._queue and follows else 0)
            self._let_in.pop(rank, None)
            if kept:
                self._let_in[rank] = _KeptSlots(now + NEXT_REQUEST, kept)
            self._under_way += 1
            self._since_hold += 1
            if self.in_hand is not None:
                self.in_hand -= 1
            return 0.0
        due = self._promises.get(rank, now)
        if due - now >= SOONEST:
            return due - now
        self._withdraw(rank)
        due = self._due(now, ahead + needed - 1)
        if self._free() >= before + needed and now >= self._held_until:  # enough is free, if what is kept is not used
            due = min(due, max(kept.until for each, kept in self._let_in.items() if each < rank))
        due = max(due, now + SOONEST)
        self._promise(rank, due)
        return due - now

    def leave(self, who: Hashable) -> None:
        """The run of `who` has ended: keep no slot for its next request."""
        self._let_in.pop(self._ranks.get(who, 0), None)

    def fell_short(self, who: Hashable, *, refused: bool) -> None:
        """The current run of `who` lacked a slot. `refused`: its last request left, and Partner Center refused it."""
        mine = self._runs.get(self._ranks.get(who, 0))
        if mine is not None:
            mine.needed = max(mine.needed, mine.made if refused else mine.made + 1)
            mine.short = True

    def spent(self, now: float) -> int:
        """How many requests of this process were answered in the last `SPAN` or are under way."""
        self._forget(now)
        return self._under_way + len(self._free_at)

    def done(self, now: float, *, left: bool) -> None:
        """Give a slot back. If its request `left`, the slot counts for another `SPAN`."""
        self._under_way -= 1
        if left:
            self._free_at.append(now + SPAN)
            tick = int(now / TICK)
            number = self._answers.pop()[1] if self._answers and self._answers[-1][0] == tick else 0
            self._answers.append((tick, number + 1))
        elif self.in_hand is not None:
            self.in_hand += 1

    # ---- what other processes must know, and what they leave

    @property
    def held(self) -> int:
        """Slots in hand or under way."""
        return self._under_way + (self.in_hand or 0)

    def used(self, now: float) -> list[tuple[float, int]]:
        """Seconds since the answers of the last `SPAN`, and their numbers. A tick counts from its end."""
        while self._answers and (self._answers[0][0] + 1) * TICK + SPAN <= now:
            self._answers.popleft()
        return [(max(now - (tick + 1) * TICK, 0.0), number) for tick, number in self._answers]

    def wait_for(self, now: float, number: int, soon: float) -> float:
        """Seconds until `number` slots come free, as far as can be known; 0 if they are, within `soon` seconds.

        Slots that are promised are not free. During a hold none is; in the minute after it, slots come one at a time.
        """
        self._forget(now)
        if now < self._held_until + SPAN:
            delay = self._held_until + (self._since_hold + number - 1) * SPAN / self.limit - now
            if delay > 0 or now < self._held_until:
                return max(delay, self._held_until - now)
        free = self._free()
        coming: Sequence[float] = self._free_at
        if self.in_hand is not None:
            known = now <= self._known_until
            free = self.in_hand + (self._room if known else self.limit - self.spent(now) - self.in_hand)
            coming = self._coming
        missing = number - (free - len(self._queue))
        if missing <= 0:
            return 0.0
        return max(coming[missing - 1] - soon - now, 0.0) if missing <= len(coming) else NEXT_REQUEST

    def lately(self, now: float) -> int:
        """How many answers came in the last second."""
        since, found = int((now - 1.0) / TICK), 0
        for tick, number in reversed(self._answers):
            if tick < since:
                break
            found += number
        return found

    def due(self, now: float) -> int:
        """How many slots callers would use now: those whose promise is due, and those before them.

        Slots that are kept for the next requests of admitted callers are among them.
        """
        self._forget(now)
        due = [rank for rank, at in self._promises.items() if at <= now + SOONEST]
        several = sum(self._needed(rank) - 1 for rank in due)
        kept = sum(each.slots for each in self._let_in.values())
        return bisect_right(self._queue, max(due, default=0)) + several + kept

    def grant(self, now: float, grant: Grant) -> None:
        """Take the answer of an exchange."""
        self.in_hand = (self.in_hand or 0) + grant.slots
        self.others = grant.others
        self._coming = [now + seconds for seconds, number in grant.coming for _ in range(number)]
        self._room = grant.room
        self._known_until = now + KNOWN
        if grant.hold:
            self.hold(now, grant.hold)

    def left_of_hold(self, now: float) -> float:
        """Seconds until the end of the hold; 0 if there is none."""
        return max(self._held_until - now, 0.0)

    def hold(self, now: float, seconds: float) -> None:
        """Admit nobody for so many seconds."""
        self._held_until = max(self._held_until, now + seconds)
        self._since_hold = 0

    def _free(self) -> int:
        free = self.limit - self._under_way - len(self._free_at)
        return free if self.in_hand is None else min(free, self.in_hand)

    def _needed(self, rank: int) -> int:
        mine = self._runs.get(rank)
        return 1 if mine is None or mine.made else min(mine.needed, self.limit)

    def _due(self, now: float, place: int) -> float:
        """When the slot for the caller at `place` of the queue is expected. After a hold, slots come one at a time."""
        rounds, place_in_round = divmod(place, self.limit)
        ends = place_in_round - self._free()
        coming: Sequence[float] = self._free_at
        if self.in_hand is not None:
            ends, coming = ends - self._room, self._coming
        if ends < 0 or (self.in_hand is not None and now > self._known_until):
            due = now
        elif ends < len(coming):
            due = max(coming[ends], now)
        else:
            due = now + SPAN
        if now < self._held_until:
            due = max(due, self._held_until + place_in_round * SPAN / self.limit)
        return due + rounds * SPAN

    def _rank(self, who: Hashable) -> int:
        """The rank of `who` in the order of first asking. Of many, those who asked longest ago are forgotten."""
        rank = self._ranks.pop(who, 0)
        if not rank:
            self._last_rank = rank = self._last_rank + 1
        self._ranks[who] = rank
        most = MOST_PROMISES if self._queue else MOST_UNHINDERED
        for _ in range(min(len(self._ranks) - most, 2)):
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
