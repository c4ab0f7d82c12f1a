"""What must be true of budgets in a world at rest: each answer says what was there before, and what is there now."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from events.messages.base import Event
from events.messages.command_status import CommandFailed
from events.messages.usage import SetUsageBudget, UsageBudgetSet
from ops.simulator.state import Customer
from tests.support.harness import World


def budgets(world: World) -> Iterator[str]:
    """The answers of a customer, in order, tell one history of its budget, which ends with the present one.

    After an unknown outcome the budget is what the next answer says.
    """
    told: dict[str, list[Event]] = defaultdict(list)
    for each in {said.id: said.event for said in world.said()}.values():
        if each.terminal and each.command_type == SetUsageBudget.wire_type():
            told[each.customer_id].append(each)
    for customer_id, answers in told.items():
        customer = world.simulator.world.customers[customer_id]
        known, present = True, _first(world, customer)
        for each in answers:
            if isinstance(each, CommandFailed):
                known = False
            elif isinstance(each, UsageBudgetSet):
                if known and each.previous != present:
                    yield f"G6: {each.command_id} says that the budget was {each.previous}, and it was {present}"
                if each.already_set != (each.previous == each.current):
                    yield f"G6: {each.command_id} says already: {each.already_set}, {each.previous} to {each.current}"
                known, present = True, each.current
        if known and present != customer.budget:
            yield f"G6: the answers say that the budget of {customer_id} is {present}, and it is {customer.budget}"


def _first(world: World, customer: Customer) -> Decimal | None:
    """The budget before the first change."""
    changes = world.simulator.books.effects_of(kind="budget.set", customer=customer.id)
    if not changes:
        return customer.budget
    before = changes[0].detail["previous"]
    return None if before is None else Decimal(before)
