"""A server that a test freezes stands still at once."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from ops.local.server import Server

BUSY = "import threading\ndef work():\n    while True: pass\n[threading.Thread(target=work).start() for _ in range(3)]"


class Busy(Server):
    """A server whose threads always have work."""

    def ready(self) -> bool:
        return self.running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Busy]:
    """A busy server on a busy machine."""
    with ExitStack() as ending:
        for _ in range(4):
            other = ending.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            ending.callback(other.kill)
        made = Busy("busy", [sys.executable, "-c", BUSY], log=tmp_path / "log")
        ending.callback(made.kill)
        made.start()
        yield made


def test_a_server_has_stopped_when_pause_returns(server: Busy) -> None:
    """The system only notes the signal: until a processor looks at it, a broker may take records in."""
    process, found = psutil.Process(server.pid), []
    for _ in range(30):
        server.pause()
        found.append(process.status())
        server.resume()

    assert set(found) == {psutil.STATUS_STOPPED}
