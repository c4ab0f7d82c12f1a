"""A group of operations in one transaction: lock and read for all of them at once, then run one after the other."""

from collections.abc import Iterable, Sequence
from typing import Any

from worker.journal.database.columns import step
from worker.journal.database.protocol import LaneKey, LaneRow, Operation, Transaction


async def perform(tx: Transaction, operations: Sequence[Operation[Any]]) -> list[Any]:
    """Lock and read the rows that the operations name, then run the operations in order. Their results."""
    await _lock_lanes(tx, operations)
    await tx.tick()
    await _read_revisions(tx, operations)
    await _read_in_full(tx, operations)
    results = []
    written: set[str] = set()
    for operation in operations:
        if operation.in_full and not written.isdisjoint(operation.touches):
            await _read_in_full(tx, [operation])
        tx.enter(operation)
        results.append(await operation.run(tx))
        written |= operation.touches
    return results


async def _lock_lanes(tx: Transaction, operations: Sequence[Operation[Any]]) -> None:
    """Create missing lanes, then lock the rows of all lanes, in the order of their names.

    A lane with nothing in it may be forgotten between the two statements. It is then created again, and stays.
    """
    fresh = {key.id: key for operation in operations for key in operation.new_lanes}
    names = sorted({name for operation in operations for name in operation.touches})
    await _make(tx, fresh.values())
    await _lock(tx, names)
    while gone := fresh.keys() - tx.known.lanes.keys():
        await _make(tx, [fresh[name] for name in gone])
        await _lock(tx, sorted(gone))


async def _make(tx: Transaction, keys: Iterable[LaneKey]) -> None:
    """Create the lanes that are missing, in the order of their names: two groups then never deadlock."""
    rows = [(key.id, key.partner, key.customer) for key in sorted(keys, key=lambda key: key.id)]
    if rows:
        await tx.many("INSERT INTO lane (id, partner, customer) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING", rows)


async def _lock(tx: Transaction, names: Sequence[str]) -> None:
    if not names:
        return
    for row in await tx.rows(
        f"""SELECT id, owner, epoch, settle_until, unfinished, unfinished_since FROM lane
            WHERE {tx.among("id")} ORDER BY id{tx.locking}""",
        names,
    ):
        tx.known.lanes[row["id"]] = LaneRow(
            row["owner"], row["epoch"], row["settle_until"], bool(row["unfinished"]), row["unfinished_since"]
        )


async def _read_revisions(tx: Transaction, operations: Sequence[Operation[Any]]) -> None:
    """Only a holder of a command's lane writes its revision, so the revision stays until this transaction ends."""
    uids = sorted({uid for operation in operations for uid in operation.commands})
    if uids:
        for row in await tx.rows(f"SELECT uid, revision FROM command WHERE {tx.among('uid')}", uids):
            tx.known.revisions[row["uid"]] = row["revision"]


async def _read_in_full(tx: Transaction, operations: Sequence[Operation[Any]]) -> None:
    """Read steps and effects for operations that ask for them. The same locks protect these rows."""
    wanting = [operation for operation in operations if operation.in_full]
    uids = sorted({uid for operation in wanting for uid in operation.commands})
    lanes = sorted({lane for operation in wanting for lane in operation.touches})
    if not wanting:
        return
    tx.known.steps.update({uid: {} for uid in uids})
    for row in await tx.rows(f"SELECT * FROM step WHERE {tx.among('uid')}", uids):
        tx.known.steps[row["uid"]][row["name"]] = step(row)
    tx.known.effects = {key: uid for key, uid in tx.known.effects.items() if key[0] not in lanes}
    for row in await tx.rows(f"SELECT lane, key, uid FROM effect WHERE {tx.among('lane')}", lanes):
        tx.known.effects[row["lane"], row["key"]] = row["uid"]
