"""SuspendPlan that returns reservations: quotes first, one return each, and money that moves once."""

from decimal import Decimal

import pytest

from events.codes import BlockerKind
from events.messages.plans import PlanSuspended, SuspendPlan
from ops.simulator.reserved import Reservation, ReservedItem
from ops.simulator.state import Customer
from tests.handlers.stage import Stage

RETURN, QUOTE, LIST = "arm.reservations.return", "arm.reservations.quote", "arm.reservations.list"


def give_back(customer: Customer, **members: object) -> SuspendPlan:
    """The command that cancels and returns whatever is in use."""
    asks = {"active_assets": "cancel", "reservations": "return", **members}
    return SuspendPlan.model_validate({"customer_id": customer.id, **asks})


def reserved(customer: Customer) -> list[tuple[Reservation, ReservedItem]]:
    """The customer's reservations with their orders, without what was split."""
    return [(order, item) for order in customer.reservations for item in order.items if item.status_code is None]


def returned(stage: Stage, customer: Customer) -> list[str]:
    """The ids of the reservations whose returns Azure Resource Manager accepted."""
    return [each.target for each in stage.simulator.books.effects_of(customer.id, "reservation.return_requested")]


@pytest.mark.parametrize("profile", ["reserved", "two_reserved", "split_reserved"])
@pytest.mark.parametrize("status", [200, 202])
async def test_every_reservation_is_returned_before_the_plan_is_suspended(
    stage: Stage, profile: str, status: int
) -> None:
    """Each is returned once, whole. The answer names it with the refund of its quote, and the sum of all."""
    stage.simulator.change(return_status=status)
    customer = stage.simulator.customer(profile)
    answer = await stage.done(PlanSuspended, give_back(customer))
    wanted = [item.id for _, item in reserved(customer)]
    assert sorted(returned(stage, customer)) == sorted(wanted)
    named = [each for each in answer.cancelled_assets if each.kind is BlockerKind.RESERVATION]
    assert sorted(each.id for each in named) == sorted(wanted)
    paid = {each.quote.item_id: each.quote for each in customer.returns.values()}
    for each in named:
        assert each.refund is not None
        assert str(each.refund.amount) == str(paid[each.id].amount)
        assert (each.refund.currency, each.status) == (paid[each.id].currency, "cancelled")
    (total,) = answer.refunds
    assert total.amount == sum(Decimal(str(quote.amount)) for quote in paid.values())
    assert not stage.simulator.books.warnings
    assert await stage.open_effects() == []
