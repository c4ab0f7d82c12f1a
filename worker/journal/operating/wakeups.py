"""A person makes waiting commands due now and has open circuits probed.

Pauses and settling stay: a pause lasts until it is resumed, settling until no request can arrive any more.
"""

from collections.abc import Mapping

from worker.journal.database.protocol import Row, Transaction, Value
from worker.journal.database.state_conditions import OPEN
from worker.journal.database.transactions import Transactions
from worker.journal.operating.audit import sign
from worker.journal.reading.conditions import condition
from worker.journal.records import SECOND, Micros
from worker.journal.selection import Selection

PORTION = 500
SOON: Micros = 2 * SECOND
"""A woken command is due after this time. Every worker has read the request to probe circuits by then."""
PROBE = "probe"
"""The name in `meta` of the instant at which a person last asked for probes."""

SLEEPS = f"""{OPEN} AND coalesce(reason, '') NOT IN ('paused', 'settling')
    AND (due_at > ? OR (due_at IS NOT NULL AND reason IN ('throttled', 'partner_center_unavailable')))"""
"""Commands that wait for room at Partner Center are not begun when they are due."""


async def _asleep(tx: Transaction, which: Selection) -> tuple[str, list[Value]]:
    """The SQL condition on selected commands that can be woken, and the values of its placeholders."""
    match, values = await condition(tx, which)
    return f"{SLEEPS} AND {match}", values


class Wakeups:
    """Makes waiting commands due. Every method raises `JournalUnavailable`."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def count(self, which: Selection) -> Mapping[str, int]:
        """How many commands would be woken, by the reason of their wait; "" if no reason was published yet."""

        async def look(tx: Transaction) -> Mapping[str, int]:
            match, values = await _asleep(tx, which)
            rows = await tx.rows(
                f"""SELECT coalesce(reason, '') AS reason, count(*) AS n FROM command WHERE {match}
                    GROUP BY 1 ORDER BY 1""",
                tx.now + SOON,
                *values,
            )
            return {row["reason"]: int(row["n"]) for row in rows}

        return await self._transactions.read(look)

    async def wake(self, who: str, why: str, which: Selection) -> int:
        """Make the selected commands due, a portion at a time, and request probes of circuits. How many were woken.

        A command that begins to wait meanwhile is not woken.
        """

        async def ask(tx: Transaction) -> Micros:
            await tx.run(
                """INSERT INTO meta (name, value) VALUES (?, ?)
                   ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
                PROBE,
                str(tx.now),
            )
            words = {"reason": which.reason, "partner": which.partner}
            await sign(tx, who, why, "wake", details=words, about=(which.uid, None))
            await tx.hint("")
            return tx.now

        asked_at = await self._transactions.write(ask)
        after = woken = 0
        while sleeping := await self._sleeping(which, asked_at, after):
            after = sleeping[-1]["seq"]
            woken += await self._due(sleeping)
        return woken

    async def _sleeping(self, which: Selection, asked_at: Micros, after: int) -> list[Row]:
        async def look(tx: Transaction) -> list[Row]:
            match, values = await _asleep(tx, which)
            rows = await tx.rows(
                f"SELECT seq, uid, lane FROM command WHERE {match} AND seq > ? ORDER BY seq LIMIT ?",
                asked_at + SOON,
                *values,
                after,
                PORTION,
            )
            return [*rows]

        return await self._transactions.read(look)

    async def _due(self, sleeping: list[Row]) -> int:
        async def write(tx: Transaction) -> int:
            due = tx.now + SOON
            touched = await tx.run(
                f"UPDATE command SET due_at = ? WHERE {tx.among('uid')} AND {SLEEPS}",
                due,
                [row["uid"] for row in sleeping],
                due,
            )
            await tx.hint("")
            return touched

        return await self._transactions.write(write, lanes=sorted({row["lane"] for row in sleeping}))


async def probe_asked_at(tx: Transaction) -> Micros:
    """When a person last asked for probes; 0 if nobody did."""
    rows = await tx.rows("SELECT value FROM meta WHERE name = ?", PROBE)
    text = rows[0]["value"] if rows else ""
    return int(text) if text.isascii() and text.isdigit() else 0
