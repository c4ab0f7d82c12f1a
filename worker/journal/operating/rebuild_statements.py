"""The statements that rebuild a journal from published records. No worker lives while they run.

Events are copied first, because no command may be in the journal without its events. The journal is marked as
unfinished until the last statement has run, and no worker begins on an unfinished journal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from events.messages.base import events
from events.messages.command_status import CommandFailed, CommandIdReused
from events.wire.record import Headers
from worker.journal.database.columns import dump, dump_headers
from worker.journal.database.protocol import LaneKey, Row, Transaction
from worker.journal.database.state_conditions import OPEN
from worker.journal.operating.audit import sign
from worker.journal.operating.state_from_events import is_news, standing
from worker.journal.processing.intake import INSERT_EVENT, INSERT_LETTER, event_row, letter_row
from worker.journal.processing.requests import REBUILT
from worker.journal.processing.runs import NEXT_DUE
from worker.journal.records import Micros, NewDeadLetter, NewEvent, State

NAME = "rebuild"

COPY = """INSERT INTO event (id, uid, redrive, type, lane, key, value, headers, at, sent_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET sent_at = coalesce(event.sent_at, excluded.sent_at)"""
BARE_COMMAND = """INSERT INTO command (uid, source, id, type, lane, partner, customer, fingerprint, algorithm,
    correlation_id, state, turn, received_at, pruned_at, topic, partition, position, headers, account)
    VALUES (?, ?, ?, ?, ?, ?, ?, '', 0, ?, 'accepted', (SELECT coalesce(max(turn), 0) + 1 FROM command), ?, ?,
    '', 0, 0, '[]', ?)
    ON CONFLICT (uid) DO NOTHING"""
UPDATE = """UPDATE command SET state = ?, code = ?, redrive = ?, concluded_at = ?, due_at = NULL, released = 0,
    reason = ?, waits = ?, revision = revision + 1 WHERE uid = ?"""
NOTE = f"""INSERT INTO note (uid, redrive, at, kind, detail) SELECT uid, redrive, ?, ?, ? FROM command WHERE uid = ?
    AND {OPEN} AND NOT EXISTS (SELECT 1 FROM note WHERE note.uid = command.uid
      AND note.kind = ?)"""
LOST = "the journal was rebuilt and does not know what this command had begun, so the command looks before it acts"
GUARD = "UPDATE lane SET settle_until = ? WHERE id = ? AND settle_until < ?"


@dataclass(frozen=True, slots=True)
class EventCopy:
    """A published event as it stood on the topic."""

    id: str
    uid: str
    redrive: int
    type: str
    lane: str
    key: bytes
    value: bytes
    headers: Headers
    at: Micros


@dataclass(frozen=True, slots=True)
class CommandWithoutRecord:
    """A command of which only events are left: its record is no longer on the topic.

    `partner` is the word that the lanes of its tenant begin with. `account` is the name of the account in its events.
    """

    uid: str
    source: str
    id: str
    type: str
    lane: str
    partner: str | None
    account: str | None
    customer: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class BroughtUp:
    """How many commands were brought up to their events: now concluded, open again, or unchanged."""

    concluded: int = 0
    open: int = 0
    kept: int = 0


async def begin(tx: Transaction) -> None:
    """Mark the journal as unfinished."""
    await tx.run("INSERT INTO meta (name, value) VALUES (?, '1') ON CONFLICT (name) DO NOTHING", NAME)


async def unfinished(tx: Transaction) -> bool:
    """Whether a rebuild has begun and has not ended."""
    return bool(await tx.rows("SELECT 1 AS one FROM meta WHERE name = ?", NAME))


async def end(tx: Transaction, who: str, why: str) -> None:
    """Make the heads of all lanes due, mark the journal as whole, and remember who rebuilt it and why."""
    lanes = await tx.rows(f"SELECT DISTINCT lane FROM command WHERE {OPEN}")
    await tx.many(NEXT_DUE, [(tx.now, row["lane"]) for row in lanes])
    await tx.many(
        """UPDATE lane SET unfinished_since = CASE WHEN unfinished = 1 THEN unfinished_since ELSE ? END,
             unfinished = 1 WHERE id = ?""",
        [(tx.now, row["lane"]) for row in lanes],
    )
    await sign(tx, who, why, "journal rebuild")
    await tx.run("DELETE FROM meta WHERE name = ?", NAME)


async def copy(tx: Transaction, found: Sequence[EventCopy]) -> None:
    """Store published events with their ids and times. An event that is there already stays."""
    rows = [
        (
            each.id, each.uid, each.redrive, each.type, each.lane, each.key, each.value, dump_headers(each.headers),
            each.at, tx.now,
        )
        for each in found
    ]  # fmt: skip
    await tx.many(COPY, rows)


async def events_of_newest_stories(tx: Transaction, uids: Sequence[str]) -> Mapping[str, Row]:
    """For each of these commands with a published event: one event of its newest story."""
    rows = await tx.rows(
        f"""SELECT uid, id, key, value, headers FROM event WHERE {tx.among("uid")}
            ORDER BY CASE WHEN type = ? THEN 0 ELSE 1 END, redrive, seq""",
        list(uids),
        CommandIdReused.wire_type(),
    )
    return {row["uid"]: row for row in rows}


async def unsettled(tx: Transaction, lanes: str) -> bool:
    """Whether a story in lanes that begin with the word `lanes` has no answer, or failed: a write may be in doubt."""
    done = [kind for kind, event in events().items() if event.terminal and kind != CommandFailed.wire_type()]
    rows = await tx.rows(
        f"""SELECT 1 AS one FROM event WHERE substr(lane, 1, ?) = ? AND type <> ? AND NOT EXISTS (
              SELECT 1 FROM event AS told WHERE told.uid = event.uid AND told.redrive >= event.redrive
                AND {tx.among("told.type")}) LIMIT 1""",
        len(lanes) + 1,
        f"{lanes}/",
        CommandIdReused.wire_type(),
        done,
    )
    return bool(rows)


async def guard_lanes(tx: Transaction, lanes: Sequence[LaneKey], guard: Micros) -> None:
    """Let these lanes, locked by this transaction, wait for `guard` microseconds before a command runs in them."""
    await tx.many(GUARD, [(tx.now + guard, lane.id, tx.now + guard) for lane in lanes])


async def events_without_command(tx: Transaction, limit: int) -> Sequence[Row]:
    """The first event of each of the next `limit` commands that the journal does not have.

    The records of these commands are no longer on the topic.
    """
    return await tx.rows(
        """SELECT * FROM event WHERE seq IN (SELECT min(seq) FROM event
             WHERE NOT EXISTS (SELECT 1 FROM command WHERE command.uid = event.uid) GROUP BY event.uid LIMIT ?)""",
        limit,
    )


async def forget(tx: Transaction, uids: Sequence[str]) -> None:
    """Delete the copied events of commands that the journal does not have, if the events cannot be trusted."""
    await tx.many("DELETE FROM event WHERE uid = ?", [(uid,) for uid in uids])


async def enter_without_record(tx: Transaction, found: Sequence[CommandWithoutRecord]) -> None:
    """Store commands of which only events are left. Their ids stay known and their answers stay."""
    rows = [
        (
            each.uid, each.source, each.id, each.type, each.lane, each.partner or "", each.customer,
            each.correlation_id, tx.now, tx.now, each.account,
        )
        for each in found
    ]  # fmt: skip
    await tx.many(BARE_COMMAND, rows)


async def commands(tx: Transaction, after: int, limit: int) -> Sequence[Row]:
    """The next `limit` commands with numbers above `after`, as they stand."""
    return await tx.rows("SELECT * FROM command WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)


async def bring_up(tx: Transaction, rows: Sequence[Row], guard: Micros) -> BroughtUp:
    """Bring these commands to the state that their published events say.

    The lanes of open and failed commands wait for `guard` microseconds: by then every request that a worker sent has
    arrived and its effect shows.
    """
    opened = await _bring_up(tx, rows, guard)
    await tx.many(NOTE, [(tx.now, REBUILT, LOST, row["uid"], REBUILT) for row in rows])
    return opened


async def _bring_up(tx: Transaction, rows: Sequence[Row], guard: Micros) -> BroughtUp:
    told = await _events_of(tx, [row["uid"] for row in rows])
    done = again = kept = 0
    for row in rows:
        events_of = told.get(row["uid"], ())
        found = standing(events_of, row["redrive"], row["source"], row["id"])
        await tx.run("UPDATE event SET lane = ? WHERE uid = ? AND lane <> ?", row["lane"], row["uid"], row["lane"])
        if events_of:
            first = min(each["at"] for each in events_of)
            await tx.run(
                "UPDATE command SET received_at = ? WHERE uid = ? AND received_at > ?", first, row["uid"], first
            )
        if found is None or not is_news(row, found):
            kept += 1
            if row["concluded_at"] is None:
                await tx.run(GUARD, tx.now + guard, row["lane"], tx.now + guard)
            continue
        await tx.run(
            UPDATE,
            found.state.value,
            found.code,
            found.redrive,
            found.concluded_at,
            found.waits.said if found.state.is_open else None,
            dump(asdict(found.waits)),
            row["uid"],
        )
        if found.state.is_open or found.state is State.FAILED:
            await tx.run(GUARD, tx.now + guard, row["lane"], tx.now + guard)
        done, again = done + (not found.state.is_open), again + found.state.is_open
    return BroughtUp(done, again, kept)


async def failed_without_dead_letter(tx: Transaction, limit: int) -> Sequence[Row]:
    """The next `limit` failed commands that have their bytes and no dead letter, with the text of their failure."""
    return await tx.rows(
        """SELECT command.*, event.value AS said FROM command
           JOIN event ON event.uid = command.uid AND event.redrive = command.redrive AND event.type = ?
           WHERE command.state = 'failed' AND command.pruned_at IS NULL AND NOT EXISTS (SELECT 1 FROM dead_letter
             WHERE dead_letter.uid = command.uid AND dead_letter.redrive = command.redrive)
           ORDER BY command.seq LIMIT ?""",
        CommandFailed.wire_type(),
        limit,
    )


async def add_dead_letters(tx: Transaction, found: Sequence[tuple[str, NewDeadLetter]]) -> None:
    """Store dead letters, by the uids of their commands, as published."""
    await tx.many(INSERT_LETTER, [letter_row(tx, letter, uid) for uid, letter in found])
    await tx.many(
        "UPDATE dead_letter SET sent_at = ? WHERE uid = ? AND redrive = ? AND sent_at IS NULL",
        [(tx.now, uid, letter.redrive) for uid, letter in found],
    )


async def open_without_record(tx: Transaction, limit: int) -> Sequence[Row]:
    """The next `limit` open commands without their bytes. No worker can run such a command."""
    return await tx.rows(
        f"SELECT * FROM command WHERE {OPEN} AND pruned_at IS NOT NULL ORDER BY seq LIMIT ?",
        limit,
    )


async def give_up(tx: Transaction, row: Row, code: str, event: NewEvent) -> None:
    """Fail a command that no worker can run, with this code and this event."""
    await tx.many(INSERT_EVENT, [event_row(event, row["uid"], row["redrive"], row["lane"])])
    await tx.run(
        "UPDATE command SET state = 'failed', code = ?, concluded_at = ?, due_at = NULL, reason = NULL WHERE uid = ?",
        code,
        tx.now,
        row["uid"],
    )
    await tx.run("UPDATE lane SET unfinished = 1, unfinished_since = ? WHERE id = ?", tx.now, row["lane"])


async def _events_of(tx: Transaction, uids: Sequence[str]) -> Mapping[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in await tx.rows(
        f"""SELECT uid, id, redrive, type, value, at FROM event WHERE {tx.among("uid")} AND sent_at IS NOT NULL
            ORDER BY seq""",
        list(uids),
    ):
        found.setdefault(row["uid"], []).append(row)
    return found
