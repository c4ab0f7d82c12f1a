"""`azplan errors`: what a code means, who has to fix it, and what to do."""

from typing import Annotated, Any

import typer

from worker.cli.help_layout import LOOKING, examples
from worker.cli.options import Json
from worker.cli.output.console import show, show_wrapped
from worker.cli.output.json import show_json
from worker.operators.wording.error_codes import CodeMeaning
from worker.operators.wording.error_codes import explain as explain_code


def register(app: typer.Typer) -> None:
    """Add the verbs of this group."""
    group = typer.Typer(no_args_is_help=True)
    group.command(epilog=examples(app, "azplan errors explain active_assets", "azplan errors explain AADSTS7000215"))(
        explain
    )
    app.add_typer(group, name="errors", help="Explain codes.", rich_help_panel=LOOKING)


def explain(
    code: Annotated[
        str,
        typer.Argument(
            help="A code of azplan (active_assets), Partner Center (900115), Microsoft Graph (5000), or sign-in"
            " (AADSTS7000215)."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Explain a code: what it says, the cause, who has to fix it, and what to do."""
    found = explain_code(code)
    if as_json:
        show_json({"code": found.code, "meanings": [_facts(meaning) for meaning in found.meanings]})
        return
    for meaning in found.meanings:
        show((f"{found.code}: {meaning.title}", "bold"))
        show_wrapped(meaning.seen_in, indent=15, start="  seen in      ")
        show_wrapped(meaning.cause, indent=15, start="  cause        ")
        show_wrapped(meaning.fault, indent=15, start="  whose fault  ")
        if meaning.resolved_by:
            show_wrapped(meaning.resolved_by, indent=15, start="  resolved by  ")
        show_wrapped(meaning.advice, indent=15, start="  what to do   ")


def _facts(meaning: CodeMeaning) -> dict[str, Any]:
    resolved = {"resolvedBy": meaning.resolved_by} if meaning.resolved_by else {}
    return resolved | {
        "seenIn": meaning.seen_in,
        "title": meaning.title,
        "cause": meaning.cause,
        "fault": str(meaning.fault),
        "advice": meaning.advice,
    }
