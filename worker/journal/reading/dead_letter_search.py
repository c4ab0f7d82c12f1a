"""Finds dead letters with their commands. `state`: only dead letters in this state; None for all."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from worker.journal.database.columns import PARTNER_OF_COMMAND
from worker.journal.database.protocol import Row, Transaction, Value
from worker.journal.reading.conditions import condition
from worker.journal.reading.views import DeadLetter
from worker.journal.selection import Selection

SELECT = f"""SELECT dead_letter.*, command.id AS command_id, command.source AS command_source,
      command.type AS command_type, command.customer AS command_customer, {PARTNER_OF_COMMAND} AS command_partner
    FROM dead_letter LEFT JOIN command ON command.uid = dead_letter.uid"""


@dataclass(frozen=True, slots=True)
class FoundDeadLetter:
    """A dead letter and its command. There is no command if the record could not be read as one."""

    letter: DeadLetter
    id: str | None
    source: str | None
    type: str | None
    customer: str | None
    partner: str | None


@dataclass(frozen=True, slots=True)
class DeadLetterGroup:
    """Dead letters of one code and one type of command. `first` and `last` are instants; `example` is a number."""

    code: str
    type: str | None
    number: int
    first: int
    last: int
    example: int


async def search(tx: Transaction, which: Selection, state: str | None = None, limit: int = 0) -> list[FoundDeadLetter]:
    """The dead letters that match, the newest first, at most `limit` of them; 0 for all."""
    conditions, values = await _conditions(tx, which, state)
    if limit:
        values.append(limit)
    rows = await tx.rows(
        f"{SELECT} WHERE {conditions} ORDER BY dead_letter.seq DESC{' LIMIT ?' if limit else ''}", *values
    )
    return [_dead(row) for row in rows]


async def numbered(tx: Transaction, number: int) -> FoundDeadLetter | None:
    """The dead letter with this number; None if there is none."""
    rows = await tx.rows(f"{SELECT} WHERE dead_letter.seq = ?", number)
    return _dead(rows[0]) if rows else None


async def following(
    tx: Transaction, which: Selection, state: str | None, after: int, last: int, limit: int
) -> list[FoundDeadLetter]:
    """The next `limit` dead letters that match, the oldest first: with numbers above `after` and up to `last`."""
    conditions, values = await _conditions(tx, which, state)
    rows = await tx.rows(
        f"""{SELECT} WHERE {conditions} AND dead_letter.seq > ? AND dead_letter.seq <= ?
            ORDER BY dead_letter.seq LIMIT ?""",
        *values,
        after,
        last,
        limit,
    )
    return [_dead(row) for row in rows]


async def these(tx: Transaction, numbers: Sequence[int]) -> list[FoundDeadLetter]:
    """The dead letters with these numbers, in this order. A number without a dead letter is left out."""
    if not numbers:
        return []
    rows = await tx.rows(f"{SELECT} WHERE dead_letter.seq IN ({', '.join('?' * len(numbers))})", *numbers)
    found = {row["seq"]: _dead(row) for row in rows}
    return [found[number] for number in numbers if number in found]


async def commands_of(
    tx: Transaction, which: Selection, state: str | None, codes: Sequence[str], after: int, last: int, limit: int
) -> list[tuple[int, str]]:
    """The next `limit` commands that have a matching dead letter with one of these codes, each command once.

    For each command: the number of its oldest such dead letter, and its uid. `after` and `last` are such numbers.
    """
    conditions, values = await _conditions(tx, which, state)
    same_code = "" if which.code is None else " AND earlier.code = dead_letter.code"
    rows = await tx.rows(
        f"""SELECT dead_letter.seq AS number, dead_letter.uid AS uid
            FROM dead_letter LEFT JOIN command ON command.uid = dead_letter.uid
            WHERE {conditions} AND {tx.among("dead_letter.code")} AND dead_letter.uid IS NOT NULL
              AND dead_letter.seq > ? AND dead_letter.seq <= ?
              AND NOT EXISTS (SELECT 1 FROM dead_letter AS earlier WHERE earlier.uid = dead_letter.uid
                AND earlier.seq < dead_letter.seq AND earlier.state = dead_letter.state{same_code}
                AND {tx.among("earlier.code")})
            ORDER BY dead_letter.seq LIMIT ?""",
        *values,
        list(codes),
        after,
        last,
        list(codes),
        limit,
    )
    return [(row["number"], row["uid"]) for row in rows]


async def groups(tx: Transaction, which: Selection, state: str | None = None) -> list[DeadLetterGroup]:
    """The dead letters that match, counted by code and type of command, the largest group first."""
    conditions, values = await _conditions(tx, which, state)
    rows = await tx.rows(
        f"""SELECT dead_letter.code AS code, command.type AS type, count(*) AS n, min(dead_letter.at) AS first,
              max(dead_letter.at) AS last, max(dead_letter.seq) AS example
            FROM dead_letter LEFT JOIN command ON command.uid = dead_letter.uid
            WHERE {conditions} GROUP BY dead_letter.code, command.type ORDER BY n DESC, code""",
        *values,
    )
    return [
        DeadLetterGroup(row["code"], row["type"], row["n"], row["first"], row["last"], row["example"]) for row in rows
    ]


async def _conditions(tx: Transaction, which: Selection, state: str | None) -> tuple[str, list[Value]]:
    match, values = await condition(tx, which, code="dead_letter.code")
    return (match, values) if state is None else (f"{match} AND dead_letter.state = ?", [*values, state])


def _dead(row: Row) -> FoundDeadLetter:
    return FoundDeadLetter(
        letter=dead_letter(row),
        id=row["command_id"],
        source=row["command_source"],
        type=row["command_type"],
        customer=row["command_customer"],
        partner=row["command_partner"] or None,
    )


def dead_letter(row: Row) -> DeadLetter:
    """A dead letter's row as a person reads it."""
    return DeadLetter(**{field.name: row[field.name] for field in fields(DeadLetter)})
