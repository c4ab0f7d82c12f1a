"""The entry point: finds the verbs, runs one, and turns its end into an exit code and a sentence."""

import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from worker.cli import verbs
from worker.cli.exit_codes import Code, Stop, stop_for
from worker.cli.help_layout import examples, markup
from worker.cli.log_output import configure_for_verb, debugging
from worker.cli.output.console import say, show
from worker.redaction import redact
from worker.version import revision, version


def main() -> NoReturn:
    """Run the command line of this process and end it. SIGTERM ends a verb as Ctrl-C does: connections are closed."""
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(call(sys.argv[1:]))


def call(arguments: Sequence[str]) -> int:
    """Run the command line `arguments` and return its exit code. Every error becomes a sentence."""
    debug = debugging()
    configure_for_verb(debug=debug)
    try:
        typer.main.get_command(build(arguments)).main(list(arguments), prog_name="azplan")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else Code.OK
    except KeyboardInterrupt:
        return Code.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - no traceback ever reaches a user
        return _told(error, debug=debug)
    return Code.OK


def _terminated(*_: object) -> NoReturn:
    """End a verb outside its event loop. The second SIGTERM ends the process whatever code runs."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise SystemExit(Code.TERMINATED)


class Verbs(TyperGroup):
    """Lists verbs and groups of verbs together, by name, and says of a wrong value only what is wrong."""

    def invoke(self, ctx: Any) -> Any:
        """Run the verb. The words that the library puts before every reason say nothing."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as wrong:
            wrong.message = wrong.message.removeprefix("Value error, ")
            raise

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the verbs in alphabetical order."""
        return sorted(super().list_commands(ctx))


def build(arguments: Sequence[str] = ()) -> typer.Typer:
    """The program with the verb that the arguments name; with all verbs if they name none."""
    app = typer.Typer(cls=Verbs, rich_markup_mode=markup(), no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback(
        epilog=examples(
            app,
            "azplan demo",
            "azplan check",
            "azplan send CreateAzurePlan --customer 9b2a6d0e-5c43-4f7e-8f53-1d1f6d2c7a10 --country DE --wait 2m",
            "azplan commands list --state failed",
            "azplan errors explain 800023",
        )
    )(_program)
    for verb in _wanted(arguments):
        import_module(f"{verbs.__name__}.{verb}").register(app)
    return app


def _wanted(arguments: Sequence[str]) -> list[str]:
    # Most of the time in which a verb starts goes into imports: the modules of other verbs are not imported.
    if "--version" in arguments[:1]:
        return []
    known = sorted(info.name for info in iter_modules(verbs.__path__))
    asked = next((word for word in arguments if not word.startswith("-")), None)
    module = (asked or "").replace("-", "_")
    return [module] if module in known else known


def _show_version(asked: bool) -> None:
    if asked:
        show(f"azplan {version()} (revision {revision()})")
        raise typer.Exit


def _program(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Say which azplan this is."),
    ] = False,
) -> None:
    """Take commands for Azure plans from Kafka, carry them out at Partner Center, answer with events.

    Nothing is lost, nothing is bought twice, and an unknown outcome is never guessed.
    """


def _told(error: Exception, *, debug: bool) -> int:
    """Tell the person what went wrong and what to do; the exit code."""
    stop = stop_for(error)
    if stop is None:
        stop = _defect(error, debug=debug)
    for line in f"azplan: {redact(stop.message)}".split("\n"):
        say(line, style="red")
    if stop.advice:
        say(redact(stop.advice))
    return stop.code


def _defect(error: Exception, *, debug: bool) -> Stop:
    if debug:
        for line in redact("".join(traceback.format_exception(error))).split("\n"):
            say(line)
    return Stop(
        Code.FAILED,
        f"something went wrong that should not have: {type(error).__name__}: {error}",
        "Set AZPLAN_LOG__LEVEL=debug to see where it happened, and report it with that.",
    )
