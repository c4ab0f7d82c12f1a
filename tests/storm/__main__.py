"""`python -m tests.storm [SCENE ...]`: play scenes and print their results."""

import argparse
import asyncio
import json
import logging
import random
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.storm.ground import ground, why_not
from tests.storm.scenes import SCENES
from tests.storm.storm import play
from tests.storm.verdict import Line

UNAVAILABLE = 69
COLUMNS = ("scene", "commands", "kills", "effects", "lost", "doubled", "order violations", "other", "seconds")


def main() -> int:
    """Run the command line. Returns 0 if every promise was kept, 1 if not, 69 if a component is missing."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.storm",
        description="Three workers on a real Kafka, a real PostgreSQL and the simulator, and trouble around them.",
    )
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=f"of {', '.join(SCENES)}; all where none is given")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long workers are killed in the scene kill")
    parser.add_argument("--seed", type=int, help="of commands, faults and kills; a random one where none is given")
    parser.add_argument("--logs", type=Path, help="keep the log files of servers and workers in this folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the storm's own clients wait for a broker that is down
    if unknown := set(given.scenes) - set(SCENES):
        parser.error(f"no scene is named {', '.join(sorted(unknown))}; there are {', '.join(SCENES)}")
    if lack := why_not():
        sys.stderr.write(f"This machine lacks something: {lack}.\n")
        return UNAVAILABLE
    seed = given.seed if given.seed is not None else random.randrange(1_000_000)
    try:
        lines = asyncio.run(storm(given.scenes or list(SCENES), seed, given.seconds, given.logs))
    except asyncio.CancelledError:
        sys.stderr.write("Interrupted; everything that was started has been ended.\n")
        return 128 + signal.SIGINT
    sys.stdout.write((as_json(seed, lines) if given.json else as_table(lines)) + "\n")
    return 0 if all(line.clean for line in lines) else 1


async def storm(names: Sequence[str], seed: int, seconds: float, logs: Path | None = None) -> list[Line]:
    """Play the scenes one after the other on the same servers."""
    current = asyncio.current_task()
    assert current is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, current.cancel)
    sys.stderr.write(f"seed {seed}; starting Kafka, PostgreSQL and the simulator\n")
    async with ground(seed, cable="network" in names, logs=logs) as servers:
        return [await play(SCENES[name], servers, seed, seconds) for name in names]


def as_table(lines: Sequence[Line]) -> str:
    """A line for each scene, a line for all scenes, and the findings below."""
    rows = [cells(line) for line in lines]
    total = Line("all")
    for line in lines:
        for name in vars(total).keys() - {"scene", "findings"}:
            setattr(total, name, getattr(total, name) + getattr(line, name))
    table = [COLUMNS, *rows, cells(total)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    text = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in table
    ]
    return "\n".join([*text, *(f"{line.scene}: {finding}" for line in lines for finding in line.findings)])


def cells(line: Line) -> tuple[str, ...]:
    """A scene's row of the table."""
    counts = (line.commands, line.kills, line.effects, line.lost, line.doubled, line.order_violations, line.other)
    return (line.scene, *map(str, counts), f"{line.seconds:.0f}")


def as_json(seed: int, lines: Sequence[Line]) -> str:
    """The same table as JSON, for programs."""
    return json.dumps({"seed": seed, "at": int(time.time()), "scenes": [line.wire() for line in lines]})


if __name__ == "__main__":
    sys.exit(main())
