"""Who does something at the command line, and why. It is a claim for the record, not a proof."""

import getpass
import socket
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from events.wire.text import printable
from worker.cli.exit_codes import Code, Stop
from worker.operating_system import user_number

OPERATOR: Final = "AZPLAN_OPERATOR"
"""The environment variable that names the person if `--who` does not."""
LONGEST_NAME: Final = 200
LONGEST_REASON: Final = 2_000


@dataclass(frozen=True, slots=True)
class Signature:
    """Who asks for something, and why."""

    who: str
    why: str


def name(said: str | None) -> str:
    """The name that was said. If none was said, the name of the user of this process.

    Works under every user id: containers often run under one that has no entry in the passwd file.
    """
    given = (said or "").strip() or f"{_user()}@{socket.gethostname()}"
    return printable(given, LONGEST_NAME)


def reason(said: str) -> str:
    """The reason in one line. Raises Stop for one that is too long to be kept."""
    given = said.strip()
    if len(given) > LONGEST_REASON:
        raise Stop(Code.USAGE, f"--why has {len(given)} characters.", f"Write {LONGEST_REASON} at the most.")
    return printable(given, LONGEST_REASON)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        number = user_number()
        return f"uid {number}" if number is not None else "unknown user"


Who = Annotated[
    str,
    typer.Option(
        "--who",
        envvar=OPERATOR,
        callback=name,
        metavar="NAME",
        help="Who you are, for the record; otherwise the name of this process's user.",
    ),
]
Why = Annotated[
    str, typer.Option("--why", callback=reason, help="Why, for the record: shown with the command from then on.")
]
