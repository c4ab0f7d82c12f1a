"""From one lane to another: a command that could not be told to belong to an account, and now can.

Only what has never written anything moves, so that whatever a command may have left at Partner Center stays in the one
lane whose later commands know of it. Two lanes of one customer can then never hold halves of one purchase.
"""

from worker.journal.database.protocol import LaneKey, Transaction
from worker.journal.processing.lanes import own_fresh
from worker.journal.processing.runs import stands
from worker.journal.records import State, Work

LEFT_BEHIND = """SELECT 1 WHERE EXISTS (SELECT 1 FROM step WHERE uid = ?) OR EXISTS (SELECT 1 FROM effect WHERE uid = ?)
    OR EXISTS (SELECT 1 FROM event WHERE uid = ? AND sent_at IS NULL)"""


async def move(tx: Transaction, item: Work, to: LaneKey, account: str) -> bool:
    """Bring a failed command, with its open requests, into another lane. From then on its events name `account`.

    False if it stays: it has written something, its answer is not yet published, or it is no longer as `item` says.
    """
    if not stands(tx, item) or item.state is not State.FAILED:
        return False
    if await tx.rows(LEFT_BEHIND, item.uid, item.uid, item.uid):
        return False
    tx.known.revisions[item.uid] = item.revision + 1
    await tx.run(
        "UPDATE command SET lane = ?, partner = ?, account = ?, revision = revision + 1 WHERE uid = ?",
        to.id,
        to.partner,
        account,
        item.uid,
    )
    await tx.run("UPDATE event SET lane = ? WHERE uid = ?", to.id, item.uid)
    await tx.run("UPDATE act SET lane = ? WHERE uid = ? AND done_at IS NULL", to.id, item.uid)
    await own_fresh(tx, item.owner.worker, [to.id])
    return True
