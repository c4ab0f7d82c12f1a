"""What a person did at once and by himself: who, when and why stay in the journal.

What a person asks of a lane's owner is a request (`acts`), and is kept in the same table until it is carried out.
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
    """Remember that it was done. `about` is the command, by its uid, and its lane."""
    await tx.run(SIGNED, tx.now, who, why, verb, *about, dump(details), tx.now)
