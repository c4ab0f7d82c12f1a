"""A worker from start to stop: the order in which its parts begin and end, and what happens when a part breaks.

A stop takes `drain_timeout` and `STOP_SECONDS` at most, whatever broker, database and Partner Center do. Each part of
the stop has its own bound. A part that does not end in time is left behind, and the process ends without it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from worker import metrics
from worker.broker.port import BrokerError, Sink, Source
from worker.clock import Clock
from worker.journal.journal import Journal
from worker.runtime.consumer import Consumer
from worker.runtime.lane_heartbeat import Ownership
from worker.runtime.lifecycle.supervision import Supervision, name_of
from worker.runtime.observability.readiness import HELD_UP, Probes, Readiness, readiness
from worker.runtime.publisher import Publisher
from worker.runtime.scheduler import Lanes

log = structlog.get_logger("azplan.service")

STUCK_SECONDS = 120.0
"""Seconds without a round after which a loop counts as stuck, whatever it waits for."""
STOP_SECONDS = 15.0
"""Seconds after the time-out of draining within which a stop is over. The bounds below and the close of the journal
(`worker.journal.database.transactions.CLOSE_SECONDS`) add up to less: the rest is for closing without waiting."""
END_SECONDS = 1.0
"""Seconds for cancelled tasks to end."""
SAY_SECONDS = 1.0
"""Seconds to send the last turns' events while the lanes are this worker's: if the broker answers, nobody reads a
repeat."""
HAND_OVER_SECONDS = 4.0
"""Seconds to give the lanes back, to leave the group and to send what is left, all three side by side."""
HANG_UP_SECONDS = 2.0
"""Seconds to close the producer and the health pages, and to write down what Kafka has acknowledged."""
SHOW_SECONDS = 5.0
"""Seconds between two updates of the readiness metrics."""
SHOWN_SECONDS = 30.0
"""Seconds after which an update counts as "not ready": the event loop does not come round."""


@dataclass(slots=True)
class ServiceParts:
    """The parts of a worker."""

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
    """Functions that say what this worker cannot do although it is ready: sentences, none where all is well."""


class Pages(Protocol):
    """The server of the health pages. `port`: the port that it listens on, 0 before it does."""

    port: int

    async def start(self) -> None:
        """Listen. Raises OSError where the address cannot be had."""

    async def stop(self) -> None:
        """Stop listening."""


class Service:
    """Runs the parts until asked to stop."""

    def __init__(self, parts: ServiceParts, *, drain_timeout: float, pages: Callable[[Probes], Pages]) -> None:
        self._parts = parts
        self._drain_timeout = drain_timeout
        self._tasks: list[asyncio.Task[None]] = []
        self.supervision = Supervision(parts.clock)
        self._consuming: list[asyncio.Task[None]] = []
        self._publishing: list[asyncio.Task[None]] = []
        self._started = False
        self._ready_until = 0.0
        self.stopping = False
        """True from the moment at which no new request may be begun."""
        self.health = pages(Probes(stuck=self.stuck, readiness=self.readiness))

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then stop in good order. Raises the error of a part that broke or did not begin."""
        try:
            if await self._begun(stop):
                await self._until(stop)
        finally:
            await self.stop()

    async def start(self) -> None:
        """Begin: first the journal's row, then the producer, then the lanes, last the consumer."""
        parts = self._parts
        await self.health.start()
        await parts.ownership.start()
        await parts.sink.start()
        parts.ownership.taken = self._taken
        parts.ownership.lapsed = parts.lanes.abandon
        parts.consumer.accepted = self._accepted
        parts.lanes.ended = self._ended
        loops = (parts.publisher.run, parts.ownership.run, parts.lanes.run, self._show, *parts.background)
        self._tasks = [asyncio.create_task(self.supervision.run(loop), name=name_of(loop)) for loop in loops]
        self._publishing = self._tasks[:1]
        await parts.source.start()
        self._consuming = [asyncio.create_task(parts.consumer.run(), name="consumer")]
        self._started = True
        log.info("worker.started", worker=parts.journal.worker, health_port=self.health.port)

    async def stop(self) -> None:
        """End: take no more records in, finish the steps under way, give the lanes back, send the outbox.

        The lanes are free when the outbox is empty, or after a second. The lanes' next owner may send the same events
        as well: readers see a repeat, never another order of events that they read for the first time.
        """
        parts = self._parts
        log.info("worker.stopping", running=parts.lanes.running)
        self.stopping = True
        metrics.DEGRADED.set(0)
        parts.consumer.stop()
        await self._drain()
        # A heartbeat would register this worker again after its row has been retired.
        await _end(task for task in self._tasks if task not in self._publishing)
        flushing = asyncio.create_task(self._flush(), name="last flush of the outbox")
        await asyncio.wait([flushing], timeout=SAY_SECONDS)
        giving_back = asyncio.create_task(parts.ownership.stop(), name="retiring the worker's row")
        leaving = asyncio.create_task(parts.source.stop(), name="leaving the group")
        await _within(HAND_OVER_SECONDS, giving_back, leaving, flushing)
        # The flush learns from the sink's end that no answer will come, and writes down what had one.
        parts.publisher.end()
        hanging_up = asyncio.create_task(parts.sink.stop(), name="closing the producer")
        closing = asyncio.create_task(self.health.stop(), name="closing the health pages")
        await _within(HANG_UP_SECONDS, hanging_up, closing, flushing)
        await _end([*self._tasks, *self._consuming, giving_back, leaving, flushing, hanging_up, closing])
        log.info("worker.stopped")

    async def _drain(self) -> None:
        """Let turns and intake end by themselves within one time-out; then cancel the turns that did not."""
        deadline = self._parts.clock.monotonic() + self._drain_timeout
        drained = await self._parts.lanes.drain(self._drain_timeout)
        if self._consuming:
            await asyncio.wait(self._consuming, timeout=max(0.0, deadline - self._parts.clock.monotonic()))
        if not drained:
            log.warning("worker.not_drained", running=self._parts.lanes.running)
            # The gate is closed: a turn that ends slowly sends no more requests.
            await _within(END_SECONDS, asyncio.create_task(self._parts.lanes.abandon(), name="ending the turns"))

    def stuck(self) -> list[str]:
        """A sentence for each loop that makes no progress."""
        age = self._parts.clock.monotonic() - self._parts.consumer.progress.at
        return [f"the consumer's loop has not come round for {age:.0f} s"] if age > STUCK_SECONDS else []

    def readiness(self) -> Readiness:
        """What keeps the worker from its work, and what it cannot do although it is ready."""
        parts = self._parts
        if not self._started or self.stopping:
            return Readiness(("the worker is stopping" if self.stopping else "the worker is starting",))
        return readiness(
            troubles=[parts.consumer.progress.trouble, parts.ownership.trouble],
            reasons=[] if parts.ownership.alive() else ["the journal has not confirmed a heartbeat within the lease"],
            degraded=[
                text
                for says in (self._held_up, parts.consumer.poisoned, self.supervision.complaints, *parts.degraded)
                for text in says()
            ],
        )

    def _held_up(self) -> Sequence[str]:
        return () if self._parts.publisher.trouble is None else (HELD_UP,)

    def shows_ready(self) -> bool:
        """What the metric says. A thread of its own reads it: this looks at nothing that the event loop changes."""
        return self._started and not self.stopping and self._parts.clock.monotonic() < self._ready_until

    async def _show(self) -> None:
        """Update the readiness metrics until cancelled."""
        while True:
            now = self.readiness()
            self._ready_until = self._parts.clock.monotonic() + SHOWN_SECONDS if now.ready else 0.0
            metrics.DEGRADED.set(len(now.degraded))
            metrics.KAFKA_BLOCKED.labels("in").set(isinstance(self._parts.consumer.progress.trouble, BrokerError))
            metrics.KAFKA_BLOCKED.labels("out").set(self._parts.publisher.trouble is not None)
            await asyncio.sleep(SHOW_SECONDS)

    async def _begun(self, stop: asyncio.Event) -> bool:
        """Begin, unless `stop` is set first: a broker that does not answer would hold up the stop. Whether it began."""
        starting, waiting = (
            asyncio.create_task(work, name=name) for work, name in ((self.start(), "start"), (stop.wait(), "stop"))
        )
        try:
            await asyncio.wait([starting, waiting], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
            return starting.done()
        finally:
            await _end([starting, waiting])

    async def _until(self, stop: asyncio.Event) -> None:
        """Wait for `stop`, or for a part that broke. Records that intake read and did not commit are read again."""
        waiting = asyncio.create_task(stop.wait(), name="stop")
        tasks = [waiting, *self._tasks, *self._consuming]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        for task in done:
            if task is not waiting:
                log.error("worker.part_broke", part=task.get_name())
                task.result()

    async def _flush(self) -> None:
        """Send the outbox while stopping. The lanes' next owner sends what Kafka does not take now."""
        while await self._parts.publisher.flush():
            continue

    def _taken(self) -> None:
        self._parts.lanes.meet()
        self._parts.publisher.wake()

    def _ended(self) -> None:
        self._parts.publisher.wake()

    def _accepted(self) -> None:
        self._parts.lanes.wake()
        self._parts.publisher.wake()


async def _end(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancel tasks. A task that does not end within `END_SECONDS` is left behind; errors of the others are ignored."""
    chosen = list(tasks)
    for task in chosen:
        task.cancel()
    done, left = await asyncio.wait(chosen, timeout=END_SECONDS) if chosen else (set(), set())
    for task in done:
        if not task.cancelled():
            task.exception()  # retrieved, or asyncio would log that nobody did
    for task in left:
        log.warning("worker.left_behind", part=task.get_name())


async def _within(seconds: float, *steps: "asyncio.Task[None]") -> None:
    """Wait for steps of the stop, side by side. A step that breaks or is late is logged and holds up no other step."""
    done, late = await asyncio.wait(steps, timeout=seconds)
    for step in late:
        log.warning("worker.stop_delayed", part=step.get_name(), seconds=seconds)
    for step in done:
        error = None if step.cancelled() else step.exception()
        if isinstance(error, Exception):
            log.error("worker.part_broke", part=step.get_name(), exc_info=error)
        elif error is not None:
            raise error
