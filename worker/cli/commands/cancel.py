"""`azplan commands cancel`: commands that have not begun to write are called off."""

from datetime import timedelta

from events.wire.text import counted
from worker.cli import interruptible
from worker.cli.options import (
    PATIENCE,
    From,
    Json,
    OfCustomer,
    OfPartner,
    OfType,
    OneId,
    Source,
    To,
    Wait,
    Who,
    Why,
    Yes,
)
from worker.cli.output.confirm import insist
from worker.cli.output.console import say
from worker.cli.output.requests import say_who_will, show_answers
from worker.journal.selection import Selection
from worker.operators import connections
from worker.operators.requests import CancelPlan, answers, living_workers, plan_cancel, request_cancel
from worker.operators.selection import select
from worker.operators.who_and_why import Signature
from worker.operators.wording.message_types import short
from worker.settings import model
from worker.settings.model import Settings


def cancel(  # noqa: PLR0913, PLR0917 - a parameter for each option
    id: OneId = None,  # noqa: A002 - the argument's name
    source: Source = None,
    type_: OfType = None,
    customer: OfCustomer = None,
    partner: OfPartner = None,
    begin: From = None,
    end: To = None,
    who: Who = "",
    why: Why = "",
    wait: Wait = PATIENCE,  # type: ignore[assignment]  # typer parses it
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Cancel one command, or all open ones that match. Each is answered CommandRejected, cancelled_by_operator.

    A command that has begun to write is not cancelled: it goes on to its end, and you are told which.
    """
    selection = select(partner=partner, customer=customer, type=type_, begin=begin, end=end)
    work = _cancel(model.load(), (id, source), selection, Signature(who, why), wait, yes=yes, as_json=as_json)
    interruptible.run(work)


async def _cancel(
    loaded: Settings,
    name: tuple[str | None, str | None],
    selection: Selection,
    signature: Signature,
    wait: timedelta,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    async with connections.journal(loaded) as journal:
        plan = await plan_cancel(journal, loaded, selection, *name)
        _say_plan(plan)
        meant = counted(plan.commands, "command") if plan.one is None else f"{short(plan.one.type)} {plan.one.id}"
        insist(f"Cancel {meant}?", yes=yes)
        numbers = await request_cancel(journal, signature, plan)
        workers = await living_workers(journal)
        say_who_will(workers)
        seconds = wait.total_seconds() if workers else 0.0
        await show_answers("cancel", answers(journal, numbers, seconds), wait, as_json=as_json)


def _say_plan(plan: CancelPlan) -> None:
    told = {(short(kind), state, reason): number for (kind, state, reason), number in plan.kinds.items()}
    for (kind, state, reason), number in sorted(told.items()):
        say(f"{number} {kind} {state}{f' ({reason})' if reason else ''}")
    say(f"of {counted(plan.customers, 'customer')}. A command that has begun to write is left alone.")
