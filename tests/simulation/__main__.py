"""`python -m tests.simulation --seeds 10000`: the long run. Prints the seeds that fail and counts what happened."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import count, islice

from tests.simulation.simulation import Report, simulate
from tests.simulation.story import tell
from tests.support.quiet import quiet

SELDOM = 100


def quietly(seed: int) -> Report:
    """Run a seed without logging."""
    with quiet():
        try:
            return simulate(seed)
        except Exception as error:  # noqa: BLE001 - a seed that breaks the simulation is a finding too
            return Report(seed, (f"{type(error).__name__}: {error}",))


def main() -> int:
    """Run the seeds. Returns 1 if one of them fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", type=int, default=300, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--exports", action="store_true", help="only seeds whose story exports invoices")
    parser.add_argument("--tell", action="store_true", help="tell what happened in each of them, and its digest")
    given = parser.parse_args()
    begun, failed, happened = time.monotonic(), 0, Counter[str]()
    seeds = (seed for seed in count(given.first) if tell(seed).invoices or not given.exports)
    for done, report in enumerate(_reports(list(islice(seeds, given.seeds)), given.jobs), start=1):
        happened += report.happened
        failed += bool(report.findings)
        if given.tell:
            _tell(report)
        if report.findings:
            _print_failure(report)
        _progress(done, given.seeds, failed, time.monotonic() - begun)
    _print_figures(happened)
    _print(f"{given.seeds} seeds from {given.first}, {failed} failed, {time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


def _reports(chosen: Sequence[int], jobs: int) -> Iterator[Report]:
    if jobs == 1:
        yield from map(quietly, chosen)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(quietly, chosen, chunksize=8)


def _tell(report: Report) -> None:
    for at, what in report.notes:
        _print(f"{at:9.3f} {what}")
    _print(f"seed {report.seed}: digest {report.trace}")


def _print_failure(report: Report) -> None:
    _print(
        f"seed {report.seed} fails; again: python -m tests.simulation --first {report.seed} --seeds 1 --jobs 1 --tell"
    )
    for finding in report.findings:
        _print(f"  {finding}")


def _print_figures(happened: Counter[str]) -> None:
    _print("what happened, over all seeds:")
    for what, number in sorted(happened.items()):
        _print(f"{number:10} {what}")


def _progress(done: int, seeds: int, failed: int, seconds: float) -> None:
    """On a terminal, one line that is overwritten; elsewhere a line now and then."""
    said = f"{done} of {seeds} seeds, {failed} failed, {(seeds - done) * seconds / done / 60:.0f} min left"
    if sys.stderr.isatty():
        end = "\n" if done == seeds else ""
        sys.stderr.write(f"\r{said} \x1b[K{end}")
        sys.stderr.flush()
    elif done % SELDOM == 0:
        sys.stderr.write(f"{said}\n")


def _print(line: str) -> None:
    erase = "\r\x1b[K" if sys.stderr.isatty() else ""
    sys.stderr.write(erase)
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
