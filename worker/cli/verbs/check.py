"""`azplan check`: everything that the worker needs, and what to do about everything that fails."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from worker.cli import interruptible
from worker.cli.exit_codes import Code
from worker.cli.help_layout import RUNNING, examples
from worker.cli.options import Json
from worker.cli.output.console import STYLES, show
from worker.cli.output.json import show_json
from worker.operators.checks.findings import Finding, Problem
from worker.operators.checks.worker_needs import Scope, findings

_WORST_FIRST: Final[Mapping[Problem, Code]] = {
    Problem.CONFIGURATION: Code.CONFIGURATION,
    Problem.UNAVAILABLE: Code.UNAVAILABLE,
    Problem.REFUSED: Code.FAILED,
}


_NARROW, _WIDE = 19, 24
"""Columns for the name of a check: with its account, or the longest name of a command alone."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(
        epilog=examples(
            app,
            "azplan check",
            "azplan check --json",
            "azplan check --customer 9b2a6d0e-5c43-4f7e-8f53-1d1f6d2c7a10 --partner us",
        ),
        rich_help_panel=RUNNING,
    )(check)


def check(
    customer: Annotated[
        str | None,
        typer.Option(metavar="GUID", help="Say too which commands work for this customer, and who has to grant what."),
    ] = None,
    partner: Annotated[str | None, typer.Option(help="Only this partner account.")] = None,
    as_json: Json = False,
) -> None:
    """Test everything that the worker needs.

    Settings, broker, topics, each right on them, journal, a file at the destination of files (created, read, deleted),
    a harmless call to Partner Center with each kind of token, and one to Microsoft Graph, which gives the lines of
    invoices. With `--customer` every command is validated for that customer too. Nothing else is changed, except that a
    refresh token gets its successor. Exit code 0 if all is well, 78 for a wrong setting or a missing right, 69 for what
    does not answer, 1 otherwise, also for a command that does not work before somebody grants something.
    """
    found = interruptible.run(_look(Scope(partner, customer), as_json=as_json))
    if as_json:
        show_json([_facts(finding) for finding in found])
    problems = {finding.problem for finding in found}
    raise typer.Exit(next((code for problem, code in _WORST_FIRST.items() if problem in problems), Code.OK))


async def _look(scope: Scope, *, as_json: bool) -> Sequence[Finding]:
    found = []
    async for finding in findings(scope):
        found.append(finding)
        if not as_json:
            _show(finding, _WIDE if scope.customer else _NARROW)
    return found


def _show(finding: Finding, width: int) -> None:
    account = f" {finding.partner}" if finding.partner and width == _NARROW else ""
    name = f"{finding.check}{account}"
    show((f"{finding.result:<7}", STYLES.get(finding.result, "dim")), f"  {name:<{width}}  {finding.detail}")
    if finding.advice:
        show(f"{'':<{width + 11}}{finding.advice}")


def _facts(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check,
        "partner": finding.partner,
        "result": finding.result.value,
        "detail": finding.detail,
        "advice": finding.advice,
    }
