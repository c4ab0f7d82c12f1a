"""A worker from start to stop: the order in which its parts begin and end, and what happens when one of them breaks."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from worker import metrics
from worker.broker.port import BrokerError, Sink, Source
from worker.clock import Clock
from worker.journal.journal import Journal
from worker.runtime.consumer import Consumer
from worker.runtime.health import HealthServer, Probes
from worker.runtime.lanes import Lanes
from worker.runtime.ownership import Ownership
from worker.runtime.publisher import Publisher
from worker.runtime.readiness import HELD_UP, Readiness, readiness
from worker.runtime.steady import Steady, name_of

log = structlog.get_logger("azplan.service")

STUCK_SECONDS = 120.0
"""A loop that did not come round for so long is stuck, whatever it waits for."""
FLUSH_SECONDS = 10.0
SHOW_SECONDS = 5.0
"""Seconds between two looks at readiness for the metrics."""
SHOWN_SECONDS = 30.0
"""A look that is older than this counts as a no: the event loop does not come round."""


@dataclass(slots=True)
class Parts:
    """What a worker is made of."""

    journal: Journal
    source: Source
    sink: Sink
    ownership: Ownership
    lanes: Lanes
    consumer: Consumer
    publisher: Publisher
    clock: Clock
    background: Sequence[Callable[[], Awaitable[None]]] = ()
    """Coroutines that run as long as the worker: gauges, tokens kept fresh."""
    degraded: Sequence[Callable[[], Sequence[str]]] = ()
    """Who says what this worker cannot do, though it is ready: each gives sentences of ours, none where all is well."""


class Service:
    """Runs the parts until asked to stop."""

    def __init__(self, parts: Parts, *, drain_timeout: float, host: str, port: int) -> None:
        self._parts = parts
        self._drain_timeout = drain_timeout
        self._tasks: list[asyncio.Task[None]] = []
        self.steady = Steady(parts.clock)
        self._consuming: list[asyncio.Task[None]] = []
        self._started = False
        self._ready_until = 0.0
        self.stopping = False
        """True from the moment at which no new request may be begun."""
        self.health = HealthServer(Probes(stuck=self.stuck, readiness=self.readiness), host, port)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then stop in good order. Raises what broke, or did not begin."""
        try:
            await self.start()
            await self._until(stop)
        finally:
            await self.stop()

    async def start(self) -> None:
        """Begin: first what remembers, then what speaks, then what runs, last what takes in."""
        parts = self._parts
        await self.health.start()
        await parts.ownership.start()
        await parts.sink.start()
        parts.ownership.taken = self._taken
        parts.ownership.lapsed = parts.lanes.abandon
        parts.consumer.accepted = self._accepted
        parts.lanes.ended = self._ended
        loops = (parts.ownership.run, parts.publisher.run, parts.lanes.run, self._show, *parts.background)
        self._tasks = [asyncio.create_task(self.steady.run(loop), name=name_of(loop)) for loop in loops]
        await parts.source.start()
        self._consuming = [asyncio.create_task(parts.consumer.run(), name="consumer")]
        self._started = True
        log.info("worker.started", worker=parts.journal.worker, health_port=self.health.port)

    async def stop(self) -> None:
        """End: take nothing more in, finish the steps under way, send what was said, give the lanes back."""
        parts = self._parts
        log.info("worker.stopping", running=parts.lanes.running)
        self.stopping = True
        metrics.DEGRADED.set(0)
        parts.consumer.stop()
        await self._drain()
        await self._flush()
        await parts.source.stop()
        await self._end(*self._tasks, *self._consuming)
        await parts.sink.stop()
        await parts.ownership.stop()
        await self.health.stop()
        log.info("worker.stopped")

    async def _drain(self) -> None:
        """Let turns and intake end by themselves, all within one time-out; then end the turns that did not."""
        deadline = self._parts.clock.monotonic() + self._drain_timeout
        drained = await self._parts.lanes.drain(self._drain_timeout)
        if self._consuming:
            await asyncio.wait(self._consuming, timeout=max(0.0, deadline - self._parts.clock.monotonic()))
        if not drained:
            log.warning("worker.not_drained", running=self._parts.lanes.running)
            await self._parts.lanes.abandon()

    async def _end(self, *tasks: asyncio.Task[None]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def stuck(self) -> list[str]:
        """Loops that get nowhere."""
        age = self._parts.clock.monotonic() - self._parts.consumer.progress.at
        return [f"the consumer's loop has not come round for {age:.0f} s"] if age > STUCK_SECONDS else []

    def readiness(self) -> Readiness:
        """What keeps the worker from its work, and what it cannot do though it is ready."""
        parts = self._parts
        if not self._started or self.stopping:
            return Readiness(("the worker is stopping" if self.stopping else "the worker is starting",))
        return readiness(
            troubles=[parts.consumer.progress.trouble, parts.ownership.trouble],
            reasons=[] if parts.ownership.alive() else ["the journal has not confirmed a heartbeat within the lease"],
            degraded=[
                text
                for says in (self._held_up, parts.consumer.poisoned, self.steady.complaints, *parts.degraded)
                for text in says()
            ],
        )

    def _held_up(self) -> Sequence[str]:
        return () if self._parts.publisher.trouble is None else (HELD_UP,)

    def shows_ready(self) -> bool:
        """What the metric says. It is read in a thread of its own, so this looks at nothing that the loop changes."""
        return self._started and not self.stopping and self._parts.clock.monotonic() < self._ready_until

    async def _show(self) -> None:
        """Look at readiness for the metrics, until cancelled."""
        while True:
            now = self.readiness()
            self._ready_until = self._parts.clock.monotonic() + SHOWN_SECONDS if now.ready else 0.0
            metrics.DEGRADED.set(len(now.degraded))
            metrics.KAFKA_BLOCKED.labels("in").set(isinstance(self._parts.consumer.progress.trouble, BrokerError))
            metrics.KAFKA_BLOCKED.labels("out").set(self._parts.publisher.trouble is not None)
            await asyncio.sleep(SHOW_SECONDS)

    async def _until(self, stop: asyncio.Event) -> None:
        """Wait for the word to stop, or for intake that broke: what it read and did not commit is then read again."""
        waiting = asyncio.create_task(stop.wait(), name="stop")
        tasks = [waiting, *self._tasks, *self._consuming]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        for task in done:
            if task is not waiting:
                log.error("worker.part_broke", part=task.get_name())
                task.result()

    async def _flush(self) -> None:
        """Send what was said while stopping; what Kafka does not take now, the next owner of the lanes sends."""
        deadline = self._parts.clock.monotonic() + FLUSH_SECONDS
        while await self._parts.publisher.flush() and self._parts.clock.monotonic() < deadline:
            continue

    def _taken(self) -> None:
        self._parts.lanes.meet()
        self._parts.publisher.wake()

    def _ended(self) -> None:
        self._parts.publisher.wake()

    def _accepted(self) -> None:
        self._parts.lanes.wake()
        self._parts.publisher.wake()
