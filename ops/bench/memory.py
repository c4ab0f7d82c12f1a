"""The memory of one worker after many commands, each of another customer: it must not grow with what is done.

    python -m ops.bench.memory --commands 200000

Of ten commands one is a purchase, two are refused after a look (no plan), and seven are refused for their data. A fixed
number is under way at a time. Prints the resident memory of the worker after each tenth, and fails if the last exceeds
the first by more than a tenth and 8 MB. The broker is the mock: what it holds is not the worker's.
"""

import argparse
import json
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from ops.bench.ground.load import Line
from ops.bench.ground.subjects import POSTGRES, SQLITE, Subject, azplan, ground
from ops.local.kafka_messages import Sent

UNDER_WAY: Final = 1000
NAMES: Final = {"postgres": POSTGRES, "sqlite": SQLITE}


def mixed(number: int) -> Iterator[Sent]:
    """So many commands, each of a customer of its own."""
    for index in range(number):
        kind = "ReactivatePlan" if index % 10 in {1, 2} else "CreateAzurePlan"
        data = {"country": 49} if index % 10 > 2 else {}
        yield Sent(kind, str(uuid.uuid4()), data, source="/bench")


def grown(after: Mapping[int, int]) -> bool:
    """Whether the last of these sizes in bytes exceeds the first by more than a tenth and 8 MB."""
    first, last = after[min(after)], after[max(after)]
    return last > first * 1.1 + 8e6


def main() -> int:
    """Run the measurement. Returns the exit code: 1 if the memory has grown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=200_000)
    parser.add_argument("--journal", choices=list(NAMES), default="postgres")
    given = parser.parse_args()
    name = NAMES[given.journal]
    with tempfile.TemporaryDirectory(prefix="azplan-bench-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as a user of its own
        with (
            ground(Path(folder), "mock", postgres=name == POSTGRES) as where,
            azplan(where, name) as subject,
            Line(subject.topics, any_answer=True) as line,
        ):
            where.center.reset(0.0)
            begun = time.monotonic()
            after = work(subject, line, given.commands)
            calls = sum(where.center.counts().values())
    found = {
        "commands": given.commands,
        "journal": name,
        "calls": calls,
        "seconds": round(time.monotonic() - begun),
        "memoryMB": {done: round(size / 1e6, 1) for done, size in after.items()},
    }
    sys.stdout.write(json.dumps(found) + "\n")
    return 1 if grown(after) else 0


def work(subject: Subject, line: Line, number: int) -> dict[int, int]:
    """Let the worker answer so many commands. Its memory in bytes after each tenth of them."""
    after: dict[int, int] = {}
    sent = 0
    commands = mixed(number)
    while (answered := line.answered()) < number:
        more = min(UNDER_WAY - (sent - answered), number - sent)
        if more >= UNDER_WAY // 4 or 0 < more == number - sent:
            line.send([next(commands) for _ in range(more)])
            sent += more
        for tenth in range(number // 10, answered + 1, number // 10):
            if tenth not in after:
                after[tenth] = subject.memory()
                sys.stderr.write(f"{answered} of {number} answered, {after[tenth] / 1e6:.1f} MB\n")
        time.sleep(0.02)
    after[number] = subject.memory()
    return after


if __name__ == "__main__":
    sys.exit(main())
