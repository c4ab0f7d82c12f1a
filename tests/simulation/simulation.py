"""Runs the story of a seed, and says what was not as it should be."""

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from ops.simulator.app import build
from tests.crash.enumeration import REST, SETTINGS, scratch
from tests.simulation.chaos import Chaos
from tests.simulation.story import LASTS, Event, Sending, Story, tell
from tests.support.harness import EVENTS, GROUP, LiveWorker, MakeEngine, World
from tests.support.invariants import Findings, check, check_committed
from tests.support.virtual_loop import run_virtual
from tests.support.virtual_time import START, LoopClock
from worker.broker.port import BrokerUnavailable
from worker.errors import JournalUnavailable

MOST_HOURS = 24
"""Virtual hours after the bad weather within which every command must have its answer."""
RESTART = 5.0
"""Virtual seconds until somebody starts a worker that has died."""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a seed."""

    seed: int
    findings: tuple[str, ...]
    commands: int
    workers: int
    effects: int
    trace: str
    """A digest of everything that was published and done: the same for the same seed."""


def simulate(seed: int) -> Report:
    """Run a seed, on a journal of its own."""
    with scratch() as fresh:
        return run_virtual(_Run(tell(seed)).run(fresh()))


class _Run:
    """One story under way."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._rng = Random(f"chaos of {story.seed}")
        self._scripts: list[Chaos] = []
        self._living: dict[int, tuple[LiveWorker, Chaos, LoopClock]] = {}
        self._calm = False

    async def run(self, make_engine: MakeEngine) -> Report:
        story = self._story
        simulator = build(now=asyncio.get_running_loop().time, origin=START, seed=story.seed)
        simulator.change(**story.knobs)
        self._customers = [simulator.customer(profile) for profile in story.profiles]
        for fault in story.faults:
            simulator.faults.add(**fault)
        self._world = world = World(make_engine, simulator=simulator, settings=SETTINGS, partitions=2)
        findings: list[str] = []
        try:
            await self._live()
            await self._end()
            await check(world)
            findings = [f"a part of {worker.life.name} broke: {error!r}" for worker, error in world.broken()]
        except Findings as found:
            findings = found.sentences
        finally:
            await world.close()
        return Report(
            seed=story.seed,
            findings=tuple(findings),
            commands=len(world.sent),
            workers=len(world.workers),
            effects=len(simulator.books.effects),
            trace=self._trace(),
        )

    async def _live(self) -> None:
        """The bad weather."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._story.workers):
                group.create_task(self._keep_alive(number))
            for sending in self._story.sendings:
                group.create_task(self._send(sending))
            for event in self._story.events:
                group.create_task(self._happen(event))

    async def _end(self) -> None:
        """Good weather, and time for everything to come to its end."""
        self._calm = True
        self._world.simulator.faults.clear()
        for script in self._scripts:
            script.heal()
        for worker, _, _ in self._living.values():
            if worker.life.dead:
                await worker.kill()
        if not any(not worker.life.dead for worker, _, _ in self._living.values()):
            await self._begin(0)
        await self._world.until(self._all_answered, "every command has its answer", within=MOST_HOURS * 3600.0)
        await asyncio.sleep(2 * REST)

    def _all_answered(self) -> bool:
        answered = {each.command_id for each in self._world.said() if each.event.terminal}
        return answered >= set(self._world.sent)

    async def _begin(self, number: int) -> None:
        script = Chaos(self._story.weather, Random(self._rng.random()))
        if self._calm:
            script.heal()
        self._scripts.append(script)
        clock = LoopClock(self._world.clock.now())
        worker = self._world.hire(script, clock=clock)
        self._living[number] = (worker, script, clock)
        try:
            await worker.start()
        except (BrokerUnavailable, JournalUnavailable):
            worker.life.end()  # a process that cannot begin ends, and is started again

    async def _keep_alive(self, number: int) -> None:
        """Somebody restarts what has died, and looks whether anything was committed that is not durable."""
        while (left := LASTS - self._world.clock.monotonic()) > 0:
            if number not in self._living or self._living[number][0].life.dead:
                await self._begin(number)
            worker, _, _ = self._living[number]
            try:
                async with asyncio.timeout(left):
                    await worker.life.died.wait()
            except TimeoutError:
                return
            await worker.kill()
            await check_committed(self._world)
            await asyncio.sleep(RESTART)

    async def _send(self, sending: Sending) -> None:
        await asyncio.sleep(sending.at)
        self._world.broker.down, down = False, self._world.broker.down
        command = sending.command(customer_id=self._customers[sending.customer].id, **sending.asks)
        await self._world.send(command, id=sending.id, partition=sending.partition)
        self._world.broker.down = down

    async def _happen(self, event: Event) -> None:
        await asyncio.sleep(event.at)
        if event.what == "rebalance":
            self._world.broker.rebalance(GROUP)
        elif event.what == "broker down":
            self._world.broker.down = True
            await asyncio.sleep(event.seconds)
            self._world.broker.down = False
        elif event.worker in self._living:
            await self._hit(event, *self._living[event.worker])

    async def _hit(self, event: Event, worker: LiveWorker, script: Chaos, clock: LoopClock) -> None:
        if worker.life.dead:
            return
        match event.what:
            case "kill":
                worker.life.end()
            case "pause":
                script.pause()
                await asyncio.sleep(event.seconds)
                script.go_on()
            case "jump":
                clock.jump(timedelta(seconds=self._rng.choice((-1, 1)) * event.seconds * 30))
            case "stop":
                script.heal()
                await asyncio.wait([asyncio.ensure_future(worker.stop())], timeout=event.seconds)
                worker.life.end()

    def _trace(self) -> str:
        digest = hashlib.sha256()
        for record in self._world.broker.records(EVENTS):
            digest.update(repr((record.partition, record.offset, record.timestamp, record.value)).encode())
        for effect in self._world.simulator.books.effects:
            digest.update(repr((effect.at, effect.kind, effect.target)).encode())
        return digest.hexdigest()[:16]
