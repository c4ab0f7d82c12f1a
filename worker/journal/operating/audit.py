"""Remembers an action that a person has carried out: who, when and why.

A request to a lane's owner (`requests`) is a row of the same table, which the owner answers later.
"""

from worker.journal.database.columns import dump
from worker.journal.database.protocol import Transaction
from worker.journal.records import Json

SIGNED = """INSERT INTO act (at, who, why, verb, uid, lane, details, done_at, result)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'done')"""


async def sign(
    tx: Transaction,
    who: str,
    why: str,
    verb: str,
    *,
    details: Json = None,
    about: tuple[str | None, str | None] = (None, None),
) -> None:
    """Remember an action of a person. `about`: the uid of the command and its lane."""
    await tx.run(SIGNED, tx.now, who, why, verb, *about, dump(details), tx.now)
