"""The stage of the demo: broker, simulator and worker, started in this order and ended in reverse."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.error import URLError

from ops.demo.child_process import Child
from ops.demo.embedded_broker import EmbeddedBroker
from ops.demo.interrupts import Interrupts
from ops.demo.scenes import INVOICE
from ops.simulator.simulator import CONTOSO

T = TypeVar("T")

ROOT: Final = Path(__file__).parents[2]
TOPICS: Final = ("azplan.commands.v1", "azplan.events.v1", "azplan.dead-letters.v1")
FASTER: Final = 600
"""How many times faster than Microsoft the simulator is: ten minutes take one second."""
READY_SECONDS: Final = 30.0
_LOOK_EVERY: Final = 0.05


class NotReady(Exception):
    """A process did not start in time. The message names the process and its log."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs, with its addresses."""

    folder: Path
    settings: Mapping[str, str]
    """The settings of the worker, by their names in the environment."""
    health: str
    metrics: str
    control: str
    """Control port of the simulator."""
    children: tuple[Child, ...]

    def insist(self) -> None:
        """Raise ChildEnded if a process no longer runs."""
        for child in self.children:
            child.insist()

    def verified(self) -> bool:
        """Whether `azplan files verify` finds every exported file as its manifest says."""
        command = [sys.executable, "-m", "worker.cli", "files", "verify"]
        ended = subprocess.run(  # noqa: S603 - our own program
            command, env=_environment(self.settings), cwd=self.folder, capture_output=True, text=True, check=False
        )
        return ended.returncode == 0

    def books(self) -> dict[str, int]:
        """The counts of the simulated Partner Center: orders, upgrades, requests."""
        counted: dict[str, int] = _get(f"{self.control}/books")
        return counted


@contextmanager
def staged(
    folder: Path, profiles: Sequence[str], say: Callable[[str], None], interrupts: Interrupts
) -> Iterator[Stage]:
    """Start everything, with a customer of each profile in this order; end everything at the end.

    Raises NotReady or ChildEnded; the message says where the log is.
    """
    with ExitStack() as ending:
        say("starting an embedded Kafka broker")
        broker = EmbeddedBroker(TOPICS)
        say(f"starting a simulated Partner Center, {FASTER} times as fast as the real one")
        with interrupts.held():
            simulator = _simulator(folder, profiles)
            ending.callback(simulator.end)
        center = _until(lambda: _first_line(simulator), simulator)
        _post(f"{center['control']}/invoices", INVOICE)
        settings = _settings(folder, broker.bootstrap_servers, center)
        say("starting azplan run")
        with interrupts.held():
            worker = _worker(folder, settings)
            ending.callback(worker.end)
        health = f"http://127.0.0.1:{settings['AZPLAN_HTTP__PORT']}"
        _until(lambda: _is_ready(f"{health}/readyz"), worker)
        metrics = f"http://127.0.0.1:{settings['AZPLAN_METRICS__PORT']}/metrics"
        yield Stage(folder, settings, health, metrics, center["control"], (simulator, worker))


def _simulator(folder: Path, profiles: Sequence[str]) -> Child:
    ports = ["--api-port", "0", "--control-port", "0", "--authority-port", "0", "--arm-port", "0"]
    ports += ["--graph-port", "0", "--storage-port", "0"]
    files = ["--ca-file", str(folder / "ca.pem"), "--refresh-token-file", str(folder / "refresh-token")]
    customers = [word for profile in profiles for word in ("--customers", f"{profile}=1")]
    command = [sys.executable, "-m", "ops.simulator", *ports, *files, "--scale", str(FASTER), *customers]
    command += ["--set", "export_retry_after=1"]
    return Child("simulator", command, env=_environment({}), folder=folder)


def _worker(folder: Path, settings: Mapping[str, str]) -> Child:
    command = [sys.executable, "-m", "worker.cli", "run"]
    return Child("worker", command, env=_environment(settings), folder=folder)


def _settings(folder: Path, bootstrap_servers: str, center: Mapping[str, Any]) -> dict[str, str]:
    partner = center["partners"][0]
    account = {
        "TENANT_ID": partner["tenantId"],
        "CLIENT_ID": partner["clientId"],
        "CLIENT_SECRET": CONTOSO.client_secret,
        "BASE_URL": center["api"],
        "ARM_URL": center["arm"],
        "GRAPH_URL": center["graph"],
        "STORAGE_HOSTS": "localhost",
        "AUTHORITY": partner["authority"],
        "CA_FILE": str(folder / "ca.pem"),
        "REFRESH_TOKEN_FILE": str(folder / "refresh-token"),
    }
    return {
        "AZPLAN_KAFKA__BOOTSTRAP_SERVERS": bootstrap_servers,
        "AZPLAN_JOURNAL__URL": f"sqlite:///{folder / 'journal.db'}",
        **{f"AZPLAN_PARTNERS__CONTOSO__{key}": value for key, value in account.items()},
        "AZPLAN_HTTP__PORT": str(_free_port()),
        "AZPLAN_METRICS__PORT": str(_free_port()),
        "AZPLAN_WAITS__FIRST": "0.2",
        "AZPLAN_WAITS__MAX": "1",
        "AZPLAN_WAITS__CUSTOMER_LAG": "0.5",
        "AZPLAN_WAITS__EXPORT_FIRST": "0.2",
        "AZPLAN_WAITS__EXPORT_MAX": "1",
        "AZPLAN_FILES__URL": f"file:{folder / 'files'}",
        "AZPLAN_WORKER__DRAIN_TIMEOUT": "5",
        "AZPLAN_LOG__FORMAT": "json",
    }


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process with these settings, and with no others of azplan or the simulator."""
    others = ("AZPLAN_", "SIMULATOR_")
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(others)}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **settings}


def _first_line(simulator: Child) -> dict[str, Any] | None:
    """The addresses that the simulator prints when it is ready; None before."""
    line, end, _ = simulator.log.read_text().partition("\n")
    found: dict[str, Any] | None = json.loads(line) if end and line.startswith("{") else None
    return found


def _is_ready(url: str) -> bool:
    try:
        _get(url)
    except (URLError, OSError):
        return False
    return True


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - always http on loopback
        return json.load(answer)


def _post(url: str, document: Mapping[str, Any]) -> None:
    request = urllib.request.Request(url, json.dumps(dict(document)).encode(), method="POST")  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - always http on loopback
        pass


def _until(look: Callable[[], T | None], child: Child) -> T:
    """The first true result of `look`. Raises NotReady after `READY_SECONDS`, ChildEnded if the child ends."""
    deadline = time.monotonic() + READY_SECONDS
    while not (found := look()):
        child.insist()
        if time.monotonic() > deadline:
            raise NotReady(f"{child.name} was not ready within {READY_SECONDS:g} seconds (log: {child.log})")
        time.sleep(_LOOK_EVERY)
    return found


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
