"""The person at the command line: the name for the record if the person does not say one."""

import getpass
import socket
from typing import Final

from worker.operating_system import user_number
from worker.operators import who_and_why

OPERATOR: Final = "AZPLAN_OPERATOR"
"""The environment variable that names the person if `--who` does not."""


def name(said: str | None) -> str:
    """The name that was said. If none was said, the name of the user of this process.

    Works under every user id: containers often run under one that has no entry in the passwd file.
    """
    return who_and_why.name((said or "").strip() or f"{_user()}@{socket.gethostname()}")


def reason(said: str) -> str:
    """The reason in one line. Raises `InvalidValue` for a reason that is too long to be kept."""
    return who_and_why.reason(said)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        number = user_number()
        return f"uid {number}" if number is not None else "unknown user"
