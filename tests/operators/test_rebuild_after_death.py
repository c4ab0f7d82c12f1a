"""The worker dies and its journal is lost. The journal is built from the topics, and nothing is done twice."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path as Folder

import pytest

from tests.crash.deaths import LEAVING, SETTLE, Death, Point, deaths
from tests.crash.enumeration import REST, SETTINGS, DieAt, points_of, simulator_of
from tests.crash.paths import CREATE, SUSPEND, UPGRADE, Path
from tests.operators.asking import WHO, WHY, beside
from tests.operators.test_rebuild import lose, sources
from tests.support.harness import World, sqlite_file
from tests.support.invariants import Findings, check
from tests.support.virtual_loop import run_virtual
from worker.operators.rebuild import Rebuild

GUARD = 20.0 + SETTLE + 90.0
"""Seconds by the settings of the enumeration: the longest call, settling and the lag of the order list."""
WRITES = {name.split(":")[0] for name in LEAVING}


def worst(points: Sequence[Point]) -> Iterator[Death]:
    """The worst points: around every write and every event, and requests that arrive long after the journal is lost."""
    return (death for death in deaths(points) if death.name.split(":")[0] in WRITES | {"event"})


def is_modest(finding: str) -> bool:
    """Whether the only finding is that a command does not claim its own effect, which the lost journal knew."""
    return finding.startswith("G6") and ("but it bought it" in finding or "but it did it" in finding)


async def survive(path: Path, death: Death, folder: Folder) -> None:
    """Run a path until its worker dies. Lose the journal, rebuild it, and go on. Raises `Findings`."""
    file = folder / "journal.db"
    world = World(sqlite_file(file), simulator=simulator_of(path, remembers=death.remembers), settings=SETTINGS)
    try:
        command = await world.send(path.asked(next(iter(world.simulator.world.customers.values()))))
        worker = await world.begin(DieAt(death))
        await world.until(lambda: worker.life.dead, f"{death} is reached", within=2_000)
        await worker.kill()
        lose(folder)
        async with beside(world) as journal:
            found = replace(await sources(world, journal), guard=GUARD)
            await Rebuild(journal, found, lambda _: None).run(WHO, WHY, alone=False)
        await world.begin()
        await world.until(lambda: bool(world.answers(command)), f"{path} is over", within=4_000)
        await asyncio.sleep(REST)
        await check(world)
    finally:
        await world.close()


@pytest.mark.parametrize("path", [CREATE[0], SUSPEND[0], UPGRADE[0]], ids=str)
def test_nothing_is_done_twice_after_the_journal_was_lost_at_any_point(path: Path, tmp_path: Folder) -> None:
    """The promises of the crash suite hold for a journal that knows only published events."""
    points = run_virtual(points_of(path, sqlite_file(tmp_path / "whole.db"))).points
    found, number = [], 0
    for number, death in enumerate(worst(points), start=1):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            run_virtual(survive(path, death, folder))
        except Findings as findings:
            found.extend(f"{death}: {each}" for each in findings.sentences if not is_modest(each))
    assert number >= 8
    assert not found, "\n".join(found)
