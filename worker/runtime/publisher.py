"""The journal to Kafka: what we said, in the order of each lane, until Kafka has acknowledged it.

Sent again after a crash, it is the same to the byte: readers see a repeat, never another truth.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from events.deadletters import fitted, size
from events.record import Outgoing
from worker.broker.port import BrokerError, Sink, TooLarge
from worker.clock import Clock
from worker.errors import JournalUnavailable
from worker.journal.journal import Journal
from worker.journal.records import Unsent
from worker.runtime import telemetry

log = structlog.get_logger("azplan.publisher")

PORTION = 500
PAUSE = 1.0
"""Seconds between looks at the outbox when nobody calls, and after Kafka did not answer."""


@dataclass(frozen=True, slots=True)
class Topics:
    """Where events and dead letters go."""

    events: str
    dead_letters: str


class Publisher:
    """Sends the outbox. One task; `wake` says that there is something new."""

    def __init__(self, journal: Journal, sink: Sink, topics: Topics, clock: Clock) -> None:
        self._journal = journal
        self._sink = sink
        self._topics = topics
        self._clock = clock
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There may be something to send."""
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled. Neither a silent broker nor a silent database ends it."""
        while True:
            self._wake.clear()
            if await self.flush():
                continue
            try:
                await asyncio.wait_for(self._wake.wait(), PAUSE)
            except TimeoutError:
                continue

    async def flush(self) -> bool:
        """Send a portion of the outbox. True when there may be more to send at once."""
        try:
            rows = await self._journal.unsent(PORTION)
            if not rows:
                return False
            acknowledged = await self._send(rows)
            if acknowledged:
                await self._journal.sent(acknowledged)
        except (BrokerError, JournalUnavailable) as error:
            log.warning("outbox.delayed", error=str(error))
            return False
        return len(acknowledged) == len(rows)

    async def _send(self, rows: Sequence[Unsent]) -> list[Unsent]:
        """Begin all in order, so that each lane's order holds; give those that Kafka acknowledged."""
        results = await asyncio.gather(*(self._one(row) for row in rows), return_exceptions=True)
        failed: set[str] = set()
        acknowledged: list[Unsent] = []
        for row, result in zip(rows, results, strict=True):
            if isinstance(result, BaseException):
                failed.add(row.lane)
                telemetry.published(self._topic(row), acknowledged=False)
                log.warning("outbox.failed", topic=self._topic(row), error=str(result))
            elif row.lane not in failed:  # behind a failed one it is sent again, after it
                acknowledged.append(row)
                telemetry.published(self._topic(row), acknowledged=True)
        return acknowledged

    async def _one(self, row: Unsent) -> None:
        outgoing = Outgoing(row.key, row.value, row.headers)
        if not row.letter:
            await self._sink.send(self._topics.events, outgoing)
            return
        letter = outgoing
        while True:
            try:
                await self._sink.send(self._topics.dead_letters, letter)
            except TooLarge:
                smaller = fitted(outgoing, size(letter) - 1)
                if smaller == letter:
                    raise
                letter = smaller
            else:
                return

    def _topic(self, row: Unsent) -> str:
        return self._topics.dead_letters if row.letter else self._topics.events

