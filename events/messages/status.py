"""What can be said of any command, whatever its type: accepted, waiting, validated, rejected, failed."""

from typing import Any, ClassVar

from pydantic import Field

from events.codes import BlockerKind, Code, FailedCode, RejectedCode, WaitingReason
from events.messages.base import Event, Message
from events.messages.fields import Instant, Label, Prose


class Blocker(Message):
    """Something at Microsoft that stands in the way of a command, or that a command did away with."""

    kind: BlockerKind
    id: Label
    name: Label | None = None
    status: Label | None = None
    """Status in Microsoft's words."""


class PartnerCenterError(Message):
    """What Partner Center answered: what a person pastes into a Microsoft support ticket."""

    operation: Label
    """Operation as azplan names it, such as `carts.checkout`."""
    http_status: int | None = None
    code: Label | None = None
    """Partner Center's error code as text, such as `900115`."""
    description: Prose | None = None
    request_id: Label | None = None
    """`MS-RequestId` of the request."""
    correlation_id: Label | None = None
    """`MS-CorrelationId` of the request."""


class CommandAccepted(Event):
    """The command is durable in the journal: from here on it ends in exactly one answer."""

    place: ClassVar[str] = "accepted"

    received_at: Instant


class CommandWaiting(Event):
    """The command waits, and for another reason than before."""

    place: ClassVar[str] = "waiting"
    numbered: ClassVar[bool] = True

    reason: WaitingReason
    detail: Prose
    until: Instant | None = None
    """When it will be looked at again; null where that depends on something else."""
    attempt: int = Field(ge=0)
    """Attempts begun so far."""


class CommandValidated(Event):
    """Every check passed for a command that was only to be validated; nothing was changed."""

    terminal: ClassVar[bool] = True

    would_do: tuple[Prose, ...]
    """What would be done, a sentence each, with the names of the operations; empty where nothing is left to do."""


def _title(members: dict[str, Any]) -> str:
    code: Code = members["code"]
    return code.meaning.title


def _advice(members: dict[str, Any]) -> str:
    code: Code = members["code"]
    return code.meaning.advice


class _Explained(Event):
    """What the two events that say no have in common."""

    terminal: ClassVar[bool] = True

    code: RejectedCode | FailedCode
    title: Prose = Field(default_factory=_title)
    """What the code means, in a short phrase."""
    detail: Prose
    """What was wrong this time."""
    advice: Prose = Field(default_factory=_advice)
    """What to do next."""
    blockers: tuple[Blocker, ...] = ()
    """What stands in the way."""
    partner_center: PartnerCenterError | None = None
    """What Partner Center answered, where that was the cause."""


class CommandRejected(_Explained):
    """The answer is no, and the same command sent again gets no again.

    Nothing was changed at Microsoft, or `detail` names what was.
    """

    code: RejectedCode


class CommandFailed(_Explained):
    """The worker gave up; a redrive may succeed. The command is also a dead letter."""

    code: FailedCode
    attempts: int = Field(ge=0)
    """Attempts begun."""
    outcome_unknown: bool
    """Whether something may have taken effect at Microsoft without our knowing."""


class CommandIdReused(Event):
    """A record with the identity of a known command but other content was refused.

    It says nothing about the command that has the id: that one and its answer stay as they are.
    """

    received_at: Instant
    detail: Prose
    topic: str
    """Topic of the refused record."""
    partition: int = Field(ge=0)
    offset: int = Field(ge=0)
