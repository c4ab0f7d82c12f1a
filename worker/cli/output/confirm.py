"""The question before a change. A program says `--yes`."""

from worker.cli.exit_codes import Code, Stop
from worker.cli.output.console import ask, can_ask


def insist(question: str, *, yes: bool) -> None:
    """Return if the person says yes. Raises `Stop` if the person says no, or if there is no terminal to ask on."""
    if yes:
        return
    if not can_ask():
        raise Stop(Code.USAGE, "nothing was changed: there is no terminal to ask on.", "Add --yes to do it.")
    answer = ask(f"{question} [y/N]")
    if answer.strip().lower() not in ("y", "yes"):
        raise Stop(Code.FAILED, "nothing was changed.")
