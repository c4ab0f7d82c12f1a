"""`azplan customers`: the partner's customers, and what one of them has. Sends a command and waits for its answer."""

from typing import Annotated, Final, cast

import typer

from events.messages.customers import CustomerReported
from worker.cli import interruptible
from worker.cli.asking import ask
from worker.cli.help_layout import WORKING, examples
from worker.cli.list_by_default import ListByDefault
from worker.cli.options import AnswerWait, Json, OfAccount
from worker.cli.output.console import say
from worker.cli.output.customers import show_customer, show_customers
from worker.cli.output.json import show_json
from worker.operators.sending import customer_reports
from worker.settings import model

PATIENCE: Final = "5m"
"""Longer than azplan waits for a customer that may be new."""


def register(app: typer.Typer) -> None:
    """Add the verbs of this group."""
    group = typer.Typer(cls=ListByDefault)
    group.command(
        "list",
        epilog=examples(
            app, "azplan customers", "azplan customers list --name Fabrikam", "azplan customers --partner us --json"
        ),
    )(list_)
    group.command(
        "show",
        epilog=examples(
            app,
            "azplan customers show 9b2a6d0e-5c43-4f7e-8f53-1d1f6d2c7a10",
            "azplan customers show 9b2a6d0e-5c43-4f7e-8f53-1d1f6d2c7a10 --json",
        ),
    )(show)
    app.add_typer(
        group, name="customers", help="List the customers, and show what one of them has.", rich_help_panel=WORKING
    )


def list_(
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="Only companies whose name begins so.")] = None,
    partner: OfAccount = None,
    wait: AnswerWait = PATIENCE,  # type: ignore[assignment]  # the parser makes a timedelta of it
    as_json: Json = False,
) -> None:
    """List the partner's customers.

    Sends ReportCustomers and waits for the answer. With `--json` an array with `customers[]` of all pages. Exit code 4
    when the command was rejected, 1 when it failed, 5 when no answer came in time.
    """
    settings = model.load(calling=False)
    request = customer_reports.ask_for_customers(settings, name=name, partner=partner, wait=wait)
    told = interruptible.run(ask(settings, request))
    found = customer_reports.listed(told)
    if told[-1].truncated:
        say("Partner Center has more customers than a report holds: name the beginning of a company with --name.")
    if as_json:
        show_json([customer.wire_data() for customer in found])
    else:
        show_customers(found)


def show(
    customer: Annotated[str, typer.Argument(metavar="ID", help="The customer's Microsoft Entra tenant id.")],
    partner: OfAccount = None,
    wait: AnswerWait = PATIENCE,  # type: ignore[assignment]  # the parser makes a timedelta of it
    as_json: Json = False,
) -> None:
    """Show what a customer has: agreement, plans, reservations, legacy subscriptions, upgrade, orders.

    Sends ReportCustomer and waits for the answer. With `--json` the data of CustomerReported. Exit code 4 when the
    command was rejected, as for an unknown customer; 1 when it failed, 5 when no answer came in time.
    """
    request = customer_reports.ask_for_customer(customer, partner=partner, wait=wait)
    answer = cast("CustomerReported", interruptible.run(ask(model.load(calling=False), request))[-1])
    if as_json:
        show_json(answer.wire_data())
    else:
        show_customer(answer)
