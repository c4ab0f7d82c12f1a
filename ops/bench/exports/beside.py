"""How long commands take while the worker converts invoice lines, and how long without that.

    python -m ops.bench.exports.beside
    python -m ops.bench.exports.beside --lines 500000 --turns 4

A real worker on a real Kafka answers a command of another customer every 50 ms, in turns: alone, beside a plain loop
that reads lines, and beside an export with Parquet, FOCUS and comparison. Of the last ones only commands count that
were sent while a process converted. The loop is the least that a conversion does, `gzip` and `json.loads` for each
line, in a process that gives way as a conversion does. Both take a core, and the caches and the memory that all cores
share. The time of Partner Center and of the broker is in all figures. Prints one line of JSON.

Fails if an answer is no success, or if the 99th percentile of the time to the answer is more than a half higher beside
conversions than beside the loop: they also write files, on the disk of the journal and of the broker.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psutil

from ops.bench.conversion import CHILDREN
from ops.bench.exports.measured_worker import MeasuredWorker, measured_worker
from ops.bench.figures import percentile
from ops.bench.invoices import book, on_the_wire, write_part
from ops.bench.watching import looked_at
from ops.local.kafka import LocalKafka
from ops.local.kafka_messages import Sent, story
from ops.local.simulator import TENANT, SimulatorProcess
from worker.operating_system import give_way

PACE: Final = 0.05
"""Seconds between two commands."""
CUSTOMERS: Final = 300
"""Customers, and commands of a turn without a conversion."""
LOOK: Final = 0.1
"""Seconds between two looks for processes that convert."""
MOST: Final = 1.5
LOOP: Final = """
import gzip, json, sys
while True:
    for line in gzip.open(sys.argv[1]):
        json.loads(line)
"""
LOOP_LINES: Final = 20_000
"""Lines of the file that the plain loop reads again and again."""
CEILING: Final = 1_000_000
"""Requests a minute: no command waits for another one's."""

Spans = list[tuple[float, float]]


def main() -> int:
    """Measure. Returns the exit code: 1 if the bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=500_000, help="of each invoice; every turn exports one")
    parser.add_argument("--blobs", type=int, default=20)
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="azplan-beside-") as folder:
        found = measure(Path(folder), given.lines, given.blobs, given.turns)
    sys.stdout.write(json.dumps(found) + "\n")
    return 0 if found["answered"] and found["ratioP99"] <= MOST else 1


def measure(folder: Path, lines: int, blobs: int, turns: int) -> dict[str, Any]:
    """Send commands alone, beside a loop and beside exports, in turns. The figures."""
    with ExitStack() as ending:
        simulator = SimulatorProcess(folder, "--no-hostility", "--blob-folder", str(folder / "blobs"), user=True)
        ending.callback(simulator.stop)
        simulator.start()
        simulator.change(export_queued=[0, 0], export_seconds=[0, 0], quota_per_minute=CEILING)
        invoices = [simulator.invoice(usage_lines=lines, blobs=blobs) for _ in range(turns)]
        customers = simulator.customers("ready", CUSTOMERS)
        worker = ending.enter_context(_worker(folder, simulator))
        _paced(worker, customers)  # sets the budgets
        part = folder / "lines.gz"
        write_part(part, map(on_the_wire, book(1, usage_lines=LOOP_LINES).usage))
        times: dict[str, list[float]] = {"alone": [], "reading": [], "converting": []}
        for invoice in invoices:
            times["alone"] += _paced(worker, customers)
            with _reading(part):
                times["reading"] += _paced(worker, customers)
            times["converting"] += _while_converting(worker, customers, invoice)
            sys.stderr.write(f"{', '.join(f'{len(some)} {name}' for name, some in times.items())}\n")
        return {
            "lines": lines * turns,
            "commands": {name: len(some) for name, some in times.items()},
            "answered": _is_good(worker, customers[0]),
            **{f"{name}Ms": _percentiles(some) for name, some in times.items()},
            "ratioP50": round(percentile(times["converting"], 50) / percentile(times["reading"], 50), 2),
            "ratioP99": round(percentile(times["converting"], 99) / percentile(times["reading"], 99), 2),
        }


@contextmanager
def _worker(folder: Path, simulator: SimulatorProcess) -> Iterator[MeasuredWorker]:
    ours = {
        "AZPLAN_PARTNERS__CONTOSO__REQUESTS_PER_MINUTE": str(CEILING),
        "AZPLAN_WAITS__EXPORT_FIRST": "1",
        "AZPLAN_FILES__SCRATCH": str(folder / "scratch"),
    }
    (folder / "kafka").mkdir()
    kafka = LocalKafka(folder / "kafka")
    kafka.start()
    try:
        settings = simulator.env | ours
        with measured_worker(folder, settings, warm="ReportCustomers", kafka=kafka.bootstrap_servers) as worker:
            yield worker
    finally:
        kafka.stop()


def _percentiles(times: list[float]) -> dict[str, float]:
    return {f"p{percent}": round(percentile(times, percent) * 1e3, 1) for percent in (50, 90, 99)}


def _budget(customer: str) -> Sent:
    """A command with one request, which finds that the budget is set."""
    return Sent("SetUsageBudget", customer, {"amount": "5"}, source="/bench")


def _is_good(worker: MeasuredWorker, customer: str) -> bool:
    """Whether one more command is answered with success."""
    one = _budget(customer)
    worker.line.send([one])
    worker.line.wait([one.id])
    return asyncio.run(story(worker.topics, one))[-1].type == "UsageBudgetSet"


def _paced(worker: MeasuredWorker, customers: list[str]) -> list[float]:
    """The seconds to the answers of a command for each customer."""
    sent = worker.line.send([_budget(each) for each in customers], pace=PACE)
    answered = worker.line.wait(list(sent))
    return [answered[each] - at for each, at in sent.items()]


@contextmanager
def _reading(part: Path) -> Iterator[None]:
    """A process that reads the lines of this file, and gives way as a conversion does."""
    words = [sys.executable, "-c", LOOP, str(part)]
    with subprocess.Popen(words, start_new_session=True) as reading:  # noqa: S603 - the words are those above
        try:
            asyncio.run(give_way(reading.pid))
            yield
        finally:
            reading.kill()


def _while_converting(worker: MeasuredWorker, customers: list[str], invoice: str) -> list[float]:
    """The seconds to the answers of the commands that were sent while a process converted lines of this invoice."""
    formats = {"formats": ["source", "parquet", "focus"]}
    export = Sent("ExportInvoiceLines", TENANT, {"invoiceId": invoice, **formats}, source="/bench")
    sent: dict[str, float] = {}
    with _conversions(worker.process) as spans:
        worker.line.send([export])
        while not worker.line.has_answered(export.id):
            sent |= worker.line.send([_budget(each) for each in customers[:20]], pace=PACE)
        answered = worker.line.wait(list(sent))
    return [answered[each] - at for each, at in sent.items() if any(begun <= at <= ended for begun, ended in spans)]


@contextmanager
def _conversions(worker: psutil.Process) -> Iterator[Spans]:
    """The times between which a process of the worker converted, as they are seen within the block."""
    spans: Spans = []
    begun: float | None = None

    def look() -> None:
        nonlocal begun
        now = time.perf_counter()
        if _converts(worker):
            begun = begun or now
        elif begun is not None:
            spans.append((begun, now - LOOK))
            begun = None

    with looked_at(look, LOOK):
        yield spans


def _converts(worker: psutil.Process) -> bool:
    """Whether a process of the worker converts. Looks at Linux's list, which costs what is measured next to nothing."""
    children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text("ascii").split()
    for child in children:
        with suppress(OSError):
            words = Path(f"/proc/{child}/cmdline").read_text("utf-8")
            if any(name in words for name in CHILDREN):
                return True
    return False


if __name__ == "__main__":
    sys.exit(main())
