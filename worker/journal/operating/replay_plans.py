"""Plans of replays as they are kept: made once and never changed, but for how far each item is.

An item is `planned`, then `sent` when somebody was asked to do it, then `done`, `failed` or `left` (nothing was done,
and `result` says why). What is sent is asked for in the transaction that says so: whoever applies the plan again after
a crash, or beside another, sends nothing twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from events.wire.record import Record
from worker.journal.database.columns import (
    dump,
    dump_headers,
    load,
    source,
)
from worker.journal.database.protocol import Row, Transaction, Value
from worker.journal.operating.audit import sign
from worker.journal.processing.lanes import own_fresh
from worker.journal.records import SECOND, Json, Micros

INSERT_ITEM = """INSERT INTO plan_item (plan, number, uid, type, outcome, detail, redrive, topic, partition, position,
    recorded_at, key, value, headers) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
INSERT_ACT = """INSERT INTO act (at, who, why, verb, uid, lane, details) VALUES (?, ?, ?, 'redrive', ?, ?, ?)
    RETURNING seq"""
SEND_AGAIN = """UPDATE event SET sent_at = NULL WHERE uid = ? AND EXISTS (SELECT 1 FROM command
    WHERE command.uid = event.uid AND state IN ('succeeded', 'rejected', 'failed'))"""


@dataclass(frozen=True, slots=True)
class Item:
    """One command of a plan. `record` is there where the command is not known, and would enter from it."""

    number: int
    uid: str | None
    type: str
    outcome: str
    detail: str
    redrive: int = 0
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why so many commands of a plan have an outcome."""

    outcome: str
    detail: str
    number: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan. `asked` is the selection as a person made it."""

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
class Sent:
    """An item that is under way, with what is known of its command: None where there is none (yet)."""

    number: int
    uid: str
    redrive: int
    asked: bool
    answer: str | None
    state: str | None
    reason: str | None
    story: int | None


async def add_items(tx: Transaction, plan: str, items: Sequence[Item]) -> None:
    """Some of a plan's items. The plan is there when `add_plan` is."""
    await tx.many(INSERT_ITEM, [_item_row(plan, item) for item in items])


async def add_plan(tx: Transaction, plan: Plan) -> None:
    """The plan, complete from now on."""
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


async def find(tx: Transaction, name: str) -> list[Plan]:
    """The plans whose id begins so."""
    rows = await tx.rows("SELECT * FROM plan WHERE substr(id, 1, ?) = ? ORDER BY at", len(name), name)
    return [await _plan(tx, row) for row in rows]


async def latest(tx: Transaction) -> list[Plan]:
    """The newest plan, if there is any."""
    return await newest(tx, 1)


async def newest(tx: Transaction, limit: int = 0) -> list[Plan]:
    """The plans in which there is something, the newest first, at most `limit` of them; 0 for all."""
    rows = await tx.rows(
        f"SELECT * FROM plan WHERE commands > 0 ORDER BY at DESC, id DESC{' LIMIT ?' if limit else ''}",
        *([limit] if limit else []),
    )
    return [await _plan(tx, row) for row in rows]


async def reasons(tx: Transaction, plan: str) -> list[Reason]:
    """Why the commands of a plan have the outcomes that they have, the most frequent reason of each outcome first."""
    rows = await tx.rows(
        """SELECT outcome, detail, count(*) AS n FROM plan_item WHERE plan = ?
           GROUP BY outcome, detail ORDER BY count(*) DESC, detail""",
        plan,
    )
    return [Reason(row["outcome"], row["detail"], row["n"]) for row in rows]


async def states(tx: Transaction, plan: str, outcomes: Sequence[str]) -> Mapping[str, int]:
    """How many items of these outcomes are in each state."""
    rows = await tx.rows(
        f"SELECT state, count(*) AS n FROM plan_item WHERE plan = ? AND {tx.among('outcome')} GROUP BY state",
        plan,
        list(outcomes),
    )
    return {row["state"]: row["n"] for row in rows}


async def planned(tx: Transaction, plan: str, outcomes: Sequence[str], limit: int) -> list[Item]:
    """The next items of these outcomes that nobody has begun."""
    rows = await tx.rows(
        f"""SELECT * FROM plan_item WHERE plan = ? AND state = 'planned' AND {tx.among("outcome")}
            ORDER BY number LIMIT ?""",
        plan,
        list(outcomes),
        limit,
    )
    return [_item(row) for row in rows]


async def under_way(tx: Transaction, plan: str) -> list[Sent]:
    """All items that were sent and have not ended."""
    rows = await tx.rows(
        """SELECT plan_item.number, plan_item.uid, plan_item.redrive, plan_item.act, act.result, command.state,
             command.reason, command.redrive AS story
           FROM plan_item LEFT JOIN command ON command.uid = plan_item.uid LEFT JOIN act ON act.seq = plan_item.act
           WHERE plan_item.plan = ? AND plan_item.state = 'sent' ORDER BY plan_item.number""",
        plan,
    )
    return [
        Sent(
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


async def send_redrives(tx: Transaction, plan: Plan, items: Sequence[Item], who: str) -> int:
    """Ask for the next story of these commands, each once. Their lanes are locked. How many were asked for."""
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


async def send_again(tx: Transaction, plan: Plan, items: Sequence[Item], who: str) -> int:
    """Publish the recorded events of these commands again, each once. Their lanes are locked. How many commands."""
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


async def note_entered(tx: Transaction, plan: Plan, items: Sequence[Item], who: str) -> None:
    """These records were taken in, each once: they are under way, and who took them in is kept with their commands."""
    for item in items:
        if await _claim(tx, plan.id, item, "sent"):
            await sign(tx, who, plan.why, "replay", details={"plan": plan.id}, about=(item.uid, None))


async def mark(tx: Transaction, plan: str, ends: Sequence[tuple[int, str, str | None]], *, since: str) -> None:
    """Items, by number, that were in the state `since`, with the state and the result that they have now."""
    await tx.many(
        "UPDATE plan_item SET state = ?, result = ? WHERE plan = ? AND number = ? AND state = ?",
        [(state, result, plan, number, since) for number, state, result in ends],
    )


async def over(tx: Transaction, age: float) -> list[str]:
    """Plans that were made longer ago than so many seconds, whatever became of them, and half forgotten ones."""
    rows = await tx.rows(
        "SELECT id FROM plan WHERE at < ? UNION SELECT id FROM forgotten_plan ORDER BY id", tx.now - int(age * SECOND)
    )
    return [row["id"] for row in rows]


async def forget(tx: Transaction, age: float, limit: int) -> int:
    """Forget such plans at once, and at most `limit` of their items. How many items.

    Nobody finds a plan of which some items are missing: its row goes first, and `forgotten_plan` remembers the rest.
    """
    before = tx.now - int(age * SECOND)
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


async def lanes_of(tx: Transaction, items: Sequence[Item]) -> list[str]:
    """The lanes of the commands of these items."""
    uids = [item.uid for item in items if item.uid is not None]
    rows = await tx.rows(f"SELECT DISTINCT lane FROM command WHERE {tx.among('uid')} ORDER BY lane", uids)
    return [row["lane"] for row in rows]


async def calls_by_type(tx: Transaction) -> Mapping[str, float]:
    """How many calls of Partner Center a story of each type has taken on average, as far as calls are remembered."""
    rows = await tx.rows(
        """SELECT type, sum(n) AS calls, count(*) AS stories FROM (
             SELECT command.type AS type, call.uid, call.redrive, count(*) AS n FROM call
             JOIN command ON command.uid = call.uid GROUP BY command.type, call.uid, call.redrive) AS each_story
           GROUP BY type"""
    )
    return {row["type"]: float(row["calls"]) / float(row["stories"]) for row in rows}


async def _lane(tx: Transaction, item: Item) -> str | None:
    """The command's lane, if this transaction has locked it; one that has moved since is found the next time."""
    rows = await tx.rows("SELECT lane FROM command WHERE uid = ?", item.uid or "")
    return rows[0]["lane"] if rows and rows[0]["lane"] in tx.known.lanes else None


async def _claim(tx: Transaction, plan: str, item: Item, state: str) -> bool:
    touched = await tx.run(
        "UPDATE plan_item SET state = ? WHERE plan = ? AND number = ? AND state = 'planned'", state, plan, item.number
    )
    return touched == 1


async def _plan(tx: Transaction, row: Row) -> Plan:
    counted = await tx.rows("SELECT outcome, count(*) AS n FROM plan_item WHERE plan = ? GROUP BY outcome", row["id"])
    return Plan(
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


def _item_row(plan: str, item: Item) -> tuple[Value, ...]:
    record = item.record
    place: tuple[Value, ...] = (None, None, None, None, None, None, "[]")
    if record is not None:
        headers = dump_headers(record.headers)
        place = (
            record.topic, record.partition, record.offset, record.timestamp, record.key, record.value, headers
        )  # fmt: skip
    return (plan, item.number, item.uid, item.type, item.outcome, item.detail, item.redrive, *place)


def _item(row: Row) -> Item:
    return Item(
        number=row["number"],
        uid=row["uid"],
        type=row["type"],
        outcome=row["outcome"],
        detail=row["detail"],
        redrive=row["redrive"],
        record=None if row["topic"] is None else source(row),
    )
