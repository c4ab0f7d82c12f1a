"""The scheduler: at most so many commands at once, one of a lane at a time, partners in turn, the longest due first.

Commands that can run now are claimed from the journal in small portions. All others stay rows there and cost nothing.
So do commands whose runs need a resource family of Partner Center that does not answer, or whose ceiling is spent.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from worker.errors import JournalUnavailable, Wait
from worker.journal.journal import Journal
from worker.journal.records import Claim, Kind, UnknownRow, Work

log = structlog.get_logger("azplan.lanes")

LONGEST_SLEEP = 5.0
"""Seconds after which the journal is asked without a call: a call is only a hint, the journal has the truth."""

SAID_AFTER = 2.0
"""Seconds. A command that must wait longer has one turn in which it says so, and costs nothing until it may begin."""
SHORTEST_SLEEP = 0.01
"""Seconds until the next look at a command that must not begin yet. What is left may be less than a clock shows."""
ALIKE_PAUSE = 1.0
"""Seconds between two questions for commands behind commands that must not begin yet."""
OTHERS_SHARE = 8
"""One part in so many of the turns is kept for other partners, as long as they have turns."""
ACTIVE = 600.0
"""Seconds after a turn for which turns are kept for its partner."""

UNKNOWN_PAUSE = 0.1
"""Seconds until the next question after an answer with commands that this azplan does not understand."""


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """How many commands run at once, and how many may be ready before intake is held back."""

    concurrency: int
    max_pending: int


class Rooms(Protocol):
    """Knows whether Partner Center has room for a command's run."""

    def wait_for(self, work: Work, lacking: dict[str, Wait]) -> Wait | None:
        """The wait of this command, with the seconds until its run should begin; None if it may begin now.

        `lacking` collects what the partner's commands before this one wait for: nobody passes them.
        """

    def begin(self, work: Work) -> None:
        """A run begins."""

    def end(self, work: Work) -> None:
        """A run has ended."""


class Lanes:
    """The scheduler. `dispatch` runs one turn and never raises. A turn with a `Wait` only says that a command waits."""

    def __init__(
        self,
        journal: Journal,
        dispatch: Callable[[Work, Wait | None], Coroutine[Any, Any, None]],
        partners: Sequence[str],
        limits: LaneLimits,
        rooms: Rooms,
    ) -> None:
        self._rooms = rooms
        self._journal = journal
        self._dispatch = dispatch
        self._limits = limits
        self._ready: dict[str, deque[Work]] = {partner: deque() for partner in partners}
        self._turns: deque[str] = deque(partners)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._turns_of: Counter[str] = Counter()
        self._last_turn: dict[str, float] = {}
        self._claimed: dict[str, float] = {}
        """When the first of the ready commands of a partner was claimed."""
        self._asked: dict[str, float] = {}
        """When commands of a partner were last asked for."""
        self._wake = asyncio.Event()
        self._stopping = False
        self._meetings = 1
        self.ended: Callable[[], None] = lambda: None
        """Called when a turn has ended: there may be events to send."""

    def wake(self) -> None:
        """Look soon: a command may be ready."""
        self._wake.set()

    def ease(self) -> None:
        """There may be room for claimed commands that had to wait for it."""
        if any(self._ready.values()):
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
        now = asyncio.get_running_loop().time()
        sleep = self._begin_ready(now)
        thirsty = [partner for partner in self._ready if self._wants_more(partner, now)]
        if thirsty and len(self._running) < self._limits.concurrency and not self._stopping:
            claim = await self._claim(thirsty, self._limits.concurrency, now)
            sleep = LONGEST_SLEEP if claim.next_in is None else min(claim.next_in, LONGEST_SLEEP)
            if claim.unknown:
                sleep = await self._put_off(claim.unknown)
            sleep = min(sleep, self._begin_ready(now))
        return min(sleep, ALIKE_PAUSE) if any(self._ready.values()) else sleep

    def _wants_more(self, partner: str, now: float) -> bool:
        """Whether to claim commands of a partner: those that are ready all wait for room, or there are none.

        Commands that were claimed a while ago become rows again: a person may have asked something about them.
        """
        if now - self._claimed.get(partner, now) > LONGEST_SLEEP:
            self._ready[partner].clear()
        return not self._ready[partner] or now - self._asked.get(partner, 0.0) > ALIKE_PAUSE

    async def _claim(self, partners: Sequence[str], limit: int, now: float) -> Claim:
        """Claim a portion for every partner: a flood of one partner leaves the others their share of turns."""
        taken = set(self._running) | {work.uid for queue in self._ready.values() for work in queue}
        alike = {partner: kinds for partner in partners if (kinds := {work.kind for work in self._ready[partner]})}
        claim = await self._journal.claim(partners, limit, taken, alike)
        for partner in partners:
            self._asked[partner] = now
            if not self._ready[partner]:
                self._claimed[partner] = now
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

    def _begin_ready(self, now: float) -> float:
        """Begin the turns of claimed commands, partners in turn. Seconds until the next look."""
        sleep, waiting = LONGEST_SLEEP, set[str]()
        while not self._stopping and len(self._running) < self._limits.concurrency:
            partner = next((each for each in self._turns if each not in waiting and self._ready[each]), None)
            if partner is None:
                break
            self._turns.remove(partner)
            self._turns.append(partner)
            if self._turns_of[partner] >= self._most_of(partner, now):
                waiting.add(partner)
                continue
            work, wait, delay = self._next(partner)
            if work is None:
                waiting.add(partner)
                sleep = min(sleep, delay)
            else:
                self._start(work, wait, partner, now)
        return sleep

    def _next(self, partner: str) -> tuple[Work | None, Wait | None, float]:
        """The partner's next command that may begin, or has to say its wait; or the seconds until the next look."""
        queue, lacking, sleep, seen = self._ready[partner], dict[str, Wait](), LONGEST_SLEEP, dict[Kind, Wait]()
        for place, work in enumerate(queue):
            wait = seen.get(work.kind) or self._rooms.wait_for(work, lacking)
            delay = (wait.delay or 0.0) if wait else 0.0
            if wait is None or (delay > SAID_AFTER and work.waits.said != wait.reason):
                del queue[place]
                return work, wait, 0.0
            seen[work.kind] = wait
            sleep = min(sleep, max(delay, SHORTEST_SLEEP))
        return None, None, sleep

    def _most_of(self, partner: str, now: float) -> int:
        """How many turns a partner may have at once: all, or all but those kept for partners that had turns lately."""
        others = any(now - at < ACTIVE for each, at in self._last_turn.items() if each != partner)
        return self._limits.concurrency - (self._limits.concurrency // OTHERS_SHARE if others else 0)

    def _start(self, work: Work, wait: Wait | None, partner: str, now: float) -> None:
        if wait is None:
            self._rooms.begin(work)
        self._turns_of[partner] += 1
        self._last_turn[partner] = now
        task = asyncio.create_task(self._dispatch(work, wait), name=f"command {work.uid}")
        self._running[work.uid] = task
        task.add_done_callback(lambda _: self._ended(work, wait, partner))

    def _ended(self, work: Work, wait: Wait | None, partner: str) -> None:
        self._running.pop(work.uid, None)
        self._turns_of[partner] -= 1
        if wait is None:
            self._rooms.end(work)
        self.wake()
        self.ended()

    def _forget_ready(self) -> None:
        for queue in self._ready.values():
            queue.clear()
