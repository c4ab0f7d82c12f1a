"""The events that any command may have: accepted, waiting, validated, rejected, failed, id reused."""

from typing import Any, ClassVar

from pydantic import Field

from events.codes import BlockerKind, Code, FailedCode, RejectedCode, WaitingReason
from events.messages.base import Event, Message
from events.messages.fields import LEFT_OUT, Instant, Label, Prose, Quantity


class Refund(Message):
    """Money that Microsoft gives back."""

    amount: Quantity
    """Every digit as Microsoft names it."""
    currency: Label
    """ISO 4217 code, for example `EUR`."""


class Blocker(Message):
    """A thing at Microsoft that stands in the way of a command, or that a command removed."""

    kind: BlockerKind
    id: Label
    name: Label | None = None
    status: Label | None = None
    """Status in Microsoft's words."""
    reason: Prose | None = LEFT_OUT
    """Why it stands in the way: Microsoft's code and words. Left out if Microsoft named none."""
    refund: Refund | None = LEFT_OUT
    """What came back for a returned reservation. Left out for everything else."""


class PartnerCenterError(Message):
    """The answer of Partner Center, for a support ticket at Microsoft."""

    operation: Label
    """Operation as azplan names it, for example `carts.checkout`."""
    http_status: int | None = None
    code: Label | None = None
    """Partner Center's error code as text, for example `900115`."""
    description: Prose | None = None
    request_id: Label | None = None
    """`MS-RequestId` of the request."""
    correlation_id: Label | None = None
    """`MS-CorrelationId` of the request."""


class CommandAccepted(Event):
    """The command is durable in the journal. From now on it ends in exactly one answer."""

    place: ClassVar[str] = "accepted"

    received_at: Instant


class CommandWaiting(Event):
    """The command waits, for a reason other than before."""

    place: ClassVar[str] = "waiting"
    numbered: ClassVar[bool] = True

    reason: WaitingReason
    detail: Prose
    until: Instant | None = None
    """When azplan looks at the command again; null if that depends on something other than time."""
    attempt: int = Field(ge=0)
    """Number of attempts begun so far."""


class CommandValidated(Event):
    """Every check of a command with `validateOnly` passed; azplan changed nothing."""

    terminal: ClassVar[bool] = True

    would_do: tuple[Prose, ...]
    """What azplan would do, a sentence each, with the names of the operations; empty if nothing is left to do."""


def _title(members: dict[str, Any]) -> str:
    code: Code = members["code"]
    return code.meaning.title


def _advice(members: dict[str, Any]) -> str:
    code: Code = members["code"]
    return code.meaning.advice


class _Explained(Event):
    """The common members of `CommandRejected` and `CommandFailed`."""

    terminal: ClassVar[bool] = True

    code: RejectedCode | FailedCode
    title: Prose = Field(default_factory=_title)
    """Meaning of the code, in a short phrase."""
    detail: Prose
    """What was wrong with this command."""
    advice: Prose = Field(default_factory=_advice)
    """What to do next."""
    blockers: tuple[Blocker, ...] = ()
    """The things that stand in the way."""
    partner_center: PartnerCenterError | None = None
    """The answer of Partner Center, if it was the cause."""


class CommandRejected(_Explained):
    """The answer is no. The same command sent again gets the same no.

    azplan changed nothing at Microsoft, or `detail` names what it changed.
    """

    code: RejectedCode


class CommandFailed(_Explained):
    """The worker gave up; a redrive may succeed. The command is also a dead letter."""

    code: FailedCode
    attempts: int = Field(ge=0)
    """Number of attempts begun."""
    outcome_unknown: bool
    """Whether something may have taken effect at Microsoft without azplan knowing."""


class CommandIdReused(Event):
    """A record with the identity of a known command but other content was refused.

    This event does not change the known command: that command and its answer stay as they are.
    """

    received_at: Instant
    detail: Prose
    topic: str
    """Topic of the refused record."""
    partition: int = Field(ge=0)
    offset: int = Field(ge=0)
