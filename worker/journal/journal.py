"""The journal's verbs. Each is one transaction, committed in a group with others; each says what it promises.

All of them raise `JournalUnavailable` when the database does not answer: whether the write was made is then not known,
and what to do is to look again later, never to assume.

What a person asks for is in `acts`, what a person reads in `timeline` and `counts`, forgetting in `retention`.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from typing import Any, TypeVar, cast

from worker.clock import Clock
from worker.errors import JournalUnavailable, LaneLost
from worker.journal.database.protocol import (
    Engine,
    LaneKey,
    Operation,
    Transaction,
)
from worker.journal.database.writer import Writer
from worker.journal.processing import claims, consumer_group, intake, lanes, outbox, runs
from worker.journal.reading import counts
from worker.journal.records import (
    SECOND,
    Call,
    Claim,
    Conclusion,
    Intake,
    Micros,
    NewDeadLetter,
    Step,
    Taken,
    Unsent,
    Work,
)

T = TypeVar("T")

CLOSE_SECONDS = 1.0
"""For writes that are under way to end when the journal is closed."""

SET_BACK = 10 * SECOND
"""A reading of the database's clock so much older than the last one is no late reading: the clock was set back."""


class EffectHeld(Exception):
    """Another command of the customer has this effect open."""

    def __init__(self, uid: str) -> None:
        super().__init__(f"the effect is held by command {uid}")
        self.uid = uid


class Journal:
    """What we were asked, what became of it, what we said."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._writer = Writer(engine)
        self._clock = clock
        self._ahead: Micros = 0
        self._measured: Micros = 0
        self._looked_up_to = ""
        self._hint = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self.worker = ""

    async def open(self) -> None:
        """Connect. Raises `JournalRefused` with what to do, `JournalUnavailable` where nobody answers."""
        await self._engine.open()
        await self.read(nothing)

    async def close(self) -> None:
        """Commit what was submitted and let go of the database: within a few seconds, also of one that is silent.

        What is not committed by then may be committed or not, as with every `JournalUnavailable`.
        """
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening], timeout=CLOSE_SECONDS)
            self._listening = None
        await self._writer.drain(CLOSE_SECONDS)
        await self._engine.close()

    def now(self) -> Micros:
        """The database's clock, as far as it is known without asking: never ahead of it, whatever ours does."""
        return self._elapsed() + self._ahead

    @property
    def warnings(self) -> Sequence[str]:
        """Settings of the database that weaken what is promised, a sentence each."""
        return self._engine.warnings

    # ---- workers and lanes

    async def register(self, name: str, version: str, lease: float) -> None:
        """Become a worker, by a name that nobody had before, alive for `lease` seconds."""
        worker = str(uuid.uuid4())
        alone = self._engine.alone
        await self._write(lambda tx: lanes.register(tx, worker, name, version, lease, alone=alone))
        self.worker = worker

    async def heartbeat(self, lease: float) -> bool:
        """Stay alive for another `lease` seconds. False: the row has lapsed, and every lane may belong to another.

        Waits for no lane and behind no other write.
        """
        worker = self.worker
        beat = Operation(run=lambda tx: self._timed(tx, lanes.heartbeat(tx, worker, lease)))
        return bool((await self._engine.commit([beat]))[0])

    async def retire(self) -> None:
        """Stop being a worker: all lanes are free at once. Waits for no lane and behind no other write."""
        worker = self.worker
        await self._engine.commit([Operation(run=lambda tx: self._timed(tx, lanes.retire(tx, worker)))])

    async def take_lanes(self, limit: int) -> int:
        """Take some of the oldest unfinished lanes that nobody living owns. How many."""
        worker = self.worker
        return int(await self._write(lambda tx: lanes.take(tx, worker, limit)))

    async def let_go(self, limit: int) -> int:
        """Look over the next `limit` lanes of this worker and give back those that are finished. How many."""
        worker, after = self.worker, self._looked_up_to
        finished, self._looked_up_to = await self.read(lambda tx: lanes.looked_over(tx, worker, after, limit))
        if not finished:
            return 0
        return int(await self._write(lambda tx: lanes.let_go(tx, worker, finished), lanes=finished))

    async def hinted(self, seconds: float) -> bool:
        """Wait until another process has something for this worker to look at, for `seconds` at most. False: none came.

        Only a hint, that may come late, for nothing or not at all: what is to be done is found by looking.
        """
        if self._listening is None:
            self._listening = asyncio.create_task(self._engine.listen(self._heard), name="journal hints")
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hint.wait()
        heard = self._hint.is_set()
        self._hint.clear()
        return heard

    # ---- intake

    async def accept(
        self, items: Sequence[Intake], instead: Callable[[Intake, Exception], NewDeadLetter]
    ) -> list[Taken]:
        """Write down every record of a batch: afterwards their offsets may be committed.

        A record that the database refuses becomes the dead letter that `instead` makes of it, without its bytes where
        those are refused too; no other is held up.
        """
        try:
            return cast("list[Taken]", await self._accept(items))
        except JournalUnavailable:
            raise
        except Exception as error:
            if len(items) > 1:
                half = len(items) // 2
                return await self.accept(items[:half], instead) + await self.accept(items[half:], instead)
            record, letter = items[0].record, items[0].letter
            if letter is None:
                return await self.accept([Intake(record=record, letter=instead(items[0], error))], instead)
            if letter.source.unread is not None:
                raise
            return await self.accept([Intake(record=record, letter=intake.without_bytes(letter))], instead)

    async def _accept(self, items: Sequence[Intake]) -> Any:
        worker = self.worker
        return await self._write(lambda tx: intake.accept(tx, worker, items), new_lanes=intake.lanes_of(items))

    # ---- work

    async def claim(self, partners: Sequence[str], limit: int, running: Collection[str]) -> Claim:
        """Commands of this worker's lanes that can run now, at most `limit` for each partner."""
        worker, busy = self.worker, set(running)
        return cast("Claim", await self.read(lambda tx: claims.claim(tx, worker, partners, limit, busy)))

    async def partners(self) -> list[str]:
        """The partners of all commands that wait for their turn; "" where a command names none."""
        return cast("list[str]", await self.read(claims.partners))

    async def runnable(self, limit: int) -> int:
        """How many commands could run now, counted no further than `limit`."""
        worker = self.worker
        return int(await self.read(lambda tx: claims.runnable(tx, worker, limit)))

    async def intend(self, item: Work, step: Step, within: float, key: str | None = None) -> Step:
        """Durable before it leaves: a request of this step may arrive within the next `within` seconds.

        Raises `LaneLost`; `EffectHeld` where another command has the effect `key` open.
        """
        held = await self._write(lambda tx: runs.intend(tx, item, step, within, key), item, in_full=True)
        if held is None:
            raise LaneLost(item.lane)
        if isinstance(held, str):
            raise EffectHeld(held)
        return cast("Step", held)

    async def record(self, item: Work, step: Step, calls: Sequence[Call] = (), *, spent: bool = False) -> None:
        """Durable: what is known of a step. `spent`: no request of the command can change anything any more."""
        insist(await self._write(lambda tx: runs.record(tx, item, step, spent=spent, calls=calls), item), item)

    async def put_away(self, item: Work, names: Sequence[str]) -> None:
        """Steps that are over for good make room for new ones of the same names."""
        insist(await self._write(lambda tx: runs.put_away(tx, item, names), item), item)

    async def close_effect(self, item: Work, key: str) -> None:
        """An effect that an earlier command left open has its answer."""
        insist(await self._write(lambda tx: runs.close_effect(tx, item, key), item), item)

    async def conclude(self, item: Work, end: Conclusion) -> None:
        """Durable: how the run ended and what is said about it. Raises `LaneLost`."""
        letters = [lanes.dead_letter_lane(end.letter.source.partition)] if end.letter else []
        insist(await self._write(lambda tx: runs.conclude(tx, item, end), item, new_lanes=letters), item)

    # ---- outbox

    async def unsent(self, limit: int, after: tuple[int, int] = (0, 0)) -> list[Unsent]:
        """The oldest events and dead letters of this worker's lanes that Kafka has not acknowledged.

        `after` are sequence numbers of an event and a dead letter to begin behind. A lane that has an unsent event in
        front of them is left out; begin anew now and then, so that it has its turn.
        """
        worker = self.worker
        return cast("list[Unsent]", await self.read(lambda tx: outbox.unsent(tx, worker, limit, after)))

    async def sent(self, rows: Sequence[Unsent]) -> None:
        """Kafka has acknowledged these."""
        await self._write(lambda tx: outbox.sent(tx, rows))

    # ---- looking

    async def gauges(self) -> counts.Gauges:
        """What is open, unsent and dead, counted for metrics."""
        return cast("counts.Gauges", await self.read(counts.gauges))

    async def is_empty(self) -> bool:
        """True while nothing was ever taken in, and no group was ever bound to this journal."""
        return bool(await self.read(consumer_group.is_empty))

    async def bind(self, group: str, topic: str) -> None:
        """Remember the consumer group and the commands topic that this journal belongs to, once.

        Raises `JournalRefused` where it belongs to others.
        """
        await self._write(lambda tx: consumer_group.bind(tx, group, topic))

    async def read(self, query: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run a query of `timeline`, `counts` or one's own; it changes nothing."""

        async def look(tx: Transaction) -> T:
            return await self._timed(tx, query(tx))

        return await self._engine.read(look)

    async def write(
        self,
        change: Callable[[Transaction], Awaitable[Any]],
        item: Work | None = None,
        *,
        lanes: Sequence[str] = (),
        new_lanes: Sequence[LaneKey] = (),
    ) -> Any:
        """Run a change of one's own in a transaction that has locked these lanes, and that of a command."""
        return await self._write(change, item, lanes=lanes, new_lanes=new_lanes)

    async def _write(
        self,
        change: Callable[[Transaction], Awaitable[Any]],
        item: Work | None = None,
        *,
        lanes: Sequence[str] = (),
        new_lanes: Sequence[LaneKey] = (),
        in_full: bool = False,
    ) -> Any:
        return await self._writer.submit(
            Operation(
                run=lambda tx: self._timed(tx, change(tx)),
                lanes=lanes if item is None else [*lanes, item.lane],
                new_lanes=new_lanes,
                commands=() if item is None else (item.uid,),
                in_full=in_full,
            )
        )

    async def _timed(self, tx: Transaction, result: Awaitable[T]) -> T:
        """Set our clock by the transaction's, as soon as it has read it."""
        if tx.now > self._measured or self._measured - tx.now > SET_BACK:
            self._measured, self._ahead = tx.now, tx.now - self._elapsed()
        return await result

    def _elapsed(self) -> Micros:
        return int(self._clock.monotonic() * SECOND)

    def _heard(self, worker: str) -> None:
        if worker in ("", self.worker):
            self._hint.set()


async def nothing(_tx: Transaction) -> None:
    """Asks the database for its clock and no more."""


def insist(held: Any, item: Work) -> None:
    """Raise `LaneLost` where a conditional write changed nothing."""
    if not held:
        raise LaneLost(item.lane)
