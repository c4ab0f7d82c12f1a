"""Options that several verbs share, spelt and explained the same everywhere."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
Source = Annotated[
    str | None, typer.Option(help="ce_source of the command; needed only where two sources share an id.")
]
