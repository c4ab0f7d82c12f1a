"""The slots that this process has leased under ceilings which it shares: of all accounts and families, in one exchange.

`worker.ceiling.shared_ceiling` decides what is counted and granted, where the ceilings are. An exchange happens when a
caller finds no slot in hand, before the last slot in hand is used, and with a heartbeat, which gives unused slots back.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from uuid import uuid4

import structlog

from worker.ceiling.shared_ceiling import Grant, Statement, Terms
from worker.clock import Clock
from worker.errors import JournalUnavailable
from worker.partner_center.client.ceilings.quota import Quota

log = structlog.get_logger("azplan.quota")

Key = tuple[str, str]
"""The word of the account's tenant in the journal, and the resource family."""
Lend = Callable[[str, Mapping[Key, Statement], Terms], Awaitable[Mapping[Key, Grant]]]
"""Takes the name of a process, its statements, and what it promises. Raises `JournalUnavailable`."""

INTERVAL, AT_ONCE = 0.2, 10
"""Seconds from one exchange to the next, on average over so many: the first ones follow each other at once."""
HEARTBEAT = 5.0
"""Seconds between two exchanges that nobody asked for."""
END_SECONDS = 0.5
"""Seconds in which the last exchange must be made. Without it the slots in hand count until their lease is over."""


class Leases:
    """What this process has leased."""

    def __init__(self, lend: Lend, clock: Clock, terms: Terms, *, exchanged: Callable[[], None] = lambda: None) -> None:
        """`exchanged` is called after each exchange: slots may have come for commands that have not begun."""
        self._lend = lend
        self._clock = clock
        self._terms = terms
        self._holder = str(uuid4())
        self._quotas: dict[Key, Quota] = {}
        self._one_at_a_time = asyncio.Lock()
        self._next: asyncio.Future[bool] | None = None
        self._asked: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        self._last: deque[float] = deque([-INTERVAL * AT_ONCE], maxlen=AT_ONCE)
        self._exchanged = exchanged
        self._silent = False

    def join(self, key: Key, quota: Quota) -> None:
        """Exchange the slots of this ceiling too, from now on."""
        self._quotas[key] = quota

    def soon(self) -> asyncio.Future[bool]:
        """Let an exchange begin soon. Whether it succeeded."""
        asked = self._next = self._next or asyncio.get_running_loop().create_future()
        if self._asked is None or self._asked.done():
            self._asked = asyncio.create_task(self._answer(), name="exchange of slots")
        return asked

    async def next(self) -> bool:
        """Wait for an exchange that begins from now on. False if it failed."""
        return await asyncio.shield(self.soon())

    async def ended(self, seconds: float) -> None:
        """Wait until an exchange ends, or so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ended.wait()

    async def run(self) -> None:
        """Exchange with every heartbeat until cancelled, then give all slots back."""
        try:
            while True:
                await asyncio.sleep(HEARTBEAT)
                await self._exchange(asked=False)
        finally:
            await self.end()

    async def end(self) -> None:
        """Give all slots back that are not under way."""
        with suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await self._exchange(asked=False, last=True)

    async def _answer(self) -> None:
        """Make exchanges as long as somebody asks for one."""
        while self._next is not None:
            earliest = self._last[0] + INTERVAL * len(self._last)
            await asyncio.sleep(max(earliest - self._clock.monotonic(), 0.0))
            waiting, self._next = self._next, None
            done = False
            try:
                done = await self._exchange(asked=True)
            finally:
                if not waiting.done():
                    waiting.set_result(done)

    async def _exchange(self, *, asked: bool, last: bool = False) -> bool:
        """State what this process has, and take what it is granted. False if the journal does not answer.

        A statement is complete, so two of them must not be under way at once.
        """
        async with self._one_at_a_time:
            begun = self._clock.boot()
            stated = {
                key: said
                for key, quota in self._quotas.items()
                if (said := quota.statement(asked=asked, last=last)) is not None
            }
            grants: Mapping[Key, Grant] = {}
            try:
                if stated:
                    self._last.append(self._clock.monotonic())
                    grants = await self._lend(self._holder, stated, self._terms)
            except JournalUnavailable as error:
                if not self._silent:
                    log.warning("quota.unshared", error=str(error))
                self._silent = True
                return False
            else:
                self._silent = False
                return True
            finally:
                for key in stated:
                    self._quotas[key].granted(grants.get(key), begun + self._terms.lease)
                self._ended.set()
                self._ended = asyncio.Event()
                self._exchanged()
