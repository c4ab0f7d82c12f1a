"""`azplan invoices`: the partner's invoices, their lines, and whether they add up."""

import typer

from worker.cli.help_layout import LOOKING, examples
from worker.cli.invoice_comparison import compare


def register(app: typer.Typer) -> None:
    """Add the verbs of this group."""
    group = typer.Typer()
    group.callback()(_group)
    group.command(
        epilog=examples(
            app,
            "azplan invoices compare G016907411",
            "azplan invoices compare G016907411 --by customer --top 20",
            "azplan invoices compare G016907411 --chart bridge.svg",
        )
    )(compare)
    app.add_typer(
        group, name="invoices", help="The partner's invoices, and whether they add up.", rich_help_panel=LOOKING
    )


def _group() -> None:
    """A group stays a group while it has one verb."""
