"""What `--help` says beside the verbs themselves: the panels they stand in, and examples that can be pasted."""

import sys
from typing import Literal

import typer

RUNNING = "Run"
WORKING = "Send and follow"
CONFIGURED = "Set up"
LOOKING = "Look up"


def markup() -> Literal["markdown"] | None:
    """How help texts are shown: as Markdown on a terminal, as they are elsewhere."""
    return "markdown" if sys.stdout.isatty() else None


def examples(app: typer.Typer, *lines: str) -> str:
    """The end of a help text: commands as one would type them, a line each."""
    if app.rich_markup_mode == "markdown":
        return "\n".join(("Examples:", "", *(f"- `{line}`" for line in lines)))
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
