"""`azplan usage`: what Azure costs now. Sends ReportUsage and waits for its answer."""

from datetime import UTC, timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer

from events.wire.text import counted
from worker.cli import interruptible
from worker.cli.asking import ask
from worker.cli.exit_codes import Code, Stop
from worker.cli.help_layout import WORKING, examples
from worker.cli.options import AnswerWait, Json, OfAccount
from worker.cli.output.console import say, show
from worker.cli.output.json import show_json
from worker.cli.output.spending.bullets import show_bullets
from worker.cli.output.spending.usage import say_how_many, show_rows, show_totals
from worker.clock import Clock
from worker.files.conversion.exact_lines import UnreadableLines
from worker.files.errors import DestinationRefused, DestinationUnavailable
from worker.operators import connections
from worker.operators.errors import NotPossible, Unsuccessful
from worker.operators.invoices.bridge_picture import Caption
from worker.operators.sending import usage_reports
from worker.operators.sending.send import SendRequest
from worker.operators.sending.usage_reports import UsageReport, UsageRow
from worker.operators.usage.bullets import bullets
from worker.operators.usage.bullets_picture import picture
from worker.operators.usage.monthly_costs import TwoMonths, monthly_costs
from worker.settings import model
from worker.settings.model import Settings

PATIENCE = "10m"
"""Microsoft takes minutes for many customers."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    customer = "9b2a6d0e-5c43-4f7e-8f53-1d1f6d2c7a10"
    app.command(
        "usage",
        rich_help_panel=WORKING,
        epilog=examples(
            app,
            "azplan usage --sort share --top 20",
            f"azplan usage --customer {customer}",
            f"azplan usage --customer {customer} --subscription 8d1f6a20-4b7e-4c35-9a52-e6c0b1f7d3a4 --by resource",
        ),
    )(usage)


def usage(
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="ID", help="One customer, and its plans and subscriptions.")
    ] = None,
    subscription: Annotated[
        str | None, typer.Option(metavar="ID", help="One Azure plan or legacy subscription of the customer.")
    ] = None,
    by: Annotated[
        Literal["resource", "meter", "legacyResource"] | None,
        typer.Option(help="What a row of the subscription is; resource is for Azure plans."),
    ] = None,
    sort: Annotated[
        Literal["total", "share", "name"], typer.Option(help="The order of the rows: the largest first, or by name.")
    ] = "total",
    top: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the first so many rows.")] = None,
    chart: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Also draw budgets and the cost by day.")
    ] = None,
    partner: OfAccount = None,
    wait: AnswerWait = PATIENCE,  # type: ignore[assignment]  # the parser makes a timedelta of it
    as_json: Json = False,
) -> None:
    """Show what Azure costs in the present period: all customers, one customer, or one subscription.

    Sends ReportUsage and waits for the answer. All figures are Microsoft's estimates. `--chart` draws customers against
    their budgets, and beside them the cost of this month and of the one before by day, where unbilled usage was
    exported. With `--json` the data of UsageReported, with all records in `usageRecords[]`. Exit code 4 when the
    command was rejected, 1 when it failed, 5 when no answer came in time.
    """
    if subscription is not None and customer is None:
        raise Stop(Code.USAGE, "--subscription is one of a customer's.", "Name the customer with --customer.")
    if by is not None and subscription is None:
        raise Stop(Code.USAGE, "--by divides one subscription.", "Name it with --subscription.")
    if chart is not None and customer is not None:
        raise Stop(Code.USAGE, "--chart draws all customers.", "Leave --customer out.")
    settings = model.load(calling=False)
    asked = _asked(settings, customer, {"subscriptionId": subscription, "by": by}, partner, wait)
    report = interruptible.run(_report(settings, asked))
    rows = usage_reports.rows(report.records, order=sort, top=top)
    if chart is not None:
        _draw(rows, report, interruptible.run(_costs(settings, report)), chart, blocks=not as_json)
    if as_json:
        show_json({**report.answer.wire_data(), "usageRecords": [row.record.wire_data() for row in rows]})
        return
    thing = "resource" if by == "legacyResource" else by or ("subscription" if customer else "customer")
    show_rows(thing, rows, Clock().now())
    if rows:
        say_how_many(len(report.records), thing)
        show()
    show_totals(report.answer)


def _draw(rows: list[UsageRow], report: UsageReport, costs: list[TwoMonths], chart: Path, *, blocks: bool) -> None:
    """Write the picture of the customers that have a budget and of the cost by day, and show the same as blocks."""
    found = bullets(rows)
    title = f"Usage against budgets · {report.answer.partner or 'one account'}"
    made = f"as of {report.answer.as_of:%Y-%m-%d %H:%M} UTC, azplan"
    caption = Caption(
        title, f"share of the budget; hairline: forecast for the end of the month; Microsoft's usage {made}"
    )
    try:
        chart.write_text(picture(caption, found, costs), "utf-8")
    except OSError as error:
        raise Stop(Code.FAILED, f"{chart} cannot be written: {error.strerror}.", "Name another file.") from error
    if blocks:
        show_bullets(found, costs)
        show()
    say(f"The picture is in {chart}: {counted(len(found), 'customer')} with a budget.")
    if not costs:
        say("It has no cost by day: `azplan invoices export --unbilled current --currency C` exports what that takes.")


async def _costs(settings: Settings, report: UsageReport) -> list[TwoMonths]:
    """The cost by day, where unbilled usage was exported. Files that cannot be read cost the picture only this part."""
    at = report.answer.as_of.astimezone(UTC)
    costs: list[TwoMonths] = []
    with connections.destination(settings) as destination:
        for account in [report.answer.partner] if report.answer.partner else list(settings.partners):
            try:
                costs += await monthly_costs(destination, account, at)
            except (DestinationRefused, DestinationUnavailable, UnreadableLines, FileNotFoundError) as no:
                say(f"The cost by day cannot be read: {no}")
    return costs


def _asked(
    settings: Settings, customer: str | None, of_one: dict[str, str | None], partner: str | None, wait: timedelta
) -> list[SendRequest]:
    """The command whose records are shown; and the one that has Microsoft's summary, where that is another one."""
    if customer is None:
        return [
            usage_reports.ask_for_account(settings, scope, partner=partner, wait=wait)
            for scope in ("customers", "partner")
        ]
    if of_one["subscriptionId"] is not None:
        return [usage_reports.ask_for_customer(customer, "subscription", of_one, partner=partner, wait=wait)]
    return [
        usage_reports.ask_for_customer(customer, scope, {}, partner=partner, wait=wait)
        for scope in ("subscriptions", "customer")
    ]


async def _report(settings: Settings, asked: list[SendRequest]) -> UsageReport:
    """The report with its summary. A summary that Microsoft refuses is left out: the records have the same figures."""
    report = usage_reports.usage_report(await ask(settings, asked[0]))
    for summary in asked[1:]:
        try:
            report = report.with_summary(usage_reports.usage_report(await ask(settings, summary)).answer)
        except (NotPossible, Unsuccessful) as no:
            say(f"Without Microsoft's summary: {no}")
    return report
