"""A child process of the demo: started with a log file, ended by its id, never left behind."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_POLITE_SECONDS: Final = 10.0


class ChildEnded(Exception):
    """A child that should run has ended. The message says where its log is."""


class Child:
    """A running process. Its output goes to the log file alone."""

    def __init__(self, name: str, command: Sequence[str], *, env: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal reaches only the demo, which then ends its children in order.
            self._process = subprocess.Popen(  # noqa: S603 - the commands are the demo's own
                [*_tether(), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(env),
                cwd=folder,
                start_new_session=True,
            )

    def insist(self) -> None:
        """Raise ChildEnded if the process no longer runs."""
        code = self._process.poll()
        if code is not None:
            last = self.log.read_text(errors="replace").strip().splitlines()[-1:]
            raise ChildEnded(f"{self.name} ended with exit code {code}: {''.join(last)} (log: {self.log})")

    def end(self) -> None:
        """Ask the process to end, wait, and kill it if it does not end."""
        try:
            self._process.terminate()
            self._process.wait(_POLITE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        finally:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()


def _tether() -> list[str]:
    """The words before a command that end the command together with the demo; empty if the system cannot do so."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
