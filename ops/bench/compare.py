"""The bare loop and azplan on PostgreSQL and SQLite, side by side in one run.

    python -m ops.bench.compare                            # all cases, on the mock broker
    python -m ops.bench.compare --case cpu --broker kafka
    python -m ops.bench.compare --rounds 1 --customers 100

The subjects run at the same time and are measured in turn, round by round, so that noise of the machine meets all
alike. A ratio is the median of the ratios within the rounds.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from ops.bench import figures
from ops.bench.commands import recorded, stories
from ops.bench.load import Line, lines
from ops.bench.subjects import BARE, CONCURRENCY, POSTGRES, SQLITE, Ground, MockCenter, Subject, azplan, bare, ground

CASES = {"cpu": 0.0, "50ms": 0.05}
"""Seconds that Partner Center takes for a call, by the name of the case."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One subject in one round of one case."""

    commands: int
    rate: float
    """Answered commands a second, without the first and the last twentieth."""
    cpu: float
    """Seconds of CPU of the process."""
    calls: Mapping[str, int]
    """Calls by operation, as Partner Center counted them."""
    latencies: Sequence[float]

    @property
    def all_calls(self) -> int:
        """Calls of all operations."""
        return sum(self.calls.values())

    @property
    def cpu_per_call(self) -> float:
        """Microseconds of CPU for each call."""
        return self.cpu / self.all_calls * 1e6


@dataclass(frozen=True, slots=True)
class Stage:
    """The subjects, each with its line."""

    ground: Ground
    subjects: Sequence[tuple[Subject, Line]]


@contextmanager
def stage(where: Ground, names: Sequence[str]) -> Iterator[Stage]:
    """Start the subjects. The bare loop is started last: it makes the calls that a worker has made before."""
    with ExitStack() as ending:
        workers = [ending.enter_context(azplan(where, name)) for name in names if name != BARE]
        made = ending.enter_context(lines([one.topics for one in workers]))
        recipes = recorded(where.center, made[0])
        subjects = list(zip(workers, made, strict=True))
        if BARE in names:
            loop = ending.enter_context(bare(where, recipes))
            subjects.insert(0, (loop, ending.enter_context(lines([loop.topics]))[0]))
            warm(where.center, subjects)
        yield Stage(where, subjects)


def warm(center: MockCenter, subjects: Sequence[tuple[Subject, Line]]) -> None:
    """Let each subject answer some commands before anything counts: imports, tokens and connections cost once."""
    center.reset(0.0)
    for _, line in subjects:
        commands = stories(20)
        line.send(commands)
        line.wait([one.id for one in commands])


def backlog(center: MockCenter, subject: Subject, line: Line, customers: int, delay: float) -> Measured:
    """Let a subject work off the stories of so many customers, all sent at once."""
    center.reset(delay)
    commands, used = stories(customers), subject.cpu()
    sent = line.send(commands)
    answered = line.wait(list(sent), lambda done: progress(f"{subject.name}: {done} of {len(commands)} answered"))
    cpu = subject.cpu() - used
    rate = figures.middle_rate(list(answered.values()))
    return Measured(len(commands), rate, cpu, center.counts(), figures.latencies(sent, answered))


def table(found: Mapping[tuple[str, str], Sequence[Measured]]) -> Iterator[str]:
    """What was measured, by case and subject, as lines of text. Ratios to the bare loop are medians of the rounds."""
    numbers = f"{'commands/s':>10} {'of bare':>8} {'of bound':>8} {'µs CPU/call':>11} {'of bare':>8} {'calls':>6}"
    yield f"{'case':6} {'subject':20} {numbers}"
    for (case, name), rounds in found.items():
        base = found.get((case, BARE), rounds)
        rates, cpu = [one.rate for one in rounds], [one.cpu_per_call for one in rounds]
        calls = sum(one.all_calls for one in rounds) / sum(one.commands for one in rounds)
        most = figures.bound(CONCURRENCY, calls, CASES[case]) if CASES[case] else None
        yield (
            f"{case:6} {name:20} {median(rates):10.1f} {figures.ratio(rates, [one.rate for one in base]):8.2f} "
            f"{f'{median(rates) / most:8.2f}' if most else ' ' * 8} {median(cpu):11.0f} "
            f"{figures.ratio(cpu, [one.cpu_per_call for one in base]):8.2f} {calls:6.2f}"
        )


def progress(text: str) -> None:
    """Replace the line of progress on a terminal. Says nothing elsewhere."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


def main() -> int:
    """Run the comparison. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--broker", choices=("mock", "kafka"), default="mock")
    parser.add_argument("--case", choices=tuple(CASES), action="append")
    parser.add_argument("--subject", choices=(BARE, POSTGRES, SQLITE), action="append")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--customers", type=int, default=200)
    given = parser.parse_args()
    names = given.subject or [BARE, POSTGRES, SQLITE]
    found: dict[tuple[str, str], list[Measured]] = {}
    with tempfile.TemporaryDirectory(prefix="azplan-bench-") as folder:
        Path(folder).chmod(0o755)
        with ground(Path(folder), given.broker, postgres=POSTGRES in names) as where, stage(where, names) as staged:
            for round_ in range(given.rounds):
                for case in given.case or CASES:
                    turn = round_ % len(staged.subjects)
                    for subject, line in [*staged.subjects[turn:], *staged.subjects[:turn]]:
                        one = backlog(where.center, subject, line, given.customers, CASES[case])
                        found.setdefault((case, subject.name), []).append(one)
    progress("")
    sys.stdout.write("\n".join(table(found)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
