"""An operation of Partner Center, as data. Knows no particular one, and sends nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

T_co = TypeVar("T_co", covariant=True)


class Auth(StrEnum):
    """Which kind of access token an operation takes (Partner Center refuses the wrong one with 403, code 900329)."""

    APP = "app"
    """The application's own token only."""
    USER = "user"
    """A user's token (app+user) only."""
    EITHER = "either"
    """Both kinds. The application's own is used: it needs no multi-factor sign-in and no refresh token that can die."""


class EffectClass(StrEnum):
    """What it means when an answer is lost: how an operation may be repeated."""

    READ = "read"
    """Changes nothing: call again."""
    STATE = "state"
    """Sets a state that can be read back: look, and act only if it is not there."""
    ORPHAN = "orphan"
    """Makes something that nobody can use without its id: make another."""
    MONEY = "money"
    """Buys or starts something: reconcile, and never repeat under another key."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A no in the body of a success."""

    code: str | None
    description: str | None


@dataclass(frozen=True, slots=True)
class Operation(Generic[T_co]):
    """One operation. `T_co` is the type of the value that a call returns.

    Everything that must treat operations differently reads it here: the client, the metric labels, the quota, the table
    of what to do after a failure.
    """

    name: str
    """`resource.verb`: the metric label, the name of the span, and what a person sees."""
    method: str
    path: str
    """Template under the version segment, for example `/customers/{customer_id}/carts/{cart_id}/checkout`."""
    effect: EffectClass
    auth: Auth
    source: str
    """The vendor's page that documents it."""
    answer: type[Any] | None = None
    """The model of a success body. None: the body says nothing worth reading, and the value is an `Accepted`."""
    success: frozenset[int] = frozenset({200})
    """The documented statuses of success. 202 and 204 among them mean that the body may be absent."""
    page: bool = False
    """The answer is one page of a collection, which may link to the next."""
    refusal: Callable[[Any], Refusal | None] | None = None
    """Tells of an `answer` whether it says no after all; such a call is refused."""
    customer_in_body: bool = False
    """The body names the customer, and not the path."""

    @property
    def names_customer(self) -> bool:
        """Whether a request names one customer, in its path or in its body."""
        return self.customer_in_body or self.path.startswith("/customers/{customer_id}")

    @property
    def family(self) -> str:
        """The resource family that shares a request ceiling: the segment after the customer, or the first one."""
        segments = [segment for segment in self.path.split("/") if segment]
        if segments[0] == "customers" and len(segments) > 2:
            return segments[2]
        return segments[0]

    @property
    def writes(self) -> bool:
        """Whether it can change anything at Microsoft."""
        return self.effect is not EffectClass.READ


class Accepted(BaseModel):
    """Partner Center took the request and says no more about it than, perhaps, where to look."""

    location: str | None = None
    """The `Location` header: relative, in several forms, or absent."""
