"""A record of the commands topic on its way into the journal, and what became of it."""

from dataclasses import dataclass
from enum import StrEnum

from events.wire.record import Record
from worker.journal.records import Micros, NewDeadLetter, NewEvent, State


@dataclass(frozen=True, slots=True)
class NewCommand:
    """A command to be remembered. A refused one is `REJECTED` from the start and never runs. Partner as in `Work`."""

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
    """When it was received, as its first event says; 0: when it is written down."""
    state: State = State.ACCEPTED
    code: str | None = None
    account: str | None = None
    former_fingerprint: str | None = None
    """Of a refused command: its fingerprint where an earlier version has accepted it."""

    def is_same(self, fingerprint: str, algorithm: int) -> bool:
        """Whether it has the content of a command that is known by this fingerprint.

        Fingerprints of two algorithms cannot be compared; taking the record for a repeat is the harmless mistake.
        """
        return algorithm != self.algorithm or fingerprint in (self.fingerprint, self.former_fingerprint)


@dataclass(frozen=True, slots=True)
class Intake:
    """One record and everything that may become of it; the journal knows which when it has looked up the identity.

    Without a command it is a dead letter. With one: `events` when the identity is new; nothing when the same content is
    known; `reused` and `reused_letter` when other content is known; `too_old` when the identity is not known and the
    record is older than the journal's memory.
    """

    record: Record
    letter: NewDeadLetter | None = None
    command: NewCommand | None = None
    events: tuple[NewEvent, ...] = ()
    reused: NewEvent | None = None
    reused_letter: NewDeadLetter | None = None
    too_old: NewDeadLetter | None = None


class Taken(StrEnum):
    """What became of a record."""

    NEW = "new"
    REFUSED = "refused"
    DUPLICATE = "duplicate"
    REUSED = "id_reused"
    TOO_OLD = "too_old"
    DEAD_LETTER = "dead_letter"
