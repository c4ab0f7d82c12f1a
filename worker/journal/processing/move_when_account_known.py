"""Moves a failed command to the lane of its account, if its account was not known before and is known now.

Only a command that has never written anything moves. The effects of a command stay in one lane, where the later
commands know of them. Two lanes of one customer can therefore never hold halves of one purchase.
"""

from worker.journal.database.protocol import LaneKey, Transaction
from worker.journal.processing.lane_ownership import own_fresh
from worker.journal.processing.runs import stands
from worker.journal.records import State, Work

LEFT_BEHIND = """SELECT 1 WHERE EXISTS (SELECT 1 FROM step WHERE uid = ?) OR EXISTS (SELECT 1 FROM effect WHERE uid = ?)
    OR EXISTS (SELECT 1 FROM event WHERE uid = ? AND sent_at IS NULL)"""


async def move(tx: Transaction, item: Work, to: LaneKey, account: str) -> bool:
    """Move a failed command, with its open requests, to another lane. From then on its events name `account`.

    False if the command stays: it has written something, an event of it is not yet published, or it is no longer as
    `item` says.
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
