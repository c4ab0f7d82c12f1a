"""The transactions of one process on the journal: grouped writes, reads, hints, and the database's clock."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from worker.clock import Clock, duration_micros
from worker.journal.database.group_commit import Writer
from worker.journal.database.protocol import Engine, LaneKey, Operation, Transaction
from worker.journal.records import SECOND, Micros, Work

T = TypeVar("T")

CLOSE_SECONDS = 1.0
"""How long closing the journal waits for writes that are under way."""

SET_BACK = 10 * SECOND
"""If a reading of the database's clock is this much older than the last one, the clock was set back."""


class Transactions:
    """Runs functions over a `Transaction`: the one door from the journal's methods to its database.

    Every method that reaches the database raises `JournalUnavailable` when the database does not answer. A write that
    raises `JournalUnavailable` may have been made or not.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._writer = Writer(engine)
        self._clock = clock
        self._ahead: Micros = 0
        self._measured: Micros = 0
        self._hint = asyncio.Event()
        self._hinted_worker = ""
        self._listening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect and read the database's clock. Raises `JournalRefused` with what to do, and `JournalMissing`."""
        await self._engine.open()
        await self.read(_nothing)

    async def close(self) -> None:
        """Commit what was submitted and close every connection, within a few seconds even if the database is silent.

        A write that is not committed by then may have been made or not, as with every `JournalUnavailable`.
        """
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening], timeout=CLOSE_SECONDS)
            self._listening = None
        await self._writer.drain(CLOSE_SECONDS)
        await self._engine.close()

    def now(self) -> Micros:
        """The database's clock, estimated without asking the database: never ahead of it."""
        return self._elapsed() + self._ahead

    @property
    def warnings(self) -> Sequence[str]:
        """Settings of the database that weaken what the journal promises, one sentence each."""
        return self._engine.warnings

    @property
    def alone(self) -> bool:
        """True if no other worker can be alive on this database."""
        return self._engine.alone

    async def read(self, query: Callable[[Transaction], Awaitable[T]]) -> T:
        """The result of a query that changes nothing, on one state of the database."""

        async def timed(tx: Transaction) -> T:
            return await self._timed(tx, query)

        return await self._engine.read(timed)

    async def read_statement(self, query: Callable[[Transaction], Awaitable[T]]) -> T:
        """The result of a query of one statement that changes nothing. Its instant is `now()`, not the database's own.

        It costs one round trip. If the query makes several statements, each sees a state of its own.
        """
        return await self._engine.read_statement(query, self.now())

    async def write(
        self,
        change: Callable[[Transaction], Awaitable[T]],
        item: Work | None = None,
        *,
        lanes: Sequence[str] = (),
        new_lanes: Sequence[LaneKey] = (),
        in_full: bool = False,
        exact: bool = True,
    ) -> T:
        """The result of a change, once it is durable. It is committed in a group with other changes.

        The transaction has locked `lanes`, `new_lanes` (created if they are missing) and the lane of `item`, and has
        read the revision of `item`. `in_full`: it has also read the steps of `item` and the effects of these lanes.
        `exact`: False if `now()` is exact enough for the instant of the change. This may save a round trip.
        """

        async def timed(tx: Transaction) -> T:
            return await self._timed(tx, change)

        return await self._writer.submit(
            Operation(
                run=timed,
                lanes=lanes if item is None else [*lanes, item.lane],
                new_lanes=new_lanes,
                commands=() if item is None else (item.uid,),
                in_full=in_full,
                at=None if exact else self.now(),
            )
        )

    async def write_at_once(self, change: Callable[[Transaction], Awaitable[T]]) -> T:
        """The result of a change in a separate transaction, which waits for no lane and behind no other write."""
        result: T = (await self._engine.commit([Operation(run=lambda tx: self._timed(tx, change))]))[0]
        return result

    async def hinted(self, worker: str, seconds: float) -> bool:
        """Wait until another process has something for this worker to look at. False if no hint came in `seconds`.

        A hint may come late, without a reason, or not at all: work is found by looking, not by hints.
        """
        self._hinted_worker = worker
        if self._listening is None:
            self._listening = asyncio.create_task(self._engine.listen(self._heard), name="journal hints")
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hint.wait()
        heard = self._hint.is_set()
        self._hint.clear()
        return heard

    async def _timed(self, tx: Transaction, run: Callable[[Transaction], Awaitable[T]]) -> T:
        """Set our estimate by the transaction's clock before the function runs."""
        if tx.now > self._measured or self._measured - tx.now > SET_BACK:
            self._measured, self._ahead = tx.now, tx.now - self._elapsed()
        return await run(tx)

    def _elapsed(self) -> Micros:
        return duration_micros(self._clock.monotonic())

    def _heard(self, worker: str) -> None:
        if worker in ("", self._hinted_worker):
            self._hint.set()


async def _nothing(_tx: Transaction) -> None:
    """Ask the database for its clock and nothing else."""
