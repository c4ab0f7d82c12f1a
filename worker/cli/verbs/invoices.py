"""`azplan invoices`: the partner's invoices, their lines, and whether they add up."""

import typer

from worker.cli import invoice_reports
from worker.cli.help_layout import WORKING, examples
from worker.cli.invoice_comparison import compare
from worker.cli.invoice_files import export, statement
from worker.cli.list_by_default import ListByDefault


def register(app: typer.Typer) -> None:
    """Add the verbs of this group."""
    group = typer.Typer(cls=ListByDefault)
    group.command(
        "list",
        epilog=examples(
            app, "azplan invoices", "azplan invoices list --from 2026-01-01 --currency EUR", "azplan invoices --json"
        ),
    )(invoice_reports.list_)
    group.command("show", epilog=examples(app, "azplan invoices show G016907411"))(invoice_reports.show_one)
    group.command(
        epilog=examples(
            app,
            "azplan invoices compare G016907411",
            "azplan invoices compare G016907411 --by customer --top 20",
            "azplan invoices compare G016907411 --chart bridge.svg",
        )
    )(compare)
    group.command(
        epilog=examples(
            app,
            "azplan invoices export G016907411",
            "azplan invoices export G016907411 --lines usage --formats source --max-age 1h",
            "azplan invoices export --unbilled current --currency EUR --no-wait",
        )
    )(export)
    group.command(
        epilog=examples(
            app,
            "azplan invoices statement G016907411",
            "azplan invoices statement G016907411 -o invoice.pdf",
        )
    )(statement)
    app.add_typer(
        group, name="invoices", help="The partner's invoices, and whether they add up.", rich_help_panel=WORKING
    )
