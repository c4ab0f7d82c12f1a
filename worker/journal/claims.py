"""What can run now, with all that is known about it."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from worker.journal.columns import load_waits, source, step
from worker.journal.pauses import held_by, not_held, pauses
from worker.journal.records import SECOND, Claim, Earlier, Owner, Resolution, State, Step, Work
from worker.journal.sql import Row, Transaction

OPEN = "state IN ('accepted', 'waiting')"

OF_LANES = """SELECT command.*, lane.epoch AS epoch, lane.settle_until AS settle_until
    FROM command JOIN lane ON lane.id = command.lane"""


async def claim(tx: Transaction, worker: str, partners: Sequence[str], limit: int, running: Collection[str]) -> Claim:
    """For each partner at most `limit` commands that can run now, the longest due first; none that is running."""
    found: list[Row] = []
    for partner in partners:
        rows = await tx.rows(
            f"""{OF_LANES} WHERE command.partner = ? AND due_at <= ? AND lane.owner = ?
                ORDER BY due_at, turn LIMIT ?""",
            partner,
            tx.now,
            worker,
            limit + len(running),
        )
        found.extend([row for row in rows if row["uid"] not in running][:limit])
    ahead = await tx.rows(
        """SELECT due_at FROM command JOIN lane ON lane.id = command.lane
           WHERE due_at > ? AND lane.owner = ? ORDER BY due_at LIMIT 1""",
        tx.now,
        worker,
    )
    return Claim(
        work=await _complete(tx, worker, found),
        next_in=(ahead[0]["due_at"] - tx.now) / SECOND if ahead else None,
    )


async def partners(tx: Transaction) -> list[str]:
    """The partners of all commands that are due, now or later: one look at the index for each of them."""
    rows = await tx.rows(
        """WITH RECURSIVE found (partner) AS (
             SELECT min(partner) FROM command WHERE due_at IS NOT NULL
             UNION ALL
             SELECT (SELECT min(command.partner) FROM command
                     WHERE due_at IS NOT NULL AND command.partner > found.partner)
             FROM found WHERE found.partner IS NOT NULL)
           SELECT partner FROM found WHERE partner IS NOT NULL"""
    )
    return [row["partner"] for row in rows]


async def runnable(tx: Transaction, worker: str, limit: int) -> int:
    """How many commands of this worker's lanes could run now, counted no further than `limit`: none that is paused."""
    free, values = not_held(await pauses(tx))
    rows = await tx.rows(
        f"""SELECT count(*) AS n FROM (SELECT 1 FROM command JOIN lane ON lane.id = command.lane
           WHERE due_at <= ? AND lane.owner = ? AND {free} LIMIT ?) AS due""",
        tx.now,
        worker,
        *values,
        limit,
    )
    return int(rows[0]["n"])


async def subject(tx: Transaction, worker: str, uid: str) -> Work | None:
    """A command of this worker's lanes, whatever its state; None where it is not there or its bytes are forgotten."""
    rows = await tx.rows(
        f"{OF_LANES} WHERE command.uid = ? AND lane.owner = ? AND command.pruned_at IS NULL", uid, worker
    )
    work = await _complete(tx, worker, rows)
    return work[0] if work else None


async def _complete(tx: Transaction, worker: str, rows: Sequence[Row]) -> list[Work]:
    """Commands with their steps, their counts of answers, and what other commands of the lane left open."""
    if not rows:
        return []
    uids = [row["uid"] for row in rows]
    held = await pauses(tx)
    earlier = await _earlier(tx, sorted({row["lane"] for row in rows}))
    steps = await steps_of(tx, uids + [item.uid for items in earlier.values() for item in items])
    answers = await _answers(tx, uids)
    return [
        Work(
            uid=row["uid"],
            source=row["source"],
            id=row["id"],
            type=row["type"],
            lane=row["lane"],
            owner=Owner(worker, row["epoch"]),
            partner=row["partner"] or None,
            customer=row["customer"],
            correlation_id=row["correlation_id"],
            redrive=row["redrive"],
            attempts=row["attempts"],
            released=bool(row["released"]),
            received_at=row["received_at"],
            first_failed_at=row["first_failed_at"],
            settle_until=0 if row["released"] else row["settle_until"],
            record=source(row),
            waits=load_waits(row["waits"]),
            memory=json.loads(row["memory"]),
            steps=dict(steps[row["uid"]]),
            answers=answers[row["uid"]],
            earlier=tuple(
                Earlier(item.key, item.uid, item.command_id, steps[item.uid])
                for item in earlier[row["lane"]]
                if item.uid != row["uid"]
            ),
            revision=row["revision"],
            state=State(row["state"]),
            code=row["code"],
            paused=held_by(held, row),
            resolution=Resolution(row["resolution"]) if row["resolution"] else None,
        )
        for row in rows
    ]


async def _answers(tx: Transaction, uids: Sequence[str]) -> Mapping[str, dict[str, int]]:
    """How many answers came to each very request of these commands."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for row in await tx.rows(
        f"SELECT uid, request, count(*) AS n FROM call WHERE {tx.among('uid')} AND answered = 1 GROUP BY uid, request",
        uids,
    ):
        found[row["uid"]][row["request"]] = row["n"]
    return found


async def _earlier(tx: Transaction, lanes: Sequence[str]) -> Mapping[str, list[Earlier]]:
    """Effects that commands of these lanes left open."""
    found: dict[str, list[Earlier]] = defaultdict(list)
    for row in await tx.rows(
        f"""SELECT effect.lane AS lane, effect.key AS key, effect.uid AS uid, command.id AS id
            FROM effect JOIN command ON command.uid = effect.uid WHERE {tx.among("effect.lane")}""",
        lanes,
    ):
        found[row["lane"]].append(Earlier(row["key"], row["uid"], row["id"], {}))
    return found


async def steps_of(tx: Transaction, uids: Sequence[str]) -> Mapping[str, dict[str, Step]]:
    """The steps of these commands, by command and name."""
    found: dict[str, dict[str, Step]] = defaultdict(dict)
    for row in await tx.rows(f"SELECT * FROM step WHERE {tx.among('uid')} ORDER BY at, name", list(uids)):
        found[row["uid"]][row["name"]] = step(row)
    return found
