"""Who may run what: workers, the lanes that they own, and the end of their ownership.

A lane belongs to a worker as of one take of it: the pair (worker, epoch). Whoever writes for a lane does so under the lane
row's lock and only while that pair still stands there.
"""

from collections.abc import Sequence

from worker.journal.records import SECOND, Owner
from worker.journal.sql import LaneKey, Transaction

ALIVE = "SELECT id FROM worker WHERE expires_at > ?"


def dead_letter_lane(partition: int) -> LaneKey:
    """Dead letters travel in a lane of their own for each partition they came from."""
    return LaneKey(f"dead-letters/{partition}")


def holds(tx: Transaction, lane: str, owner: Owner) -> bool:
    """True while the lane, locked by this transaction, still belongs to that take of it."""
    row = tx.lanes.get(lane)
    return row is not None and row.owner == owner.worker and row.epoch == owner.epoch


async def register(tx: Transaction, worker: str, name: str, version: str, lease: float) -> None:
    """A new worker, alive for `lease` seconds. Rows of workers long dead, that own nothing, are swept away."""
    await tx.run(
        "DELETE FROM worker WHERE expires_at < ? AND id NOT IN (SELECT owner FROM lane WHERE owner IS NOT NULL)",
        tx.now - 86_400 * SECOND,
    )
    await tx.run(
        "INSERT INTO worker (id, name, version, started_at, seen_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
        worker,
        name,
        version,
        tx.now,
        tx.now,
        tx.now + int(lease * SECOND),
    )


async def heartbeat(tx: Transaction, worker: str, lease: float) -> bool:
    """Live for another `lease` seconds. False where the row has lapsed: this worker must end all its commands first."""
    touched = await tx.run(
        "UPDATE worker SET seen_at = ?, expires_at = ? WHERE id = ? AND expires_at > ?",
        tx.now,
        tx.now + int(lease * SECOND),
        worker,
        tx.now,
    )
    return touched == 1


async def retire(tx: Transaction, worker: str) -> None:
    """A worker that stops in good order: its lanes are free at once."""
    await tx.run("UPDATE lane SET owner = NULL WHERE owner = ?", worker)
    await tx.run("DELETE FROM worker WHERE id = ?", worker)


async def take(tx: Transaction, worker: str, limit: int) -> int:
    """Take at most `limit` unfinished lanes that nobody living owns, the oldest first. How many were taken."""
    rows = await tx.rows(
        f"""SELECT id FROM lane WHERE unfinished = 1 AND (owner IS NULL OR owner NOT IN ({ALIVE}))
            ORDER BY (SELECT min(seq) FROM command WHERE command.lane = lane.id AND state IN ('accepted', 'waiting')), id
            LIMIT ?{tx.skip_locked}""",
        tx.now,
        limit,
    )
    if not rows:
        return 0
    taken = await tx.rows(
        f"UPDATE lane SET owner = ?, epoch = epoch + 1 WHERE {tx.among('id')} RETURNING id",
        worker,
        [row["id"] for row in rows],
    )
    return len(taken)


async def finished(tx: Transaction, worker: str, limit: int) -> list[str]:
    """Lanes of this worker that look finished: no open command, nothing unsent. To be looked at again under their lock."""
    rows = await tx.rows(
        f"SELECT id FROM lane WHERE owner = ? AND unfinished = 1 AND {NOTHING_LEFT} LIMIT ?",
        worker,
        limit,
    )
    return [row["id"] for row in rows]


NOTHING_LEFT = """NOT EXISTS (SELECT 1 FROM command WHERE command.lane = lane.id AND state IN ('accepted', 'waiting'))
    AND NOT EXISTS (SELECT 1 FROM event WHERE event.lane = lane.id AND sent_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM dead_letter WHERE dead_letter.lane = lane.id AND sent_at IS NULL)"""


async def let_go(tx: Transaction, worker: str, lanes: Sequence[str]) -> int:
    """Give finished lanes back, after one more look under their locks. How many were given back."""
    return await tx.run(
        f"UPDATE lane SET owner = NULL, unfinished = 0 WHERE {tx.among('id')} AND owner = ? AND {NOTHING_LEFT}",
        list(lanes),
        worker,
    )


async def own_fresh(tx: Transaction, worker: str, lanes: Sequence[str]) -> None:
    """Lanes that get something new: free ones are born owned by whoever wrote it, all are unfinished from now on."""
    await tx.run(f"UPDATE lane SET unfinished = 1 WHERE {tx.among('id')} AND unfinished = 0", list(lanes))
    await tx.run(
        f"UPDATE lane SET owner = ?, epoch = epoch + 1 WHERE {tx.among('id')} AND owner IS NULL", worker, list(lanes)
    )
