"""The usage of ten thousand customers in one report: how long after Microsoft's answer the last event is on Kafka.

    python -m ops.bench.exports.usage
    python -m ops.bench.exports.usage --customers 10000 --times 7

A real worker reads from the simulator through a relay, which notes when the last byte of an answer has gone through. An
event counts when a consumer has it: the answer comes behind all pages. Prints one line of JSON. Fails if the pages do
not hold every customer once, if a report is more than 2 seconds behind Microsoft's answer in the median, or if the
worker's memory grows by more than 150 MB.
"""

import argparse
import asyncio
import json
import socket
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit

import psutil

from ops.bench.exports.measured_worker import measured_worker
from ops.local.kafka_messages import Sent, story
from ops.local.simulator import TENANT, SimulatorProcess

BASE_URL: Final = "AZPLAN_PARTNERS__CONTOSO__BASE_URL"
MOST_BEHIND: Final = 2.0
MOST_GROWTH: Final = 150e6
PIECE: Final = 1 << 18


@dataclass(slots=True)
class Relay:
    """Passes connections on to a server, and notes when it last sent something."""

    server: tuple[str, int]
    last: float = 0.0
    """The time of the last byte of the server."""
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def url(self) -> str:
        """The address to call in place of the server's."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def start(self) -> None:
        """Take connections from now on, in threads."""
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            caller, _ = self._listener.accept()
            called = socket.create_connection(self.server)
            for one in (caller, called):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._pass, args=(caller, called), daemon=True).start()
            threading.Thread(target=self._pass, args=(called, caller), kwargs={"noted": True}, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, *, noted: bool = False) -> None:
        with suppress(OSError):
            while piece := source.recv(PIECE):
                target.sendall(piece)
                if noted:
                    self.last = time.perf_counter()
            target.shutdown(socket.SHUT_WR)


def main() -> int:
    """Measure. Returns the exit code: 1 if a bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="azplan-usage-") as folder:
        found = measure(Path(folder), given.customers, given.times)
    sys.stdout.write(json.dumps(found) + "\n")
    good = found["equal"] and found["behindMedian"] <= MOST_BEHIND and found["grownMB"] * 1e6 <= MOST_GROWTH
    return 0 if good else 1


def measure(folder: Path, customers: int, times: int) -> dict[str, Any]:
    """Report the usage of so many customers, some times one after the other. The figures."""
    with ExitStack() as ending:
        simulator = SimulatorProcess(folder, "--no-hostility", user=True)
        ending.callback(simulator.stop)
        simulator.start()
        simulator.customers("plan", customers)
        address = urlsplit(simulator.env[BASE_URL])
        relay = Relay((str(address.hostname), int(address.port or 0)))
        relay.start()
        settings = {**simulator.env, BASE_URL: relay.url}
        worker = ending.enter_context(measured_worker(folder, settings, warm="ReportInvoices"))
        whole, behind, used = list[float](), list[float](), worker.process.cpu_times()
        with worker.memory.watched():
            for _ in range(times):
                one = Sent("ReportUsage", TENANT, {"scope": "customers"}, source="/bench")
                sent = worker.line.send([one])
                answered = worker.line.wait([one.id])[one.id]
                whole.append(answered - sent[one.id])
                behind.append(answered - relay.last)
        spent = worker.process.cpu_times()
        *before, answer = asyncio.run(story(worker.topics, one))
        pages = [event.data for event in before if event.type == "UsageRecorded"]
        records = {record["id"] for page in pages for record in page["records"]}
        return {
            "customers": customers,
            "pages": len(pages),
            "equal": (len(records), answer.data["records"], answer.data["pages"]) == (customers, customers, len(pages)),
            "behindMedian": round(median(behind), 2),
            "behindWorst": round(max(behind), 2),
            "wholeMedian": round(median(whole), 2),
            "cpuSecondsEach": round((spent.user + spent.system - used.user - used.system) / times, 2),
            "grownMB": round((worker.memory.whole - worker.idle) / 1e6, 1),
            "load": round(psutil.getloadavg()[0], 1),
        }


if __name__ == "__main__":
    sys.exit(main())
