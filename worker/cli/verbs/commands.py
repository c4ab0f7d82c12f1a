"""`azplan commands`: the commands that were received, their stories, and what a person decides about them."""

import typer

from worker.cli.commands import cancel, resolve, show, wake, watch
from worker.cli.commands import list as list_
from worker.cli.help_layout import WORKING, examples


def register(app: typer.Typer) -> None:
    """Add the verbs of this group."""
    group = typer.Typer(no_args_is_help=True)
    group.command(
        "list",
        epilog=examples(
            app,
            "azplan commands list --state failed --since 1d",
            "azplan commands list --state open --reason order_provisioning",
            "azplan commands list --limit 0 --json",
        ),
    )(list_.list_)
    group.command(epilog=examples(app, "azplan commands show order-4711", "azplan commands show order-4711 --json"))(
        show.show
    )
    group.command(epilog=examples(app, "azplan commands watch", "azplan commands watch --type SuspendPlan --json"))(
        watch.watch
    )
    group.command(
        epilog=examples(
            app,
            "azplan commands cancel order-4711 --why 'sent by mistake'",
            "azplan commands cancel --type SuspendPlan --from 2026-03-02T09:00:00Z --yes",
        )
    )(cancel.cancel)
    group.command(
        epilog=examples(
            app,
            "azplan commands resolve order-4711 --applied",
            "azplan commands resolve order-4711 --not-applied --why 'case 123: no order was made'",
        )
    )(resolve.resolve)
    group.command(
        epilog=examples(
            app,
            "azplan commands wake order-4711",
            "azplan commands wake --reason retry --why 'Microsoft is back'",
            "azplan commands wake --all --yes",
        )
    )(wake.wake)
    app.add_typer(
        group, name="commands", help="List, show, cancel, resolve and wake commands.", rich_help_panel=WORKING
    )
