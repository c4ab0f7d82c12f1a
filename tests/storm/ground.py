"""The servers that all scenes share: Kafka, PostgreSQL, Partner Center, and one worker's own way to the database."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from ops.local import kafka, postgres
from ops.local.kafka import LocalKafka
from ops.local.postgres import LocalPostgres
from ops.local.simulator import SimulatorProcess
from tests.storm.network import Cable, Detour, way

T = TypeVar("T")

SCALE = 600
KNOBS = {"quota_per_minute": "1000000", "upgrade_running": "[300, 1800]"}
"""Partner Center is 600 times as fast as the real one, and an upgrade takes some seconds."""


@dataclass(frozen=True)
class Ground:
    """The running servers. `folder` belongs to the servers and to the scenes."""

    folder: Path
    kafka: LocalKafka
    postgres: LocalPostgres
    simulator: SimulatorProcess
    way: Cable | Detour | None = None


def why_not() -> str | None:
    """What this machine lacks, or None."""
    return kafka.why_not() or postgres.why_not()


@asynccontextmanager
async def ground(seed: int, *, cable: bool, logs: Path | None = None) -> AsyncIterator[Ground]:
    """Start all servers, and end them all in any case.

    `cable`: with a way to the database that can be cut. `logs`: a folder in which all log files are kept.
    """
    folder = Path(tempfile.mkdtemp(prefix="azplan-storm-"))
    closing: list[Callable[[], object]] = [lambda: shutil.rmtree(folder, ignore_errors=True)]
    if logs is not None:
        closing.append(partial(keep_logs, folder, logs))
    try:
        path = await _made(partial(way, folder), lambda found: found.remove(), closing) if cable else None
        also = path.address if path else None
        postgres = await _made(partial(LocalPostgres, also=also), LocalPostgres.remove, closing)
        kafka = await _made(partial(LocalKafka, folder / "kafka"), LocalKafka.stop, closing)
        simulator = partner_center(folder, seed)
        closing.append(simulator.stop)
        await together([kafka.start, postgres.start, simulator.start])
        yield Ground(folder, kafka, postgres, simulator, path)
    finally:
        for close in reversed(closing):
            await asyncio.to_thread(close)


async def _made(make: Callable[[], T], close: Callable[[T], object], closing: list[Callable[[], object]]) -> T:
    """The object that `make` gives, closed at the end. After an interruption it is waited for and closed at once."""
    making = asyncio.ensure_future(asyncio.to_thread(make))
    try:
        made = await asyncio.shield(making)
    except asyncio.CancelledError:
        close(await making)
        raise
    closing.append(partial(close, made))
    return made


def keep_logs(folder: Path, logs: Path) -> None:
    """Copy the log files to another folder."""
    for log in folder.rglob("*.log"):
        kept = logs / log.relative_to(folder)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(log, kept)


def partner_center(folder: Path, seed: int) -> SimulatorProcess:
    """A Partner Center in this folder."""
    knobs = [word for name, value in KNOBS.items() for word in ("--set", f"{name}={value}")]
    return SimulatorProcess(
        folder, "--scale", str(SCALE), "--seed", str(seed), "--customers", "ready=0", *knobs, user=True
    )


async def together(starts: Sequence[Callable[[], object]]) -> None:
    """Run blocking calls in parallel and return when all have returned."""
    waiting: list[Awaitable[object]] = [asyncio.to_thread(start) for start in starts]
    for result in await asyncio.gather(*waiting, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
