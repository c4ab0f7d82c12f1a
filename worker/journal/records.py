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

Micros = int
"""An instant: microseconds since 1970-01-01 UTC."""

SECOND: Micros = 1_000_000

Json = Any
"""What `json` can write."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who may write for a lane: a worker, as of one take of the lane. The epoch grows with each take."""

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
    """A dead letter on its way out. `headers` are those of the dead-letter topic, the original ones included."""

    code: str
    detail: str
    source: Record
    headers: Headers
    redrive: int = 0
    attempts: int = 0
    correlation_id: str = ""


@dataclass(slots=True)
class Step:
    """A write of a command: what was intended, whether it is known to have happened, what it gave.

    `intent_until` is the instant until which the request that is under way may still arrive at Partner Center, and
    `earlier_until` the same for requests before it that were never answered; 0 where none can. `details` are the
    identifiers that let us look.
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
        """Until when some request of this step that was never answered may still arrive."""
        return max(self.intent_until, self.earlier_until)

    @property
    def in_doubt(self) -> bool:
        """True while a request may have taken effect, or may yet, without our knowing."""
        return self.state is not StepState.APPLIED and self.until > 0


@dataclass(frozen=True, slots=True)
class Earlier:
    """An effect that another command of the customer left open, with that command's steps to look by."""

    key: str
    uid: str
    command_id: str
    steps: Mapping[str, Step]


@dataclass(slots=True)
class Waits:
    """What was said about waiting in this story, so that it is said once and polled ever more slowly.

    `since`: when a wait that has a deadline began, by its reason.
    """

    count: int = 0
    said: str | None = None
    polls: int = 0
    since: dict[str, Micros] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Commands that wait until a person resumes them. `account`: the present name of the partner's account.

    Partner as in `Work`, or an account; with customer and type, None matches any.
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
        """The commands that it holds."""
        return Selection(self.partner, self.customer, self.type)


@dataclass(slots=True)
class Work:
    """A command that can run now, and all that is known about it.

    It stands for one run: whatever ends that run (a conclusion, a cancellation, a redrive) raises the command's
    `revision`, and what is written for an older one is refused as if the lane were lost. `paused` is the pause that
    holds the command: it is not run, only told to wait. `resolution` is what a person decided in this story.
    `partner` is what the lanes of its tenant begin with, `account` what its events call the tenant's account.
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

    def unsettled_until(self) -> Micros:
        """Until when an unanswered request of this command may still change something; 0 where none can."""
        return max((step.until for step in self.steps.values()), default=0)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of Partner Center, as a person reads it. `key` names the very request; `answered`: it had an answer."""

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
    """A line of the timeline that is neither call nor event: a wait, a check that was left out, a person's act."""

    at: Micros
    kind: str
    detail: str
    reason: str | None = None
    until: Micros | None = None


@dataclass(frozen=True, slots=True)
class Conclusion:
    """How a run ended. All of it becomes true in one transaction, or nothing."""

    state: State
    code: str | None = None
    due_in: float | None = None
    held: bool = False
    """While a pause holds the command, the command is not due; it is due when a person resumes it."""
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


@dataclass(frozen=True, slots=True)
class UnknownRow:
    """A command of this worker's lanes that this azplan does not understand and must not run. `why`: for people."""

    uid: str
    lane: str
    owner: Owner
    revision: int
    why: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What can run now, in how many seconds something else can, and what is due but not understood."""

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
    """When that was written, in milliseconds since 1970."""
    unreadable: str | None = None
    """Why this azplan cannot read the row, and so cannot send it."""
