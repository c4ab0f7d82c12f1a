"""`python -m tests.simulation --seeds 10000`: the long run. Prints the seeds that fail, and what is wrong with them."""

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.simulation import Report, simulate
from tests.support.quiet import quiet


def quietly(seed: int) -> Report:
    """Run a seed without a word."""
    with quiet():
        try:
            return simulate(seed)
        except Exception as error:  # noqa: BLE001 - a seed that breaks the simulation is a finding too
            return Report(seed, (f"{type(error).__name__}: {error}",), 0, 0, 0, "")


def main() -> int:
    """Run the seeds; 1 where one of them fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", type=int, default=300, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    given = parser.parse_args()
    begun, commands, effects, failed = time.monotonic(), 0, 0, 0
    for report in _reports(range(given.first, given.first + given.seeds), given.jobs):
        commands += report.commands
        effects += report.effects
        if report.findings:
            failed += 1
            _print(f"seed {report.seed} fails; again: python -m tests.simulation --first {report.seed} --seeds 1")
            for finding in report.findings:
                _print(f"  {finding}")
    seconds = time.monotonic() - begun
    _print(f"{given.seeds} seeds, {commands} commands, {effects} effects, {failed} failed, {seconds:.0f} s")
    return 1 if failed else 0


def _reports(chosen: range, jobs: int) -> Iterator[Report]:
    if jobs == 1:
        yield from map(quietly, chosen)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(quietly, chosen, chunksize=8)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
