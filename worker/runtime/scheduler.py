"""The scheduler: at most so many commands at once, one of a lane at a time, partners in turn, the longest due first.

Commands that can run now are claimed from the journal in small portions. All others stay rows there and cost nothing.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from worker.errors import JournalUnavailable
from worker.journal.journal import Journal
from worker.journal.records import Claim, UnknownRow, Work

log = structlog.get_logger("azplan.lanes")

LONGEST_SLEEP = 5.0
"""Seconds after which the journal is asked without a call: a call is only a hint, the journal has the truth."""

UNKNOWN_PAUSE = 0.1
"""Seconds until the next question after an answer with commands that this azplan does not understand."""


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """How many commands run at once, and how many may be ready before intake is held back."""

    concurrency: int
    max_pending: int


class Lanes:
    """The scheduler. `dispatch` runs one turn and never raises."""

    def __init__(
        self,
        journal: Journal,
        dispatch: Callable[[Work], Coroutine[Any, Any, None]],
        partners: Sequence[str],
        limits: LaneLimits,
    ) -> None:
        self._journal = journal
        self._dispatch = dispatch
        self._limits = limits
        self._ready: dict[str, deque[Work]] = {partner: deque() for partner in partners}
        self._turns: deque[str] = deque(partners)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._meetings = 1
        self.ended: Callable[[], None] = lambda: None
        """Called when a turn has ended: there may be events to send."""

    def wake(self) -> None:
        """Look soon: a command may be ready."""
        self._wake.set()

    def meet(self) -> None:
        """Look soon for partners that are not configured here: lanes were taken over, perhaps theirs."""
        self._meetings += 1
        self._wake.set()

    @property
    def running(self) -> int:
        """The number of commands in their turn."""
        return len(self._running)

    async def pressure(self) -> bool:
        """Whether so many commands can run now that intake should stop. Raises `JournalUnavailable`."""
        return await self._journal.runnable(self._limits.max_pending) >= self._limits.max_pending

    async def run(self) -> None:
        """Give turns until cancelled or stopped."""
        met = 0
        while not self._stopping:
            self._wake.clear()
            sleep = LONGEST_SLEEP
            try:
                if met != self._meetings:
                    met = self._meetings
                    await self._meet()
                sleep = await self._fill()
            except JournalUnavailable as error:
                log.warning("journal.unavailable", error=str(error))
                sleep = 1.0
            try:
                # wait_for of Python 3.11 loses a cancellation that comes together with the result
                async with asyncio.timeout(max(0.0, sleep)):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def drain(self, seconds: float) -> bool:
        """Begin no more turns and wait `seconds` for those under way. True if all have ended."""
        self._stopping = True
        self._forget_ready()
        self.wake()
        if self._running:
            await asyncio.wait(self._running.values(), timeout=seconds)
        return not self._running

    async def abandon(self) -> None:
        """Cancel every turn: the lanes are no longer this worker's. Requests under way cannot be called back."""
        self._forget_ready()
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _fill(self) -> float:
        """Start the turns that can start. Seconds until the next look."""
        sleep = LONGEST_SLEEP
        free = self._limits.concurrency - len(self._running)
        if free > 0 and sum(map(len, self._ready.values())) < free:
            claim = await self._claim(self._limits.concurrency)
            sleep = min(sleep, LONGEST_SLEEP if claim.next_in is None else claim.next_in)
            if claim.unknown:
                sleep = await self._put_off(claim.unknown)
        while not self._stopping and len(self._running) < self._limits.concurrency:
            work = self._next()
            if work is None:
                break
            self._start(work)
        return sleep

    async def _claim(self, limit: int) -> Claim:
        """Claim a portion for every partner: a flood of one partner leaves the others their share of turns."""
        taken = set(self._running) | {work.uid for queue in self._ready.values() for work in queue}
        claim = await self._journal.claim(list(self._ready), limit, taken)
        if not self._stopping:
            for work in claim.work:
                self._ready[work.partner or ""].append(work)
        return claim

    async def _put_off(self, found: Sequence[UnknownRow]) -> float:
        """Put commands that are not understood off, to claim those behind them. Seconds until the next look."""
        for row in await self._journal.put_off(found):
            log.warning("command.not_understood", command_uid=row.uid, why=row.why)
        return UNKNOWN_PAUSE

    async def _meet(self) -> None:
        """Add partners that only the journal knows: their commands must be told that no account is configured."""
        for partner in await self._journal.partners():
            if partner not in self._ready:
                self._ready[partner] = deque()
                self._turns.append(partner)

    def _next(self) -> Work | None:
        """The next command, partners in turn. Partners without a command are passed over."""
        for _ in range(len(self._turns)):
            partner = self._turns[0]
            self._turns.rotate(-1)
            if self._ready[partner]:
                return self._ready[partner].popleft()
        return None

    def _start(self, work: Work) -> None:
        task = asyncio.create_task(self._dispatch(work), name=f"command {work.uid}")
        self._running[work.uid] = task
        task.add_done_callback(lambda _: self._ended(work.uid))

    def _ended(self, uid: str) -> None:
        self._running.pop(uid, None)
        self.wake()
        self.ended()

    def _forget_ready(self) -> None:
        for queue in self._ready.values():
            queue.clear()
