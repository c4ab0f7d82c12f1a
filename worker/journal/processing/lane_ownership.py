"""Workers, the lanes that they own, and the end of their ownership.

A worker owns a lane by one take of the lane: the pair (worker, epoch). A write for a lane happens under the lane row's
lock, and only while that pair stands in the row. A lane is free if the row of its owner has expired.
"""

from collections.abc import Collection, Sequence

from worker.clock import duration_micros
from worker.journal.database.protocol import LaneKey, Transaction
from worker.journal.database.state_conditions import OPEN, UNKNOWN_STATE
from worker.journal.records import SECOND, Owner

FORGOTTEN = 86_400 * SECOND
"""Microseconds for which the row of a dead worker is kept for people to see."""

FREE = "SELECT id FROM lane WHERE unfinished = 1 AND"
OLDEST = "ORDER BY unfinished_since, id LIMIT ?"
OWN = "UPDATE lane SET owner = ?, epoch = ?, unfinished = 1, unfinished_since = ? WHERE id = ?"

NOTHING_LEFT = f"""NOT EXISTS (SELECT 1 FROM command WHERE command.lane = lane.id AND {OPEN})
    AND NOT EXISTS (SELECT 1 FROM command WHERE command.lane = lane.id AND concluded_at IS NULL
      AND {UNKNOWN_STATE})
    AND NOT EXISTS (SELECT 1 FROM event WHERE event.lane = lane.id AND sent_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM dead_letter WHERE dead_letter.lane = lane.id AND sent_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM act WHERE act.lane = lane.id AND done_at IS NULL)"""


def dead_letter_lane(partition: int) -> LaneKey:
    """The lane of the dead letters of records from this partition."""
    return LaneKey(f"dead-letters/{partition}")


def holds(tx: Transaction, lane: str, owner: Owner) -> bool:
    """True while the lane, locked by this transaction, still belongs to this take of the lane."""
    row = tx.known.lanes.get(lane)
    return row is not None and row.owner == owner.worker and row.epoch == owner.epoch


async def register(tx: Transaction, worker: str, name: str, version: str, lease: float, *, alone: bool) -> None:
    """Add a worker, alive for `lease` seconds. `alone`: no other worker can be alive, so all lanes are free at once.

    Rows of workers that died a day ago and own nothing are deleted.
    """
    if alone:
        await tx.run("UPDATE worker SET expires_at = ? WHERE expires_at > ?", tx.now, tx.now)
    await tx.run(
        """DELETE FROM worker WHERE expires_at < ?
           AND NOT EXISTS (SELECT 1 FROM lane WHERE lane.owner = worker.id AND unfinished = 1)""",
        tx.now - FORGOTTEN,
    )
    await tx.run(
        "INSERT INTO worker (id, name, version, started_at, seen_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
        worker,
        name,
        version,
        tx.now,
        tx.now,
        tx.now + duration_micros(lease),
    )


async def heartbeat(tx: Transaction, worker: str, lease: float) -> bool:
    """Live for another `lease` seconds. False if the row has expired: this worker must end all its commands first."""
    touched = await tx.run(
        "UPDATE worker SET seen_at = ?, expires_at = ? WHERE id = ? AND expires_at > ?",
        tx.now,
        tx.now + duration_micros(lease),
        worker,
        tx.now,
    )
    return touched == 1


async def touch(tx: Transaction) -> None:
    """Write as little as possible: shows whether the database takes writes at all."""
    await tx.run("UPDATE worker SET seen_at = seen_at WHERE expires_at > ?", tx.now)


async def retire(tx: Transaction, worker: str) -> None:
    """Let a worker's row expire now, which frees all its lanes."""
    await tx.run("UPDATE worker SET expires_at = ? WHERE id = ? AND expires_at > ?", tx.now, worker, tx.now)
    await tx.hint("")


async def living(tx: Transaction) -> set[str]:
    """The workers whose rows have not expired."""
    return {row["id"] for row in await tx.rows("SELECT id FROM worker WHERE expires_at > ?", tx.now)}


async def take(tx: Transaction, worker: str, limit: int) -> int:
    """Take at most `limit` unfinished lanes that no living worker owns, the longest unfinished first. How many."""
    if worker not in await living(tx):
        return 0
    rows = [*await tx.rows(f"{FREE} owner IS NULL {OLDEST}{tx.skip_locked}", limit)]
    if len(rows) < limit:
        dead = [row["id"] for row in await tx.rows("SELECT id FROM worker WHERE expires_at <= ?", tx.now)]
        rows += await tx.rows(f"{FREE} {tx.among('owner')} {OLDEST}{tx.skip_locked}", dead, limit - len(rows))
    if not rows:
        return 0
    taken = await tx.rows(
        f"UPDATE lane SET owner = ?, epoch = epoch + 1 WHERE {tx.among('id')} RETURNING id, epoch",
        worker,
        [row["id"] for row in rows],
    )
    for row in taken:
        if row["id"] in tx.known.lanes:
            tx.known.lanes[row["id"]].owner, tx.known.lanes[row["id"]].epoch = worker, row["epoch"]
    return len(taken)


async def own_fresh(tx: Transaction, worker: str, lanes: Sequence[str], known: Collection[str] = ()) -> None:
    """Mark lanes, locked by this transaction, as unfinished, because they get something new.

    `known`: the living workers, if they were read already. `worker`, if it is alive, becomes the owner of each lane
    that no living worker owns. Other owners get a hint; of a lane that stays without a living owner all workers get
    one.
    """
    alive = known or await living(tx)
    changed = []
    for lane in lanes:
        row = tx.known.lanes[lane]
        before = (row.owner, row.epoch, row.unfinished)
        if row.owner not in alive and worker in alive:
            row.owner, row.epoch = worker, row.epoch + 1
        if not row.unfinished:
            row.unfinished, row.unfinished_since = True, tx.now
        if before != (row.owner, row.epoch, row.unfinished):
            changed.append((row.owner, row.epoch, row.unfinished_since, lane))
    if changed:
        await tx.many(OWN, changed)
    owners = {tx.known.lanes[lane].owner for lane in lanes}
    for owner in owners - {worker}:
        await tx.hint(owner if owner is not None and owner in alive else "")


async def finished_lanes(tx: Transaction, worker: str, after: str, limit: int) -> tuple[list[str], str]:
    """Look at the next `limit` lanes of this worker beyond `after`. The lanes that look finished, and where to go on.

    The caller must look at the lanes again under their locks. "" as the place to go on: the last lane was reached.
    """
    rows = await tx.rows(
        f"""SELECT id, CASE WHEN {NOTHING_LEFT} THEN 1 ELSE 0 END AS finished
            FROM (SELECT id FROM lane WHERE owner = ? AND unfinished = 1 AND id > ? ORDER BY id LIMIT ?) AS lane
            ORDER BY id""",
        worker,
        after,
        limit,
    )
    return [row["id"] for row in rows if row["finished"]], rows[-1]["id"] if len(rows) == limit else ""


async def give_back(tx: Transaction, worker: str, lanes: Sequence[str]) -> int:
    """Give finished lanes back, after one more look under their locks. How many were given back."""
    freed = await tx.rows(
        f"""UPDATE lane SET owner = NULL, unfinished = 0 WHERE {tx.among("id")} AND owner = ? AND {NOTHING_LEFT}
            RETURNING id""",
        list(lanes),
        worker,
    )
    for row in freed:
        tx.known.lanes[row["id"]].owner, tx.known.lanes[row["id"]].unfinished = None, False
    return len(freed)
