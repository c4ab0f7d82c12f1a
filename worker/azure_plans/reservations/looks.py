"""Looks at a customer's reservations at Azure Resource Manager: their state, and what a return would give. Reads only.

Vendor pages: rest/api/reserved-vm-instances/reservation/list, calculate-refund/post.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from events.codes import BlockerKind
from events.messages.command_status import Blocker, Refund
from worker.azure_plans.reservations import refund_quotes
from worker.azure_plans.reservations.refund_quotes import RefundQuote
from worker.handling import Context, plain_id
from worker.partner_center.errors import Refused, Unanswered
from worker.partner_center.resources import arm_reservations
from worker.partner_center.resources.arm_reservations import IN_FORCE, ArmReservation
from worker.step_view import StepView

RETURN = "return"
"""The first word of the names of the steps that return reservations."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """A reservation as Azure Resource Manager shows it in this run."""

    order: str
    id: str
    name: str | None
    quantity: Decimal
    state: str | None
    is_over: bool
    """Whether it is not in force any more."""

    @property
    def step(self) -> str:
        """The name of the step that returns it."""
        return f"{RETURN} {self.order}/{self.id}"

    @property
    def key(self) -> str:
        """The name of the effect: one command of a customer at a time returns it."""
        return f"reservation-return:{self.order}/{self.id}"

    def blocker(self, *, reason: str | None = None, refund: Refund | None = None) -> Blocker:
        """The reservation as events name it."""
        kind = BlockerKind.RESERVATION
        return Blocker(kind=kind, id=self.id, name=self.name, status=self.state, reason=reason, refund=refund)


class ReservationLooks:
    """What one run has seen of the reservations that it looked at."""

    def __init__(self, ctx: Context, customer_id: str) -> None:
        self._ctx = ctx
        self._customer = customer_id
        self.found: dict[str, Reservation] = {}
        """By the names of the steps that return them."""

    @property
    def steps(self) -> list[StepView]:
        """The returns that the command has begun."""
        return self._ctx.steps_named(RETURN)

    def step(self, each: Reservation) -> StepView:
        """The state of the return of this reservation."""
        return self._ctx.step_state(each.step)

    def named(self, step: StepView, refund: Refund) -> Blocker:
        """A reservation that the command has returned. Its order may list it no longer: then only its id is known."""
        each = self.found.get(step.name)
        if each is not None:
            return each.blocker(refund=refund)
        return Blocker(kind=BlockerKind.RESERVATION, id=step.name.rpartition("/")[2], refund=refund)

    async def read(self, orders: Iterable[str]) -> None:
        """Read the reservations of these orders, and of every order from which the command returns one.

        Raises `Unanswered` if one that is in force has no quantity: what to return would be a guess.
        """
        begun = [step.name.partition(" ")[2].partition("/")[0] for step in self.steps]
        for order in dict.fromkeys([*map(plain_id, orders), *begun]):
            for found in await arm_reservations.list_all(self._ctx.center, self._customer, order):
                if found.properties.quantity is None and not found.is_over:
                    raise Unanswered(arm_reservations.LIST.name, f"reservation {found.reservation_id} has no quantity")
                each = _reservation(order, found)
                self.found[each.step] = each

    async def quote(self, each: Reservation) -> tuple[RefundQuote | None, str | None]:
        """The refund for returning all of a reservation, or why Microsoft's policy does not let it be returned.

        Raises `Refused` if Microsoft refuses to quote, and `Unanswered` for a quote that no return can name.
        """
        answer = await arm_reservations.quote(self._ctx.center, self._customer, each.order, each.id, each.quantity)
        quote = refund_quotes.quote_from(answer, each.quantity, self._ctx.now())
        reason = refund_quotes.policy_reason(answer.policy_errors)
        if quote is None and reason is None:
            missing = "the quote names no session, no refund, or another quantity"
            raise Unanswered(arm_reservations.QUOTE.name, missing)
        return quote, reason

    async def doubt(self, each: Reservation, sent: RefundQuote) -> str | None:
        """Why a request that cannot arrive any more may have returned a reservation that is not over; None if not.

        `sent` is the quote that the request named.
        """
        if each.state != IN_FORCE:
            return f"it is {each.state or 'in an unknown state'}, which does not say whether it is being returned"
        if each.quantity != sent.quantity:
            return f"its quantity is {each.quantity:f}, and was {sent.quantity:f}"
        try:
            fresh, _ = await self.quote(each)
        except Refused as no:
            return f"a new quote is refused: {no}"
        if fresh is not None and refund_quotes.may_be_refunded(sent, fresh, self._others(each, sent)):
            return "the customer has got back about as much as it is worth since the request"
        return None

    def _others(self, each: Reservation, sent: RefundQuote) -> list[refund_quotes.Money]:
        """What came back for other reservations since `sent` was quoted."""
        since = sent.at.isoformat()
        later = [step for step in self.steps if step.name != each.step and step.result and step.result["at"] >= since]
        prices = [refund_quotes.quote_in(step.details).price for step in later]
        return [price for price in prices if price is not None]


def _reservation(order: str, found: ArmReservation) -> Reservation:
    facts = found.properties
    return Reservation(
        order=order,
        id=plain_id(found.reservation_id),
        name=facts.display_name,
        quantity=facts.quantity or Decimal(0),
        state=facts.provisioning_state,
        is_over=found.is_over,
    )
