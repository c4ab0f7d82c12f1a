"""An operation of one of Microsoft's services as data. Knows no particular operation, and sends nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

T_co = TypeVar("T_co", covariant=True)

PATIENCE = 4.5
"""How many times as long the answer to a patient operation may take: 180 seconds where others may take 40. So long does
Microsoft's own client wait (microsoft/Partner-Center-DotNet, `PartnerServiceProxy`)."""


LARGEST = 32 * 1024 * 1024
"""Largest number of bytes of an answer that is read whole, decompressed."""
MEGABYTE = 1024 * 1024


class Api(StrEnum):
    """The service that an operation belongs to: an address, and a kind of access token."""

    CENTER = "center"
    """Partner Center."""
    ARM = "arm"
    """Azure Resource Manager, with a token of the customer's tenant."""
    GRAPH = "graph"
    """Microsoft Graph, with a token for an audience of its own."""
    STORAGE = "storage"
    """Azure Storage. Its addresses are signed, and it gets no token."""


SERVICES: Mapping[Api, str] = MappingProxyType(
    {
        Api.CENTER: "Partner Center",
        Api.ARM: "Azure Resource Manager",
        Api.GRAPH: "Microsoft Graph",
        Api.STORAGE: "Azure Storage",
    }
)
"""The names of the services, for sentences to people."""
FAMILIES: Mapping[Api, str] = MappingProxyType({Api.ARM: "arm", Api.GRAPH: "graph.billing", Api.STORAGE: "storage"})
"""The services whose operations are one family, with one ceiling and one circuit for an account."""


class Auth(StrEnum):
    """The kind of access token that an operation takes. Partner Center refuses the wrong kind (403, code 900329)."""

    APP = "app"
    """Only the application's own token."""
    USER = "user"
    """Only a user's token (app+user)."""
    EITHER = "either"
    """Both. azplan uses the application's: it needs no multi-factor sign-in, and no refresh token that can expire."""


class EffectClass(StrEnum):
    """The effect of an operation. Decides how the operation may be repeated when its answer is lost."""

    READ = "read"
    """Changes nothing: call again."""
    STATE = "state"
    """Sets a state that can be read: read the state, and repeat only if it is not set."""
    ORPHAN = "orphan"
    """Creates something that nobody can use without its id: create another one."""
    MONEY = "money"
    """Buys or starts something: reconcile, and never repeat under another key."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal inside the body of a success."""

    code: str | None
    description: str | None


@dataclass(frozen=True, slots=True)
class Arm:
    """What an operation of Azure Resource Manager has, and one of Partner Center has not."""

    api_version: str
    """The `api-version` of every request."""
    role: str
    """The role that the user needs, for the advice to a person whose user lacks the role."""


@dataclass(frozen=True, slots=True)
class Operation(Generic[T_co]):
    """One operation. `T_co` is the type of the value that a call returns.

    The only place that says how operations differ: for the client, metric labels, quotas, and the table of failures.
    """

    name: str
    """`resource.verb`: metric label, name of the span, and the name that people see."""
    method: str
    path: str
    """Template under the version segment, for example `/customers/{customer_id}/carts/{cart_id}/checkout`.

    Of Azure Resource Manager: under the host. The customer is not in the path there, but is always given beside the
    path's names, as `customer_id`: the token is one of the customer's tenant. Of Azure Storage: an example.
    """
    effect: EffectClass
    auth: Auth
    source: str
    """The vendor's page that documents the operation."""
    answer: type[Any] | None = None
    """The model of a success body. None: the body is not read, and the value of a call is an `Accepted`."""
    success: frozenset[int] = frozenset({200})
    """The documented statuses of success. With 202 or 204 among them the body may be absent."""
    page: bool = False
    """Whether the answer is one page of a collection, with a link to the next page."""
    refusal: Callable[[Any], Refusal | None] | None = None
    """Finds a refusal inside an `answer`. A call with such an answer raises `Refused`."""
    customer_in_body: bool = False
    """Whether the body names the customer, and not the path."""
    api: Api = Api.CENTER
    arm: Arm | None = None
    """Set for the operations of Azure Resource Manager, and only for them."""
    beta: bool = False
    """Whether Microsoft Graph has the operation in its beta version only."""
    accept: str = "application/json"
    """The kind of answer that is asked for."""
    patient: bool = False
    """Whether the answer may take longer than others: `PATIENCE` times as long. Only for reads."""
    largest: int = LARGEST
    """Most bytes of an answer that is read whole: a larger one is unreadable. An answer that is read piece by piece may
    have more."""

    linked: str = "the next page"
    """What a link or a `Location` to the operation names, for sentences to people."""

    @property
    def service(self) -> str:
        """The name of the service that answers, for sentences to people."""
        return SERVICES[self.api]

    @property
    def names_customer(self) -> bool:
        """Whether a request names one customer, in its path or in its body."""
        return self.customer_in_body or self.path.startswith("/customers/{customer_id}")

    @property
    def family(self) -> str:
        """The family: operations with one ceiling. The path segment after the customer, else the first segment.

        All operations of Azure Resource Manager are one family, and so are those of Microsoft Graph.
        """
        if self.api in FAMILIES:
            return FAMILIES[self.api]
        segments = [segment for segment in self.path.split("/") if segment]
        if segments[0] == "customers" and len(segments) > 2:
            return segments[2]
        return segments[0]

    @property
    def writes(self) -> bool:
        """Whether the operation can change anything at Microsoft."""
        return self.effect is not EffectClass.READ


class Accepted(BaseModel):
    """The request was accepted. The answer holds nothing but, perhaps, an address to look at."""

    location: str | None = None
    """The `Location` header: relative, in several forms, or absent. Azure Resource Manager may send
    `Azure-AsyncOperation` in its place."""
    retry_after: float | None = None
    """Seconds after which the answer asks to look. None if it does not say."""
