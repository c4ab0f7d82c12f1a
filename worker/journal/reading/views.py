"""The values of the journal for people. Instants are microseconds by the database's clock."""

from collections.abc import Sequence
from dataclasses import dataclass

from events.wire.record import Record
from worker.journal.records import Call, Json, Micros, Note, Resolution, State, Step


@dataclass(frozen=True, slots=True)
class Summary:
    """A command in one line. `state` is the last stored state. `reason` says why it waits, `due_at` until when."""

    seq: int
    uid: str
    id: str
    source: str
    type: str
    customer: str
    partner: str | None
    state: State
    code: str | None
    redrive: int
    attempts: int
    reason: str | None
    due_at: Micros | None
    received_at: Micros
    concluded_at: Micros | None


@dataclass(frozen=True, slots=True)
class StoryEvent:
    """An event of a command. `sent_at` is None while Kafka has not acknowledged it."""

    seq: int
    id: str
    type: str
    redrive: int
    at: Micros
    sent_at: Micros | None
    value: bytes


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter without its bytes. `state` is open, redriven or archived; `uid` is None without a command."""

    seq: int
    uid: str | None
    code: str
    detail: str
    redrive: int
    attempts: int
    topic: str
    partition: int
    position: int
    at: Micros
    sent_at: Micros | None
    state: str


@dataclass(frozen=True, slots=True)
class OperatorAction:
    """An action or a request of a person. `done_at` is None until it is carried out; `result` says how it ended."""

    seq: int
    at: Micros
    who: str
    why: str
    verb: str
    uid: str | None
    details: Json
    done_at: Micros | None
    result: str | None


@dataclass(frozen=True, slots=True)
class Story:
    """A command and all that the journal remembers about it. Each list is in the order in which its rows happened.

    `record` is None if the bytes are forgotten. `effects` are the keys of the effects that the command has open.
    """

    command: Summary
    correlation_id: str
    attempts: int
    resolution: Resolution | None
    record: Record | None
    lane: str
    behind: int
    settle_until: Micros
    steps: Sequence[Step]
    waits: Sequence[Note]
    notes: Sequence[Note]
    events: Sequence[StoryEvent]
    calls: Sequence[Call]
    dead_letters: Sequence[DeadLetter]
    actions: Sequence[OperatorAction]
    effects: Sequence[str]


@dataclass(frozen=True, slots=True)
class Change:
    """An event of a command, as `commands watch` shows it."""

    event: StoryEvent
    command: Summary
