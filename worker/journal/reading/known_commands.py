"""Reads the facts about known commands that a replay needs."""

from collections.abc import Sequence
from dataclasses import dataclass

from worker.journal.database.columns import PARTNER_OF_COMMAND
from worker.journal.database.protocol import Transaction
from worker.journal.states import State


@dataclass(frozen=True, slots=True)
class KnownCommand:
    """A command as the journal remembers it.

    `pruned`: its bytes are forgotten. `archived`: a person has archived the dead letter of its newest story.
    `fingerprint` and `algorithm` tell whether a record has the same content.
    """

    uid: str
    type: str
    customer: str
    partner: str | None
    state: State
    code: str | None
    redrive: int
    pruned: bool
    archived: bool
    fingerprint: str
    algorithm: int


async def known(tx: Transaction, uids: Sequence[str]) -> list[KnownCommand]:
    """These commands, in no order. A uid without a command is left out."""
    rows = await tx.rows(
        f"""SELECT uid, type, customer, {PARTNER_OF_COMMAND} AS partner, state, code, redrive, pruned_at,
              fingerprint, algorithm,
              CASE WHEN EXISTS (SELECT 1 FROM dead_letter AS letter WHERE letter.uid = command.uid
                AND letter.state = 'archived' AND letter.redrive = command.redrive) THEN 1 ELSE 0 END AS archived
            FROM command WHERE {tx.among("uid")}""",
        list(uids),
    )
    return [
        KnownCommand(
            uid=row["uid"],
            type=row["type"],
            customer=row["customer"],
            partner=row["partner"] or None,
            state=State(row["state"]),
            code=row["code"],
            redrive=row["redrive"],
            pruned=row["pruned_at"] is not None,
            archived=bool(row["archived"]),
            fingerprint=row["fingerprint"],
            algorithm=row["algorithm"],
        )
        for row in rows
    ]
