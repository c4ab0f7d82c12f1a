"""`azplan demo`: azplan at work on this machine, without Docker and without a tenant. The show is in `ops/demo`."""

from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, Final

import typer

from worker.cli.exit_codes import Code, Stop
from worker.cli.help_layout import RUNNING, examples

SHOW: Final = "ops.demo.run"
"""The module of the show. It is not installed with azplan: a worker in production needs no simulator."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=examples(app, "azplan demo", "azplan demo --keep"), rich_help_panel=RUNNING)(demo)


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Stay up afterwards and say what to try.")] = False,
) -> None:
    """Show azplan at work on this machine, within a minute.

    Commands go in and answers come out: an embedded broker, a simulator of Partner Center in fast time, SQLite, and a
    real `azplan run`. Nothing leaves this machine, and nothing is left behind.
    """
    if not _is_here(SHOW):
        raise Stop(
            Code.UNAVAILABLE,
            "the demo needs the simulator of Partner Center, which is not installed with azplan.",
            "It comes with the source: clone the repository of azplan and run `make demo` there.",
        )
    if missing := [name for name in ("confluent_kafka", "trustme") if not _is_here(name)]:
        raise Stop(
            Code.UNAVAILABLE,
            f"the demo needs {' and '.join(missing)}.",
            "Install the extra: pip install 'azplan[demo]', or run `make demo`.",
        )
    raise typer.Exit(import_module(SHOW).run(keep=keep))


def _is_here(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
