"""Recent calls of Partner Center. The quota of a worker counts these calls after a restart."""

from typing import NamedTuple

from worker.clock import duration_micros
from worker.journal.database.protocol import Transaction
from worker.journal.records import SECOND

MOST = 20_000
"""How many of the newest rows are read. No ceiling allows more calls in a minute."""


class RecentCall(NamedTuple):
    """A call that was answered, or given up, `age` seconds ago."""

    partner: str
    """The word that the lanes of the tenant begin with."""
    operation: str
    age: float


async def recent_calls(tx: Transaction, seconds: float) -> list[RecentCall]:
    """The calls of all workers that ended in the last `seconds`, as far as they are stored."""
    rows = await tx.rows(
        """SELECT command.partner AS partner, call.operation AS operation, call.at AS at,
             call.duration_ms AS duration_ms
           FROM call JOIN command ON command.uid = call.uid
           WHERE call.seq > (SELECT coalesce(max(seq), 0) FROM call) - ? AND call.at > ?
             AND call.status <> 'connect'""",
        MOST,
        tx.now - duration_micros(2 * seconds),
    )
    ended = (
        RecentCall(row["partner"], row["operation"], (tx.now - row["at"]) / SECOND - row["duration_ms"] / 1000)
        for row in rows
    )
    return [call for call in ended if call.age < seconds]
