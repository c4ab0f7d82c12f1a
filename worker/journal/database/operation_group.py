"""A group of operations in one transaction: lock and read for all of them at once, then run one after the other."""

from collections.abc import Iterable, Sequence
from typing import Any

from worker.journal.database.columns import step
from worker.journal.database.protocol import LaneKey, LaneRow, Operation, Transaction
from worker.journal.records import Micros

MAKE_LANE = "INSERT INTO lane (id, partner, customer) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING"

# Rows of four tables in one query. The columns are those of a step; each other table uses the columns that it needs.
LANES = """SELECT 'lane' AS kind, id AS uid, owner AS name, NULL AS effect, NULL AS state, NULL AS details,
    NULL AS result, unfinished AS attempts, epoch AS intent_until, settle_until AS earlier_until,
    unfinished_since AS at FROM lane WHERE {}"""
REVISIONS = """SELECT 'revision', uid, NULL, NULL, NULL, NULL, NULL, 0, revision, 0, 0 FROM command WHERE {}"""
STEPS = """SELECT 'step' AS kind, uid, name, effect, state, details, result, attempts, intent_until, earlier_until, at
    FROM step WHERE {}"""
EFFECTS = "SELECT 'effect', lane, key, uid, NULL, NULL, NULL, 0, 0, 0, 0 FROM effect WHERE {}"
BOTH = " UNION ALL "


async def perform(tx: Transaction, operations: Sequence[Operation[Any]]) -> list[Any]:
    """Lock and read the rows that the operations name, then run the operations in order. Their results."""
    await _lock_and_read(tx, operations)
    results = []
    written: set[str] = set()
    for operation in operations:
        if operation.in_full and not written.isdisjoint(operation.touches):
            await _read(tx, [], [], [operation])
        tx.enter(operation)
        results.append(await operation.run(tx))
        written |= operation.touches
    return results


async def _lock_and_read(tx: Transaction, operations: Sequence[Operation[Any]]) -> None:
    """Create missing lanes, lock the rows of all lanes in the order of their names, and then read.

    The query begins when the locks are there: it sees all that earlier holders of the locks have written. A lane with
    nothing in it may be forgotten before it is locked. It is then created again, and stays.
    """
    fresh = {key.id: key for operation in operations for key in operation.new_lanes}
    names = sorted({name for operation in operations for name in operation.touches})
    uids = sorted({uid for operation in operations for uid in operation.commands})
    if not names and not uids:
        await _read_clock(tx, [operation.at for operation in operations])
        return
    await _make(tx, fresh.values())
    await tx.lock_lanes(names)
    await _read(tx, names, uids, [operation for operation in operations if operation.in_full])
    while gone := sorted(fresh.keys() - tx.known.lanes.keys()):
        await _make(tx, [fresh[name] for name in gone])
        await tx.lock_lanes(gone)
        await _read(tx, gone, [], [])


async def _read_clock(tx: Transaction, known: Sequence[Micros | None]) -> None:
    """Read the database's clock, unless every operation brings an instant that is exact enough."""
    given = [at for at in known if at is not None]
    if len(given) == len(known):
        tx.now = max(given)
    else:
        await tx.tick()


async def _make(tx: Transaction, keys: Iterable[LaneKey]) -> None:
    """Create the lanes that are missing, in the order of their names: two groups then never deadlock."""
    rows = [(key.id, key.partner, key.customer) for key in sorted(keys, key=lambda key: key.id)]
    if rows:
        await tx.many(MAKE_LANE, rows)


async def _read(tx: Transaction, names: Sequence[str], uids: Sequence[str], wanting: Sequence[Operation[Any]]) -> None:
    """Read lanes and revisions, and the steps and effects of the operations `wanting`, in one query.

    Only a holder of a command's lane writes its revision, its steps and the effects of the lane. So these rows stay
    until this transaction ends.
    """
    asked: list[tuple[str, str, Sequence[str]]] = []
    if names:
        asked.append((LANES, "id", names))
    if uids:
        asked.append((REVISIONS, "uid", uids))
    if wanting:
        theirs = sorted({uid for operation in wanting for uid in operation.commands})
        lanes = sorted({lane for operation in wanting for lane in operation.touches})
        asked += ((STEPS, "uid", theirs), (EFFECTS, "lane", lanes))
        tx.known.steps.update({uid: {} for uid in theirs})
        tx.known.effects = {key: uid for key, uid in tx.known.effects.items() if key[0] not in lanes}
    query = BOTH.join(table.format(tx.among(column)) for table, column, _ in asked)
    for row in await tx.rows_and_clock(query, *(values for _, _, values in asked)):
        match row["kind"]:
            case "lane":
                tx.known.lanes[row["uid"]] = LaneRow(
                    row["name"], row["intent_until"], row["earlier_until"], bool(row["attempts"]), row["at"]
                )
            case "revision":
                tx.known.revisions[row["uid"]] = row["intent_until"]
            case "step":
                tx.known.steps[row["uid"]][row["name"]] = step(row)
            case _:
                tx.known.effects[row["uid"], row["name"]] = row["effect"]
