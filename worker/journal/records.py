"""The values that workers and the journal exchange. Instants are microseconds since 1970 in UTC, by the database's
clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from events.wire.record import Headers, Record
from worker.journal.selection import Selection
from worker.journal.states import Resolution as Resolution  # noqa: PLC0414 - everybody takes it from here
from worker.journal.states import State as State  # noqa: PLC0414 - everybody takes it from here
from worker.journal.states import StepState as StepState  # noqa: PLC0414 - everybody takes it from here

Kind = tuple[str, str]
"""The type of a command, and its state when a run begins."""
Micros = int
"""An instant: microseconds since 1970-01-01 UTC."""

SECOND: Micros = 1_000_000

Json = Any
"""Any value that `json` can write."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A worker that may write for a lane since one take of the lane. The epoch grows with each take."""

    worker: str
    epoch: int


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event on its way out, final to the byte. `id` is its `ce_id`."""

    id: str
    type: str
    key: bytes
    value: bytes
    headers: Headers
    at: Micros


@dataclass(frozen=True, slots=True)
class NewDeadLetter:
    """A dead letter on its way out. `headers` are the headers on the dead-letter topic, with the original ones."""

    code: str
    detail: str
    source: Record
    headers: Headers
    redrive: int = 0
    attempts: int = 0
    correlation_id: str = ""


@dataclass(slots=True)
class Step:
    """A write of a command: its intent, the known state of its effect, and its result.

    `intent_until` is the instant until which the newest request may still arrive at Partner Center. `earlier_until` is
    the same for earlier requests that were never answered. Both are 0 if no request can arrive. `details` are the
    identifiers by which azplan looks for the effect.
    """

    name: str
    effect: str
    state: StepState
    attempts: int = 0
    intent_until: Micros = 0
    earlier_until: Micros = 0
    details: Json = None
    result: Json = None
    at: Micros = 0

    @property
    def until(self) -> Micros:
        """The instant until which an unanswered request of this step may still arrive; 0 if none can."""
        return max(self.intent_until, self.earlier_until)

    @property
    def in_doubt(self) -> bool:
        """True while it is not known whether a request has taken effect or will take effect."""
        return self.state is not StepState.APPLIED and self.until > 0


@dataclass(frozen=True, slots=True)
class Earlier:
    """An effect that another command of the customer left open, with the steps of that command."""

    key: str
    uid: str
    command_id: str
    steps: Mapping[str, Step]


@dataclass(slots=True)
class Waits:
    """The waits of this story. Each is published once, and polls become slower.

    `count`: the published waits. `said`: the reason of the last one. `since`: when each wait with a deadline began, by
    reason; and when the thing began that is waited for, by the name of the `Awaited`. `awaited`: that name, if its
    beginning is known exactly. `looked`: the beginning of the last run that did not find it.
    """

    count: int = 0
    said: str | None = None
    polls: int = 0
    since: dict[str, Micros] = field(default_factory=dict)
    awaited: str | None = None
    looked: Micros = 0


@dataclass(frozen=True, slots=True)
class SeenLag:
    """How late something showed at Partner Center: more than `after` microseconds after its cause, at most `by`.

    `awaited`: the name of the `Awaited`.
    """

    awaited: str
    after: Micros
    by: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Commands that wait until a person resumes them. `account`: the present name of the partner's account.

    `partner` is as in `Work`, or an account. None as partner, customer or type matches any.
    """

    id: str
    at: Micros
    who: str
    why: str
    partner: str | None = None
    customer: str | None = None
    type: str | None = None
    account: str | None = None

    @property
    def which(self) -> Selection:
        """The commands that the pause holds."""
        return Selection(self.partner, self.customer, self.type)


@dataclass(slots=True)
class Work:
    """A command that can run now, and all that is known about it. It stands for one run of the command.

    The end of the run (a conclusion, a cancellation, a redrive) raises the `revision` of the command. The journal then
    refuses writes for the older revision as if the lane were lost. `paused` is the pause that holds the command, which
    does not run then and only says that it waits. `resolution` is the finding of a person for this story. `partner` is
    the word that the lanes of its tenant begin with. `account` is the name of the account in its events.
    """

    uid: str
    source: str
    id: str
    type: str
    lane: str
    owner: Owner
    partner: str | None
    customer: str
    correlation_id: str
    redrive: int
    attempts: int
    released: bool
    received_at: Micros
    first_failed_at: Micros | None
    settle_until: Micros
    record: Record
    waits: Waits
    memory: dict[str, Json]
    steps: dict[str, Step] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    earlier: tuple[Earlier, ...] = ()
    revision: int = 0
    state: State = State.ACCEPTED
    code: str | None = None
    paused: Pause | None = None
    resolution: Resolution | None = None
    account: str | None = None

    @property
    def kind(self) -> Kind:
        """What runs of commands must share to be alike."""
        return self.type, str(self.state)

    def unsettled_until(self) -> Micros:
        """The instant until which an unanswered request of this command may still arrive; 0 if none can."""
        return max((step.until for step in self.steps.values()), default=0)

    def written_at(self) -> Micros:
        """When the last write of the command took effect that still stands; 0 if none has."""
        applied = (step.at for step in self.steps.values() if step.state is StepState.APPLIED and "~" not in step.name)
        return max(applied, default=0)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of Partner Center. `key` names the request exactly; `answered`: the call had an answer."""

    at: Micros
    step: str
    operation: str
    status: str
    duration_ms: int
    request_id: str
    correlation_id: str
    code: str | None
    key: str
    answered: bool


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the timeline that is neither call nor event: a wait, a check that was left out, a person's action."""

    at: Micros
    kind: str
    detail: str
    reason: str | None = None
    until: Micros | None = None


@dataclass(frozen=True, slots=True)
class Conclusion:
    """How a run ended. One transaction stores all of it, or nothing."""

    state: State
    code: str | None = None
    due_in: float | None = None
    held: bool = False
    """While a pause holds the command, it is not due. The end of the pause makes it due."""
    attempts: int = 0
    released: bool = False
    failed: bool = False
    waits: Waits = field(default_factory=Waits)
    memory: Mapping[str, Json] = field(default_factory=dict)
    events: Sequence[NewEvent] = ()
    letter: NewDeadLetter | None = None
    calls: Sequence[Call] = ()
    notes: Sequence[Note] = ()
    keep_effects: bool = False
    ended: bool = False
    lag: SeenLag | None = None
    """What this run found after the command had waited for it."""


@dataclass(frozen=True, slots=True)
class UnknownRow:
    """A command of this worker's lanes that this azplan does not understand and must not run. `why` is for people."""

    uid: str
    lane: str
    owner: Owner
    revision: int
    why: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The commands that can run now, and the due commands that this azplan does not understand.

    `next_in`: seconds until the next other command is due; None if there is none.
    """

    work: Sequence[Work]
    next_in: float | None
    unknown: Sequence[UnknownRow] = ()


@dataclass(frozen=True, slots=True)
class Unsent:
    """A row of the outbox. `letter` tells a dead letter from an event."""

    seq: int
    lane: str
    letter: bool
    key: bytes | None
    value: bytes | None
    headers: Headers
    type: str
    at: Micros
    asked: str | None = None
    """Type of the command that the event is about."""
    asked_at: int | None = None
    """When the record of that command was written, in milliseconds since 1970."""
    unreadable: str | None = None
    """Why this azplan cannot read the row, and therefore cannot send it."""
