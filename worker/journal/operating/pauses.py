"""Pausing and resuming. Every worker looks for pauses before it begins a command."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from worker.journal.database.protocol import Row, Transaction
from worker.journal.database.state_conditions import OPEN
from worker.journal.database.transactions import Transactions
from worker.journal.operating.audit import sign
from worker.journal.processing.lane_prefixes_of_accounts import called_now, lanes_named
from worker.journal.processing.pauses import held_by, not_held, pauses
from worker.journal.records import Pause
from worker.journal.selection import Selection

PORTION = 500


class Pauses:
    """Pauses commands of a partner, a customer or a type, and resumes them.

    Every method raises `JournalUnavailable`.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def in_force(self) -> list[Pause]:
        """All pauses, the oldest first, with partners by the present names of their accounts."""
        return [replace(pause, partner=pause.account) for pause in await self._transactions.read(pauses)]

    async def with_current_partner(self, which: Selection) -> Selection:
        """The same selection, with the present name of the partner's account."""
        if which.partner is None:
            return which
        return replace(which, partner=await self._transactions.read(partial(called_now, name=which.partner)))

    async def count_matching(self, which: Selection) -> tuple[int, int]:
        """How many open commands match, and how many of the matching commands a pause holds already."""

        async def look(tx: Transaction) -> tuple[int, int]:
            held = await pauses(tx)
            meant = await in_journal(tx, which)
            new = _pause(meant, id="", at=0, who="", why="")
            free, values = not_held(held)
            match, also = not_held([new])
            rows = await tx.rows(
                f"""SELECT count(*) AS n, coalesce(sum(CASE WHEN {free} THEN 0 ELSE 1 END), 0) AS held
                    FROM command WHERE {OPEN} AND NOT ({match})""",
                *values,
                *also,
            )
            return int(rows[0]["n"]), int(rows[0]["held"])

        return await self._transactions.read(look)

    async def count_released(self, ended: Sequence[str]) -> int:
        """How many open commands the pauses with these ids hold and no other pause holds."""

        async def look(tx: Transaction) -> int:
            held = await pauses(tx)
            free, values = not_held([pause for pause in held if pause.id not in ended])
            match, also = not_held([pause for pause in held if pause.id in ended])
            rows = await tx.rows(
                f"SELECT count(*) AS n FROM command WHERE {OPEN} AND {free} AND NOT ({match})", *values, *also
            )
            return int(rows[0]["n"])

        return await self._transactions.read(look)

    async def pause(self, who: str, why: str, which: Selection) -> Pause:
        """Hold the selected commands. None begins from now on; one that has begun stops before its next request."""

        async def write(tx: Transaction) -> Pause:
            held = await in_journal(tx, which)
            pause = _pause(which, id=str(uuid.uuid4()), at=tx.now, who=who, why=why, account=which.partner)
            await tx.run(
                "INSERT INTO pause (id, partner, customer, type, at, who, why) VALUES (?, ?, ?, ?, ?, ?, ?)",
                pause.id,
                *words(held),
                tx.now,
                who,
                why,
            )
            await sign(tx, who, why, "pause", details=words(held))
            await tx.hint("")
            return pause

        return await self._transactions.write(write)

    async def resume(self, who: str, why: str, which: Selection) -> int:
        """End the pauses with exactly this selection, and make their commands due. Returns how many pauses there were.

        A command that begins to wait meanwhile is due when its wait ends.
        """

        async def write(tx: Transaction) -> int:
            meant = await in_journal(tx, which)
            ended = [(pause.id,) for pause in await pauses(tx) if pause.which == meant]
            await tx.many("DELETE FROM pause WHERE id = ?", ended)
            await sign(tx, who, why, "resume", details=words(meant))
            await tx.hint("")
            return len(ended)

        ended = await self._transactions.write(write)
        await self.release()
        return ended

    async def release(self, worker: str | None = None) -> int:
        """Make commands due that wait for a pause and that no pause holds any more. How many.

        `worker`: only commands of the lanes of this worker. A worker calls this when it sees the end of a pause, and
        now and then: the process that resumed may have died before it called this.
        """
        after, freed = 0, 0
        while waiting := await self._waiting(after, worker):
            after = waiting[-1]["seq"]
            freed += await self._release(waiting)
        return freed

    async def _waiting(self, after: int, worker: str | None) -> Sequence[Row]:
        """The next commands that wait for a pause although no pause holds them."""

        async def look(tx: Transaction) -> Sequence[Row]:
            free, values = not_held(await pauses(tx))
            return await tx.rows(
                f"""SELECT command.seq, command.uid, command.lane, command.partner, command.customer, command.type
                    FROM command JOIN lane ON lane.id = command.lane
                    WHERE command.reason = 'paused' AND command.seq > ?
                      AND (command.due_at IS NULL OR command.due_at > ?)
                      AND {free}{"" if worker is None else " AND lane.owner = ?"} ORDER BY command.seq LIMIT ?""",
                after,
                tx.now,
                *values,
                *([] if worker is None else [worker]),
                PORTION,
            )

        return await self._transactions.read(look)

    async def _release(self, waiting: Sequence[Row]) -> int:
        """Make the commands of a page due that no pause holds now."""

        async def write(tx: Transaction) -> int:
            held = await pauses(tx)
            freed = await tx.run(
                f"""UPDATE command SET due_at = ? WHERE {tx.among("uid")} AND reason = 'paused'
                    AND (due_at IS NULL OR due_at > ?)""",
                tx.now,
                [row["uid"] for row in waiting if held_by(held, row) is None],
                tx.now,
            )
            await tx.hint("")
            return freed

        return await self._transactions.write(write, lanes=sorted({row["lane"] for row in waiting}))


async def in_journal(tx: Transaction, which: Selection) -> Selection:
    """The same selection, with the partner as the journal's columns name the tenant."""
    return which if which.partner is None else replace(which, partner=await lanes_named(tx, which.partner))


def _pause(which: Selection, **given: Any) -> Pause:
    return Pause(partner=which.partner, customer=which.customer, type=which.type, **given)


def words(which: Selection) -> list[str | None]:
    """Partner, customer and type of a selection, in the order of the columns."""
    return [which.partner, which.customer, which.type]
