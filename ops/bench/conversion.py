"""Source parts become Parquet: speed beside a plain loop over the same lines, and the memory of the child.

    python -m ops.bench.conversion --lines 1000000 --blobs 40

The plain loop is `gzip -dc | json.loads` for each line, which loses digits. Both read the same parts in the same run,
in turn. CPU seconds include the start of the processes. Fails if the conversion is slower than the loop, or if the
child needs more than 350 MB.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import psutil

from ops.bench.invoices import book, on_the_wire, write_part
from worker.files.conversion.process import Converter, SourcePart

MOST_MEGABYTES: Final = 350
TURNS: Final = 4
CHILD: Final = "worker.files.conversion"
LOOP: Final = "import json, sys\nfor line in sys.stdin.buffer: json.loads(line)"


def main() -> int:
    """Run the measurement. Returns the exit code: 1 if a limit does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--blobs", type=int, default=40)
    given = parser.parse_args()
    each = given.lines // given.blobs
    with tempfile.TemporaryDirectory(prefix="azplan-bench-") as name:
        folder = Path(name)
        usage = book(1, usage_lines=each).usage[:each]
        write_part(folder / "blob.gz", (on_the_wire(line) for line in usage))
        parts = [SourcePart(number, folder / "blob.gz") for number in range(given.blobs)]
        loop = conversion = 0.0
        with highest_memory() as memory:
            for turn in range(TURNS):
                some = parts[turn::TURNS]
                loop += _cpu_of(partial(_loop, some))
                conversion += _cpu_of(partial(_convert, some, folder))
        size = sum(path.stat().st_size for path in folder.glob("*.parquet"))
    found = {
        "lines": each * given.blobs,
        "loopLinesPerCpuSecond": round(each * given.blobs / loop),
        "conversionLinesPerCpuSecond": round(each * given.blobs / conversion),
        "ratio": round(loop / conversion, 2),
        "childMB": round(memory[0] / 1e6),
        "parquetBytesPerLine": round(size / (each * given.blobs), 1),
    }
    sys.stdout.write(json.dumps(found) + "\n")
    return 0 if loop >= conversion and memory[0] / 1e6 <= MOST_MEGABYTES else 1


def _loop(parts: list[SourcePart]) -> None:
    for part in parts:
        with subprocess.Popen(["gzip", "-dc", str(part.path)], stdout=subprocess.PIPE) as gunzip:  # noqa: S603, S607
            subprocess.run([sys.executable, "-c", LOOP], stdin=gunzip.stdout, check=True)  # noqa: S603


def _convert(parts: list[SourcePart], folder: Path) -> None:
    asyncio.run(Converter().parquet("usage", parts, folder))


def _cpu_of(work: Callable[[], object]) -> float:
    """The CPU seconds of the child processes of this work."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@contextmanager
def highest_memory() -> Iterator[list[int]]:
    """The most resident bytes of a child of the conversion, looked at every 20 ms."""
    most, ended = [0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            for child in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    if CHILD in " ".join(child.cmdline()):
                        most[0] = max(most[0], child.memory_info().rss)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield most
    finally:
        ended.set()
        watcher.join()


if __name__ == "__main__":
    sys.exit(main())
