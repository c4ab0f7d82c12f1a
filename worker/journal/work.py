"""A command's run, as the journal sees it: claimed, its writes intended and recorded, concluded.

Every statement here that writes for a command holds only while the lane belongs to the caller's take of it.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from worker.journal.columns import dump, dump_waits, load_waits, source, step
from worker.journal.intake import INSERT_EVENT, INSERT_LETTER, event_row, letter_row
from worker.journal.lanes import dead_letter_lane, holds
from worker.journal.records import (
    SECOND,
    Call,
    Claim,
    Conclusion,
    Earlier,
    Micros,
    Note,
    Owner,
    Step,
    Work,
)
from worker.journal.sql import Row, Transaction

OPEN = "state IN ('accepted', 'waiting')"


async def claim(tx: Transaction, worker: str, partners: Sequence[str], limit: int, running: Collection[str]) -> Claim:
    """For each partner at most `limit` commands that can run now, the longest due first; none that is running."""
    found: list[Row] = []
    for partner in partners:
        rows = await tx.rows(
            """SELECT command.*, lane.epoch AS epoch, lane.settle_until AS settle_until
               FROM command JOIN lane ON lane.id = command.lane
               WHERE command.partner = ? AND due_at <= ? AND lane.owner = ? ORDER BY due_at, turn LIMIT ?""",
            partner,
            tx.now,
            worker,
            limit + len(running),
        )
        found.extend([row for row in rows if row["uid"] not in running][:limit])
    ahead = await tx.rows(
        """SELECT min(due_at) AS due_at FROM command JOIN lane ON lane.id = command.lane
           WHERE due_at > ? AND lane.owner = ?""",
        tx.now,
        worker,
    )
    due_at = ahead[0]["due_at"]
    return Claim(
        work=await _complete(tx, worker, found),
        next_in=None if due_at is None else (due_at - tx.now) / SECOND,
    )


async def partners(tx: Transaction) -> list[str]:
    """The partners of all open commands."""
    return [row["partner"] for row in await tx.rows(f"SELECT DISTINCT partner FROM command WHERE {OPEN}")]


async def runnable(tx: Transaction, worker: str, limit: int) -> int:
    """How many commands of this worker's lanes could run now, counted no further than `limit`."""
    rows = await tx.rows(
        """SELECT count(*) AS n FROM (SELECT 1 FROM command JOIN lane ON lane.id = command.lane
           WHERE due_at <= ? AND lane.owner = ? LIMIT ?) AS due""",
        tx.now,
        worker,
        limit,
    )
    return int(rows[0]["n"])


async def _complete(tx: Transaction, worker: str, rows: Sequence[Row]) -> list[Work]:
    """Commands with their steps, their counts of answers, and what other commands of the lane left open."""
    if not rows:
        return []
    uids = [row["uid"] for row in rows]
    earlier = await _earlier(tx, sorted({row["lane"] for row in rows}))
    steps = await steps_of(tx, uids + [item.uid for items in earlier.values() for item in items])
    answers: dict[str, dict[str, int]] = defaultdict(dict)
    for row in await tx.rows(
        f"SELECT uid, request, count(*) AS n FROM call WHERE {tx.among('uid')} AND answered = 1 GROUP BY uid, request",
        uids,
    ):
        answers[row["uid"]][row["request"]] = row["n"]
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
        )
        for row in rows
    ]


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
    for row in await tx.rows(f"SELECT * FROM step WHERE {tx.among('uid')} ORDER BY at", list(uids)):
        found[row["uid"]][row["name"]] = step(row)
    return found


async def intend(tx: Transaction, work: Work, new: Step, within: float, key: str | None) -> Step | str | None:
    """Write down that a request is about to leave, `within` seconds during which it may arrive at Partner Center.

    Gives the step as it now stands; the uid of the command that has the effect `key` open, if another has; None where
    the lane is lost. An unanswered request of the same step stays in the account.
    """
    if not holds(tx, work.lane, work.owner):
        return None
    if key is not None:
        holder = await _open_effect(tx, work, key)
        if holder != work.uid:
            return holder
    until = tx.now + int(within * SECOND)
    rows = await tx.rows(
        """INSERT INTO step (uid, name, effect, state, attempts, intent_until, earlier_until, details, at)
           VALUES (?, ?, ?, 'intended', 1, ?, 0, ?, ?)
           ON CONFLICT (uid, name) DO UPDATE SET state = 'intended', attempts = step.attempts + 1,
             earlier_until = CASE WHEN step.intent_until > step.earlier_until THEN step.intent_until
                             ELSE step.earlier_until END,
             intent_until = excluded.intent_until, details = excluded.details, at = excluded.at
           RETURNING *""",
        work.uid,
        new.name,
        new.effect,
        until,
        dump(new.details),
        tx.now,
    )
    return step(rows[0])


async def _open_effect(tx: Transaction, work: Work, key: str) -> str:
    await tx.run(
        "INSERT INTO effect (lane, key, uid, opened_at) VALUES (?, ?, ?, ?) ON CONFLICT (lane, key) DO NOTHING",
        work.lane,
        key,
        work.uid,
        tx.now,
    )
    rows = await tx.rows("SELECT uid FROM effect WHERE lane = ? AND key = ?", work.lane, key)
    return str(rows[0]["uid"])


async def record(tx: Transaction, work: Work, done: Step, *, spent: bool, calls: Sequence[Call]) -> bool:
    """Write down what is known of a step, with the calls that told. `spent`: no request of this command can change
    anything any more. False where the lane is lost."""
    if not holds(tx, work.lane, work.owner):
        return False
    await tx.run(
        """INSERT INTO step (uid, name, effect, state, attempts, intent_until, earlier_until, details, result, at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (uid, name) DO UPDATE SET state = excluded.state, intent_until = excluded.intent_until,
             earlier_until = excluded.earlier_until, details = excluded.details, result = excluded.result, at = excluded.at""",
        work.uid,
        done.name,
        done.effect,
        done.state.value,
        done.attempts,
        done.intent_until,
        done.earlier_until,
        dump(done.details),
        dump(done.result),
        tx.now,
    )
    if spent:
        await tx.run("UPDATE step SET intent_until = 0, earlier_until = 0 WHERE uid = ?", work.uid)
    await insert_calls(tx, work, calls)
    return True


async def put_away(tx: Transaction, work: Work, names: Sequence[str]) -> bool:
    """Steps that are over for good make room for new ones of their names; their instants stay. False: lane lost."""
    if not holds(tx, work.lane, work.owner):
        return False
    await archive_steps(tx, work.uid, names)
    return True


async def archive_steps(tx: Transaction, uid: str, names: Sequence[str]) -> None:
    """Rename steps to `name~1`, `name~2`, … so that the timeline keeps them and nothing reads them as current."""
    for name in names:
        rows = await tx.rows("SELECT count(*) AS n FROM step WHERE uid = ? AND name LIKE ?", uid, f"{name}~%")
        await tx.run("UPDATE step SET name = ? WHERE uid = ? AND name = ?", f"{name}~{rows[0]['n'] + 1}", uid, name)


async def close_effect(tx: Transaction, work: Work, key: str) -> bool:
    """An effect that another command left open has its answer now. False where the lane is lost."""
    if not holds(tx, work.lane, work.owner):
        return False
    await tx.run("DELETE FROM effect WHERE lane = ? AND key = ?", work.lane, key)
    return True


async def insert_calls(tx: Transaction, work: Work, calls: Sequence[Call]) -> None:
    """The calls of a run, for the timeline and for the counts of answers."""
    if calls:
        await tx.many(
            """INSERT INTO call (uid, redrive, at, step, operation, status, duration_ms, request_id, correlation_id,
               code, request, answered) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                (
                    work.uid, work.redrive, call.at, call.step, call.operation, call.status, call.duration_ms,
                    call.request_id, call.correlation_id, call.code, call.key, int(call.answered),
                )
                for call in calls
            ],
        )  # fmt: skip


async def insert_notes(tx: Transaction, uid: str, redrive: int, notes: Sequence[Note]) -> None:
    """Lines of the timeline."""
    if notes:
        await tx.many(
            "INSERT INTO note (uid, redrive, at, kind, detail, reason, until) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(uid, redrive, note.at, note.kind, note.detail, note.reason, note.until) for note in notes],
        )


async def conclude(tx: Transaction, work: Work, end: Conclusion) -> bool:
    """How the run ended, its events and its dead letter, and whose turn it is now. False where the lane is lost."""
    if not holds(tx, work.lane, work.owner):
        return False
    await _update_command(tx, work, end)
    await insert_calls(tx, work, end.calls)
    await insert_notes(tx, work.uid, work.redrive, end.notes)
    if end.events:
        await tx.many(INSERT_EVENT, [event_row(event, work.uid, work.redrive, work.lane) for event in end.events])
    if end.letter is not None:
        await tx.many(INSERT_LETTER, [letter_row(tx, end.letter, work.uid)])
        await tx.run("UPDATE lane SET unfinished = 1 WHERE id = ?", dead_letter_lane(end.letter.source.partition).id)
    if not end.state.is_open:
        await _close(tx, work, end)
    if not end.state.is_open or (end.released and not work.released):
        await _next_turn(tx, work)
    return True


async def _update_command(tx: Transaction, work: Work, end: Conclusion) -> None:
    is_open = end.state.is_open
    due_at: Micros | None = tx.now + int((end.due_in or 0) * SECOND) if is_open else None
    await tx.run(
        """UPDATE command SET state = ?, code = ?, attempts = ?, released = ?, reason = ?, waits = ?, memory = ?,
           due_at = ?, concluded_at = ?,
           first_failed_at = CASE WHEN ? = 1 THEN coalesce(first_failed_at, ?) ELSE first_failed_at END
           WHERE uid = ?""",
        end.state.value,
        end.code,
        end.attempts,
        int(end.released and is_open),
        end.waits.said if is_open else None,
        dump_waits(end.waits),
        dump(dict(end.memory)),
        due_at,
        None if is_open else tx.now,
        int(end.failed),
        tx.now,
        work.uid,
    )


async def _close(tx: Transaction, work: Work, end: Conclusion) -> None:
    if not end.keep_effects:
        await tx.run("DELETE FROM effect WHERE uid = ?", work.uid)
    if end.ended:
        rows = await tx.rows("SELECT name FROM step WHERE uid = ?", work.uid)
        await archive_steps(tx, work.uid, [row["name"] for row in rows if "~" not in row["name"]])


async def _next_turn(tx: Transaction, work: Work) -> None:
    """The lane's next command may run, and learns until when an unanswered request of this one may still arrive."""
    await tx.run(
        """UPDATE lane SET settle_until = (SELECT max(until) FROM (
             SELECT settle_until AS until FROM lane WHERE id = ?
             UNION ALL SELECT intent_until FROM step WHERE uid = ?
             UNION ALL SELECT earlier_until FROM step WHERE uid = ?) AS untils) WHERE id = ?""",
        work.lane,
        work.uid,
        work.uid,
        work.lane,
    )
    await tx.run(
        f"""UPDATE command SET due_at = ? WHERE due_at IS NULL AND uid = (SELECT uid FROM command
            WHERE lane = ? AND {OPEN} AND released = 0 ORDER BY turn LIMIT 1)""",
        tx.now,
        work.lane,
    )
