"""Reads commands, and the whole story of a command, for people. Instants are microseconds."""

from collections.abc import Sequence
from dataclasses import fields, replace

from events.messages.base import events
from events.messages.command_status import CommandAccepted
from worker.journal.database import columns
from worker.journal.database.protocol import Row, Transaction
from worker.journal.database.state_conditions import OPEN
from worker.journal.processing.lane_prefixes_of_accounts import called_now
from worker.journal.processing.runnable_commands import steps_of
from worker.journal.reading.call_order import Span, by_cause
from worker.journal.reading.conditions import condition
from worker.journal.reading.dead_letter_search import dead_letter
from worker.journal.reading.views import Change, OperatorAction, Story, StoryEvent, Summary
from worker.journal.records import Call, Micros, Note, Resolution, State
from worker.journal.selection import Selection

SUMMARY = f"""SELECT seq, uid, id, source, type, customer, {columns.PARTNER_OF_COMMAND} AS partner, state, code,
    redrive, attempts, reason, due_at, received_at, concluded_at FROM command"""
PAGE = 500
"""How many events are read at once."""
OVERLAP = 60_000_000
"""Microseconds during which an event with a lower number may still appear. No transaction lasts so long."""


async def find(tx: Transaction, id: str, source: str | None = None) -> list[Summary]:  # noqa: A002 - the attribute's name
    """The commands with this id, of one source or of all. There are several if sources share the id."""
    rows = await tx.rows(f"{SUMMARY} WHERE id = ? ORDER BY seq", id)
    return [summary(row) for row in rows if source is None or row["source"] == source]


async def newest(tx: Transaction, wanted: Selection, limit: int = 0) -> list[Summary]:
    """The commands that match, the newest first, at most `limit` of them; 0 for all."""
    matching, values = await condition(tx, wanted)
    if limit:
        values.append(limit)
    rows = await tx.rows(f"{SUMMARY} WHERE {matching} ORDER BY seq DESC{' LIMIT ?' if limit else ''}", *values)
    return [summary(row) for row in rows]


async def following(tx: Transaction, wanted: Selection, after: int, limit: int) -> list[Summary]:
    """The next `limit` commands that match, the oldest first: with numbers above `after`."""
    matching, values = await condition(tx, wanted)
    rows = await tx.rows(f"{SUMMARY} WHERE seq > ? AND {matching} ORDER BY seq LIMIT ?", after, *values, limit)
    return [summary(row) for row in rows]


async def with_current_partner(tx: Transaction, wanted: Selection) -> Selection:
    """The same selection, with the present name of the partner's account, as in a `Summary`."""
    return wanted if wanted.partner is None else replace(wanted, partner=await called_now(tx, wanted.partner))


async def show(tx: Transaction, uid: str) -> Story | None:
    """The whole story of a command; None if there is no command with this uid."""
    rows = await tx.rows("SELECT * FROM command WHERE uid = ?", uid)
    if not rows:
        return None
    row = rows[0]
    lane = await tx.rows("SELECT settle_until FROM lane WHERE id = ?", row["lane"])
    behind = await tx.rows(
        f"SELECT count(*) AS n FROM command WHERE lane = ? AND turn < ? AND {OPEN} AND released = 0",
        row["lane"],
        row["turn"],
    )
    notes = [
        Note(at=note["at"], kind=note["kind"], detail=note["detail"], reason=note["reason"], until=note["until"])
        for note in await tx.rows("SELECT * FROM note WHERE uid = ? ORDER BY at, seq", uid)
    ]
    events_of = [story_event(event) for event in await tx.rows("SELECT * FROM event WHERE uid = ? ORDER BY seq", uid)]
    made = await tx.rows("SELECT * FROM call WHERE uid = ? ORDER BY seq", uid)
    calls, clocks = by_cause([(each["redrive"], call(each)) for each in made], spans(row["received_at"], events_of))
    notes = sorted([*notes, *clocks], key=lambda note: note.at)
    return Story(
        command=summary((await tx.rows(f"{SUMMARY} WHERE uid = ?", uid))[0]),
        correlation_id=row["correlation_id"],
        attempts=row["attempts"],
        resolution=Resolution(row["resolution"]) if row["resolution"] else None,
        record=None if row["pruned_at"] else columns.source(row),
        lane=row["lane"],
        behind=int(behind[0]["n"]) if State(row["state"]).is_open else 0,
        settle_until=lane[0]["settle_until"] if lane else 0,
        steps=list((await steps_of(tx, uid)).values()),
        waits=[note for note in notes if note.kind == "wait"],
        notes=[note for note in notes if note.kind != "wait"],
        events=events_of,
        calls=calls,
        dead_letters=[
            dead_letter(row) for row in await tx.rows("SELECT * FROM dead_letter WHERE uid = ? ORDER BY seq", uid)
        ],
        actions=await _actions(tx, row),
        effects=[row["key"] for row in await tx.rows("SELECT key FROM effect WHERE uid = ? ORDER BY key", uid)],
    )


def spans(received_at: Micros, said_of: Sequence[StoryEvent]) -> dict[int, Span]:
    """Begin and end of each story of a command, by its events."""
    kinds, found = events(), {0: Span(received_at)}
    for event in said_of:
        kind = kinds.get(event.type)
        if kind is CommandAccepted and event.redrive > 0:
            found[event.redrive] = Span(event.at)
        elif kind is not None and kind.terminal and event.at >= found.get(event.redrive, Span(event.at + 1)).begin:
            found[event.redrive] = replace(found[event.redrive], end=event.at)
    return found


async def _actions(tx: Transaction, command: Row) -> list[OperatorAction]:
    """The actions of people about a command, with the pauses that held the command and the ends of these pauses."""
    own = [operator_action(act) for act in await tx.rows("SELECT * FROM act WHERE uid = ?", command["uid"])]
    until = tx.now if command["concluded_at"] is None else command["concluded_at"]
    braked = [
        operator_action(act)
        for act in await tx.rows(
            "SELECT * FROM act WHERE verb IN ('pause', 'resume') AND uid IS NULL AND at <= ? ORDER BY seq", until
        )
    ]
    who = (command["partner"] or None, command["customer"], command["type"])
    meant = [act for act in braked if isinstance(act.details, list) and Selection(*act.details[:3]).holds(*who)]
    return sorted([*own, *_while_there(meant, command["received_at"])], key=lambda act: act.seq)


def _while_there(braked: Sequence[OperatorAction], received_at: Micros) -> list[OperatorAction]:
    """The pauses in force when a command was received, and all later pauses and resumptions."""
    over = [act for act in braked if act.verb == "resume" and act.at < received_at]
    return [
        act
        for act in braked
        if act.at >= received_at or not any(end.details == act.details and end.seq >= act.seq for end in over)
    ]


async def changes(tx: Transaction, since: int, limit: int = PAGE) -> tuple[list[Change], int]:
    """The next events with numbers above `since`, the oldest first, and the number to ask from later.

    At most `limit` events: ask again from the number of the last one. The second number stays behind the newest events
    for a minute, because an event with a lower number may still be committed. Asked from there, events come again.
    """
    rows = await tx.rows("SELECT * FROM event WHERE seq > ? ORDER BY seq LIMIT ?", since, limit)
    commands = {
        row["uid"]: summary(row)
        for row in await tx.rows(f"{SUMMARY} WHERE {tx.among('uid')}", sorted({row["uid"] for row in rows}))
    }
    found = [Change(story_event(row), commands[row["uid"]]) for row in rows if row["uid"] in commands]
    settled = [row["seq"] for row in rows if row["at"] < tx.now - OVERLAP]
    return found, max(settled, default=since)


async def newest_event_number(tx: Transaction) -> int:
    """The number of the newest event; 0 if there is none. A caller that wants only later events begins there."""
    return int((await tx.rows("SELECT coalesce(max(seq), 0) AS seq FROM event"))[0]["seq"])


def summary(row: Row) -> Summary:
    """A command's row as a person reads it."""
    values = {field.name: row[field.name] for field in fields(Summary)}
    return Summary(**values | {"partner": row["partner"] or None, "state": State(row["state"])})


def story_event(row: Row) -> StoryEvent:
    """An event's row as a person reads it."""
    return StoryEvent(**{field.name: row[field.name] for field in fields(StoryEvent)})


def operator_action(row: Row) -> OperatorAction:
    """A row of an operator's action as a person reads it."""
    return OperatorAction(
        **{field.name: row[field.name] for field in fields(OperatorAction)} | {"details": columns.load(row["details"])}
    )


def call(row: Row) -> Call:
    """A call's row as a person reads it."""
    return Call(
        at=row["at"],
        step=row["step"],
        operation=row["operation"],
        status=row["status"],
        duration_ms=row["duration_ms"],
        request_id=row["request_id"],
        correlation_id=row["correlation_id"],
        code=row["code"],
        key=row["request"],
        answered=bool(row["answered"]),
    )
