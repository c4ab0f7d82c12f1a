"""The request ceiling of one account and resource family: who may send, who waits, and when the ceiling is lowered.

Partner Center's own ceilings change, and no page says how high they are (partner-center/developer/
api-throttling-guidance). If Partner Center refuses the same command again and again although the command waited, the
configured ceiling is too high, and `Quota` lowers it for a while.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Protocol

import structlog

from worker.ceiling.shared_ceiling import SPAN, Grant, Statement
from worker.clock import Clock
from worker.partner_center.client.ceilings.run_needs import RunNeeds
from worker.partner_center.client.ceilings.sliding_window import SlidingWindow

log = structlog.get_logger("azplan.quota")

SHORTEST_HOLD = 1.0
"""Seconds. The shortest hold after a refusal, also if Partner Center asks for less."""
UNSAID, LONGEST_UNSAID = 5.0, 300.0
"""Seconds of the first and of the longest hold after refusals without a `Retry-After`."""
STUBBORN, MEMORY = 6, 300.0
"""If one command is refused this often within this many seconds, the real ceiling is lower than the configured one."""
LOWERED, GROWTH = 2 * SPAN, 10.0
"""Seconds that a lowered ceiling stays. From then on it doubles every so many seconds, up to the configured one."""
SPARE, LEAST = 8, 2
"""Slots in reserve of a ceiling in use: enough for one command. And how few may be left before more are brought."""
IN_USE, USED_BEFORE = 60.0, 600.0
"""Seconds after a request in which a reserve is kept, and in which an exchange for another family brings one."""
SOON = 0.5
"""Seconds. A slot that comes free within these is as good as free to a run that begins now."""
UNREACHABLE = 5.0
"""Seconds until the next try of a caller while the journal does not say which slots are free."""


class CeilingReached(Exception):
    """No slot became free while the caller was willing to wait. The next one is expected in `delay` seconds."""

    def __init__(self, delay: float) -> None:
        super().__init__(f"no request may be made for {delay:.1f} s")
        self.delay = delay


class Exchanges(Protocol):
    """Exchanges slots with the other processes that share the ceilings."""

    def soon(self) -> object:
        """Let an exchange begin soon."""

    async def next(self) -> bool:
        """Wait for an exchange that begins from now on. False if it failed."""

    async def ended(self, seconds: float) -> None:
        """Wait until an exchange ends, or so many seconds."""


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
        exchanges: Exchanges | None = None,
        needs: RunNeeds | None = None,
    ) -> None:
        """`limit`: requests in any 60 seconds. `patience`: seconds that a caller waits for a slot.

        `waited` is called with the seconds that a caller has to wait. `exchanges`: None if no other process has a part
        in this ceiling. `needs`: None if nobody says when runs begin and end.
        """
        self._account = account
        self._family = family
        self._limit = limit
        self._window = SlidingWindow(limit, shared=exchanges is not None)
        self._exchanges = exchanges
        self._needs = needs or RunNeeds()
        self._lacked_at = -2 * SPAN
        """When a run last did not begin for want of slots. The log says so once in a minute."""
        self._appetite = 0
        """Slots that a run needs which has not begun yet for want of them."""
        self._lease_until = 0.0
        self._last_use = -USED_BEFORE
        self._last_asked = -IN_USE
        self._reserve = 0
        self._untold = False
        """Whether requests were answered, or a hold began, since the last statement."""
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
            now = self._clock.monotonic()
            self._window.done(now, left=slot.left)
            self._last_use, self._untold = now, True

    async def _enter(self, who: Hashable, run: Hashable) -> None:
        give_up = self._clock.monotonic() + self._patience
        informed = False
        while True:
            now = self._clock.monotonic()
            self._window.limit = self._ceiling(now)
            self._let_lapse()
            delay = self._window.ask(now, who, run, more=self._more(who))
            if not delay:
                self._needs.made(who, self._family)
                self._fill_up()
                return
            if self._exchanges is not None and not informed and not self._window.left_of_hold(now):
                informed = await self._exchange(self._exchanges, give_up - now)
                continue
            if now + delay > give_up:
                self._waited(delay)
                self._window.fell_short(who, refused=False)
                self._needs.fell_short(who, self._family)
                raise CeilingReached(delay)
            await (asyncio.sleep(delay) if self._exchanges is None else self._exchanges.ended(delay))
            informed = self._clock.monotonic() < now + delay
            self._waited(self._clock.monotonic() - now)

    def wait_for(self, number: int) -> float:
        """Seconds until a run that needs `number` slots should begin; 0 if it can have them. Asks for them if not."""
        now = self._clock.monotonic()
        self._window.limit = self._ceiling(now)
        self._let_lapse()
        number = min(number, self._window.limit)
        delay = self._window.wait_for(now, number + self._needs.left(self._family), SOON)
        if not delay:
            return 0.0
        self._appetite = number
        if now > self._lacked_at + SPAN:
            log.info("quota.spent", partner=self._account, family=self._family, requests_per_minute=self._window.limit)
        self._lacked_at = now
        if self._exchanges is not None and delay <= SOON:
            self._exchanges.soon()
        return max(delay, SOON / 2)

    def leave(self, who: Hashable) -> None:
        """The run of `who` has ended: keep no slot for its next request."""
        self._window.leave(who)

    def _more(self, who: Hashable) -> int | None:
        more = self._needs.more(who, self._family)
        return None if more is None else max(more - 1, 0)

    async def _exchange(self, exchanges: Exchanges, seconds: float) -> bool:
        """Learn how many slots are free. Raises `CeilingReached` if the journal does not say it in so many seconds."""
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                done = await exchanges.next()
        except TimeoutError:
            done = False
        if not done:
            raise CeilingReached(UNREACHABLE)
        return True

    def _let_lapse(self) -> None:
        """Forget the slots in hand if their lease is over. It goes on while the machine is suspended."""
        if self._exchanges is not None and self._clock.boot() >= self._lease_until:
            self._window.in_hand = 0

    def _fill_up(self) -> None:
        """Let an exchange begin before the last slot in hand is used, if there is plenty."""
        if self._exchanges is None or not self._reserve:
            return
        lately = self._window.lately(self._clock.monotonic())
        if (self._window.in_hand or 0) < max(LEAST, min(lately, self._reserve) / 2 if lately > SPARE else 0):
            self._exchanges.soon()

    # ---- for the exchange with other processes

    def statement(self, *, asked: bool, last: bool = False) -> Statement | None:
        """What other processes must know. None if nothing has changed. Slots without a use are given back.

        `asked`: a caller waits for the exchange, of this ceiling or of another one. `last`: no request will follow.
        """
        now = self._clock.monotonic()
        self._let_lapse()
        window, unused = self._window, now - self._last_use
        self._last_asked = now if asked else self._last_asked
        least = SPARE if unused < (USED_BEFORE if now < self._last_asked + IN_USE else IN_USE) else 0
        due, in_hand = 0 if last else self._due(now), window.in_hand or 0
        self._appetite = 0
        spare = 0 if last else max(least, window.lately(now), 4 * due)
        window.in_hand = min(in_hand, due + min(spare, self._reserve))
        wanted, spare = max(due - window.in_hand, 0), max(spare - max(window.in_hand - due, 0), 0)
        if not (self._untold or in_hand or window.held or wanted or (asked and spare)):
            return None
        self._untold = False
        return Statement(
            limit=self._ceiling(now),
            held=window.held,
            used=window.used(now),
            wanted=wanted,
            spare=spare,
            hold=window.left_of_hold(now),
        )

    def _due(self, now: float) -> int:
        """Slots that would be used now: by callers, by the next requests of runs, and by the next run."""
        return max(self._window.due(now), self._needs.left(self._family)) + self._appetite

    def granted(self, grant: Grant | None, lease_until: float) -> None:
        """Take the answer to the last statement. None: there is no answer, and nobody knows who has heard it.

        `lease_until`: the end of the lease of all slots in hand, by the clock that counts suspended time.
        """
        if grant is None:
            self._untold = True
            return
        self._lease_until, self._reserve = lease_until, grant.reserve
        now = self._clock.monotonic()
        self._window.grant(now, grant)
        if self._exchanges is not None and (self._window.in_hand or 0) > self._due(now) + grant.reserve:
            self._exchanges.soon()  # others want what is in reserve here

    def standing(self) -> tuple[int, int]:
        """How many requests all processes may make in any 60 seconds now, and how many this one made in the last 60."""
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
        if self._exchanges is not None:
            self._untold = True
            self._exchanges.soon()

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
            limit = max(1, self._window.spent(now) + self._window.others - 1)
            self._lowered = (now, limit)
            if limit < self._logged_limit:  # each further refusal lowers the ceiling again, mostly to the same number
                self._logged_limit = limit
                log.warning("quota.lowered", partner=self._account, family=self._family, requests_per_minute=limit)
