"""Makes the requests of a person: rows that the owner of the command's lane carries out."""

from collections.abc import Mapping, Sequence

from worker.journal.database.columns import dump
from worker.journal.database.protocol import Transaction
from worker.journal.database.transactions import Transactions
from worker.journal.processing.lane_ownership import own_fresh
from worker.journal.records import Json


class Requests:
    """Makes requests and finds their answers. Every method raises `JournalUnavailable`."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def ask(self, who: str, why: str, verb: str, uid: str, details: Json = None) -> int:
        """Request an action on a command. Returns the number of the request, for `answer`.

        Raises LookupError if there is no such command.
        """

        numbers = await self.ask_each(who, why, verb, [uid], details)
        if not numbers:
            raise LookupError(f"there is no command {uid}")
        return numbers[0]

    async def ask_each(self, who: str, why: str, verb: str, uids: Sequence[str], details: Json = None) -> list[int]:
        """Request the same action on each of these commands, in one transaction.

        Returns the numbers of the requests, the oldest command first. A uid without a command gets no request.
        """

        async def lanes_of(tx: Transaction) -> list[str]:
            rows = await tx.rows(f"SELECT DISTINCT lane FROM command WHERE {tx.among('uid')}", list(uids))
            return sorted(row["lane"] for row in rows)

        lanes = await self._transactions.read(lanes_of)

        async def write(tx: Transaction) -> list[int]:
            there = [lane for lane in lanes if lane in tx.known.lanes]
            await own_fresh(tx, "", there)
            rows = await tx.rows(
                f"""INSERT INTO act (at, who, why, verb, uid, lane, details)
                    SELECT ?, ?, ?, ?, uid, lane, ? FROM command WHERE {tx.among("uid")} AND {tx.among("lane")}
                    ORDER BY seq RETURNING seq""",
                tx.now,
                who,
                why,
                verb,
                dump(details),
                list(uids),
                there,
            )
            return sorted(int(row["seq"]) for row in rows)

        return await self._transactions.write(write, lanes=lanes)

    async def answer(self, seq: int) -> str | None:
        """The answer of a request: `DONE`, or why it was not carried out. None while no worker has answered it."""

        async def look(tx: Transaction) -> str | None:
            rows = await tx.rows("SELECT result FROM act WHERE seq = ?", seq)
            return rows[0]["result"] if rows else None

        return await self._transactions.read(look)

    async def answers(self, numbers: Sequence[int]) -> Mapping[str, str | None]:
        """The answers of these requests, by the uids of their commands, in the order of the numbers.

        `numbers` are ascending. An answer is None while no worker has answered the request.
        """
        wanted = set(numbers)

        async def look(tx: Transaction) -> Mapping[str, str | None]:
            rows = await tx.rows(
                "SELECT seq, uid, result FROM act WHERE seq BETWEEN ? AND ? ORDER BY seq", numbers[0], numbers[-1]
            )
            return {row["uid"]: row["result"] for row in rows if row["seq"] in wanted}

        return await self._transactions.read(look)
