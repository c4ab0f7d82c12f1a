"""How long commands take while the worker converts invoice lines, and how long without that.

    python -m ops.bench.exports.beside
    python -m ops.bench.exports.beside --lines 500000 --turns 4

A real worker on a real Kafka answers a command of another customer every 50 ms, in turns: alone, and beside an export
with Parquet, FOCUS and comparison. Of the last ones only commands count that were sent while a process converted. A
bare loop answers as many commands on the same broker at the same time: it reads a record, makes one request, and writes
an answer. It shows what the machine gives to everybody beside a conversion, which takes a core, and the caches, the
memory and the disk that all share. Prints one line of JSON.

What counts is how many times as long as the bare loop the worker takes. Fails if an answer is no success, or if the
99th percentiles say that this is a half more beside conversions than alone.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from ops.bench.conversion import CHILDREN
from ops.bench.exports.measured_worker import MeasuredWorker, measured_worker
from ops.bench.figures import percentile
from ops.bench.ground.load import Line
from ops.bench.ground.subjects import Ground, MockCenter, bare
from ops.bench.watching import looked_at
from ops.local.kafka import LocalKafka
from ops.local.kafka_messages import Sent, story
from ops.local.simulator import TENANT, SimulatorProcess

PACE: Final = 0.05
"""Seconds between two commands to each of the two."""
CUSTOMERS: Final = 300
"""Customers, and commands of a turn without a conversion."""
LOOK: Final = 0.1
"""Seconds between two looks for processes that convert."""
MOST: Final = 1.5
CEILING: Final = 1_000_000
"""Requests a minute: no command waits for another one's."""
CALLS: Final = {"azplan.SuspendPlan.v1": [("GET", "/v1/customers/<first><rest>", "")]}
"""What the bare loop asks for a command. The worker's command has one request too."""
BOTH: Final = ("worker", "bareLoop")

Spans = list[tuple[float, float]]
Times = dict[str, list[float]]
"""Seconds to the answers, of the worker and of the bare loop."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The two that answer."""

    worker: MeasuredWorker
    bare: Line


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
    """Send commands alone and beside exports, in turns. The figures."""
    with ExitStack() as ending:
        simulator = SimulatorProcess(folder, "--no-hostility", "--blob-folder", str(folder / "blobs"), user=True)
        ending.callback(simulator.stop)
        simulator.start()
        simulator.change(export_queued=[0, 0], export_seconds=[0, 0], quota_per_minute=CEILING)
        invoices = [simulator.invoice(usage_lines=lines, blobs=blobs) for _ in range(turns)]
        customers = simulator.customers("ready", CUSTOMERS)
        measured = ending.enter_context(_measured(folder, simulator))
        _alone(measured, customers)  # sets the budgets
        alone, converting = _nothing(), _nothing()
        for invoice in invoices:
            _add(alone, _alone(measured, customers))
            _add(converting, _while_converting(measured, customers, invoice))
            sys.stderr.write(f"{len(alone['worker'])} alone, {len(converting['worker'])} beside a conversion\n")
        return {
            "lines": lines * turns,
            "commands": {"alone": len(alone["worker"]), "converting": len(converting["worker"])},
            "answered": _is_good(measured.worker, customers[0]),
            "aloneMs": _percentiles(alone),
            "convertingMs": _percentiles(converting),
            "addedP99Ms": {"alone": _added(alone), "converting": _added(converting)},
            "ratioP50": _ratio(alone, converting, 50),
            "ratioP99": _ratio(alone, converting, 99),
        }


@contextmanager
def _measured(folder: Path, simulator: SimulatorProcess) -> Iterator[Measured]:
    ours = {
        "AZPLAN_PARTNERS__CONTOSO__REQUESTS_PER_MINUTE": str(CEILING),
        "AZPLAN_WAITS__EXPORT_FIRST": "1",
        "AZPLAN_FILES__SCRATCH": str(folder / "scratch"),
    }
    (folder / "kafka").mkdir()
    with ExitStack() as ending:
        kafka, center = LocalKafka(folder / "kafka"), MockCenter(folder)
        for each in (kafka, center):
            ending.callback(each.stop)
            each.start()
        servers = kafka.bootstrap_servers
        loop = ending.enter_context(bare(Ground(folder, "kafka", servers, center, {}, None), CALLS))
        line = ending.enter_context(Line(loop.topics))
        settings = simulator.env | ours
        worker = ending.enter_context(measured_worker(folder, settings, warm="ReportCustomers", kafka=servers))
        yield Measured(worker, line)


def _nothing() -> Times:
    return {name: [] for name in BOTH}


def _add(all_times: Times, times: Times) -> None:
    for name in BOTH:
        all_times[name] += times[name]


def _percentiles(times: Times) -> dict[str, dict[str, float]]:
    def of(seconds: list[float]) -> dict[str, float]:
        return {f"p{percent}": round(percentile(seconds, percent) * 1e3, 1) for percent in (50, 90, 99)}

    return {name: of(seconds) for name, seconds in times.items()}


def _added(times: Times) -> float:
    """Milliseconds by which the worker's 99th percentile is above the bare loop's."""
    return round((percentile(times["worker"], 99) - percentile(times["bareLoop"], 99)) * 1e3, 1)


def _ratio(alone: Times, converting: Times, percent: int) -> float:
    """How many times as long as the bare loop the worker takes beside conversions, divided by the same alone."""
    beside, without = (
        percentile(times["worker"], percent) / percentile(times["bareLoop"], percent) for times in (converting, alone)
    )
    return round(beside / without, 2)


def _budget(customer: str) -> Sent:
    """A command with one request, which finds that the budget is set."""
    return Sent("SetUsageBudget", customer, {"amount": "5"}, source="/bench")


def _is_good(worker: MeasuredWorker, customer: str) -> bool:
    """Whether one more command is answered with success."""
    one = _budget(customer)
    worker.line.send([one])
    worker.line.wait([one.id])
    return asyncio.run(story(worker.topics, one))[-1].type == "UsageBudgetSet"


def _sent(measured: Measured, customers: Sequence[str]) -> dict[str, dict[str, float]]:
    """Send a command for each customer to both. The moments at which each was sent."""

    def to_bare_loop() -> dict[str, float]:
        time.sleep(PACE / 2)
        return measured.bare.send([Sent("SuspendPlan", each, source="/bench") for each in customers], pace=PACE)

    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(to_bare_loop)
        ours = measured.worker.line.send([_budget(each) for each in customers], pace=PACE)
        return {"worker": ours, "bareLoop": theirs.result()}


def _answered(measured: Measured, sent: Mapping[str, Mapping[str, float]], spans: Spans | None = None) -> Times:
    """The seconds to the answers of these commands, or of those that were sent within the spans."""
    times = _nothing()
    for name, line in zip(BOTH, (measured.worker.line, measured.bare), strict=True):
        answered = line.wait(list(sent[name]))
        for one, at in sent[name].items():
            if spans is None or any(begun <= at <= ended for begun, ended in spans):
                times[name].append(answered[one] - at)
    return times


def _alone(measured: Measured, customers: Sequence[str]) -> Times:
    """The seconds to the answers of a command for each customer."""
    return _answered(measured, _sent(measured, customers))


def _while_converting(measured: Measured, customers: Sequence[str], invoice: str) -> Times:
    """The seconds to the answers of the commands that were sent while a process converted lines of this invoice."""
    formats = {"formats": ["source", "parquet", "focus"]}
    export = Sent("ExportInvoiceLines", TENANT, {"invoiceId": invoice, **formats}, source="/bench")
    sent: dict[str, dict[str, float]] = {name: {} for name in BOTH}
    with _conversions(measured.worker.process) as spans:
        measured.worker.line.send([export])
        while not measured.worker.line.has_answered(export.id):
            for name, moments in _sent(measured, customers[:20]).items():
                sent[name] |= moments
            time.sleep(PACE)  # two commands at once would wait for each other
        return _answered(measured, sent, spans)


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
