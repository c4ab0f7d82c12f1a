"""SetUsageBudget: set or remove the budget that Microsoft watches for a customer.

Vendor pages: partner-center/developer/get-a-customer-s-usage-spending-budget,
update-a-customer-s-usage-spending-budget, set-an-azure-spending-budget-for-your-customers.
"""

from dataclasses import asdict
from decimal import Decimal
from typing import cast

from events.codes import FailedCode, RejectedCode, WaitingReason
from events.messages.base import Event
from events.messages.command_status import PartnerCenterError
from events.messages.usage import SetUsageBudget, UsageBudgetSet
from worker.clock import duration_micros
from worker.errors import Failed, Rejected, Wait
from worker.handling import Change, Context, handles
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources.spending import budgets
from worker.spending.present_budget import present_budget
from worker.step_view import Result
from worker.steps import State

SET = "set budget"
DIFFERS_SINCE = "budget differs since"
"""The name in `Context.known` of the instant since which another amount shows than Partner Center was asked to set."""
OTHER_AMOUNT = (
    "Look at the customer's budget in Partner Center. If the amount there is right, for example a rounded one, send"
    " SetUsageBudget with that amount and a new id. If not, run `azplan commands resolve --not-applied`: azplan then"
    " asks Microsoft once more."
)


@handles(SetUsageBudget)
async def set_usage_budget(ctx: Context, command: SetUsageBudget) -> Event:
    """Set the budget once. A budget that is equal as a number answers the command too, whatever `ifAmount` says.

    The command succeeds when Microsoft's answer to the change names the amount, or a look shows it. Otherwise azplan
    looks again for AZPLAN_WAITS__SETTLE, since a change may show late, and fails (`outcome_unknown`) with both amounts.
    An amount that Microsoft rounds is another amount: azplan does not guess which differences the sender accepts.
    """
    if ctx.account_policy.sandbox:
        detail = f"the account {ctx.center.account} is set up as one of a sandbox tenant, which has no budgets"
        raise Rejected(RejectedCode.BUDGET_NOT_SUPPORTED, detail)
    present = await present_budget(ctx.center, command.customer_id)
    if _is_taken(ctx, command):
        return _set(ctx, command, present)
    if present == _number(command.amount):
        await ctx.step(SET, State(there=True, act=_never))
        return _set(ctx, command, present)
    if ctx.step_state(SET).is_applied:
        raise _differs(ctx, command, present)
    await ctx.confirm_absent(SET)
    if command.is_conditional and present != _number(command.if_amount):
        detail = f"the present budget is {_words(present)}, and ifAmount is {command.if_amount or 'null'}"
        raise Rejected(RejectedCode.BUDGET_CHANGED, detail)
    ctx.about_to(Change(budgets.SET, f"replace the budget {_words(present)} by {command.amount or 'none'}"))

    async def act(center: PartnerCenter) -> Result:
        made = await budgets.set(center, command.customer_id, command.amount)
        return {"current": _text(made.value), "call": asdict(made.source_call) if made.source_call else None}

    await ctx.step(SET, State(there=False, act=act, details={"previous": _text(present)}))
    if not _is_taken(ctx, command):
        shown = await present_budget(ctx.center, command.customer_id)
        if shown != _number(command.amount):
            raise _differs(ctx, command, shown)
    return _set(ctx, command, present)


def _is_taken(ctx: Context, command: SetUsageBudget) -> bool:
    """Whether the step of this story is over: Microsoft's answer named the amount, or an earlier look showed it.

    An answer without an amount may be an empty one: it says nothing, also where the budget is removed.
    """
    taken = ctx.step_state(SET)
    if not taken.is_applied or taken.result is None:
        return taken.is_applied
    told = taken.result.get("current")
    return told is not None and command.amount is not None and Decimal(str(told)) == Decimal(command.amount)


def _differs(ctx: Context, command: SetUsageBudget, shown: Decimal | None) -> Wait | Failed:
    """What follows where Partner Center took the change and shows another amount: another look, or the end."""
    now = ctx.instant()
    since = ctx.known.setdefault(DIFFERS_SINCE, now)
    detail = f"Partner Center was asked for the budget {command.amount or 'none'}, took it, and shows {_words(shown)}"
    if now < since + duration_micros(ctx.policy.settle):
        return Wait(WaitingReason.SETTLING, detail)
    ended = f"{detail}; this did not change in {ctx.policy.settle:g} s"
    return Failed(FailedCode.OUTCOME_UNKNOWN, ended, advice=OTHER_AMOUNT, partner_center=_change(ctx, shown))


def _change(ctx: Context, shown: Decimal | None) -> PartnerCenterError:
    """The change that Partner Center took, for a support ticket. `shown`: the amount that a look showed after it."""
    call = (ctx.step_state(SET).result or {}).get("call") or {}
    return PartnerCenterError(
        operation=budgets.SET.name,
        http_status=call.get("http_status"),
        description=f"the request was answered with a success, and the budget is {_words(shown)} after it",
        request_id=call.get("request_id"),
        correlation_id=call.get("correlation_id"),
    )


def _set(ctx: Context, command: SetUsageBudget, present: Decimal | None) -> Event:
    """The answer. `present` is what the run's look showed, before any request of the run."""
    taken = ctx.step_state(SET)
    if not taken.is_ours:
        return ctx.answer(UsageBudgetSet, previous=present, current=present, already_set=True)
    noted = cast("dict[str, str | None]", taken.details)
    return ctx.answer(UsageBudgetSet, previous=noted["previous"], current=command.amount, already_set=False)


async def _never(_center: PartnerCenter) -> Result:
    raise AssertionError("a budget that is there is not set again")


def _number(amount: str | None) -> Decimal | None:
    return None if amount is None else Decimal(amount)


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else format(amount, "f")


def _words(amount: Decimal | None) -> str:
    return _text(amount) or "none"
