"""What a handler gets from the client, and what the client needs of a command's run. Protocols and data only."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar
from uuid import UUID

from pydantic import SecretStr

from worker.partner_center.answers.resource import CallReference, Link
from worker.partner_center.errors import CallError
from worker.partner_center.operation import Operation
from worker.partner_center.recent_answers import RecentAnswers

T = TypeVar("T")

Query = Mapping[str, str]
CallStatus = int | Literal["timeout", "connect", "lost", "unreadable"]


@dataclass(frozen=True, slots=True)
class Call:
    """One request that was tried. The run receives it when the result is known."""

    at: datetime
    """When the request began."""
    operation: str
    step: str | None
    status: CallStatus
    """The HTTP status, or why there is none. `connect`: the request never left. `timeout`, `lost`: the request may have
    arrived, and no whole answer came. `unreadable`: an answer came that cannot be read."""
    duration: float
    """Seconds."""
    request_id: str
    correlation_id: str
    code: str | None
    """Partner Center's error code. None if the answer had none."""
    key: str
    """Identifies equal requests: step, method and path. `Run.answers` counts by this key."""
    answered: bool
    """Whether the service answered. If so, the next such request needs a new request id. A cut answer, a gateway's
    page, 429 and 5xx do not count as answers."""


class Run(Protocol):
    """One run of one command, as the client sees it. `worker.gate` connects it to the journal."""

    @property
    def command(self) -> UUID:
        """The command's identity. Every MS-RequestId is derived from it."""

    @property
    def correlation_id(self) -> str:
        """The MS-CorrelationId of this run."""

    def gate(self, operation: Operation[object], step: str | None) -> None:
        """Called at the instant a request leaves. Raises `GateClosed` if the request must not leave."""

    def answers(self, key: str) -> int:
        """How many requests with this key have been answered, over all runs of the command."""

    def called(self, call: Call) -> None:
        """Called after every request, also after a request that outlives its call."""


class AnswerStream(Protocol):
    """A success that is read piece by piece, once."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case."""

    @property
    def source_call(self) -> CallReference:
        """The call whose answer this is, with the seconds of the answer's `Retry-After`."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The pieces of the body, decompressed. Their end means that every byte arrived. Raises `Unanswered`."""

    def unreadable(self, what: str) -> CallError:
        """The error to raise for a body that is not what was asked for. `what`: the end of a sentence."""

    def fault_in(self, document: object) -> CallError | None:
        """The error that the content of the body means, as of any success. None if it is none."""


class PartnerCenter(Protocol):
    """One partner account at all services, bound to one run of one command and, inside a step, to that step."""

    @property
    def account(self) -> str:
        """The name of the partner account."""

    @property
    def catalog_items(self) -> RecentAnswers[str]:
        """The items that were found in the catalog of this account a short while ago, by country."""

    def permits(self, operation: Operation[T]) -> bool:
        """Whether the account can call the operation. False if it takes a user's token and the account has none."""

    async def call(
        self, operation: Operation[T], path: Mapping[str, str], *, query: Query | None = None, body: object = None
    ) -> T:
        """Call `operation` and return the value of its answer.

        `path` fills the operation's path template. For Azure Resource Manager it also holds `customer_id`: the token
        is one of that customer's tenant. `body` is any JSON value, None for no body. Raises only subclasses of
        `CallError`.
        """

    async def follow(self, operation: Operation[T], link: Link, path: Mapping[str, str]) -> T:
        """Read what `link` names, with the headers of the link. Raises the same errors as `call`.

        `path` is that of the call whose answer holds the link.
        """

    def stream(
        self,
        operation: Operation[Any],
        path: Mapping[str, str],
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AbstractAsyncContextManager[AnswerStream]:
        """Call a read and open its answer: for answers that may be larger than a megabyte.

        `headers`: as those of a link. Entering raises the errors of `call`, iterating over the answer `Unanswered`.
        The call appears in the timeline when the answer has ended. A body that breaks is not asked for again.
        """

    def stream_link(
        self, operation: Operation[Any], link: Link, path: Mapping[str, str]
    ) -> AbstractAsyncContextManager[AnswerStream]:
        """Open what `link` names, with the headers of the link. Raises the same errors as `stream`."""

    def download(self, operation: Operation[Any], address: SecretStr) -> AbstractAsyncContextManager[AnswerStream]:
        """Open the file at a signed address of Azure Storage: no token goes there, and no redirect is followed.

        Entering raises `HostRefused`, `SignatureRefused`, `Refused` (404: there is no such file), `Throttled`,
        `Unanswered`, `NeverSent` or `Unavailable`. The bytes are those of the file, also if it is compressed.
        """

    def within(self, step: str) -> "PartnerCenter":
        """The same account and run, bound to the named step."""
