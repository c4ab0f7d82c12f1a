"""The bare loop and azplan on PostgreSQL and SQLite, side by side in one run.

    python -m ops.bench.compare                            # all cases, on the mock broker and on a real Kafka
    python -m ops.bench.compare --quick                    # the same with less in each
    python -m ops.bench.compare --case cpu --broker mock   # one case
    python -m ops.bench.compare --case cpu --broker mock --profiles /tmp   # and what the worker's CPU was spent on

All subjects run all the time and are measured in turn, round by round, so that noise of the machine meets all alike. A
ratio is the median of the ratios within the rounds. Prints a table; `--json` and `--svg` name files to write.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ops.bench.cases import BROKERS, CASES, Case, Size
from ops.bench.ground.subjects import BARE, POSTGRES, SQLITE
from ops.bench.picture import picture
from ops.bench.report import Results, document, table
from ops.bench.stage import Stage, stage

NAMES = {"bare": BARE, "postgres": POSTGRES, "sqlite": SQLITE}
FULL, QUICK = Size(200, 100, 10_000), Size(60, 25, 3_000)


def main() -> int:
    """Run the comparison. Returns the exit code."""
    given = arguments()
    size = QUICK if given.quick else FULL
    if given.customers:
        size = Size(given.customers, size.lone, size.replayed)
    rounds = given.rounds or (1 if given.quick else 3)
    names = [NAMES[name] for name in given.subject or NAMES]
    results = Results()
    for broker in given.broker or BROKERS:
        cases = [
            case for case in CASES if case.name in (given.case or [case.name]) and broker in brokers_of(case, given)
        ]
        if cases:
            with tempfile.TemporaryDirectory(prefix="azplan-bench-") as folder:
                Path(folder).chmod(0o755)  # PostgreSQL runs as a user of its own
                with stage(Path(folder), broker, names, given.profiles) as staged:
                    results.recipes = staged.recipes
                    measure(staged, cases, size, rounds, results)
    say("")
    sys.stdout.write("\n".join(table(results)) + "\n")
    found = document(results, {"rounds": rounds, "quick": given.quick, "customers": size.customers})
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")
    if given.svg:
        given.svg.write_text(picture(found))
    return 0


def brokers_of(case: Case, given: argparse.Namespace) -> Sequence[str]:
    """The brokers on which a case is measured. In a quick run, one."""
    return case.brokers[:1] if given.quick and not given.broker else case.brokers


def measure(staged: Stage, cases: Sequence[Case], size: Size, rounds: int, results: Results) -> None:
    """Measure each case for each of its subjects in turn, so many rounds."""
    for round_ in range(rounds):
        turn = round_ % len(staged.players)
        for case in cases:
            for player in [*staged.players[turn:], *staged.players[:turn]]:
                if player.name in case.subjects:
                    what = f"round {round_ + 1} of {rounds}, {staged.ground.broker}, {case.name}, {player.name}"
                    say(what, end=True)
                    found = case.measure(staged, player, size, partial(say_more, what))
                    results.add(staged.ground.broker, case.name, case.row or player.name, found)


def say_more(what: str, done: int) -> None:
    """Show how much of a measurement is done."""
    say(f"{what}: {done}")


def say(text: str, *, end: bool = False) -> None:
    """Show progress: on a terminal in one line that changes, elsewhere a line for each measurement (`end`)."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
    elif end:
        sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--broker", choices=BROKERS, action="append")
    parser.add_argument("--case", choices=[case.name for case in CASES], action="append")
    parser.add_argument("--subject", choices=list(NAMES), action="append")
    parser.add_argument("--quick", action="store_true", help="one round with few commands: within three minutes")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--customers", type=int, help="customers of a backlog, each with five commands")
    parser.add_argument("--profiles", type=Path, help="folder for a profile (cProfile) of each worker")
    parser.add_argument("--json", type=Path, help="file for everything that was measured")
    parser.add_argument("--svg", type=Path, help="file for the picture")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
