"""Dead letters as a person handles them: listed, looked at, put aside and taken back. No command is touched."""

from collections.abc import Sequence
from dataclasses import fields

from events.wire.record import Record
from worker.journal.database import columns
from worker.journal.database.protocol import Row, Transaction, Value
from worker.journal.operating.audit import SIGNED
from worker.journal.reading.views import Letter


async def letters(tx: Transaction, *, state: str = "open", code: str | None = None, limit: int = 0) -> list[Letter]:
    """The dead letters in a state, the newest first, at most `limit` of them; 0 for all."""
    values: list[Value] = [state]
    if code is not None:
        values.append(code)
    if limit:
        values.append(limit)
    rows = await tx.rows(
        f"""SELECT * FROM dead_letter WHERE state = ?{" AND code = ?" if code is not None else ""}
            ORDER BY seq DESC{" LIMIT ?" if limit else ""}""",
        *values,
    )
    return [letter(row) for row in rows]


async def original(tx: Transaction, seq: int) -> Record | None:
    """The record that became a dead letter, byte for byte; None where there is none, or it is forgotten."""
    rows = await tx.rows("SELECT * FROM dead_letter WHERE seq = ? AND pruned_at IS NULL", seq)
    return columns.source(rows[0], "original_headers") if rows else None


async def archive(tx: Transaction, who: str, why: str, numbers: Sequence[int]) -> int:
    """Put open dead letters aside, and remember who did and why. How many were open."""
    return await _move(tx, who, why, "archive", numbers, ("open", "archived"))


async def restore(tx: Transaction, who: str, why: str, numbers: Sequence[int]) -> int:
    """Take dead letters back that were put aside, and remember who did and why. How many there were."""
    return await _move(tx, who, why, "restore", numbers, ("archived", "open"))


async def _move(tx: Transaction, who: str, why: str, verb: str, numbers: Sequence[int], states: tuple[str, str]) -> int:
    if not numbers:
        return 0
    before, after = states
    rows = await tx.rows(
        f"""UPDATE dead_letter SET state = ? WHERE seq IN ({", ".join("?" * len(numbers))}) AND state = ?
            RETURNING seq, uid""",
        after,
        *numbers,
        before,
    )
    signed = sorted(((row["seq"], row["uid"]) for row in rows), key=lambda each: each[0])
    verb = f"dead-letters {verb}"
    await tx.many(SIGNED, [(tx.now, who, why, verb, uid, None, columns.dump([seq]), tx.now) for seq, uid in signed])
    return len(rows)


def letter(row: Row) -> Letter:
    """A dead letter's row as a person reads it."""
    return Letter(**{field.name: row[field.name] for field in fields(Letter)})
