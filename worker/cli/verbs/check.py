"""`azplan check`: everything that the worker needs, and what to do about everything that fails."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import typer

from worker.cli.exit_codes import Code
from worker.cli.help_layout import RUNNING, examples
from worker.cli.options import Json
from worker.cli.output.console import STYLES, show
from worker.cli.output.json import show_json
from worker.operators.checks import Finding, Problem, findings

_WORST_FIRST: Final[Mapping[Problem, Code]] = {
    Problem.CONFIGURATION: Code.CONFIGURATION,
    Problem.UNAVAILABLE: Code.UNAVAILABLE,
    Problem.REFUSED: Code.FAILED,
}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog=examples(app, "azplan check", "azplan check --json"), rich_help_panel=RUNNING)(check)


def check(as_json: Json = False) -> None:
    """Test everything that the worker needs.

    Settings, broker, topics, each right on them, journal, and a harmless call to Partner Center with each kind of
    token. Nothing is changed, except that a refresh token gets its successor. Exit code 0 if all is well, 78 for a
    wrong setting or a missing right, 69 for what does not answer, 1 otherwise.
    """
    found = asyncio.run(_look(as_json=as_json))
    if as_json:
        show_json([_facts(finding) for finding in found])
    problems = {finding.problem for finding in found}
    raise typer.Exit(next((code for problem, code in _WORST_FIRST.items() if problem in problems), Code.OK))


async def _look(*, as_json: bool) -> Sequence[Finding]:
    found = []
    async for finding in findings():
        found.append(finding)
        if not as_json:
            _show(finding)
    return found


def _show(finding: Finding) -> None:
    name = f"{finding.check} {finding.partner or ''}".rstrip()
    show((f"{finding.result:<7}", STYLES.get(finding.result, "dim")), f"  {name:<18}  {finding.detail}")
    if finding.advice:
        show(f"{'':<29}{finding.advice}")


def _facts(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check,
        "partner": finding.partner,
        "result": finding.result.value,
        "detail": finding.detail,
        "advice": finding.advice,
    }
