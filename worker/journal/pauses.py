"""Which commands are held back, as whoever claims commands must know."""

from collections.abc import Sequence

from worker.journal.records import Pause
from worker.journal.sql import Row, Transaction


async def pauses(tx: Transaction) -> list[Pause]:
    """All that is paused, the oldest first."""
    return [Pause(**dict(row)) for row in await tx.rows("SELECT * FROM pause ORDER BY at, id")]


def held_by(held: Sequence[Pause], row: Row) -> Pause | None:
    """The pause that holds a command, by its row; None where it may run."""
    command = (row["partner"] or None, row["customer"], row["type"])
    return next((pause for pause in held if pause.holds(*command)), None)
