"""`azplan config`: the settings in effect, and the origin of each value."""

from typing import Annotated

import typer

from worker.cli.help_layout import CONFIGURED, examples
from worker.cli.options import Json
from worker.cli.output.json import show_json
from worker.cli.output.tables import show_table
from worker.settings import model
from worker.settings.reference import effective


def register(app: typer.Typer) -> None:
    """Add the verbs of this group."""
    group = typer.Typer(no_args_is_help=True)
    group.command(epilog=examples(app, "azplan config show", "azplan config show --json"))(show)
    app.add_typer(group, name="config", help="Show the settings.", rich_help_panel=CONFIGURED)


def show(
    as_json: Json = False,
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not left at its default.")] = False,
) -> None:
    """Show every setting with its value and the origin of the value. Secrets are masked.

    Exit code 78, and the reasons on standard error, if the settings cannot be used.
    """
    found = [each for each in effective() if not changed or each.origin != "default"]
    if as_json:
        show_json([{"name": each.name, "value": each.value, "origin": each.origin} for each in found])
    else:
        show_table(("setting", "value", "from"), [(each.name, each.value, each.origin) for each in found])
    model.load()
