"""How late things showed at Partner Center: the newest observations of each account, for workers and for people."""

import math
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


@dataclass(frozen=True, slots=True)
class LagSummary:
    """How soon the last waits of an account were seen to be over: half of them within `half` seconds, nine of ten
    within `most`."""

    partner: str
    awaited: str
    waits: int
    half: float
    most: float


async def newest(tx: Transaction) -> list[KeptLag]:
    """The newest observations of each account and wait, the oldest first."""
    rows = await tx.rows(f"SELECT * FROM ({NUMBERED}) AS numbered WHERE nth <= ? ORDER BY seq", MOST)
    return [
        KeptLag(row["partner"], row["awaited"], row["not_before"] / SECOND, row["shown_by"] / SECOND) for row in rows
    ]


async def summaries(tx: Transaction) -> list[LagSummary]:
    """What the kept observations say, in the order of accounts and names."""
    accounts = {row["lanes"]: row["account"] for row in await tx.rows("SELECT lanes, account FROM tenant")}
    found: dict[tuple[str, str], list[float]] = {}
    for each in await newest(tx):
        name = accounts.get(each.partner) or each.partner
        found.setdefault((name, each.awaited), []).append(each.by)
    return [
        LagSummary(*key, len(times), *(sorted(times)[math.ceil(share * len(times)) - 1] for share in (0.5, 0.9)))
        for key, times in sorted(found.items())
    ]


async def superseded(tx: Transaction, limit: int) -> list[int]:
    """The numbers of at most `limit` observations that nobody reads any more."""
    rows = await tx.rows(f"SELECT seq FROM ({NUMBERED}) AS numbered WHERE nth > ? ORDER BY seq LIMIT ?", MOST, limit)
    return [row["seq"] for row in rows]


async def forget(tx: Transaction, numbers: Sequence[int]) -> None:
    """Delete these observations."""
    await tx.many("DELETE FROM lag WHERE seq = ?", [(number,) for number in numbers])
