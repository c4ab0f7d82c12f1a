"""What a handler gets, and what the client needs to know of the run of a command. Protocols and data only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeVar
from uuid import UUID

from worker.partner_center.answers.model import Link
from worker.partner_center.operation import Operation

T = TypeVar("T")

Query = Mapping[str, str]
CallStatus = int | Literal["timeout", "connect", "lost", "unreadable"]


@dataclass(frozen=True, slots=True)
class Call:
    """One request that was tried, told to the run when its end is known."""

    at: datetime
    """When it was begun."""
    operation: str
    step: str | None
    status: CallStatus
    """The HTTP status; `connect`: it never left; `timeout`, `lost`: it may have arrived, and no whole answer came;
    `unreadable`: an answer came that cannot be read."""
    duration: float
    """Seconds."""
    request_id: str
    correlation_id: str
    code: str | None
    """Partner Center's error code, where the answer had one."""
    key: str
    """The request itself: step, method and path. What `Run.answers` counts by."""
    answered: bool
    """Whether this was an answer, so that the next such request needs a new MS-RequestId: a cut one, a gateway's page,
    429 and 5xx are none."""


class Run(Protocol):
    """One run of one command, as the client sees it. The app joins it to the journal."""

    @property
    def command(self) -> UUID:
        """The command's identity, which enters every MS-RequestId."""

    @property
    def correlation_id(self) -> str:
        """The MS-CorrelationId of this run."""

    def gate(self, operation: Operation[object], step: str | None) -> None:
        """Called at the instant a request leaves. Raises `GateClosed` where it must not."""

    def answers(self, key: str) -> int:
        """How many answers came so far to this very request, over all runs of the command."""

    def called(self, call: Call) -> None:
        """Told after every request, also one that outlives the call that began it."""


class PartnerCenter(Protocol):
    """One partner account, bound to one run of one command and, inside a step, to that step."""

    @property
    def account(self) -> str:
        """The name of the partner account."""

    def permits(self, operation: Operation[T]) -> bool:
        """False: the operation takes a user's token, and only the application is configured."""

    async def call(
        self, operation: Operation[T], path: Mapping[str, str], *, query: Query | None = None, body: object = None
    ) -> T:
        """Call `operation` and return what it answers.

        `path` fills the template; `body` is anything that JSON can hold, None for no body. Raises subclasses of
        `CallError` only.
        """

    async def follow(self, operation: Operation[T], link: Link) -> T:
        """Read the page that `link` names, with the headers that the link carries. Raises as `call` does."""

    def within(self, step: str) -> "PartnerCenter":
        """The same run, inside the named step."""
