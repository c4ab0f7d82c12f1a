"""Reservations at Azure Resource Manager: list, quote of a refund, return. In the customer's tenant."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import model_validator

from worker.looks.awaited import Awaited
from worker.partner_center.answers.resource import (
    OR_NONE,
    Collection,
    Document,
    Id,
    Link,
    Number,
    Resource,
    Text,
    Word,
    member,
)
from worker.partner_center.operation import Accepted, Api, Arm, Auth, EffectClass, Operation, Refusal
from worker.partner_center.paging import collect
from worker.partner_center.port import PartnerCenter

DOCS = "https://learn.microsoft.com/rest/api/reserved-vm-instances/"
ADMINISTRATOR = Arm("2022-11-01", "Owner of the reservation order, or Reservations Administrator")
ORDERS = "/providers/Microsoft.Capacity/reservationOrders"
SCOPE = "Reservation"
FAILED = frozenset({"failed", "canceled", "cancelled"})

OVER = frozenset({"cancelled", "canceled", "expired", "returned", "refunded", "deleted", "split", "merged"})
"""States in which a reservation is not in force and cannot become so."""
IN_FORCE = "succeeded"


class ReservationProperties(Resource):
    """The facts of a reservation."""

    display_name: Text = None
    quantity: Number = None
    provisioning_state: Word = None
    """`succeeded`, `cancelled`, `expired`, `split`, `merged`, `pending_…`, `failed`, or an unknown word."""


class ArmReservation(Resource):
    """A reservation of a reservation order."""

    id: Id
    """`/providers/microsoft.capacity/reservationOrders/{order}/reservations/{reservation}`."""
    properties: ReservationProperties = ReservationProperties()

    @property
    def reservation_id(self) -> str:
        """The reservation's own id, without its order."""
        return self.id.rstrip("/").rpartition("/")[2]

    @property
    def is_over(self) -> bool:
        """Whether it is not in force any more and cannot be returned. An absent or unknown state counts as in force."""
        return self.properties.provisioning_state in OVER or self.properties.quantity == 0


class ArmPage(Collection[ArmReservation]):
    """One page of Azure Resource Manager's form: `value` and `nextLink`."""

    @model_validator(mode="before")
    @classmethod
    def _as_collection(cls, document: object) -> object:
        """The page in Partner Center's form."""
        if not isinstance(document, Mapping) or member(document, "value") not in document:
            return document
        following = document.get(member(document, "nextLink"))
        return {"items": document[member(document, "value")], "links": {"next": {"uri": following}}}


class Amount(Resource):
    """An amount of money, with every digit of the answer."""

    currency_code: Text = None
    amount: Number = None


class PolicyError(Resource):
    """Why a return would not be accepted, or why it failed."""

    code: Text = None
    message: Text = None


class PolicyProperties(Resource):
    """The judgement of Microsoft's policy for returns."""

    consumed_refunds_total: Annotated[Amount | None, OR_NONE] = None
    """What the customer got back so far, or is about to get back, for all returned reservations."""
    policy_errors: tuple[PolicyError, ...] = ()


class PolicyResult(Resource):
    """The envelope of the judgement."""

    properties: PolicyProperties = PolicyProperties()


class QuoteProperties(Resource):
    """The content of a quote."""

    session_id: Text = None
    quantity: Number = None
    billing_refund_amount: Annotated[Amount | None, OR_NONE] = None
    """The refund, in the customer's currency."""
    pricing_refund_amount: Annotated[Amount | None, OR_NONE] = None
    """The refund, in the currency of prices: it counts for `consumed_refunds_total`."""
    policy_result: PolicyResult = PolicyResult()


class Quote(Resource):
    """The refund for returning a reservation. A return names the quote by its session."""

    properties: QuoteProperties

    @property
    def policy_errors(self) -> tuple[PolicyError, ...]:
        """Why a return would not be accepted. Empty if nothing speaks against it."""
        return self.properties.policy_result.properties.policy_errors


class ReturnResult(Document):
    """How far a return is that was accepted with 202."""

    status: Word = None
    error: Annotated[PolicyError | None, OR_NONE] = None

    @property
    def is_under_way(self) -> bool:
        """Whether the return goes on: by its status, or without one by the status of the answer."""
        if self.status is not None:
            return self.status not in {"succeeded", *FAILED}
        return self.source_call is not None and self.source_call.http_status == 202

    def refusal(self) -> Refusal | None:
        """The reason why the return ended without a refund; None if it goes on or succeeded."""
        if self.status not in FAILED:
            return None
        return (
            Refusal(self.error.code, self.error.message)
            if self.error
            else Refusal(None, f"the return is {self.status}")
        )


LIST: Operation[ArmPage] = Operation(
    name="arm.reservations.list",
    method="GET",
    path=ORDERS + "/{order_id}/reservations",
    answer=ArmPage,
    page=True,
    effect=EffectClass.READ,
    auth=Auth.USER,
    source=DOCS + "reservation/list",
    api=Api.ARM,
    arm=ADMINISTRATOR,
)

QUOTE: Operation[Quote] = Operation(
    name="arm.reservations.quote",
    method="POST",
    path=ORDERS + "/{order_id}/calculateRefund",
    answer=Quote,
    effect=EffectClass.READ,
    auth=Auth.USER,
    source=DOCS + "calculate-refund/post",
    api=Api.ARM,
    arm=ADMINISTRATOR,
)

RETURN: Operation[Accepted] = Operation(
    name="arm.reservations.return",
    method="POST",
    path=ORDERS + "/{order_id}/return",
    success=frozenset({200, 202}),
    effect=EffectClass.MONEY,
    auth=Auth.USER,
    source=DOCS + "return/post",
    api=Api.ARM,
    arm=ADMINISTRATOR,
)

RETURN_RESULT: Operation[ReturnResult | None] = Operation(
    name="arm.reservations.return_result",
    method="GET",
    path=ORDERS + "/{order_id}/returnOperationResults/{operation_id}",
    answer=ReturnResult,
    success=frozenset({200, 202, 204}),
    refusal=ReturnResult.refusal,
    effect=EffectClass.READ,
    auth=Auth.USER,
    source=DOCS + "return/post",
    api=Api.ARM,
    arm=ADMINISTRATOR,
    linked="the result of the return",
)
"""Its address comes from the answer to the return. The path here is an example."""

RETURNED = Awaited(
    name="reservation_returned",
    half=120.0,
    most=3_600.0,
    source=f"{DOCS}return/post: the return goes on after the answer; how long is not documented",
)


async def list_all(center: PartnerCenter, customer_id: str, order_id: str) -> list[ArmReservation]:
    """All reservations of an order, also those that ended. Raises `NotPermitted` without role or token."""
    return await collect(center, LIST, {"customer_id": customer_id, "order_id": order_id})


async def quote(
    center: PartnerCenter, customer_id: str, order_id: str, reservation_id: str, quantity: Decimal
) -> Quote:
    """The refund for returning this quantity. Changes nothing. What speaks against a return is in `policy_errors`."""
    place = f"{ORDERS}/{order_id}".replace("Microsoft.Capacity", "microsoft.capacity")
    body = {"id": place, "properties": _properties(order_id, reservation_id, quantity)}
    return await center.call(QUOTE, {"customer_id": customer_id, "order_id": order_id}, body=body)


async def give_back(
    center: PartnerCenter,
    customer_id: str,
    order_id: str,
    reservation_id: str,
    quantity: Decimal,
    *,
    session_id: str,
    reason: str,
) -> Accepted:
    """Return this quantity of a reservation for the refund of the quote with this session.

    `location` of the result is where a return that goes on can be followed; None if it is done.
    """
    properties = _properties(order_id, reservation_id, quantity)
    body = {"properties": {**properties, "sessionId": session_id, "returnReason": reason}}
    return await center.call(RETURN, {"customer_id": customer_id, "order_id": order_id}, body=body)


async def is_under_way(center: PartnerCenter, customer_id: str, location: str) -> bool:
    """Whether the return that `location` tells about goes on. Raises `Refused` if the return ended badly."""
    result = await center.follow(RETURN_RESULT, Link(uri=location), {"customer_id": customer_id})
    return result is None or result.is_under_way


def _properties(order_id: str, reservation_id: str, quantity: Decimal) -> dict[str, Any]:
    place = f"{ORDERS}/{order_id}/reservations/{reservation_id}".replace("Microsoft.Capacity", "microsoft.capacity")
    return {"scope": SCOPE, "reservationToReturn": {"reservationId": place, "quantity": int(quantity)}}
