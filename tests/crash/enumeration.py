"""Runs a path once to find every point at which its worker can die, and then once for each point."""

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path as Folder

from events.messages.invoice_lines import InvoiceLinesExported
from ops.simulator.simulator import Simulator, build
from tests.crash.deaths import SETTLE, Death, Point
from tests.crash.paths import Path
from tests.support.boundaries import Life, Script, elsewhere
from tests.support.empty_journal import empty_journal
from tests.support.harness import EVENTS, GROUP, MakeEngine, World, settings_of, sqlite_file, through
from tests.support.invariants import Findings, check, check_committed
from tests.support.published_files import staged
from tests.support.virtual_time import START
from worker.settings.model import Settings

SETTINGS = settings_of(
    worker={"lease": 40, "heartbeat": 10, "call_timeout": 20},
    waits={"settle": SETTLE, "order_list_lag": 90, "order_deadline": 240, "upgrade_deadline": 240, "max": 30},
)
"""The default settings with shorter waits: most of a run is work, hardly any of it is waiting."""
RENAMED = settings_of(("renamed",)).model_copy(
    update={"worker": SETTINGS.worker, "waits": SETTINGS.waits, "retries": SETTINGS.retries}
)
"""The same settings, with another name for the account of the same tenant."""
QUICK = {
    "order_provisioning": (20.0, 20.0),
    "order_list_lag": (90.0, 90.0),
    "order_get_lag": (2.0, 2.0),
    "entitlement_flip": (40.0, 40.0),
    "azure_disabled": (25.0, 25.0),
    "azure_enabled": (25.0, 25.0),
    "reservation_flip": (20.0, 20.0),
    "return_seconds": (40.0, 40.0),
    "upgrade_pending": (10.0, 10.0),
    "upgrade_running": (30.0, 30.0),
    "export_queued": (0.0, 0.0),
    "export_seconds": (20.0, 20.0),
}
REST = 120.0
"""Virtual seconds after the answer until no request can arrive any more and every lane has been let go."""


class DieAt(Script):
    """Ends the worker at one of its boundaries."""

    def __init__(self, death: Death | None) -> None:
        self._death = death
        self.points: list[Point] = []
        """Every boundary that was reached, in order."""

    async def at(self, life: Life, point: str) -> None:
        """Note the boundary, and end the worker if this is the one."""
        self.points.append(Point(point, asyncio.get_running_loop().time()))
        if self._death is not None and len(self.points) == self._death.point:
            life.end()

    def arrives_late(self, _operation: str) -> float | None:
        """As the death says."""
        return self._death.late if self._death else None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one run of a path."""

    ends: str
    points: Sequence[Point]


async def points_of(path: Path, make_engine: MakeEngine) -> Outcome:
    """Run a path without a death: the command's end, and every boundary that the worker passed until it was at rest."""
    async with _world(path, make_engine, remembers=True) as world:
        return await _live(world, path, None)


async def survive(path: Path, death: Death, make_engine: MakeEngine, *, renamed: bool = False) -> Outcome:
    """Run a path whose worker dies and whose second worker goes on. Raises `Findings` if a promise is broken.

    `renamed`: the second worker has another name for the partner account, and the command is sent again with another
    id.
    """
    async with _world(path, make_engine, remembers=death.remembers) as world:
        try:
            return await _live(world, path, death, renamed=renamed)
        except Findings as findings:
            raise Findings([f"{path}, {death}:", *findings.sentences]) from None


TABLES = ("command", "lane", "step", "effect", "call", "note", "event", "dataset_version", "export", "export_part")


async def world_after(path: Path, death: Death, make_engine: MakeEngine) -> Sequence[object]:
    """What a worker leaves behind at its death: rows of the journal, records, offsets, files and effects."""
    async with _world(path, make_engine, remembers=death.remembers) as world:
        await world.send(path.asked(next(iter(world.simulator.world.customers.values()))))
        worker = await world.begin(DieAt(death))
        await world.until(lambda: worker.life.dead, f"{death} is reached", within=2_000)
        await worker.kill()
        rows = [await world.rows(f"SELECT * FROM {table}") for table in TABLES]
        records = [(each.headers, each.value) for each in world.broker.records(EVENTS)]
        files = sorted(str(each.relative_to(world.folder)) for each in (world.folder / "files").rglob("*"))
        return rows, records, world.broker.committed(GROUP), files, world.simulator.books.effects


async def _live(world: World, path: Path, death: Death | None, *, renamed: bool = False) -> Outcome:
    customer = next(iter(world.simulator.world.customers.values()))
    command = await world.send(path.asked(customer))
    if path.rotates:
        elsewhere(_rotate(world))
    script = DieAt(death)
    worker = await world.begin(script)

    def over() -> bool:
        return bool(world.answers(command)) or worker.life.dead

    await world.until(over, f"{path} is over", within=2_000)
    if not worker.life.dead:
        await asyncio.sleep(REST)
    points = list(script.points)
    if worker.life.dead:
        await worker.kill()
        await check_committed(world)
        if renamed:
            world.settings = _settings(RENAMED, path)
            await world.send(path.asked(customer), id="again")
        await world.begin()
        await world.until(lambda: bool(world.answers(command)), f"{path} is over", within=2_000)
        if renamed:
            await world.until(lambda: bool(world.answers("again")), f"{path} is over again", within=2_000)
        await asyncio.sleep(REST)
    await check(world)
    event = world.answers(command)[0].event
    left = staged(world.folder / "files")
    if left and isinstance(event, InvoiceLinesExported):
        raise Findings([f"staged files are left behind: {left}"])
    return Outcome(getattr(event, "code", type(event).__name__), points)


async def _rotate(world: World) -> None:
    while not world.simulator.books.carts:  # noqa: ASYNC110 - the simulator calls nobody
        await asyncio.sleep(0.1)
    world.simulator.rotate_catalog()


@asynccontextmanager
async def _world(path: Path, make_engine: MakeEngine, *, remembers: bool) -> AsyncIterator[World]:
    settings = _settings(SETTINGS, path)
    simulator = simulator_of(path, remembers=remembers)
    world = World(make_engine, simulator=simulator, settings=settings, attention=REST, store=path.store)
    try:
        yield world
    finally:
        await world.close()


def _settings(settings: Settings, path: Path) -> Settings:
    """The settings as the path needs them."""
    waits = settings.waits.model_copy(update={"order_deadline": timedelta(seconds=path.patience)})
    return through(settings, path.through).model_copy(update={"waits": waits})


def simulator_of(path: Path, *, remembers: bool) -> Simulator:
    """Partner Center with the customer of a path."""
    simulator = build(now=asyncio.get_running_loop().time, origin=START)
    simulator.change(**{**QUICK, **path.simulator}, remember_request_ids=remembers)
    simulator.customer(**{"profile": "ready", **path.customer})
    if path.invoice is not None:
        simulator.invoice(**path.invoice)
    return simulator


@contextmanager
def scratch() -> Iterator[Callable[[], MakeEngine]]:
    """Gives fresh SQLite files, in memory if the machine has such a folder: no power cut is tested here."""
    shared = Folder("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        numbers = itertools.count(1)

        def fresh() -> MakeEngine:
            path = Folder(folder) / f"{next(numbers)}.db"
            path.write_bytes(empty_journal())
            return sqlite_file(path)

        yield fresh
