"""Stores a batch of records as rows, in one transaction. G1 begins here: offsets are committed only afterwards."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from events.wire.dead_letter import fit_dead_letter
from events.wire.record import Outgoing, Record
from events.wire.text import printable
from worker.errors import JournalUnavailable
from worker.journal.database.columns import digest, dump_headers
from worker.journal.database.protocol import LaneKey, Transaction, Value
from worker.journal.database.state_conditions import OPEN, UNKNOWN_STATE
from worker.journal.database.transactions import Transactions
from worker.journal.intake_records import Intake, NewCommand, Taken
from worker.journal.processing.lane_ownership import dead_letter_lane, own_fresh
from worker.journal.records import NewDeadLetter, NewEvent

NOT_KEPT = "its bytes are not kept, as the journal's database does not take that many"

LONGEST_DETAIL = 4_096
"""The most characters of a sentence for people. A sentence may quote Microsoft or a sender, so it is made printable."""

INSERT_COMMAND = """INSERT INTO command (uid, source, id, type, lane, partner, customer, fingerprint, algorithm,
    correlation_id, state, code, turn, due_at, received_at, concluded_at, topic, partition, position, recorded_at,
    key, value, headers, account, digest)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
INSERT_EVENT = """INSERT INTO event (id, uid, redrive, type, lane, key, value, headers, at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"""
INSERT_LETTER = """INSERT INTO dead_letter (lane, uid, code, detail, redrive, attempts, correlation_id, topic,
    partition, position, recorded_at, digest, key, value, original_headers, headers, at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (topic, partition, position, redrive, digest) DO NOTHING"""

LOOK_UP = f"""SELECT 'known' AS kind, command.uid AS name, command.fingerprint AS fingerprint,
      command.algorithm AS number
    FROM command WHERE {{known}}
    UNION ALL SELECT 'busy', lane.id, NULL, 0 FROM lane WHERE {{lanes}} AND (
      EXISTS (SELECT 1 FROM command WHERE command.lane = lane.id AND command.{OPEN} AND command.released = 0)
      OR EXISTS (SELECT 1 FROM command WHERE command.lane = lane.id AND command.concluded_at IS NULL
        AND command.{UNKNOWN_STATE} AND command.released = 0))
    UNION ALL SELECT 'alive', worker.id, NULL, 0 FROM worker WHERE worker.expires_at > ?
    UNION ALL SELECT 'turn', '', NULL, coalesce(max(command.turn), 0) FROM command"""
"""Known identities, lanes in which a command stands before new ones, living workers, and the last turn."""


def lanes_of(items: Iterable[Intake]) -> list[LaneKey]:
    """Every lane that accepting these records may write to."""
    keys: dict[str, LaneKey] = {}
    for item in items:
        if item.command is not None:
            keys[item.command.lane] = LaneKey(item.command.lane, item.command.partner or "", item.command.customer)
        if item.letter is not None or item.conflict is not None or item.too_old is not None:
            key = dead_letter_lane(item.record.partition)
            keys[key.id] = key
    return list(keys.values())


def without_bytes(letter: NewDeadLetter) -> NewDeadLetter:
    """The dead letter of a record that is too large for the database: the record's place and the reason, no bytes."""
    record = letter.source
    smallest = fit_dead_letter(Outgoing(record.key, record.value, letter.headers), 0)
    bare = replace(record, key=None, value=None, headers=(), unread=NOT_KEPT)
    return replace(letter, detail=f"{letter.detail}; {NOT_KEPT}", source=bare, headers=smallest.headers)


async def accept_all(
    transactions: Transactions,
    worker: str,
    items: Sequence[Intake],
    instead: Callable[[Intake, Exception], NewDeadLetter],
) -> list[Taken]:
    """Store every record of a batch for `worker` ("" if no worker takes them in). What each record became, in order.

    If the database refuses a batch, its halves are stored. A single refused record becomes the dead letter that
    `instead` makes of the record, without the record's bytes if the database refuses the dead letter too.
    """
    if all(item.repeats is not None for item in items):
        return [Taken.DUPLICATE] * len(items)
    try:
        return await transactions.write(lambda tx: accept(tx, worker, items), new_lanes=lanes_of(items))
    except JournalUnavailable:
        raise
    except Exception as error:
        if len(items) > 1:
            half = len(items) // 2
            first = await accept_all(transactions, worker, items[:half], instead)
            return first + await accept_all(transactions, worker, items[half:], instead)
        record, letter = items[0].record, items[0].letter
        if letter is None:
            replaced = Intake(record=record, letter=instead(items[0], error))
        elif letter.source.unread is None:
            replaced = Intake(record=record, letter=without_bytes(letter))
        else:
            raise
        return await accept_all(transactions, worker, [replaced], instead)


async def accept(tx: Transaction, worker: str, items: Sequence[Intake]) -> list[Taken]:
    """Store the records of a batch. What each record became, in the order of the batch."""
    return await _Batch(tx, worker).take(items)


class _Batch:
    """One batch under way: the known identities, and the rows that wait to be written."""

    def __init__(self, tx: Transaction, worker: str) -> None:
        self._tx = tx
        self._worker = worker
        self._known: dict[str, tuple[str, int]] = {}
        self._alive: set[str] = set()
        self._turn = 0
        self._busy: set[str] = set()
        self._commands: list[tuple[NewCommand, Record, bool]] = []
        self._events: list[tuple[NewEvent, str, str]] = []
        self._letters: list[tuple[NewDeadLetter, str | None]] = []

    async def take(self, items: Sequence[Intake]) -> list[Taken]:
        await self._look_up([item.command for item in items if item.command is not None])
        taken = [self._one(item) for item in items]
        await self._write()
        return taken

    async def _look_up(self, commands: Sequence[NewCommand]) -> None:
        """Read all that the batch depends on, in one query."""
        tx = self._tx
        rows = await tx.rows(
            LOOK_UP.format(known=tx.among("command.uid"), lanes=tx.among("lane.id")),
            [command.uid for command in commands],
            sorted({command.lane for command in commands}),
            tx.now,
        )
        for row in rows:
            match row["kind"]:
                case "known":
                    self._known[row["name"]] = (row["fingerprint"], row["number"])
                case "busy":
                    self._busy.add(row["name"])
                case "alive":
                    self._alive.add(row["name"])
                case _:
                    self._turn = row["number"]

    def _one(self, item: Intake) -> Taken:
        if item.repeats is not None:
            return Taken.DUPLICATE
        if item.command is None:
            if item.letter is not None:
                self._letters.append((item.letter, None))
            return Taken.DEAD_LETTER
        known = self._known.get(item.command.uid)
        if known is not None:
            return self._again(item, item.command, known)
        if item.too_old is not None:
            self._letters.append((item.too_old, None))
            return Taken.TOO_OLD
        return self._new(item, item.command)

    def _again(self, item: Intake, command: NewCommand, known: tuple[str, int]) -> Taken:
        if command.is_same(*known):
            return Taken.DUPLICATE
        if item.conflict is not None:
            event, letter = item.conflict()
            self._events.append((event, command.uid, command.lane))
            self._letters.append((letter, command.uid))
        return Taken.REUSED

    def _new(self, item: Intake, command: NewCommand) -> Taken:
        self._known[command.uid] = (command.fingerprint, command.algorithm)
        runs = command.state.is_open
        first = runs and command.lane not in self._busy
        if first:
            self._busy.add(command.lane)
        self._commands.append((command, item.record, first))
        self._events.extend((event, command.uid, command.lane) for event in item.events)
        return Taken.NEW if runs else Taken.REFUSED

    async def _write(self) -> None:
        tx = self._tx
        lanes = {command.lane for command, _, _ in self._commands} | {lane for _, _, lane in self._events}
        lanes |= {dead_letter_lane(letter.source.partition).id for letter, _ in self._letters}
        if lanes:
            await own_fresh(tx, self._worker, sorted(lanes), self._alive)
        if self._commands:
            rows = enumerate(self._commands, self._turn + 1)
            await tx.many(INSERT_COMMAND, [command_row(tx, at, *row) for at, row in rows])
        if self._events:
            await tx.many(INSERT_EVENT, [event_row(event, uid, 0, lane) for event, uid, lane in self._events])
        if self._letters:
            await tx.many(INSERT_LETTER, [letter_row(tx, letter, uid) for letter, uid in self._letters])


def command_row(tx: Transaction, turn: int, command: NewCommand, record: Record, first: bool) -> tuple[Value, ...]:  # noqa: FBT001
    """A command's row. `first`: no command of the lane stands before this one, which may therefore run at once."""
    return (
        command.uid,
        command.source,
        command.id,
        command.type,
        command.lane,
        command.partner or "",
        command.customer,
        command.fingerprint,
        command.algorithm,
        command.correlation_id,
        command.state.value,
        command.code,
        turn,
        tx.now if first else None,
        command.received_at or tx.now,
        None if command.state.is_open else tx.now,
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        dump_headers(record.headers),
        command.account,
        digest(record),
    )


def event_row(event: NewEvent, uid: str, redrive: int, lane: str) -> tuple[Value, ...]:
    """An event's row of the outbox."""
    return (event.id, uid, redrive, event.type, lane, event.key, event.value, dump_headers(event.headers), event.at)


def letter_row(tx: Transaction, letter: NewDeadLetter, uid: str | None) -> tuple[Value, ...]:
    """A dead letter's row."""
    record = letter.source
    return (
        dead_letter_lane(record.partition).id,
        uid,
        letter.code,
        printable(letter.detail, LONGEST_DETAIL),
        letter.redrive,
        letter.attempts,
        letter.correlation_id,
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        digest(record),
        record.key,
        record.value,
        dump_headers(record.headers),
        dump_headers(letter.headers),
        tx.now,
    )
