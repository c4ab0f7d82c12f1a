"""`azplan run`: the worker itself."""

import asyncio
import errno
import gc
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated

import typer

from worker.app import serve
from worker.cli.exit_codes import Code, Stop
from worker.cli.help_layout import RUNNING, examples
from worker.cli.log_output import configure_for_worker
from worker.settings import model
from worker.settings.model import Settings


def register(app: typer.Typer) -> None:
    """Add the verb."""
    epilog = examples(app, "azplan run", "AZPLAN_WORKER__VALIDATE_ONLY=true azplan run")
    app.command(epilog=epilog, rich_help_panel=RUNNING)(run)


def run(
    new_journal: Annotated[
        bool,
        typer.Option("--new-journal", help="Begin with an empty journal although the group has worked before."),
    ] = False,
) -> None:
    """Run the worker until it is asked to stop.

    SIGTERM lets the calls under way finish, sends pending events and gives the lanes back. A second SIGTERM ends it
    at once.
    """
    loaded = model.load()
    configure_for_worker(loaded)
    _collect_garbage_seldom()
    try:
        with asyncio.Runner(loop_factory=event_loop) as runner:
            code = runner.run(serve(loaded, new_journal=new_journal))
    except OSError as error:
        raise _port_taken(error, loaded) from error
    raise typer.Exit(code)


def _collect_garbage_seldom() -> None:
    """Look for cyclic garbage after 20 000 new objects instead of 700, and never among what is loaded at the start.

    A turn makes many objects and hardly any cycle: with Python's own thresholds, looking takes a twentieth of the CPU.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def event_loop() -> asyncio.AbstractEventLoop:
    """The event loop of uvloop if it is installed; the standard loop does the same more slowly."""
    module = import_module("uvloop" if find_spec("uvloop") else "asyncio")
    loop: asyncio.AbstractEventLoop = module.new_event_loop()
    return loop


def _port_taken(error: OSError, loaded: Settings) -> Exception:
    if error.filename is not None:
        return Stop(Code.CONFIGURATION, f"{error.filename} cannot be used: {error.strerror}.")
    if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES):
        return error
    http, metrics = loaded.http, loaded.metrics
    return Stop(
        Code.CONFIGURATION,
        f"{error.strerror}: {http.host}:{http.port} (health) or {metrics.host}:{metrics.port} (metrics) cannot be had.",
        "Set AZPLAN_HTTP__PORT and AZPLAN_METRICS__PORT to free ports, or to 0 for any.",
    )
