"""The journal's verbs. Each is one transaction, committed in a group with others; each says what it promises.

All of them raise `JournalUnavailable` when the database does not answer: whether the write was made is then not known,
and what to do is to look again later, never to assume.
"""

import uuid
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, TypeVar, cast

from worker.clock import Clock
from worker.errors import JournalUnavailable, LaneLost
from worker.journal import intake, lanes, outbox, work
from worker.journal.records import (
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
from worker.journal.sql import Engine, Operation, Transaction
from worker.journal.writer import Writer

T = TypeVar("T")


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
        self.worker = ""

    async def open(self) -> None:
        """Connect. Raises `JournalRefused` with what to do, `JournalUnavailable` where nobody answers."""
        await self._engine.open()
        await self.read(nothing)

    async def close(self) -> None:
        """Commit what was submitted and let go of the database."""
        await self._writer.drain()
        await self._engine.close()

    def now(self) -> Micros:
        """The database's clock, as far as it is known without asking."""
        return self._wall() + self._ahead

    # ---- workers and lanes

    async def register(self, name: str, version: str, lease: float) -> None:
        """Become a worker, by a name that nobody had before, alive for `lease` seconds."""
        worker = str(uuid.uuid4())
        await self._write(lambda tx: lanes.register(tx, worker, name, version, lease))
        self.worker = worker

    async def heartbeat(self, lease: float) -> bool:
        """Stay alive for another `lease` seconds. False: the row has lapsed, and every lane may belong to another."""
        return bool(await self._write(lambda tx: lanes.heartbeat(tx, self.worker, lease)))

    async def retire(self) -> None:
        """Give all lanes back and stop being a worker."""
        await self._write(lambda tx: lanes.retire(tx, self.worker))

    async def take_lanes(self, limit: int) -> int:
        """Take some of the oldest unfinished lanes that nobody living owns. How many."""
        return int(await self._write(lambda tx: lanes.take(tx, self.worker, limit)))

    async def let_go(self, limit: int) -> int:
        """Give back lanes that are finished. How many."""
        worker = self.worker
        candidates = await self.read(lambda tx: lanes.finished(tx, worker, limit))
        if not candidates:
            return 0
        return int(await self._write(lambda tx: lanes.let_go(tx, worker, candidates), lanes=candidates))

    # ---- intake

    async def accept(
        self, items: Sequence[Intake], instead: Callable[[Intake, Exception], NewDeadLetter]
    ) -> list[Taken]:
        """Write down every record of a batch: afterwards their offsets may be committed.

        A record that the database refuses becomes the dead letter that `instead` makes of it; the others are not held up.
        """
        try:
            return cast("list[Taken]", await self._accept(items))
        except JournalUnavailable:
            raise
        except Exception as error:
            if len(items) > 1:
                half = len(items) // 2
                return await self.accept(items[:half], instead) + await self.accept(items[half:], instead)
            if items[0].command is None:
                raise
            letter = Intake(record=items[0].record, letter=instead(items[0], error))
            return cast("list[Taken]", await self._accept([letter]))

    async def _accept(self, items: Sequence[Intake]) -> Any:
        worker = self.worker
        return await self._writer.submit(
            Operation(
                run=lambda tx: self._timed(tx, intake.accept(tx, worker, items)), new_lanes=intake.lanes_of(items)
            )
        )

    # ---- work

    async def claim(self, partners: Sequence[str], limit: int, running: Collection[str]) -> Claim:
        """Commands of this worker's lanes that can run now, at most `limit` for each partner."""
        worker, busy = self.worker, set(running)
        return cast("Claim", await self.read(lambda tx: work.claim(tx, worker, partners, limit, busy)))

    async def partners(self) -> list[str]:
        """The partners of all open commands; empty text for those whose partner could not be told."""
        return list(await self.read(work.partners))

    async def runnable(self, limit: int) -> int:
        """How many commands could run now, counted no further than `limit`."""
        worker = self.worker
        return int(await self.read(lambda tx: work.runnable(tx, worker, limit)))

    async def intend(self, item: Work, step: Step, within: float, key: str | None = None) -> Step:
        """Durable before it leaves: a request of this step may arrive within the next `within` seconds.

        Raises `LaneLost`; `EffectHeld` where another command has the effect `key` open.
        """
        held = await self._write(lambda tx: work.intend(tx, item, step, within, key), lanes=[item.lane])
        if held is None:
            raise LaneLost(item.lane)
        if isinstance(held, str):
            raise EffectHeld(held)
        return cast("Step", held)

    async def record(self, item: Work, step: Step, calls: Sequence[Call] = (), *, spent: bool = False) -> None:
        """Durable: what is known of a step. `spent`: no request of the command can change anything any more."""
        held = await self._write(lambda tx: work.record(tx, item, step, spent=spent, calls=calls), lanes=[item.lane])
        insist(held, item)

    async def put_away(self, item: Work, names: Sequence[str]) -> None:
        """Steps that are over for good make room for new ones of the same names."""
        insist(await self._write(lambda tx: work.put_away(tx, item, names), lanes=[item.lane]), item)

    async def close_effect(self, item: Work, key: str) -> None:
        """An effect that an earlier command left open has its answer."""
        insist(await self._write(lambda tx: work.close_effect(tx, item, key), lanes=[item.lane]), item)

    async def conclude(self, item: Work, end: Conclusion) -> None:
        """Durable: how the run ended and what is said about it. Raises `LaneLost`."""
        touched = [item.lane]
        fresh = [lanes.dead_letter_lane(end.letter.source.partition)] if end.letter else []
        insist(await self._write(lambda tx: work.conclude(tx, item, end), lanes=touched, new_lanes=fresh), item)

    # ---- outbox

    async def unsent(self, limit: int, after: tuple[int, int] = (0, 0)) -> list[Unsent]:
        """The oldest events and dead letters of this worker's lanes that Kafka has not acknowledged."""
        worker = self.worker
        return cast("list[Unsent]", await self.read(lambda tx: outbox.unsent(tx, worker, limit, after)))

    async def sent(self, rows: Sequence[Unsent]) -> None:
        """Kafka has acknowledged these."""
        await self._write(lambda tx: outbox.sent(tx, rows))

    # ---- looking

    async def read(self, query: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run a query of `timeline` or of one's own; it changes nothing."""

        async def look(tx: Transaction) -> T:
            return await self._timed(tx, query(tx))

        return await self._engine.read(look)

    async def write(self, change: Callable[[Transaction], Awaitable[Any]], *, lanes: Sequence[str] = ()) -> Any:
        """Run a change of one's own in a transaction that has locked these lanes."""
        return await self._write(change, lanes=lanes)

    async def _write(
        self,
        change: Callable[[Transaction], Awaitable[Any]],
        *,
        lanes: Sequence[str] = (),
        new_lanes: Sequence[Any] = (),
    ) -> Any:
        return await self._writer.submit(
            Operation(run=lambda tx: self._timed(tx, change(tx)), lanes=lanes, new_lanes=new_lanes)
        )

    async def _timed(self, tx: Transaction, result: Awaitable[T]) -> T:
        self._ahead = tx.now - self._wall()
        return await result

    def _wall(self) -> Micros:
        return int(self._clock.now().timestamp() * 1_000_000)


async def nothing(_tx: Transaction) -> None:
    """Asks the database for its clock and no more."""


def insist(held: Any, item: Work) -> None:
    """Raise `LaneLost` where a conditional write changed nothing."""
    if not held:
        raise LaneLost(item.lane)
