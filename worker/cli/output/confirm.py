"""A person's yes to what changes something. A program says `--yes`."""

from worker.cli.exit_codes import Code, Stop
from worker.cli.output.terminal import ask, can_ask


def insist(question: str, *, yes: bool) -> None:
    """Return where the answer is yes. Raises Stop where it is no, and where nobody is there to be asked."""
    if yes:
        return
    if not can_ask():
        raise Stop(Code.USAGE, "nothing was changed: there is no terminal to ask on.", "Add --yes to do it.")
    answer = ask(f"{question} [y/N]")
    if answer.strip().lower() not in ("y", "yes"):
        raise Stop(Code.FAILED, "nothing was changed.")
