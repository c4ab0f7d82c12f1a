"""Bugs to plant, one for each promise and each rule of unknown outcomes. Each could really have been written.

A planted bug is a patch of the product for the time of a test and is nowhere else.
"""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from events.codes import RejectedCode
from events.wire.codec import NotACommand, decode
from events.wire.record import Record
from worker.azure_plans.purchase import CHECKOUT, Purchase
from worker.broker.port import Batch, Partition
from worker.errors import Rejected
from worker.gate import Traffic
from worker.journal.database.protocol import Transaction
from worker.journal.intake_records import Intake, Taken
from worker.journal.operating import retention_kinds
from worker.journal.processing import intake as accepting
from worker.journal.processing import runs
from worker.journal.records import Unsent, Work
from worker.partner_center.errors import Unanswered
from worker.runtime import consumer, dispatch, outcome
from worker.runtime.consumer import Consumer
from worker.runtime.publisher import Publisher
from worker.steps import Steps


@dataclass(frozen=True, slots=True)
class Planted:
    """A bug, and the promise that it breaks."""

    name: str
    breaks: str
    first: int
    """The first seed to run: a seed soon after this one meets the bug."""
    patched: Sequence[tuple[Any, str, Callable[[Any], Any]]]
    """What is replaced: the owner, the name, and a function that makes the replacement from the original."""

    def __str__(self) -> str:
        return f"{self.breaks}: {self.name}"

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Within this block the product has the bug."""
        replaced = [patch.object(where, name, made(getattr(where, name))) for where, name, made in self.patched]
        for each in replaced:
            each.start()
        try:
            yield
        finally:
            for each in reversed(replaced):
                each.stop()


# ---- G1


def _commits_before_it_accepts(take: Any) -> Any:
    async def take_late(self: Any, batch: Batch) -> None:
        offsets = {Partition(each.topic, each.partition): each.offset + 1 for each in batch.records}
        await self._commit(offsets, batch.epoch)
        await take(self, batch)

    return take_late


def _forgets_what_a_person_has_to_look_at(over: str) -> str:
    return over.replace("dead_letter.state = 'open' OR ", "")


# ---- G2


def _buys_in_another_cart(_took_effect: Any) -> Any:
    async def took_effect(self: Any) -> bool:
        if self.in_doubt:
            await self._cart.put_away(CHECKOUT)
        return self._bought is not None

    return took_effect


# ---- G3


def _draws_event_ids(one: Any) -> Any:
    async def send(self: Any, row: Unsent) -> None:
        headers = tuple((name, str(uuid.uuid4()).encode() if name == "ce_id" else value) for name, value in row.headers)
        await one(self, row if row.letter else _with(row, headers))

    return send


def _with(row: Unsent, headers: Any) -> Unsent:
    return Unsent(**{**{name: getattr(row, name) for name in row.__dataclass_fields__}, "headers": headers})


# ---- G4


def _lets_the_last_go_first(next_due: str) -> str:
    return next_due.replace("ORDER BY turn", "ORDER BY turn DESC")


# ---- G5


def _begins_repeats_again(accept: Any) -> Any:
    async def accept_again(tx: Transaction, worker: str, items: Sequence[Intake]) -> list[Taken]:
        taken: list[Taken] = await accept(tx, worker, items)
        for item, what in zip(items, taken, strict=True):
            if what is Taken.DUPLICATE and item.command is not None:
                await tx.run(
                    "UPDATE command SET state = 'accepted', due_at = ?, concluded_at = NULL WHERE uid = ?",
                    tx.now,
                    item.command.uid,
                )
                await accepting.own_fresh(tx, worker, [item.command.lane])
        return taken

    return accept_again


# ---- G6


def _takes_silence_for_a_no(judge: Any) -> Any:
    def judge_rashly(result: Any, now: Any) -> Any:
        if isinstance(result, Unanswered):
            no = Rejected(RejectedCode.REFUSED_BY_PARTNER_CENTER, str(result))
            return outcome._rejected(no, now)
        return judge(result, now)

    return judge_rashly


def _leaves_whenever_it_can(_gate: Any) -> Any:
    return lambda *_: None


def _waits_for_nothing(_until: Any) -> Any:
    return lambda *_: 0


def _judges_by_looks_too_soon(_shows_in: Any) -> Any:
    return lambda *_: 0.0


# ---- G7


def _stumbles_over_poison(intake: Any) -> Any:
    def stumble(record: Record, *rest: Any) -> Any:
        if isinstance(decode(record), NotACommand):
            raise TypeError("this is no command")
        return intake(record, *rest)

    return stumble


BUGS = (
    Planted(
        "offsets are committed before the journal has the records",
        "G1",
        5,
        [(Consumer, "_take", _commits_before_it_accepts)],
    ),
    Planted(
        "details of open dead letters are forgotten",
        "G1",
        1,
        [(retention_kinds, "OVER", _forgets_what_a_person_has_to_look_at)],
    ),
    Planted("after a lost answer another cart is bought", "G2", 60, [(Purchase, "took_effect", _buys_in_another_cart)]),
    Planted("each publication draws an id", "G3", 1, [(Publisher, "_one", _draws_event_ids)]),
    Planted("the last of a lane goes first", "G4", 2, [(runs, "NEXT_DUE", _lets_the_last_go_first)]),
    Planted("a repeat begins the command again", "G5", 2, [(accepting, "accept", _begins_repeats_again)]),
    Planted("silence is taken for a no", "G6", 8, [(dispatch, "judge", _takes_silence_for_a_no)]),
    Planted(
        "what may still arrive is not waited for",
        "G6",
        75,
        [(Work, "unsettled_until", _waits_for_nothing), (Steps, "shows_in", _judges_by_looks_too_soon)],
    ),
    Planted("a request leaves although its lane is lost", "G6", 3344, [(Traffic, "gate", _leaves_whenever_it_can)]),
    Planted("a record that cannot be read ends the intake", "G7", 2, [(consumer, "intake", _stumbles_over_poison)]),
)
