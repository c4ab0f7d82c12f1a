"""Commands that a person selects by common properties: counted first, then read a page at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from worker.journal.database.protocol import Transaction
from worker.journal.reading.command_queries import SUMMARY, summary
from worker.journal.reading.conditions import condition
from worker.journal.reading.views import Summary
from worker.journal.selection import Selection


@dataclass(frozen=True, slots=True)
class SelectedCount:
    """How many commands match, by type, state and reason; how many customers they have; the newest command's number."""

    kinds: Mapping[tuple[str, str, str], int]
    customers: int
    last: int

    @property
    def commands(self) -> int:
        """How many commands match."""
        return sum(self.kinds.values())


async def count(tx: Transaction, which: Selection) -> SelectedCount:
    """How many commands match now."""
    match, values = await condition(tx, which)
    kinds = await tx.rows(
        f"""SELECT type, state, coalesce(reason, '') AS reason, count(*) AS n FROM command WHERE {match}
            GROUP BY 1, 2, 3""",
        *values,
    )
    (whole,) = await tx.rows(
        f"SELECT count(DISTINCT customer) AS customers, coalesce(max(seq), 0) AS last FROM command WHERE {match}",
        *values,
    )
    counted = {(row["type"], row["state"], row["reason"]): int(row["n"]) for row in kinds}
    return SelectedCount(counted, int(whole["customers"]), int(whole["last"]))


async def page(tx: Transaction, which: Selection, after: int, last: int, limit: int) -> list[Summary]:
    """The next `limit` commands that match, the oldest first: with numbers above `after` and up to `last`."""
    match, values = await condition(tx, which)
    rows = await tx.rows(
        f"{SUMMARY} WHERE {match} AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?", *values, after, last, limit
    )
    return [summary(row) for row in rows]


async def named(tx: Transaction, uids: Sequence[str]) -> Mapping[str, Summary]:
    """These commands by their uids, in any state. A uid without a command is left out."""
    return {row["uid"]: summary(row) for row in await tx.rows(f"{SUMMARY} WHERE {tx.among('uid')}", list(uids))}
