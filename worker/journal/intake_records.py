"""A record of the commands topic on its way into the journal, and the result of its intake."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from events.wire.record import Record
from worker.journal.records import Micros, NewDeadLetter, NewEvent, State


@dataclass(frozen=True, slots=True)
class NewCommand:
    """A command to store. A refused command is `REJECTED` from the start and never runs. `partner` is as in `Work`."""

    uid: str
    source: str
    id: str
    type: str
    lane: str
    partner: str | None
    customer: str
    fingerprint: str
    algorithm: int
    correlation_id: str
    received_at: Micros = 0
    """When the command was received, as its first event says; 0: when it is stored."""
    state: State = State.ACCEPTED
    code: str | None = None
    account: str | None = None
    former_fingerprint: str | None = None
    """For a refused command: the fingerprint that it has if an earlier version accepted it."""

    def is_same(self, fingerprint: str, algorithm: int) -> bool:
        """Whether the command has the same content as a known command with this fingerprint.

        Fingerprints of two algorithms cannot be compared. The answer is then True: a mistake for a repeat is harmless.
        """
        return algorithm != self.algorithm or fingerprint in (self.fingerprint, self.former_fingerprint)


class Conflict(NamedTuple):
    """What becomes of a record whose identity is known with other content."""

    event: NewEvent
    letter: NewDeadLetter


@dataclass(frozen=True, slots=True)
class Intake:
    """One record and all its possible results. The journal chooses one after it has looked up the identity.

    A record without a command becomes `letter`. A record with a command becomes the command with its `events` if the
    identity is new; nothing if the same content is known; `conflict()`, which is made when it is needed, if other
    content is known; `too_old` if the identity is not known and the record is older than the journal's memory.
    `repeats`: the journal has this very record already, as a command of this type. Nothing else is given then.
    """

    record: Record
    letter: NewDeadLetter | None = None
    command: NewCommand | None = None
    events: tuple[NewEvent, ...] = ()
    conflict: Callable[[], Conflict] | None = None
    too_old: NewDeadLetter | None = None
    repeats: str | None = None


class Taken(StrEnum):
    """The result of the intake of a record."""

    NEW = "new"
    REFUSED = "refused"
    DUPLICATE = "duplicate"
    REUSED = "id_reused"
    TOO_OLD = "too_old"
    DEAD_LETTER = "dead_letter"
