"""Turns a selection of commands into the condition of a query."""

from worker.journal.database.protocol import Transaction, Value
from worker.journal.database.state_conditions import OPEN
from worker.journal.processing.lane_prefixes_of_accounts import lanes_named
from worker.journal.selection import Selection


async def condition(tx: Transaction, selection: Selection, code: str = "command.code") -> tuple[str, list[Value]]:
    """The SQL condition on rows of `command` for a selection, and the values of its placeholders.

    `code` is the column that the code of the selection is compared with.
    """
    given: dict[str, Value] = {
        "command.partner = ?": None if selection.partner is None else await lanes_named(tx, selection.partner),
        "command.customer = ?": selection.customer,
        "command.type = ?": selection.type,
        "command.state = ?": selection.state,
        f"{code} = ?": selection.code,
        "command.reason = ?": selection.reason,
        "command.uid = ?": selection.uid,
        "command.received_at >= ?": selection.begin,
        "command.received_at <= ?": selection.end,
    }
    chosen = {words: value for words, value in given.items() if value is not None}
    conditions = [*([f"command.{OPEN}"] if selection.open else []), *chosen]
    return " AND ".join(conditions) or "1 = 1", list(chosen.values())
