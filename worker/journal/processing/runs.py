"""Stores the run of a command: its intents, the results of its writes, and its conclusion.

A function here writes for a command only while the lane belongs to the caller's take of the lane, and while the run
that the caller knows is still the command's run.
"""

from collections.abc import Sequence
from dataclasses import replace

from events.wire.text import printable
from worker.clock import duration_micros
from worker.journal.database.columns import dump, dump_waits
from worker.journal.database.protocol import Transaction
from worker.journal.database.state_conditions import OPEN, UNKNOWN_STATE
from worker.journal.processing.intake import INSERT_EVENT, INSERT_LETTER, LONGEST_DETAIL, event_row, letter_row
from worker.journal.processing.lane_ownership import dead_letter_lane, holds, own_fresh
from worker.journal.processing.pauses import held_by, pauses
from worker.journal.records import Call, Conclusion, Micros, Note, Step, StepState, Work

LONGEST_CODE = 64

UPSERT_STEP = """INSERT INTO step (uid, name, effect, state, attempts, intent_until, earlier_until, details, result, at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (uid, name) DO UPDATE SET state = excluded.state, intent_until = excluded.intent_until,
      earlier_until = excluded.earlier_until, details = excluded.details, result = excluded.result, at = excluded.at"""
INTEND_STEP = """INSERT INTO step (uid, name, effect, state, attempts, intent_until, earlier_until, details, at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (uid, name) DO UPDATE SET state = excluded.state, attempts = excluded.attempts,
      earlier_until = excluded.earlier_until, intent_until = excluded.intent_until, details = excluded.details,
      at = excluded.at"""
OPEN_EFFECT = "INSERT INTO effect (lane, key, uid, opened_at) VALUES (?, ?, ?, ?) ON CONFLICT (lane, key) DO NOTHING"
INSERT_CALL = """INSERT INTO call (uid, redrive, at, step, operation, status, duration_ms, request_id, correlation_id,
    code, request, answered) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
INSERT_NOTE = "INSERT INTO note (uid, redrive, at, kind, detail, reason, until) VALUES (?, ?, ?, ?, ?, ?, ?)"
INSERT_LAG = "INSERT INTO lag (partner, awaited, not_before, shown_by) VALUES (?, ?, ?, ?)"
UPDATE_COMMAND = """UPDATE command SET state = ?, code = ?, attempts = ?, released = ?, reason = ?, waits = ?,
    memory = ?, due_at = ?, concluded_at = ?, revision = ?,
    first_failed_at = CASE WHEN ? = 1 THEN coalesce(first_failed_at, ?) ELSE first_failed_at END
    WHERE uid = ?"""
SETTLE_LANE = """UPDATE lane SET settle_until = (SELECT max(until) FROM (
      SELECT settle_until AS until FROM lane WHERE id = ?
      UNION ALL SELECT intent_until FROM step WHERE uid = ?
      UNION ALL SELECT earlier_until FROM step WHERE uid = ?) AS untils) WHERE id = ?"""
NEXT_DUE = f"""UPDATE command SET due_at = ? WHERE due_at IS NULL AND uid = (SELECT uid FROM command
    WHERE lane = ? AND {OPEN} AND released = 0 ORDER BY turn LIMIT 1)
    AND NOT EXISTS (SELECT 1 FROM command AS odd WHERE odd.lane = command.lane AND odd.turn < command.turn
      AND odd.released = 0 AND odd.concluded_at IS NULL AND odd.{UNKNOWN_STATE})"""
"""The head of a lane may run, unless a command stands before it whose state only a newer azplan knows."""


class StepIsApplied(Exception):
    """An intent for a step that has taken effect already. Such a step must be archived before it can begin again."""


def stands(tx: Transaction, work: Work) -> bool:
    """True while the lane belongs to the caller's take of the lane, and the caller's run is still the command's run."""
    return holds(tx, work.lane, work.owner) and tx.known.revisions.get(work.uid) == work.revision


async def intend(tx: Transaction, work: Work, new: Step, within: float, key: str | None) -> Step | str | None:
    """Store the intent of a step: a request is about to leave, and may arrive at Partner Center for `within` seconds.

    Returns the step as it stands now; or the uid of another command that has the effect `key` open; or None if the lane
    is lost. An earlier unanswered request of the step is remembered too. Raises `StepIsApplied`.
    """
    if not stands(tx, work):
        return None
    if key is not None:
        holder = tx.known.effects.setdefault((work.lane, key), work.uid)
        if holder != work.uid:
            return holder
        await tx.many(OPEN_EFFECT, [(work.lane, key, work.uid, tx.now)])
    intended = _begun(tx, work, new, tx.now + duration_micros(within))
    tx.known.steps[work.uid][new.name] = intended
    values = (
        work.uid,
        intended.name,
        intended.effect,
        intended.state.value,
        intended.attempts,
        intended.intent_until,
        intended.earlier_until,
        dump(intended.details),
        tx.now,
    )
    await tx.many(INTEND_STEP, [values])
    if work.released:
        # The lane went on without this command before this intent, so the commands behind it must learn of it now.
        until = intended.intent_until
        await tx.many("UPDATE lane SET settle_until = ? WHERE id = ? AND settle_until < ?", [(until, work.lane, until)])
    return intended


def _begun(tx: Transaction, work: Work, new: Step, until: Micros) -> Step:
    """The step with the intent of a request that may arrive until `until`."""
    before = tx.known.steps[work.uid].get(new.name)
    if before is None:
        return replace(new, state=StepState.INTENDED, attempts=1, intent_until=until, earlier_until=0, at=tx.now)
    if before.state is StepState.APPLIED:
        raise StepIsApplied(f"{new.name} of command {work.uid} has taken effect already")
    return replace(
        before,
        state=StepState.INTENDED,
        attempts=before.attempts + 1,
        intent_until=until,
        earlier_until=before.until,
        details=new.details,
        at=tx.now,
    )


async def record(tx: Transaction, work: Work, done: Step, *, spent: bool, calls: Sequence[Call]) -> bool:
    """Store the known state of a step, and the calls that showed the state. False if the lane is lost.

    `spent`: no request of this command can change anything any more.
    """
    if not stands(tx, work):
        return False
    values = (
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
    await tx.many(UPSERT_STEP, [values])
    if spent:
        await tx.many("UPDATE step SET intent_until = 0, earlier_until = 0 WHERE uid = ?", [(work.uid,)])
    await insert_calls(tx, work, calls)
    return True


async def put_away(tx: Transaction, work: Work, names: Sequence[str]) -> bool:
    """Archive finished steps, which frees their names for new steps. Their instants stay. False if the lane is lost."""
    if not stands(tx, work):
        return False
    await archive_steps(tx, work.uid, names)
    return True


async def archive_steps(tx: Transaction, uid: str, names: Sequence[str] | None = None) -> None:
    """Rename these steps, or all if `names` is None, to `name~1`, `name~2`, …

    The timeline keeps an archived step, and no run reads it as a current one.
    """
    present = [row["name"] for row in await tx.rows("SELECT name FROM step WHERE uid = ?", uid)]
    for name in present if names is None else names:
        if "~" in name or name not in present:
            continue
        number = 1 + sum(old.startswith(f"{name}~") for old in present)
        await tx.many("UPDATE step SET name = ? WHERE uid = ? AND name = ?", [(f"{name}~{number}", uid, name)])


async def close_effect(tx: Transaction, work: Work, key: str) -> bool:
    """Close an effect that another command left open: its outcome is known now. False if the lane is lost."""
    if not stands(tx, work):
        return False
    await tx.many("DELETE FROM effect WHERE lane = ? AND key = ?", [(work.lane, key)])
    return True


async def insert_calls(tx: Transaction, work: Work, calls: Sequence[Call]) -> None:
    """Store the calls of a run, for the timeline and for the counts of answers."""
    rows = [
        (
            work.uid, work.redrive, call.at, call.step, call.operation, call.status, call.duration_ms,
            call.request_id, call.correlation_id, call.code and printable(call.code, LONGEST_CODE), call.key,
            int(call.answered),
        )
        for call in calls
    ]  # fmt: skip
    if rows:
        await tx.many(INSERT_CALL, rows)


async def insert_notes(tx: Transaction, uid: str, redrive: int, notes: Sequence[Note]) -> None:
    """Store lines of the timeline of a command."""
    rows = [
        (uid, redrive, note.at, note.kind, printable(note.detail, LONGEST_DETAIL), note.reason, note.until)
        for note in notes
    ]
    if rows:
        await tx.many(INSERT_NOTE, rows)


async def conclude(tx: Transaction, work: Work, end: Conclusion) -> bool:
    """Store how the run ended, with its events and its dead letter, and let the lane's next command run.

    False if the lane is lost. The next command runs if this one is concluded or now waits beside its lane.
    """
    if not stands(tx, work):
        return False
    await _update_command(tx, work, end)
    await insert_calls(tx, work, end.calls)
    await insert_notes(tx, work.uid, work.redrive, end.notes)
    await say(tx, work, end)
    if end.lag is not None and work.partner is not None:
        await tx.many(INSERT_LAG, [(work.partner, end.lag.awaited, end.lag.after, end.lag.by)])
    if not end.state.is_open:
        await _close(tx, work, end)
    if not end.state.is_open or (end.released and not work.released):
        await next_turn(tx, work.lane, work.uid)
    return True


async def _update_command(tx: Transaction, work: Work, end: Conclusion) -> None:
    is_open = end.state.is_open
    due_at = await _due_at(tx, work, end) if is_open else None
    tx.known.revisions[work.uid] = work.revision + 1
    values = (
        end.state.value,
        end.code,
        end.attempts,
        int((end.released or work.released) and is_open),
        end.waits.said if is_open else None,
        dump_waits(end.waits),
        dump(dict(end.memory)),
        due_at,
        None if is_open else tx.now,
        work.revision + 1,
        int(end.failed),
        tx.now,
        work.uid,
    )
    await tx.many(UPDATE_COMMAND, [values])


async def _due_at(tx: Transaction, work: Work, end: Conclusion) -> Micros | None:
    """When the command has its next turn. None while a pause holds the command: the end of the pause makes it due."""
    if end.held:
        command = {"partner": work.partner, "customer": work.customer, "type": work.type}
        if held_by(await pauses(tx), command) is not None:
            return None
    return tx.now + duration_micros(end.due_in or 0)


async def say(tx: Transaction, work: Work, end: Conclusion) -> None:
    """Put the events and the dead letter of a conclusion into the outbox."""
    if end.events:
        await tx.many(INSERT_EVENT, [event_row(event, work.uid, work.redrive, work.lane) for event in end.events])
    if end.letter is not None:
        await own_fresh(tx, work.owner.worker, [dead_letter_lane(end.letter.source.partition).id])
        await tx.many(INSERT_LETTER, [letter_row(tx, end.letter, work.uid)])


async def _close(tx: Transaction, work: Work, end: Conclusion) -> None:
    if not end.keep_effects:
        await tx.many("DELETE FROM effect WHERE uid = ?", [(work.uid,)])
    if end.ended:
        await archive_steps(tx, work.uid)


async def next_turn(tx: Transaction, lane: str, uid: str) -> None:
    """Let the lane's next command run. The lane remembers until when an unanswered request of `uid` may arrive."""
    await tx.many(SETTLE_LANE, [(lane, uid, uid, lane)])
    await tx.many(NEXT_DUE, [(tx.now, lane)])
