"""Help texts that verbs share: the panels of the verbs, and the form of examples."""

import sys
from typing import Literal

import typer

RUNNING = "Run"
WORKING = "Send and follow"
CONFIGURED = "Set up"
LOOKING = "Look up"


def markup() -> Literal["markdown"] | None:
    """The form of help texts: Markdown on a terminal, plain text elsewhere."""
    return "markdown" if sys.stdout.isatty() else None


def examples(app: typer.Typer, *lines: str) -> str:
    """The end of a help text: examples of commands, one a line."""
    if app.rich_markup_mode == "markdown":
        return "\n".join(("Examples:", "", *(f"- `{line}`" for line in lines)))
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
