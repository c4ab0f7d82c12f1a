"""`azplan budgets`: the budgets that Microsoft watches. Sends a command and waits for its answer."""

from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, cast

import typer

from events.messages.usage import UsageBudgetSet
from events.wire.text import counted
from worker.cli import interruptible
from worker.cli.asking import ask
from worker.cli.exit_codes import Code, Stop
from worker.cli.help_layout import WORKING, examples
from worker.cli.list_by_default import ListByDefault
from worker.cli.options import AnswerWait, Json, OfAccount, Yes
from worker.cli.output.confirm import insist
from worker.cli.output.console import say
from worker.cli.output.json import show_json
from worker.cli.output.spending.usage import say_how_many, show_budget, show_rows
from worker.clock import Clock
from worker.operators.sending import usage_reports
from worker.settings import model

PATIENCE = "10m"
"""Microsoft takes minutes for many customers."""
NONE = "none"

Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's Microsoft Entra tenant id.")]


def register(app: typer.Typer) -> None:
    """Add the verbs of this group."""
    customer = "9b2a6d0e-5c43-4f7e-8f53-1d1f6d2c7a10"
    group = typer.Typer(cls=ListByDefault)
    group.command("list", epilog=examples(app, "azplan budgets list", "azplan budgets --over 80"))(list_)
    group.command(
        "set",
        epilog=examples(app, f"azplan budgets set {customer} 5000.00", f"azplan budgets set {customer} 250 --if none"),
    )(set_)
    group.command("clear", epilog=examples(app, f"azplan budgets clear {customer}"))(clear)
    app.add_typer(group, name="budgets", help="Show, set and remove the budgets of customers.", rich_help_panel=WORKING)


def list_(
    over: Annotated[
        str | None, typer.Option(metavar="PERCENT", help="Only customers that have used more of their budget.")
    ] = None,
    partner: OfAccount = None,
    wait: AnswerWait = PATIENCE,  # type: ignore[assignment]  # the parser makes a timedelta of it
    as_json: Json = False,
) -> None:
    """Show the customers that have a budget, and how much of it is used.

    Sends ReportUsage and waits for the answer. The forecast is the share at the end of the month if it goes on so; it
    begins on the fifth day, and legacy subscriptions have none. With `--json` an array of records. Exit code 4 when the
    command was rejected, 1 when it failed, 5 when no answer came in time.
    """
    least = None if over is None else _percent(over)
    settings = model.load(calling=False)
    request = usage_reports.ask_for_account(settings, "customers", partner=partner, wait=wait)
    report = usage_reports.usage_report(interruptible.run(ask(settings, request)))
    rows = usage_reports.rows(usage_reports.over(report.records, least), order="share")
    if as_json:
        show_json([row.record.wire_data() for row in rows])
        return
    show_rows("customer", rows, Clock().now())
    if report.answer.files:
        say(f"The records of all {counted(report.answer.records, 'customer')} are in files, and not in this table:")
        for file in report.answer.files:
            say(f"{file.format}: {file.uri}")
    elif not rows and least is None:
        say("No customer has a budget. `azplan budgets set CUSTOMER AMOUNT` sets one.")
    else:
        say_how_many(len(rows), "customer")


def set_(
    customer: Customer,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="In the customer's billing currency: 5000.00")],
    if_: Annotated[
        str | None,
        typer.Option("--if", metavar="AMOUNT|none", help="Only if this is the present budget; none: if there is none."),
    ] = None,
    partner: OfAccount = None,
    wait: AnswerWait = PATIENCE,  # type: ignore[assignment]  # the parser makes a timedelta of it
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Set the budget of a customer. Microsoft only watches it: usage goes on above it.

    Sends SetUsageBudget and waits for the answer. With `--json` the data of UsageBudgetSet. Exit code 4 when it was
    rejected, as for another present amount than `--if` says; 1 when it failed, 5 when no answer came in time.
    """
    condition = {} if if_ is None else {"ifAmount": None if if_ == NONE else if_}
    _change(customer, amount, condition, partner, wait, yes=yes, as_json=as_json)


def clear(
    customer: Customer,
    partner: OfAccount = None,
    wait: AnswerWait = PATIENCE,  # type: ignore[assignment]  # the parser makes a timedelta of it
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Remove the budget of a customer.

    Sends SetUsageBudget and waits for the answer. With `--json` the data of UsageBudgetSet. Exit code 4 when it was
    rejected, 1 when it failed, 5 when no answer came in time.
    """
    _change(customer, None, {}, partner, wait, yes=yes, as_json=as_json)


def _change(
    customer: str,
    amount: str | None,
    condition: dict[str, str | None],
    partner: str | None,
    wait: timedelta,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    request = usage_reports.ask_for_budget(customer, amount, condition, partner=partner, wait=wait)
    say(_plan(customer, amount, condition))
    insist("Do it?", yes=yes)
    answer = cast("UsageBudgetSet", interruptible.run(ask(model.load(calling=False), request))[-1])
    if as_json:
        show_json(answer.wire_data())
    else:
        show_budget(answer)


def _plan(customer: str, amount: str | None, condition: dict[str, str | None]) -> str:
    what = f"set the budget of {customer} to {amount}" if amount is not None else f"remove the budget of {customer}"
    if not condition:
        return f"Plan: {what}, whatever it is now."
    present = condition["ifAmount"]
    return f"Plan: {what}, if it is {present} now." if present is not None else f"Plan: {what}, if there is none now."


def _percent(text: str) -> Decimal:
    try:
        percent = Decimal(text.removesuffix("%").strip())
    except InvalidOperation:
        percent = Decimal("NaN")
    if not percent.is_finite():
        raise Stop(Code.USAGE, "--over must be a number of percent, such as 80.")
    return percent
