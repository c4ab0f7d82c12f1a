"""Reads the pauses, and says which commands they hold."""

from collections.abc import Sequence

from worker.journal.database.columns import PARTNER_OF_PAUSE
from worker.journal.database.protocol import Row, Transaction, Value
from worker.journal.records import Pause


async def pauses(tx: Transaction) -> list[Pause]:
    """All pauses, the oldest first."""
    rows = await tx.rows(
        f"SELECT id, at, who, why, partner, customer, type, {PARTNER_OF_PAUSE} AS account FROM pause ORDER BY at, id"
    )
    return [
        Pause(
            id=row["id"],
            at=row["at"],
            who=row["who"],
            why=row["why"],
            partner=row["partner"],
            customer=row["customer"],
            type=row["type"],
            account=row["account"],
        )
        for row in rows
    ]


def not_held(held: Sequence[Pause]) -> tuple[str, list[Value]]:
    """The SQL condition that no pause holds a command's row, and the values of its placeholders."""
    conditions: list[str] = []
    values: list[Value] = []
    for pause in held:
        words = {"partner": pause.partner, "customer": pause.customer, "type": pause.type}
        given = {name: word for name, word in words.items() if word is not None}
        conditions.append(f"NOT ({' AND '.join(f'command.{name} = ?' for name in given) or '1 = 1'})")
        values.extend(given.values())
    return " AND ".join(conditions) or "1 = 1", values


def held_by(held: Sequence[Pause], row: Row) -> Pause | None:
    """The pause that holds the command of this row. None if the command may run."""
    command = (row["partner"] or None, row["customer"], row["type"])
    return next((pause for pause in held if pause.which.holds(*command)), None)
