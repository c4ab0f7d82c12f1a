"""The request ceiling of one account and resource family: who may send, who waits, and when the ceiling is lowered.

Partner Center's own ceilings change, and no page says how high they are (partner-center/developer/
api-throttling-guidance). If Partner Center refuses the same command again and again although the command waited, the
configured ceiling is too high, and `Quota` lowers it for a while.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable, Iterable
from contextlib import asynccontextmanager

import structlog

from worker.clock import Clock
from worker.partner_center.client.sliding_window import SPAN, SlidingWindow

log = structlog.get_logger("azplan.quota")

SHORTEST_HOLD = 1.0
"""Seconds. The shortest hold after a refusal, also if Partner Center asks for less."""
UNSAID, LONGEST_UNSAID = 5.0, 300.0
"""Seconds of the first and of the longest hold after refusals without a `Retry-After`."""
STUBBORN, MEMORY = 6, 300.0
"""If one command is refused this often within this many seconds, the real ceiling is lower than the configured one."""
LOWERED, GROWTH = 2 * SPAN, 10.0
"""Seconds that a lowered ceiling stays. From then on it doubles every so many seconds, up to the configured one."""


class CeilingReached(Exception):
    """No slot became free while the caller was willing to wait. The next one is expected in `delay` seconds."""

    def __init__(self, delay: float) -> None:
        super().__init__(f"no request may be made for {delay:.1f} s")
        self.delay = delay


class Slot:
    """Permission to make one request."""

    def __init__(self) -> None:
        self.left = False
        """The holder sets it when the request leaves."""


class Quota:
    """The request ceiling of one account and resource family."""

    def __init__(
        self,
        family: str,
        limit: int,
        clock: Clock,
        *,
        patience: float,
        waited: Callable[[float], None],
        account: str = "",
    ) -> None:
        """`limit`: requests in any 60 seconds. `patience`: seconds that a caller waits for a slot.

        `waited` is called with the seconds that a caller has to wait.
        """
        self._account = account
        self._family = family
        self._limit = limit
        self._window = SlidingWindow(limit)
        self._clock = clock
        self._patience = patience
        self._waited = waited
        self._unsaid = 0
        self._refusals: deque[tuple[float, Hashable]] = deque()
        self._lowered: tuple[float, int] | None = None
        self._logged_limit = limit
        """The lowest ceiling that was logged since the ceiling was last the configured one."""

    @asynccontextmanager
    async def slot(self, who: Hashable, run: Hashable = None) -> AsyncIterator[Slot]:
        """Hold a slot for one request of a run of `who`. First come, first served. Raises `CeilingReached`."""
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
            self._window.limit = self._ceiling(now)
            delay = self._window.ask(now, who, run)
            if not delay:
                return
            self._waited(delay)
            if now + delay > give_up:
                self._window.fell_short(who, refused=False)
                raise CeilingReached(delay)
            await asyncio.sleep(delay)

    def standing(self) -> tuple[int, int]:
        """How many requests this worker may make in any 60 seconds now, and how many it made in the last 60."""
        now = self._clock.monotonic()
        self._window.limit = self._ceiling(now)
        return self._window.limit, self._window.spent(now)

    def _ceiling(self, now: float) -> int:
        if self._lowered is None:
            return self._limit
        since, limit = self._lowered
        limit <<= min(int(max(now - since - LOWERED, 0.0) / GROWTH), 30)
        if limit >= self._limit:
            limit, self._lowered, self._logged_limit = self._limit, None, self._limit
            log.info("quota.raised", partner=self._account, family=self._family, requests_per_minute=limit)
        return min(limit, self._limit)

    def recall(self, ages: Iterable[float]) -> None:
        """Count requests that were made before a restart. `ages`: seconds since each of them."""
        self._window.recall(self._clock.monotonic(), ages)

    def refused(self, who: Hashable, seconds: float | None, run: Hashable = None) -> float:
        """Partner Center refused a request of `who` with 429: hold back every caller, and promise `who` a slot.

        `seconds` is its `Retry-After`. Without one the hold doubles with each such refusal in a row. Returns the
        seconds after which `who` may ask again.
        """
        pause = max(seconds, SHORTEST_HOLD) if seconds is not None else min(UNSAID * 2.0**self._unsaid, LONGEST_UNSAID)
        self._unsaid = min(self._unsaid + 1, 30) if seconds is None else 0
        now = self._clock.monotonic()
        self._learn(now, who)
        self.away(pause)
        return self._window.ask(now, who, run)

    def away(self, seconds: float) -> None:
        """Hold back every caller for so many seconds. Says nothing about the height of the ceiling."""
        self._window.hold(self._clock.monotonic(), seconds)

    def taken(self) -> None:
        """Partner Center accepted a request: the next refusal without a `Retry-After` begins with the shortest hold."""
        self._unsaid = 0

    def _learn(self, now: float, who: Hashable) -> None:
        """If `who` was refused too often, lower the ceiling to what Partner Center accepted in the last minute."""
        self._window.fell_short(who, refused=True)
        while self._refusals and self._refusals[0][0] < now - MEMORY:
            self._refusals.popleft()
        self._refusals.append((now, who))
        if sum(each == who for _, each in self._refusals) >= STUBBORN:
            limit = max(1, self._window.spent(now) - 1)
            self._lowered = (now, limit)
            if limit < self._logged_limit:  # each further refusal lowers the ceiling again, mostly to the same number
                self._logged_limit = limit
                log.warning("quota.lowered", partner=self._account, family=self._family, requests_per_minute=limit)
