"""Finds, reads, archives and restores dead letters, for people. Commands stay as they are."""

from collections.abc import Sequence

from events.wire.record import Record
from worker.journal.database import columns
from worker.journal.database.protocol import Transaction
from worker.journal.database.transactions import Transactions
from worker.journal.operating.audit import SIGNED
from worker.journal.reading import dead_letter_search
from worker.journal.reading.dead_letter_search import DeadLetterGroup, FoundDeadLetter
from worker.journal.selection import Selection


class DeadLetters:
    """Finds, archives and restores dead letters. Every method raises `JournalUnavailable`.

    `state`: only dead letters in this state; None for all.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def search(self, wanted: Selection, state: str | None = None, limit: int = 0) -> list[FoundDeadLetter]:
        """The dead letters that match, the newest first, at most `limit` of them; 0 for all."""
        return await self._transactions.read(lambda tx: dead_letter_search.search(tx, wanted, state, limit))

    async def groups(self, wanted: Selection, state: str | None = None) -> list[DeadLetterGroup]:
        """The dead letters that match, counted by code and type of command, the largest group first."""
        return await self._transactions.read(lambda tx: dead_letter_search.groups(tx, wanted, state))

    async def numbered(self, number: int) -> FoundDeadLetter | None:
        """The dead letter with this number; None if there is none."""
        return await self._transactions.read(lambda tx: dead_letter_search.numbered(tx, number))

    async def these(self, numbers: Sequence[int]) -> list[FoundDeadLetter]:
        """The dead letters with these numbers, in this order. A number without a dead letter is left out."""
        return await self._transactions.read(lambda tx: dead_letter_search.these(tx, numbers))

    async def following(
        self, wanted: Selection, state: str | None, after: int, last: int, limit: int
    ) -> list[FoundDeadLetter]:
        """The next `limit` dead letters that match, the oldest first: with numbers above `after` and up to `last`."""
        return await self._transactions.read(
            lambda tx: dead_letter_search.following(tx, wanted, state, after, last, limit)
        )

    async def commands_of(
        self, wanted: Selection, state: str | None, codes: Sequence[str], after: int, last: int, limit: int
    ) -> list[tuple[int, str]]:
        """The next `limit` commands that have a matching dead letter with one of these codes, each command once.

        For each command: the number of its oldest such dead letter, and its uid. `after` and `last` are such numbers.
        """
        return await self._transactions.read(
            lambda tx: dead_letter_search.commands_of(tx, wanted, state, codes, after, last, limit)
        )

    async def original(self, number: int) -> Record | None:
        """The record that became this dead letter, byte for byte; None if there is none or its bytes are forgotten."""
        return await self._transactions.read(lambda tx: original(tx, number))

    async def archive(self, who: str, why: str, numbers: Sequence[int]) -> int:
        """Archive open dead letters, and remember who did it and why. Returns how many were open."""
        return await self._transactions.write(lambda tx: archive(tx, who, why, numbers))

    async def restore(self, who: str, why: str, numbers: Sequence[int]) -> int:
        """Open archived dead letters again, and remember who did it and why. Returns how many were archived."""
        return await self._transactions.write(lambda tx: restore(tx, who, why, numbers))


async def original(tx: Transaction, seq: int) -> Record | None:
    """The record that became a dead letter, byte for byte; None if there is none or its bytes are forgotten."""
    rows = await tx.rows("SELECT * FROM dead_letter WHERE seq = ? AND pruned_at IS NULL", seq)
    return columns.source(rows[0], "original_headers") if rows else None


async def archive(tx: Transaction, who: str, why: str, numbers: Sequence[int]) -> int:
    """Archive open dead letters, and remember who did it and why. Returns how many were open."""
    return await _move(tx, who, why, "archive", numbers, ("open", "archived"))


async def restore(tx: Transaction, who: str, why: str, numbers: Sequence[int]) -> int:
    """Open archived dead letters again, and remember who did it and why. Returns how many were archived."""
    return await _move(tx, who, why, "restore", numbers, ("archived", "open"))


async def _move(tx: Transaction, who: str, why: str, verb: str, numbers: Sequence[int], states: tuple[str, str]) -> int:
    if not numbers:
        return 0
    before, after = states
    rows = await tx.rows(
        f"""UPDATE dead_letter SET state = ? WHERE seq IN ({", ".join("?" * len(numbers))}) AND state = ?
            RETURNING seq, uid""",
        after,
        *numbers,
        before,
    )
    signed = sorted(((row["seq"], row["uid"]) for row in rows), key=lambda each: each[0])
    verb = f"dead-letters {verb}"
    await tx.many(SIGNED, [(tx.now, who, why, verb, uid, None, columns.dump([seq]), tx.now) for seq, uid in signed])
    return len(rows)
