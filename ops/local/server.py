"""A server process that tests may kill, freeze and start again."""

import random
import shutil
import signal
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

from ops.local.waiting import wait_until

# Below the range that systems give to outgoing connections, so that nobody takes the port of a server that is down.
PORTS = range(20_000, 32_000)
_STARTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starts servers")


def free_port() -> int:
    """A port of the loopback address on which nobody listens."""
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port found between 20000 and 32000")


def listens(port: int) -> bool:
    """Whether a process accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _spawn(command: Sequence[str], **more: Any) -> subprocess.Popen[bytes]:
    # A tethered process dies with the thread that started it, so that has to be one that lives as long as the run.
    def start() -> subprocess.Popen[bytes]:
        process: subprocess.Popen[bytes] = subprocess.Popen(command, **more)
        return process

    return _STARTER.submit(start).result()


def tether(*options: str) -> list[str]:
    """The words before a command that end it with the test run, if the system offers that."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *options, "--"] if setpriv else []


class Server(ABC):
    """One child process with a log file. Subclasses say when it is ready. Faults reach its child processes too."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._env = env
        self._cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def ready(self) -> bool:
        """Whether the server does its work."""

    @property
    def running(self) -> bool:
        """True while the process lives (also while it is frozen)."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    def start(self, *, within: float = 60) -> None:
        """Start the process and return when it is ready."""
        self.launch()
        wait_until(lambda: self._died() or self.ready(), f"{self.name} ready (log: {self.log})", within=within)

    def launch(self) -> None:
        """Start the process and wait for nothing."""
        with self.log.open("ab") as log:
            self._process = _spawn(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,
            )

    def stop(self, *, within: float = 20) -> None:
        """Ask the process to end, and kill it if it does not."""
        if self._process is None:
            return
        if self.running:
            self.resume()
            self._process.send_signal(self.stop_signal)
            try:
                self._process.wait(within)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process.wait()

    def wait(self, *, within: float = 60) -> int:
        """Wait for the end and return the exit code."""
        assert self._process is not None
        return self._process.wait(within)

    stop_signal = signal.SIGTERM

    def kill(self) -> None:
        """SIGKILL: the machine lost its power."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def pause(self) -> None:
        """SIGSTOP: the server is there and does not answer. Returns when it has stopped: a busy machine delays that."""
        self._signal(signal.SIGSTOP)
        wait_until(lambda: all(map(_stands_still, self._family())), f"{self.name} stopped", within=10)

    def resume(self) -> None:
        """SIGCONT: the server goes on after `pause`."""
        self._signal(signal.SIGCONT)

    def restart(self) -> None:
        """Stop the server in order, and start it again with the same port and data."""
        self.stop()
        self.start()

    def restore(self) -> None:
        """Make the server run again after a test has paused or killed it."""
        if self.running:
            self.resume()
        else:
            self.start()

    def _died(self) -> bool:
        if self.running:
            return False
        tail = self.log.read_text(errors="replace")[-2000:]
        raise AssertionError(f"{self.name} ended while it started:\n{tail}")

    def _family(self) -> list[psutil.Process]:
        """The process and those below it; none if it has ended."""
        if self._process is None or not self.running:
            return []
        parent = psutil.Process(self._process.pid)
        return [parent, *parent.children(recursive=True)]

    def _signal(self, number: signal.Signals) -> None:
        family = self._family()
        for member in family:
            try:
                member.send_signal(number)
            except psutil.NoSuchProcess:
                continue
        if number is signal.SIGKILL:
            psutil.wait_procs(family[1:], timeout=10)


def _stands_still(process: psutil.Process) -> bool:
    try:
        return process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
