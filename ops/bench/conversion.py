"""Source parts become Parquet, FOCUS and a comparison: speed beside a plain loop, and memory.

    python -m ops.bench.conversion --lines 1000000 --blobs 40

The plain loop is `gzip -dc | json.loads` for each line, which loses digits. Everything reads the same parts in the same
run, in turn. CPU seconds include the start of the processes. All formats are the check of each part, its Parquet, the
comparison and the FOCUS dataset.

Fails if Parquet is slower than the loop, all formats are slower than half of it, or a child needs more than 350 MB.
What the worker notices of a child is measured in `ops.bench.exports.beside`.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import psutil

from ops.bench.invoices import Book, book, comparison_job, on_the_wire, write_part
from ops.bench.watching import looked_at
from worker.exports.line_files import count_lines
from worker.files.conversion.process import Converter, SourcePart

MOST_MEGABYTES: Final = 350
TURNS: Final = 4
CHILDREN: Final = ("worker.files.conversion", "worker.files.focus")
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
        made = book(1, usage_lines=each)
        write_part(folder / "usage.gz", (on_the_wire(line) for line in made.usage[:each]))
        write_part(folder / "lines.gz", (on_the_wire(line) for line in made.reconciliation))
        parts = [SourcePart(number, folder / "usage.gz") for number in range(given.blobs)]
        found = _measured(parts, made, folder) | {"lines": each * given.blobs}
    sys.stdout.write(json.dumps(found) + "\n")
    fast = found["parquetRatio"] >= 1 and found["allFormatsRatio"] >= 0.5
    return 0 if fast and found["childMB"] <= MOST_MEGABYTES else 1


def _measured(parts: list[SourcePart], made: Book, folder: Path) -> dict[str, Any]:
    """Ratios of CPU seconds, and the most memory of a child."""
    loop = parquet = checked = 0.0
    began = time.monotonic()
    with highest_memory() as memory:
        for turn in range(TURNS):
            some = parts[turn::TURNS]
            loop += _cpu_of(partial(_loop, some))
            parquet += _cpu_of(partial(_convert, "usage", some, folder))
            checked += _check(some)
        lines = [SourcePart(0, folder / "lines.gz")]
        (folder / "lines").mkdir()
        loop_of_all = loop + _cpu_of(partial(_loop, lines))
        rest = _cpu_of(partial(_convert, "reconciliation", lines, folder / "lines"))
        rest += _cpu_of(partial(_compare, parts, made, folder))
    size = sum(path.stat().st_size for path in folder.glob("part-*.parquet"))
    return {
        "loopSeconds": round(loop, 1),
        "parquetRatio": round(loop / parquet, 2),
        "allFormatsRatio": round(loop_of_all / (parquet + checked + rest), 2),
        "minutes": round((time.monotonic() - began) / 60, 1),
        "childMB": round(memory[0] / 1e6),
        "parquetBytes": size,
        "costsBytes": (folder / "costs.parquet").stat().st_size,
    }


def _loop(parts: list[SourcePart]) -> None:
    for part in parts:
        with subprocess.Popen(["gzip", "-dc", str(part.path)], stdout=subprocess.PIPE) as gunzip:  # noqa: S603, S607
            subprocess.run([sys.executable, "-c", LOOP], stdin=gunzip.stdout, check=True)  # noqa: S603


def _convert(lines: str, parts: list[SourcePart], folder: Path) -> None:
    asyncio.run(Converter().parquet(lines, parts, folder))


def _compare(parts: list[SourcePart], made: Book, folder: Path) -> None:
    """The comparison and the FOCUS dataset of all parts."""
    usage = [folder / f"part-{part.ordinal:05}.parquet" for part in parts]
    lines = [folder / "lines" / "part-00000.parquet"]
    job = comparison_job(made, folder, {"usage": usage, "reconciliation": lines})

    async def ask() -> None:
        async with Converter().child("worker.files.focus.invoice") as child:
            await child.ask(job)

    asyncio.run(ask())


def _cpu_of(work: Callable[[], object]) -> float:
    """The CPU seconds of the child processes of this work."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _check(parts: list[SourcePart]) -> float:
    """The CPU seconds in which the worker checks these parts."""
    began = time.thread_time()
    for part in parts:
        count_lines(part.path)
    return time.thread_time() - began


@contextmanager
def highest_memory() -> Iterator[list[int]]:
    """The most resident bytes of a child of the conversion, looked at every 20 ms."""
    most = [0]

    def look() -> None:
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                if any(name in " ".join(child.cmdline()) for name in CHILDREN):
                    most[0] = max(most[0], child.memory_info().rss)

    with looked_at(look, 0.02):
        yield most


if __name__ == "__main__":
    sys.exit(main())
