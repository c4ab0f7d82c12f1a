"""How late things showed at Partner Center: the newest observations of each account, for workers and for people."""

from collections.abc import Sequence
from dataclasses import dataclass

from worker.journal.database.protocol import Transaction
from worker.journal.records import SECOND

MOST = 64
"""So many of the newest observations are kept and read of each account and wait. Older ones say nothing about today."""

NUMBERED = """SELECT seq, partner, awaited, not_before, shown_by,
    row_number() OVER (PARTITION BY partner, awaited ORDER BY seq DESC) AS nth FROM lag"""


@dataclass(frozen=True, slots=True)
class KeptLag:
    """One observation: not shown `after` seconds after its cause, and shown after `by` seconds.

    `partner` is as in `Work`, `awaited` the name of what was waited for.
    """

    partner: str
    awaited: str
    after: float
    by: float


async def newest(tx: Transaction) -> list[KeptLag]:
    """The newest observations of each account and wait, the oldest first."""
    rows = await tx.rows(f"SELECT * FROM ({NUMBERED}) AS numbered WHERE nth <= ? ORDER BY seq", MOST)
    return [
        KeptLag(row["partner"], row["awaited"], row["not_before"] / SECOND, row["shown_by"] / SECOND) for row in rows
    ]


async def superseded(tx: Transaction, limit: int) -> list[int]:
    """The numbers of at most `limit` observations that nobody reads any more."""
    rows = await tx.rows(f"SELECT seq FROM ({NUMBERED}) AS numbered WHERE nth > ? ORDER BY seq LIMIT ?", MOST, limit)
    return [row["seq"] for row in rows]


async def forget(tx: Transaction, numbers: Sequence[int]) -> None:
    """Delete these observations."""
    await tx.many("DELETE FROM lag WHERE seq = ?", [(number,) for number in numbers])
