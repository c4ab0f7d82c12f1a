"""Counts the finished work that can be forgotten, and forgets it a portion at a time."""

from dataclasses import asdict, dataclass, field

from worker.journal.database.protocol import Transaction
from worker.journal.database.transactions import Transactions
from worker.journal.operating.audit import sign
from worker.journal.operating.retention_kinds import (
    DETAILED,
    IDLE,
    KINDS,
    LETTERS_OVER,
    OVER,
    PORTION,
    Ages,
    Kind,
    Page,
    Place,
    before,
    over,
)
from worker.journal.records import Micros


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much was forgotten: details of commands, whole commands, and dead letters that never were a command's."""

    details: int
    commands: int
    letters: int
    lanes: int = field(default=0, compare=False)


async def due(tx: Transaction, ages: Ages) -> Pruned:
    """How much `Retention.prune` would forget now. Changes nothing."""

    async def count(table: str, condition: str, *values: Micros) -> int:
        return int((await tx.rows(f"SELECT count(*) AS n FROM {table} WHERE {condition}", *values))[0]["n"])

    gone = before(tx, ages.whole)
    bared = f"concluded_at >= ? AND {DETAILED} AND {OVER}"
    idle = f"{IDLE} AND (concluded_at IS NULL OR NOT ({OVER})))"
    return Pruned(
        commands=await count("command", OVER, *over(tx, ages.whole)),
        details=await count("command", bared, gone, *over(tx, ages.details)),
        letters=await count("dead_letter", LETTERS_OVER, gone),
        lanes=await count("lane", idle, tx.now, *over(tx, ages.whole)),
    )


class Retention:
    """Forgets finished work, a portion at a time. Every method raises `JournalUnavailable`."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def due(self, ages: Ages) -> Pruned:
        """How much `prune` would forget now. Changes nothing."""
        return await self._transactions.read(lambda tx: due(tx, ages))

    async def prune(self, who: str, why: str, ages: Ages) -> Pruned:
        """Forget finished work older than `ages`, and remember who did it and why. Returns how much was forgotten."""
        pruned = await self.forget_all(ages)
        await self._transactions.write(lambda tx: sign(tx, who, why, "journal prune", details=asdict(pruned)))
        return pruned

    async def forget_all(self, ages: Ages) -> Pruned:
        """Forget finished work older than `ages`. Returns how much was forgotten.

        Replay plans are details. The caller may stop at any time and begin again: each portion is one transaction.
        """
        done = dict.fromkeys((kind.name for kind in KINDS), 0)
        for kind in KINDS:
            place: Place | None = kind.begin
            while place is not None:
                page = await self.page(kind, ages, place, PORTION)
                done[kind.name] += await self.forget(kind, ages, page)
                place = page.end
        return Pruned(done["details"], done["commands"], done["letters"], done["lanes"])

    async def page(self, kind: Kind, ages: Ages, place: Place, limit: int) -> Page:
        """The next page of a kind: at most `limit` rows are looked at, and nothing is changed."""
        return await self._transactions.read(lambda tx: kind.find(tx, ages, place, limit))

    async def forget(self, kind: Kind, ages: Ages, page: Page) -> int:
        """Forget the rows of a page that can still be forgotten under the locks. Returns how many rows."""
        if not page.found:
            return 0
        return await self._transactions.write(lambda tx: kind.forget(tx, ages, page.found), lanes=page.lanes)
