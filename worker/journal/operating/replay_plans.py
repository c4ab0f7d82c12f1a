"""Replay plans, which are made once and never changed. The states of their items are in `replay_items`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from worker.clock import duration_micros
from worker.journal.database.columns import dump, load
from worker.journal.database.protocol import Row, Transaction
from worker.journal.database.transactions import Transactions
from worker.journal.operating import replay_items
from worker.journal.operating.replay_items import ReplayItem, ReplayPlan, SentItem


@dataclass(frozen=True, slots=True)
class OutcomeReason:
    """Why `number` commands of a plan have an outcome."""

    outcome: str
    detail: str
    number: int


async def add_plan(tx: Transaction, plan: ReplayPlan) -> None:
    """Store the plan. It is complete from now on."""
    await tx.run(
        "INSERT INTO plan (id, at, who, why, asked, commands, calls, seconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        plan.id,
        tx.now,
        plan.who,
        plan.why,
        dump(plan.asked),
        plan.commands,
        plan.calls,
        plan.seconds,
    )


async def find(tx: Transaction, name: str) -> list[ReplayPlan]:
    """The plans whose ids begin with `name`, the oldest first."""
    rows = await tx.rows("SELECT * FROM plan WHERE substr(id, 1, ?) = ? ORDER BY at", len(name), name)
    return [await _plan(tx, row) for row in rows]


async def newest(tx: Transaction, limit: int = 0) -> list[ReplayPlan]:
    """The plans that have items, the newest first, at most `limit` of them; 0 for all."""
    rows = await tx.rows(
        f"SELECT * FROM plan WHERE commands > 0 ORDER BY at DESC, id DESC{' LIMIT ?' if limit else ''}",
        *([limit] if limit else []),
    )
    return [await _plan(tx, row) for row in rows]


async def reasons(tx: Transaction, plan: str) -> list[OutcomeReason]:
    """Why the commands of a plan have their outcomes, the most frequent reason first."""
    rows = await tx.rows(
        """SELECT outcome, detail, count(*) AS n FROM plan_item WHERE plan = ?
           GROUP BY outcome, detail ORDER BY count(*) DESC, detail""",
        plan,
    )
    return [OutcomeReason(row["outcome"], row["detail"], row["n"]) for row in rows]


async def over(tx: Transaction, age: float) -> list[str]:
    """The plans that were made more than `age` seconds ago, applied or not, and half forgotten plans."""
    rows = await tx.rows(
        "SELECT id FROM plan WHERE at < ? UNION SELECT id FROM forgotten_plan ORDER BY id",
        tx.now - duration_micros(age),
    )
    return [row["id"] for row in rows]


async def forget(tx: Transaction, age: float, limit: int) -> int:
    """Forget the plans made more than `age` seconds ago at once, and at most `limit` of their items. How many items.

    Nobody can find a plan of which some items are missing: the row of the plan is deleted first, and `forgotten_plan`
    remembers that items are left.
    """
    before = tx.now - duration_micros(age)
    await tx.run("INSERT INTO forgotten_plan (id) SELECT id FROM plan WHERE at < ? ON CONFLICT (id) DO NOTHING", before)
    await tx.run("DELETE FROM plan WHERE at < ?", before)
    items = await tx.rows(
        """SELECT plan, number FROM plan_item WHERE plan IN (SELECT id FROM forgotten_plan)
           ORDER BY plan, number LIMIT ?""",
        limit,
    )
    await tx.many(
        "DELETE FROM plan_item WHERE plan = ? AND number = ?", [(each["plan"], each["number"]) for each in items]
    )
    await tx.run(
        """DELETE FROM forgotten_plan
           WHERE NOT EXISTS (SELECT 1 FROM plan_item WHERE plan_item.plan = forgotten_plan.id)"""
    )
    return len(items)


async def calls_by_type(tx: Transaction) -> Mapping[str, float]:
    """How many calls of Partner Center a story of each type of command made on average, as far as remembered."""
    rows = await tx.rows(
        """SELECT type, sum(n) AS calls, count(*) AS stories FROM (
             SELECT command.type AS type, call.uid, call.redrive, count(*) AS n FROM call
             JOIN command ON command.uid = call.uid GROUP BY command.type, call.uid, call.redrive) AS each_story
           GROUP BY type"""
    )
    return {row["type"]: float(row["calls"]) / float(row["stories"]) for row in rows}


async def _plan(tx: Transaction, row: Row) -> ReplayPlan:
    counted = await tx.rows("SELECT outcome, count(*) AS n FROM plan_item WHERE plan = ? GROUP BY outcome", row["id"])
    return ReplayPlan(
        id=row["id"],
        at=row["at"],
        who=row["who"],
        why=row["why"],
        asked=load(row["asked"]),
        commands=row["commands"],
        calls=row["calls"],
        seconds=row["seconds"],
        outcomes={each["outcome"]: each["n"] for each in counted},
    )


class ReplayPlans:
    """Keeps replay plans and sends their items. Every method raises `JournalUnavailable`."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def add_items(self, plan: str, items: Sequence[ReplayItem]) -> None:
        """Store some items of the plan with this id. Nobody finds the plan before `add_plan`."""
        await self._transactions.write(lambda tx: replay_items.add_items(tx, plan, items))

    async def add_plan(self, plan: ReplayPlan) -> None:
        """Store the plan. It is complete from now on."""
        await self._transactions.write(lambda tx: add_plan(tx, plan))

    async def find(self, name: str) -> list[ReplayPlan]:
        """The plans whose ids begin with `name`, the oldest first."""
        return await self._transactions.read(lambda tx: find(tx, name))

    async def newest(self, limit: int = 0) -> list[ReplayPlan]:
        """The plans that have items, the newest first, at most `limit` of them; 0 for all."""
        return await self._transactions.read(lambda tx: newest(tx, limit))

    async def reasons(self, plan: str) -> list[OutcomeReason]:
        """Why the commands of a plan have their outcomes, the most frequent reason first."""
        return await self._transactions.read(lambda tx: reasons(tx, plan))

    async def calls_by_type(self) -> Mapping[str, float]:
        """How many calls of Partner Center a story of each type of command made on average, as far as remembered."""
        return await self._transactions.read(calls_by_type)

    async def states(self, plan: str, outcomes: Sequence[str]) -> Mapping[str, int]:
        """How many items of these outcomes are in each state."""
        return await self._transactions.read(lambda tx: replay_items.states(tx, plan, outcomes))

    async def planned(self, plan: str, outcomes: Sequence[str], limit: int) -> list[ReplayItem]:
        """The next `limit` items of these outcomes that are not begun."""
        return await self._transactions.read(lambda tx: replay_items.planned(tx, plan, outcomes, limit))

    async def under_way(self, plan: str) -> list[SentItem]:
        """All items that were sent and have not ended."""
        return await self._transactions.read(lambda tx: replay_items.under_way(tx, plan))

    async def end_items(self, plan: str, ends: Sequence[tuple[int, str, str | None]]) -> None:
        """Give items that were sent their ends: number, state and result of each."""
        await self._transactions.write(lambda tx: replay_items.mark(tx, plan, ends, since="sent"))

    async def note_entered(self, plan: ReplayPlan, items: Sequence[ReplayItem], who: str) -> None:
        """Remember that the records of these items were taken in, and who did it. The items are under way."""
        await self._transactions.write(lambda tx: replay_items.note_entered(tx, plan, items, who))

    async def send_redrives(self, plan: ReplayPlan, items: Sequence[ReplayItem], who: str) -> int:
        """Request the next story of the commands of these items, each once. Returns how many were requested."""
        lanes = await self._transactions.read(lambda tx: replay_items.lanes_of(tx, items))
        return await self._transactions.write(lambda tx: replay_items.send_redrives(tx, plan, items, who), lanes=lanes)

    async def send_again(self, plan: ReplayPlan, items: Sequence[ReplayItem], who: str) -> int:
        """Publish the recorded events of the commands of these items again, each once. Returns how many commands."""
        lanes = await self._transactions.read(lambda tx: replay_items.lanes_of(tx, items))
        return await self._transactions.write(lambda tx: replay_items.send_again(tx, plan, items, who), lanes=lanes)
