"""The items of replay plans: planned, sent, and how each ended.

An item is `planned`, then `sent` when it is requested, then `done`, `failed` or `left` (nothing was done, and `result`
says why). The transaction that makes an item `sent` also writes the request. Applying a plan again after a crash, or
twice at the same time, therefore sends nothing twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from events.wire.record import Record
from worker.journal.database.columns import dump, dump_headers, source
from worker.journal.database.protocol import Row, Transaction, Value
from worker.journal.database.state_conditions import ENDED
from worker.journal.operating.audit import sign
from worker.journal.processing.lane_ownership import own_fresh
from worker.journal.records import Json, Micros

INSERT_ITEM = """INSERT INTO plan_item (plan, number, uid, type, outcome, detail, redrive, topic, partition, position,
    recorded_at, key, value, headers) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
INSERT_ACT = """INSERT INTO act (at, who, why, verb, uid, lane, details) VALUES (?, ?, ?, 'redrive', ?, ?, ?)
    RETURNING seq"""
SEND_AGAIN = f"""UPDATE event SET sent_at = NULL WHERE uid = ? AND EXISTS (SELECT 1 FROM command
    WHERE command.uid = event.uid AND {ENDED})"""


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """A replay plan. `asked` is the selection in the words of the person."""

    id: str
    at: Micros
    who: str
    why: str
    asked: Json
    commands: int
    calls: int
    seconds: int
    outcomes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ReplayItem:
    """One command of a plan. `record` is set if the journal does not know the command: the replay takes it in."""

    number: int
    uid: str | None
    type: str
    outcome: str
    detail: str
    redrive: int = 0
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class SentItem:
    """An item that is under way. Fields about its command or its request are None if there is none (yet)."""

    number: int
    uid: str
    redrive: int
    asked: bool
    answer: str | None
    state: str | None
    reason: str | None
    story: int | None


async def add_items(tx: Transaction, plan: str, items: Sequence[ReplayItem]) -> None:
    """Store some items of a plan. Nobody finds the plan before `add_plan`."""
    await tx.many(INSERT_ITEM, [_item_row(plan, item) for item in items])


async def states(tx: Transaction, plan: str, outcomes: Sequence[str]) -> Mapping[str, int]:
    """How many items of these outcomes are in each state."""
    rows = await tx.rows(
        f"SELECT state, count(*) AS n FROM plan_item WHERE plan = ? AND {tx.among('outcome')} GROUP BY state",
        plan,
        list(outcomes),
    )
    return {row["state"]: row["n"] for row in rows}


async def planned(tx: Transaction, plan: str, outcomes: Sequence[str], limit: int) -> list[ReplayItem]:
    """The next `limit` items of these outcomes that nobody has begun."""
    rows = await tx.rows(
        f"""SELECT * FROM plan_item WHERE plan = ? AND state = 'planned' AND {tx.among("outcome")}
            ORDER BY number LIMIT ?""",
        plan,
        list(outcomes),
        limit,
    )
    return [_item(row) for row in rows]


async def under_way(tx: Transaction, plan: str) -> list[SentItem]:
    """All items that were sent and have not ended."""
    rows = await tx.rows(
        """SELECT plan_item.number, plan_item.uid, plan_item.redrive, plan_item.act, act.result, command.state,
             command.reason, command.redrive AS story
           FROM plan_item LEFT JOIN command ON command.uid = plan_item.uid LEFT JOIN act ON act.seq = plan_item.act
           WHERE plan_item.plan = ? AND plan_item.state = 'sent' ORDER BY plan_item.number""",
        plan,
    )
    return [
        SentItem(
            row["number"],
            row["uid"],
            row["redrive"],
            row["act"] is not None,
            row["result"],
            row["state"],
            row["reason"],
            row["story"],
        )
        for row in rows
    ]


async def send_redrives(tx: Transaction, plan: ReplayPlan, items: Sequence[ReplayItem], who: str) -> int:
    """Request the next story of these commands, each once. How many were requested.

    The transaction has locked the lanes of the commands.
    """
    asked = 0
    for item in items:
        lane = await _lane(tx, item)
        if lane is None or not await _claim(tx, plan.id, item, "sent"):
            continue
        await own_fresh(tx, "", [lane])
        details = dump({"redrive": item.redrive, "plan": plan.id})
        rows = await tx.rows(INSERT_ACT, tx.now, who, plan.why, item.uid, lane, details)
        await tx.run("UPDATE plan_item SET act = ? WHERE plan = ? AND number = ?", rows[0]["seq"], plan.id, item.number)
        asked += 1
    return asked


async def send_again(tx: Transaction, plan: ReplayPlan, items: Sequence[ReplayItem], who: str) -> int:
    """Publish the recorded events of these commands again, each once. How many commands.

    The transaction has locked the lanes of the commands.
    """
    again = 0
    for item in items:
        lane = await _lane(tx, item)
        if lane is None or not await _claim(tx, plan.id, item, "done"):
            continue
        await own_fresh(tx, "", [lane])
        await tx.run(SEND_AGAIN, item.uid)
        await sign(tx, who, plan.why, "re-emit", details={"plan": plan.id}, about=(item.uid, lane))
        again += 1
    return again


async def note_entered(tx: Transaction, plan: ReplayPlan, items: Sequence[ReplayItem], who: str) -> None:
    """Mark items as under way, each once, because their records were taken in. Remember who took them in."""
    for item in items:
        if await _claim(tx, plan.id, item, "sent"):
            await sign(tx, who, plan.why, "replay", details={"plan": plan.id}, about=(item.uid, None))


async def mark(tx: Transaction, plan: str, ends: Sequence[tuple[int, str, str | None]], *, since: str) -> None:
    """Give items that are in the state `since` a new state and a result. `ends`: number, state, result of each."""
    await tx.many(
        "UPDATE plan_item SET state = ?, result = ? WHERE plan = ? AND number = ? AND state = ?",
        [(state, result, plan, number, since) for number, state, result in ends],
    )


async def lanes_of(tx: Transaction, items: Sequence[ReplayItem]) -> list[str]:
    """The lanes of the commands of these items."""
    uids = [item.uid for item in items if item.uid is not None]
    rows = await tx.rows(f"SELECT DISTINCT lane FROM command WHERE {tx.among('uid')} ORDER BY lane", uids)
    return [row["lane"] for row in rows]


async def _lane(tx: Transaction, item: ReplayItem) -> str | None:
    """The lane of the item's command. None if this transaction has not locked the lane, because the command has moved:
    the next transaction finds it."""
    rows = await tx.rows("SELECT lane FROM command WHERE uid = ?", item.uid or "")
    return rows[0]["lane"] if rows and rows[0]["lane"] in tx.known.lanes else None


async def _claim(tx: Transaction, plan: str, item: ReplayItem, state: str) -> bool:
    touched = await tx.run(
        "UPDATE plan_item SET state = ? WHERE plan = ? AND number = ? AND state = 'planned'", state, plan, item.number
    )
    return touched == 1


def _item_row(plan: str, item: ReplayItem) -> tuple[Value, ...]:
    record = item.record
    place: tuple[Value, ...] = (None, None, None, None, None, None, "[]")
    if record is not None:
        headers = dump_headers(record.headers)
        place = (
            record.topic, record.partition, record.offset, record.timestamp, record.key, record.value, headers
        )  # fmt: skip
    return (plan, item.number, item.uid, item.type, item.outcome, item.detail, item.redrive, *place)


def _item(row: Row) -> ReplayItem:
    return ReplayItem(
        number=row["number"],
        uid=row["uid"],
        type=row["type"],
        outcome=row["outcome"],
        detail=row["detail"],
        redrive=row["redrive"],
        record=None if row["topic"] is None else source(row),
    )
