"""A real `azplan` process: started with an environment of its own, watched through its log, ended or killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ops.local.server import Server, tether
from ops.local.waiting import wait_until

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).with_name("azplan")


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The machine's environment with these settings of azplan and no others."""
    inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith("AZPLAN_")}
    return {**inherited, "PYTHONUNBUFFERED": "1", **settings}


def azplan(
    *arguments: str, settings: Mapping[str, str], cwd: Path, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run one verb to its end and return what it printed and its exit code."""
    return subprocess.run(
        [str(PROGRAM), *arguments],
        env=environment(settings),
        cwd=cwd,
        timeout=timeout,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


class Azplan(Server):
    """`azplan run`, or another verb that stays, in the folder `cwd`.

    Ready is what the log says: `says` names the event of the log line that is waited for. `stop` sends SIGTERM,
    `kill` SIGKILL, `pause` and `resume` SIGSTOP and SIGCONT.
    """

    def __init__(
        self,
        *arguments: str,
        settings: Mapping[str, str],
        cwd: Path,
        name: str = "worker",
        says: str = "worker.started",
        inside: Sequence[str] = (),
    ) -> None:
        """`inside`: the words before the command that move it, for example into a network of its own."""
        self._says = says
        self._seen = 0
        command: Sequence[str] = [*tether(), *inside, str(PROGRAM), *(arguments or ("run",))]
        super().__init__(f"azplan {name}", command, log=cwd / f"{name}.log", env=environment(settings), cwd=cwd)

    def launch(self) -> None:
        """Start the process without waiting. From now on `ready` is about this run."""
        self._seen = self.output().count(self._says)
        super().launch()

    def ready(self) -> bool:
        """The log of this run holds the awaited word."""
        return self.output().count(self._says) > self._seen

    def output(self) -> str:
        """Everything that was logged so far, in all runs of this object."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def wait_for_log(self, text: str, *, within: float = 30) -> None:
        """Return as soon as the log holds the text."""
        wait_until(lambda: text in self.output(), f"{self.name} logs {text!r} (log: {self.log})", within=within)

    def interrupt(self) -> None:
        """SIGTERM without waiting for the end."""
        self._signal(signal.SIGTERM)
