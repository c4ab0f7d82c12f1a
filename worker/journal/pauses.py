"""Which commands are held back, as whoever claims commands must know."""

from collections.abc import Sequence

from worker.journal.records import Pause, Which
from worker.journal.sql import Row, Transaction


async def pauses(tx: Transaction) -> list[Pause]:
    """All that is paused, the oldest first."""
    return [
        Pause(row["id"], Which(row["partner"], row["customer"], row["type"]), row["at"], row["who"], row["why"])
        for row in await tx.rows("SELECT * FROM pause ORDER BY at, id")
    ]


def held_by(held: Sequence[Pause], row: Row) -> Pause | None:
    """The pause that holds a command, by its row; None where it may run."""
    command = Which(row["partner"] or None, row["customer"], row["type"])
    return next((pause for pause in held if pause.which.holds(command)), None)
