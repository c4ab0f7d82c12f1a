"""The workers of a scene: `azplan run` processes that are killed, stopped, frozen and started again."""

import asyncio
import json
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from events.wire.identity import command_uid
from ops.local.azplan import Azplan
from tests.support.harness import SOURCE

ENDED_IN_ORDER = 128 + signal.SIGTERM
STARTED = 90.0
"""Seconds until a worker is a member of the group. A worker that dies before holds up all others for its session."""
CHILD_ENDS = 5.0
"""Seconds within which a child ends once its worker is dead."""
BROKEN = frozenset({"command.crashed", "worker.part_broke", "worker.not_drained"})

Say = Callable[[str], None]


class Crew:
    """The workers by number, from 1."""

    def __init__(self, folder: Path, settings: Mapping[str, str], say: Say) -> None:
        self._folder = folder
        self._settings = settings
        self._say = say
        self._up: set[int] = set()
        self.workers: dict[int, Azplan] = {}
        self.kills = 0
        self.while_converting = 0
        """Kills of workers whose child was converting lines."""
        self._outlived: list[str] = []

    def hire(self, number: int, *, inside: Sequence[str] = (), **other: str) -> None:
        """Make a worker, not yet started. `inside` is passed to `Azplan`; `other` are settings of this worker alone."""
        self.workers[number] = Azplan(
            settings={**self._settings, **other}, cwd=self._folder, name=f"worker-{number}", inside=inside
        )

    async def start(self, *numbers: int) -> None:
        """Start these workers and wait until they take part."""
        self._up.update(numbers)
        await asyncio.gather(*(asyncio.to_thread(self.workers[n].start, within=STARTED) for n in numbers))

    async def launch(self, number: int) -> None:
        """Start a worker and wait for nothing."""
        self._up.add(number)
        await asyncio.to_thread(self.workers[number].launch)

    async def kill(self, number: int) -> None:
        """`kill -9`."""
        worker = self.workers[number]
        self._up.discard(number)
        if worker.running:
            self._say(f"kill -9 {worker.name} (pid {worker.pid})")
            self.kills += 1
            children = self.children(number)
            await asyncio.to_thread(worker.kill)
            self.while_converting += bool(children)
            await asyncio.to_thread(self._outlive, worker.name, children)

    def children(self, number: int) -> list[psutil.Process]:
        """The child processes of a worker: those that convert lines."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.workers[number].pid).children()
        return []

    def _outlive(self, name: str, children: Sequence[psutil.Process]) -> None:
        """Note the children that are there long after their worker is dead."""
        _, left = psutil.wait_procs(children, timeout=CHILD_ENDS)
        self._outlived += [
            f"a child of {name} outlives it by {CHILD_ENDS:g} s: {child}" for child in left if _lives(child)
        ]

    async def stop(self, number: int) -> list[str]:
        """Send SIGTERM and wait for the end. Returns sentences about everything that was not in order."""
        worker = self.workers[number]
        self._say(f"SIGTERM to {worker.name} (pid {worker.pid})")
        self._up.discard(number)
        before, began = worker.output().count("worker.stopped"), worker.ready()
        worker.interrupt()
        code = await asyncio.to_thread(worker.wait, within=60)
        self._say(f"{worker.name} ended with {code}")
        if not began and code == -signal.SIGTERM:  # the worker was only just loading its code
            return []
        if code != ENDED_IN_ORDER or worker.output().count("worker.stopped") == before:
            return [f"{worker.name} did not stop in order, but with {code}"]
        return []

    def fallen(self) -> list[int]:
        """The workers that ended although nobody asked them to."""
        return [number for number in sorted(self._up) if not self.workers[number].running]

    async def end(self) -> None:
        """End all workers."""
        self._up.clear()
        await asyncio.gather(*(asyncio.to_thread(worker.stop) for worker in self.workers.values()))

    def runs(self, *numbers: int) -> dict[str, str]:
        """The uid of the command behind each MS-CorrelationId, by the logs of all workers, or of these."""
        found = {}
        for number in numbers or self.workers:
            for line in lines(self.workers[number]):
                if "ms_correlation_id" in line and "command_id" in line:
                    found[line["ms_correlation_id"]] = str(command_uid(SOURCE, line["command_id"]))
        return found

    def complaints(self) -> list[str]:
        """Log lines that trouble outside does not explain, and children that outlived their workers."""
        return self._outlived + [
            f"{worker.name} logged {line['event']}: {str(line.get('exception', line))[-400:]}"
            for worker in self.workers.values()
            for line in lines(worker)
            if line.get("event") in BROKEN or (line.get("exception") and line.get("level") in ("error", "critical"))
        ]


def _lives(child: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(child.status() != psutil.STATUS_ZOMBIE)
    return False


def lines(worker: Azplan) -> list[dict[str, Any]]:
    """The lines of the worker's log. An unfinished last line is left out."""
    found = []
    for text in worker.output().splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict):
            found.append(line)
    return found
