"""The lanes of this worker: the worker's row in the journal, kept alive by heartbeats, and what the row permits.

A request may leave only while the row is sure to live longer than the request's time-out. "Sure" is counted from the
start of the last heartbeat that the database confirmed, by three clocks: monotonic, time since boot (the monotonic
clock stands still in a suspended machine) and the wall clock. One gap remains: a process that is paused between that
check and the write to the socket, for longer than lease and settling together.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from worker.clock import Clock
from worker.errors import JournalUnavailable
from worker.journal.journal import Journal

log = structlog.get_logger("azplan.ownership")

LANES_EACH_TIME = 200
MOST_TIMES = 20
"""The most rounds of taking or giving back lanes in a row: no heartbeat is late, and a new worker gets a share."""


@dataclass(frozen=True, slots=True)
class Lease:
    """How long a silent worker keeps its lanes, how often it speaks, the longest write. Seconds."""

    lease: float
    heartbeat: float
    call_timeout: float


class Ownership:
    """This worker's row in the journal, and the lanes that it takes and lets go."""

    def __init__(self, journal: Journal, clock: Clock, lease: Lease, name: str, version: str) -> None:
        self._journal = journal
        self._clock = clock
        self._lease = lease
        self._name = name
        self._version = version
        self._until: tuple[float, float, float] = (0.0, 0.0, 0.0)
        self.taken: Callable[[], None] = lambda: None
        """Called when lanes were taken: there may be commands to run."""
        self.lapsed: Callable[[], Awaitable[None]] = _do_nothing
        """Awaited when the row has lapsed, before this worker registers again: ends every command."""
        self.trouble: JournalUnavailable | None = None
        """Why the journal did not take the last heartbeat; None where the journal took it."""

    def may_send(self, worker: str) -> bool:
        """Whether a request of a command that `worker` claimed may leave now and take as long as the longest write."""
        margin = self._lease.call_timeout
        return worker == self._journal.worker and all(
            now + margin < until for now, until in zip(self._clocks(), self._until, strict=True)
        )

    def alive(self) -> bool:
        """Whether this worker's row is sure to live."""
        return all(now < until for now, until in zip(self._clocks(), self._until, strict=True))

    async def start(self) -> None:
        """Become a worker. Raises `JournalUnavailable`."""
        begun = self._clocks()
        await self._journal.register(self._name, self._version, self._lease.lease)
        self._until = self._after(begun)

    async def run(self) -> None:
        """Send heartbeats until cancelled. While the database is down, running commands go on as the lease allows."""
        while True:
            try:
                await self._beat()
                self.trouble = None
            except JournalUnavailable as error:
                self.trouble = error
                log.warning("journal.unavailable", error=str(error))
            await asyncio.sleep(self._lease.heartbeat)

    async def stop(self) -> None:
        """Give every lane back. A lane that cannot be given back now is free when the row expires."""
        self._until = (0.0, 0.0, 0.0)
        try:
            await self._journal.retire()
        except JournalUnavailable as error:
            log.warning("ownership.retire_failed", error=str(error))

    async def _beat(self) -> None:
        begun = self._clocks()
        if await self._journal.heartbeat(self._lease.lease):
            self._until = self._after(begun)
        else:
            log.warning("ownership.lapsed")
            self._until = (0.0, 0.0, 0.0)
            await self.lapsed()
            await self.start()
        await self._take()
        await self._let_go()

    async def _take(self) -> None:
        for _ in range(MOST_TIMES):
            taken = await self._journal.take_lanes(LANES_EACH_TIME)
            if taken:
                self.taken()
            if taken < LANES_EACH_TIME:
                return

    async def _let_go(self) -> None:
        for _ in range(MOST_TIMES):
            if not await self._journal.give_back(LANES_EACH_TIME):
                return

    def _clocks(self) -> tuple[float, float, float]:
        return self._clock.monotonic(), self._clock.boot(), self._clock.now().timestamp()

    def _after(self, begun: tuple[float, float, float]) -> tuple[float, float, float]:
        lease = self._lease.lease
        return begun[0] + lease, begun[1] + lease, begun[2] + lease


async def _do_nothing() -> None:
    """The default of `lapsed`."""
