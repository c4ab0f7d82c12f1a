"""A million invoice lines in 40 blobs: exported by a real worker, and downloaded by `curl` in the same run.

    python -m ops.bench.exports
    python -m ops.bench.exports --lines 10000000 --blobs 400

The simulator makes the blobs before anything is measured. A worker exports them, and checks, counts and publishes them
meanwhile: `exportSeconds`, of which some download was under way for `exportDownloadSeconds`. Before and after that curl
downloads the same blobs, with as many connections and to the same disk; after it azplan's client alone does, in turns
with curl. `exportShare` and `share` are how fast both are beside curl: 1 is as fast. Prints one line of JSON. Fails if
a blob differs from the simulator's books, if the worker's memory grows by more than 60 MB, or if one of the shares is
below 0.8. The memory is that of the worker and of the process that reads lines.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from ops.bench.exports import download
from ops.bench.exports.graph import blob_addresses, curl_config
from ops.bench.exports.measured_worker import measured_worker
from ops.local.kafka_messages import Sent
from ops.local.server import free_port
from ops.local.simulator import TENANT, SimulatorProcess

INVOICE: Final = "G000000001"
AT_ONCE: Final = 4
"""Connections, of the worker and of curl."""
MOST_GROWTH: Final = 60e6
LEAST_SHARE: Final = 0.8
TURNS: Final = 4
"""Downloads of all blobs by each. The first one warms up the simulator, and does not count."""


def main() -> int:
    """Measure. Returns the exit code: 1 if a bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--blobs", type=int, default=40)
    parser.add_argument("--folder", type=Path, help="where the files go; a temporary folder by default")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="azplan-exports-", dir=given.folder) as folder:
        found = measure(Path(folder), given.lines, given.blobs)
    sys.stdout.write(json.dumps(found) + "\n")
    fast = min(found["share"], found["exportShare"]) >= LEAST_SHARE
    good = found["equal"] and found["grownMB"] * 1e6 <= MOST_GROWTH and fast
    return 0 if good else 1


def measure(folder: Path, lines: int, blobs: int) -> dict[str, Any]:
    """Export and download the same blobs. The figures."""
    with ExitStack() as ending:
        simulator = SimulatorProcess(folder, "--no-hostility", "--blob-folder", str(folder / "blobs"))
        ending.callback(simulator.stop)
        simulator.start()
        simulator.change(export_queued=[0, 0], export_seconds=[0, 0])
        simulator.invoice(id=INVOICE, usage_lines=lines, blobs=blobs)
        books = simulator.figures(INVOICE)
        _say(f"{books['rows']} lines in {len(books['blobs'])} blobs are made")
        port = free_port()
        worker = ending.enter_context(
            measured_worker(folder, _settings(folder, simulator, port), warm="ReportCustomers")
        )
        addresses, target = blob_addresses(simulator.env, INVOICE), folder / "downloads"
        before = [_curl(addresses, target, simulator.ca_file) for _ in range(TURNS)][1:]
        one = Sent("ExportInvoiceLines", TENANT, {"invoiceId": INVOICE, "lines": ["usage"], "formats": ["source"]})
        begun, used = time.perf_counter(), worker.process.cpu_times()
        with worker.memory.watched():
            worker.line.send([one])
            worker.line.wait([one.id])
        seconds = time.perf_counter() - begun
        spent = worker.process.cpu_times()
        downloading = _metric(port, 'azplan_export_seconds_sum{lines="usage",stage="downloading"}')
        curl, client = _turns(addresses, target, simulator.ca_file)
        size = sum(blob["bytes"] for blob in books["blobs"])
        return {
            "lines": books["rows"],
            "blobs": len(books["blobs"]),
            "MB": round(size / 1e6, 1),
            "equal": _equal(folder / "files", books),
            "curlSeconds": [round(each, 2) for each in (*before, *curl)],
            "clientSeconds": [round(each, 2) for each in client],
            "share": round(median(curl) / median(client), 2),
            "exportSeconds": round(seconds, 1),
            "exportDownloadSeconds": round(downloading, 2),
            "exportShare": round(median((*before, *curl)) / downloading, 2),
            "cpuSeconds": round(spent.user + spent.system - used.user - used.system, 1),
            "idleMB": round(worker.idle / 1e6, 1),
            "grownMB": round((worker.memory.whole - worker.idle) / 1e6, 1),
            "grownWithoutChildMB": round((worker.memory.own - worker.idle) / 1e6, 1),
        }


def _settings(folder: Path, simulator: SimulatorProcess, port: int) -> dict[str, str]:
    return {
        **simulator.env,
        "AZPLAN_FILES__SCRATCH": str(folder / "scratch"),
        "AZPLAN_FILES__DOWNLOADS": str(AT_ONCE),
        "AZPLAN_WAITS__EXPORT_FIRST": "1",
        "AZPLAN_METRICS__PORT": str(port),
    }


def _turns(addresses: list[str], target: Path, ca_file: Path) -> tuple[list[float], list[float]]:
    """Seconds in which curl, and azplan's client, download the blobs to the disk: one after the other, some times."""
    curl: list[float] = []
    client: list[float] = []
    for _ in range(TURNS):
        curl.append(_curl(addresses, target, ca_file))
        client.append(_client(addresses, target, ca_file))
    return curl[1:], client[1:]


def _curl(addresses: list[str], target: Path, ca_file: Path) -> float:
    with _emptied(target):
        config = curl_config(addresses, target)
        given = ["-Z", "--parallel-max", str(AT_ONCE), "--cacert", str(ca_file), "-K", str(config)]
        begun = time.perf_counter()
        subprocess.run(["curl", "-sSf", "--no-progress-meter", *given], check=True)  # noqa: S603, S607 - whichever curl is there
        return time.perf_counter() - begun


def _client(addresses: list[str], target: Path, ca_file: Path) -> float:
    given = [str(urlsplit(addresses[0]).hostname), str(ca_file), str(target), str(AT_ONCE)]
    command = [sys.executable, "-m", download.__name__, *given]
    with _emptied(target):
        ran = subprocess.run(command, input="\n".join(addresses), check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    return float(ran.stdout)


@contextmanager
def _emptied(folder: Path) -> Iterator[None]:
    """A new folder, which is removed at the end."""
    folder.mkdir()
    try:
        yield
    finally:
        shutil.rmtree(folder)


def _equal(files: Path, books: dict[str, Any]) -> bool:
    """Whether rows and SHA-256 of every published blob are those of the books, and those of its file."""
    (pointer,) = files.rglob("latest.json")
    version = pointer.parent / f"version={json.loads(pointer.read_bytes())['version']}"
    manifest = json.loads((version / "manifest.json").read_bytes())
    said = [(file["rows"], file["sha256"]) for file in manifest["files"]]
    there = [_sha256(version / file["path"]) for file in manifest["files"]]
    wanted = [(blob["rows"], blob["sha256"]) for blob in books["blobs"]]
    return said == wanted and there == [sha256 for _, sha256 in wanted]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _metric(port: int, name: str) -> float:
    page = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    return next(float(row.rsplit(" ", 1)[1]) for row in page.splitlines() if row.startswith(name))


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
