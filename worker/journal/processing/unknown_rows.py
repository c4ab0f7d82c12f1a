"""Puts off rows that a newer azplan wrote and this azplan does not understand. Such rows are neither guessed nor run.

While workers are replaced one by one, an older worker may own the lane of such a command for a while. A newer worker
that takes the lane over finds the command as it was.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from worker.clock import duration_micros
from worker.journal.database.columns import load_headers, load_waits
from worker.journal.database.protocol import Row, Transaction
from worker.journal.processing.lane_ownership import holds
from worker.journal.records import Resolution, State, Step, UnknownRow

KIND = "not understood"
"""The kind of the note on a command that was put off because it was not understood."""

LOOK_AGAIN = 60.0
"""Seconds for which a command that is not understood is put off. A newer worker may own the lane by then."""

PUT_OFF = "UPDATE command SET due_at = ? WHERE uid = ? AND revision = ? AND due_at <= ?"
NOTE = """INSERT INTO note (uid, redrive, at, kind, detail) SELECT uid, redrive, ?, ?, ? FROM command
    WHERE uid = ? AND NOT EXISTS (SELECT 1 FROM note WHERE note.uid = command.uid AND note.kind = ?
      AND note.detail = ?) RETURNING seq"""


def why_not(row: Row) -> str | None:
    """Why this azplan does not understand a command's row. None if it understands the row."""
    state = State(row["state"])
    if not state.known:
        return f"its state is {state.value!r}"
    if row["resolution"] and not Resolution(row["resolution"]).known:
        return f"its resolution is {row['resolution']!r}"
    if row["stands_behind"] is not None:
        return f"an earlier command of the customer is in the state {row['stands_behind']!r}"
    for name, read in (("waits", load_waits), ("memory", json.loads), ("headers", load_headers)):
        if not _readable(read, row[name]):
            return f"its {name} cannot be read"
    return None


def why_not_steps(steps: Mapping[str, Step]) -> str | None:
    """Why this azplan does not understand these steps. None if it understands all."""
    strange = next((step for step in steps.values() if not step.state.known), None)
    return None if strange is None else f"its step {strange.name} is {strange.state.value!r}"


async def put_off(tx: Transaction, rows: Sequence[UnknownRow]) -> list[UnknownRow]:
    """Make commands due later, change nothing else of them, and note the reason. The commands that had no such note."""
    told = []
    for row in rows:
        if not holds(tx, row.lane, row.owner):
            continue
        later = tx.now + duration_micros(LOOK_AGAIN)
        if await tx.run(PUT_OFF, later, row.uid, row.revision, tx.now):
            detail = f"this version of azplan does not understand the command: {row.why}"
            if await tx.rows(NOTE, tx.now, KIND, detail, row.uid, KIND, detail):
                told.append(row)
    return told


def _readable(read: Any, text: str) -> bool:
    try:
        read(text)
    except (ValueError, TypeError, AttributeError):
        return False
    return True
