"""Reads the pauses, and says which commands they hold."""

from collections.abc import Sequence

from worker.journal.database.columns import PARTNER_OF_PAUSE, gathered
from worker.journal.database.protocol import Row, Transaction, Value
from worker.journal.records import Pause

PAUSE = {
    **{name: f"pause.{name}" for name in ("id", "at", "who", "why", "partner", "customer", "type")},
    "account": PARTNER_OF_PAUSE,
}
"""The members of a `Pause`, and the columns that they are read from."""

NOT_PAUSED = """NOT EXISTS (SELECT 1 FROM pause WHERE coalesce(pause.partner, command.partner) = command.partner
    AND coalesce(pause.customer, command.customer) = command.customer
    AND coalesce(pause.type, command.type) = command.type)"""
"""The condition that no pause holds a command's row."""


async def pauses(tx: Transaction) -> list[Pause]:
    """All pauses, the oldest first."""
    columns = ", ".join(f"{column} AS {name}" for name, column in PAUSE.items())
    rows = await tx.rows(f"SELECT {columns} FROM pause ORDER BY pause.at, pause.id")
    return [Pause(**{name: row[name] for name in PAUSE}) for row in rows]


def gathered_pauses(text: str | None) -> list[Pause]:
    """All pauses, the oldest first, from a text that `Transaction.gather` made of the columns of `PAUSE`."""
    return sorted((Pause(**row) for row in gathered(PAUSE, text)), key=lambda pause: (pause.at, pause.id))


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
