"""SetUsageBudget: set or remove the budget that Microsoft watches for a customer.

Vendor pages: partner-center/developer/get-a-customer-s-usage-spending-budget,
update-a-customer-s-usage-spending-budget, set-an-azure-spending-budget-for-your-customers.
"""

from decimal import Decimal
from typing import cast

from events.codes import RejectedCode
from events.messages.base import Event
from events.messages.usage import SetUsageBudget, UsageBudgetSet
from worker.errors import Rejected
from worker.handling import Change, Context, handles
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources.spending import budgets
from worker.spending.present_budget import present_budget
from worker.step_view import Result
from worker.steps import State

SET = "set budget"


@handles(SetUsageBudget)
async def set_usage_budget(ctx: Context, command: SetUsageBudget) -> Event:
    """Set the budget once. A budget that is equal as a number answers the command too, whatever `ifAmount` says."""
    if ctx.account_policy.sandbox:
        detail = f"the account {ctx.center.account} is set up as one of a sandbox tenant, which has no budgets"
        raise Rejected(RejectedCode.BUDGET_NOT_SUPPORTED, detail)
    present = await present_budget(ctx.center, command.customer_id)
    taken = ctx.step_state(SET)
    if taken.is_applied:
        return _set(ctx, command, present)
    if present == _number(command.amount):
        await ctx.step(SET, State(there=True, act=_never))
        return _set(ctx, command, present)
    await ctx.confirm_absent(SET)
    if command.is_conditional and present != _number(command.if_amount):
        detail = f"the present budget is {_words(present)}, and ifAmount is {command.if_amount or 'null'}"
        raise Rejected(RejectedCode.BUDGET_CHANGED, detail)
    ctx.about_to(Change(budgets.SET, f"replace the budget {_words(present)} by {command.amount or 'none'}"))

    async def act(center: PartnerCenter) -> Result:
        made = await budgets.set(center, command.customer_id, command.amount)
        return {"current": _text(made.value)}

    await ctx.step(SET, State(there=False, act=act, details={"previous": _text(present)}))
    return _set(ctx, command, present)


def _set(ctx: Context, command: SetUsageBudget, present: Decimal | None) -> Event:
    """The answer. `present` is what the run's look showed, before any request of the run."""
    taken = ctx.step_state(SET)
    if not taken.is_ours:
        return ctx.answer(UsageBudgetSet, previous=present, current=present, already_set=True)
    noted = cast("dict[str, str | None]", taken.details)
    told = (taken.result or {}).get("current")
    current = command.amount
    if told is not None and Decimal(str(told)) != _number(current):
        current = str(told)  # Microsoft keeps another amount than it was given
    return ctx.answer(UsageBudgetSet, previous=noted["previous"], current=current, already_set=False)


async def _never(_center: PartnerCenter) -> Result:
    raise AssertionError("a budget that is there is not set again")


def _number(amount: str | None) -> Decimal | None:
    return None if amount is None else Decimal(amount)


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else format(amount, "f")


def _words(amount: Decimal | None) -> str:
    return _text(amount) or "none"
