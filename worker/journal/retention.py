"""Forgetting, a portion at a time: first the details of what is long over, much later that it ever was.

What is kept, however old: what is open, unsent or in doubt, an effect that is open, and what a person has still to look
at, which is every open dead letter with its command. The recorded answer is kept as long as its command.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from worker.journal import plans
from worker.journal.journal import Journal
from worker.journal.records import SECOND, Micros
from worker.journal.sql import Row, Transaction

PORTION = 200
"""Commands to a transaction, so that nobody waits long for the lanes that it locks."""

OVER = """concluded_at < ? AND state IN ('succeeded', 'rejected', 'failed')
    AND NOT EXISTS (SELECT 1 FROM effect WHERE effect.uid = command.uid)
    AND NOT EXISTS (SELECT 1 FROM step WHERE step.uid = command.uid AND (step.state = 'intended'
        OR intent_until > ? OR earlier_until > ?))
    AND NOT EXISTS (SELECT 1 FROM event WHERE event.uid = command.uid AND sent_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM dead_letter
        WHERE dead_letter.uid = command.uid AND (dead_letter.state = 'open' OR sent_at IS NULL))
    AND NOT EXISTS (SELECT 1 FROM act WHERE act.uid = command.uid AND done_at IS NULL)"""
LETTERS_OVER = "uid IS NULL AND state <> 'open' AND sent_at IS NOT NULL AND at < ?"

BARE_COMMAND = "UPDATE command SET key = NULL, value = NULL, headers = '[]', memory = '{}', pruned_at = ? WHERE uid = ?"
BARE_LETTER = """UPDATE dead_letter SET key = NULL, value = NULL, original_headers = '[]', headers = '[]', pruned_at = ?
    WHERE pruned_at IS NULL AND"""

Forget = Callable[[Transaction, Sequence[str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much was forgotten: details of commands, whole commands, and dead letters that never were a command's."""

    details: int
    commands: int
    letters: int


async def due(tx: Transaction, retention: float, detail_retention: float) -> Pruned:
    """What `prune` would forget now. Changes nothing."""

    async def count(table: str, condition: str, *values: Micros) -> int:
        return int((await tx.rows(f"SELECT count(*) AS n FROM {table} WHERE {condition}", *values))[0]["n"])

    gone = tx.now - int(retention * SECOND)
    bared = f"concluded_at >= ? AND pruned_at IS NULL AND {OVER}"
    return Pruned(
        commands=await count("command", OVER, *over(tx, retention)),
        details=await count("command", bared, gone, *over(tx, detail_retention)),
        letters=await count("dead_letter", LETTERS_OVER, gone),
    )


async def prune(journal: Journal, retention: float, detail_retention: float) -> Pruned:
    """Forget details of what was over `detail_retention` seconds ago, and all about what was `retention` seconds ago.

    Plans of replays are details. May be ended at any time and begun again: each portion is a transaction of its own.
    """
    await journal.write(lambda tx: plans.forget(tx, detail_retention))
    return Pruned(
        commands=await _commands(journal, retention, "1 = 1", forget),
        details=await _commands(journal, detail_retention, "pruned_at IS NULL", bare),
        letters=await journal.write(lambda tx: _letters(tx, retention, detail_retention)),
    )


async def _commands(journal: Journal, age: float, condition: str, change: Forget) -> int:
    """Change all commands that were over so many seconds ago, the oldest first. How many."""
    changed, after = 0, (0, 0)
    while found := await _candidates(journal, age, condition, after):
        after = (found[-1]["concluded_at"], found[-1]["seq"])
        uids = [row["uid"] for row in found]

        async def write(tx: Transaction, uids: Sequence[str] = uids) -> int:
            still = await tx.rows(
                f"SELECT uid FROM command WHERE {tx.among('uid')} AND {condition} AND {OVER}", uids, *over(tx, age)
            )
            await change(tx, [row["uid"] for row in still])
            return len(still)

        changed += int(await journal.write(write, lanes=sorted({row["lane"] for row in found})))
    return changed


async def _candidates(journal: Journal, age: float, condition: str, after: tuple[Micros, int]) -> Sequence[Row]:
    """The next commands that look as if they could be forgotten. To be looked at again under their lanes' locks."""

    async def look(tx: Transaction) -> Sequence[Row]:
        return await tx.rows(
            f"""SELECT uid, lane, concluded_at, seq FROM command
                WHERE (concluded_at, seq) > (?, ?) AND {condition} AND {OVER} ORDER BY concluded_at, seq LIMIT ?""",
            *after,
            *over(tx, age),
            PORTION,
        )

    return await journal.read(look)


def over(tx: Transaction, age: float) -> tuple[Micros, Micros, Micros]:
    """The values of `OVER`."""
    return tx.now - int(age * SECOND), tx.now, tx.now


async def bare(tx: Transaction, uids: Sequence[str]) -> None:
    """Leave of these commands who they were, what they asked in digest, and what was answered."""
    await tx.many(BARE_COMMAND, [(tx.now, uid) for uid in uids])
    await tx.many(f"{BARE_LETTER} uid = ?", [(tx.now, uid) for uid in uids])
    for table in ("step", "call", "note"):
        await tx.many(f"DELETE FROM {table} WHERE uid = ?", [(uid,) for uid in uids])


async def forget(tx: Transaction, uids: Sequence[str]) -> None:
    """Leave nothing of these commands."""
    for table in ("step", "call", "note", "event", "dead_letter", "act", "command"):
        await tx.many(f"DELETE FROM {table} WHERE uid = ?", [(uid,) for uid in uids])


async def _letters(tx: Transaction, retention: float, detail_retention: float) -> int:
    """Dead letters of records that never were a command, once somebody dealt with them; and what people asked for."""
    gone, old = (tx.now - int(age * SECOND) for age in (retention, detail_retention))
    await tx.run("DELETE FROM act WHERE uid IS NULL AND done_at < ?", gone)
    await tx.run(f"{BARE_LETTER} {LETTERS_OVER}", tx.now, old)
    return await tx.run(f"DELETE FROM dead_letter WHERE {LETTERS_OVER}", gone)
