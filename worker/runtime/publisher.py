"""From the journal to Kafka: events and dead letters in the order of each lane, until Kafka has acknowledged them.

A record sent again after a crash is the same to the byte: readers see a repeat, never another truth.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from events.wire.dead_letter import fit_dead_letter, record_size
from events.wire.event_size import fit_event
from events.wire.record import Outgoing
from worker.broker.port import BrokerUnavailable, Sink, TooLarge
from worker.clock import Clock
from worker.errors import JournalUnavailable
from worker.journal.journal import Journal
from worker.journal.records import Unsent
from worker.runtime.observability import telemetry

log = structlog.get_logger("azplan.publisher")

PORTION = 500
PAUSE = 1.0
"""Seconds between two looks at the outbox without a call, and after Kafka did not answer."""
TRY_AGAIN = 10.0
"""Seconds until a record that could not be sent is tried again, however many records stand behind it."""
BEGINNING = (0, 0)


@dataclass(frozen=True, slots=True)
class Topics:
    """Where events and dead letters go."""

    events: str
    dead_letters: str


class Publisher:
    """Sends the outbox, in one task."""

    def __init__(self, journal: Journal, sink: Sink, topics: Topics, clock: Clock) -> None:
        self._journal = journal
        self._sink = sink
        self._topics = topics
        self._clock = clock
        self._wake = asyncio.Event()
        self._alone = asyncio.Lock()
        self._after = BEGINNING
        self._try_again_at = float("inf")
        self._silent = False
        self._refusal: str | None = None
        """Why a broker that answers refuses a record of the portion under way."""
        self._all_seen = False
        """Whether the last portion was all that the outbox had. A write of something new wakes the publisher."""
        self._ended = False
        self._unreadable: set[tuple[bool, int]] = set()
        self.trouble: str | None = None
        """Why a record cannot be sent although the broker answers; None where all records are sent."""
        self._trouble: Counter[tuple[str, str]] = Counter()
        """How many lanes of the portion under way are held up, by topic and reason."""

    def wake(self) -> None:
        """Look now: there may be records to send."""
        self._wake.set()

    def end(self) -> None:
        """Begin no more sends. What Kafka has acknowledged is still written down when the sends under way end."""
        self._ended = True

    async def run(self) -> None:
        """Send until cancelled. Outlives a broker and a database that are down."""
        while True:
            self._wake.clear()
            if await self.flush() and not self._all_seen:
                continue
            try:
                async with asyncio.timeout(PAUSE):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def flush(self) -> bool:
        """Send a portion of the outbox. True if there may be more to send at once."""
        async with self._alone:
            if self._ended:
                return False
            try:
                more = await self._portion()
            except JournalUnavailable as error:
                log.warning("outbox.delayed", error=str(error))
                more = False
            if not more or self._clock.monotonic() >= self._try_again_at:
                self._after = BEGINNING
            return more and not self._ended

    async def _portion(self) -> bool:
        """Send the next portion. Go on behind a record that cannot be sent: the journal leaves its lane out."""
        self._silent, self._refusal, self._all_seen = False, None, False
        rows = await self._journal.unsent(PORTION, self._after)
        acknowledged = await self._send(rows)
        if acknowledged:
            await self._journal.sent(acknowledged)
        if len(acknowledged) == len(rows):
            # Behind a record that is held up, sent records do not show that the way is free.
            self.trouble = self.trouble if self._after != BEGINNING else None
            self._all_seen = self._after == BEGINNING and len(rows) < PORTION
            return bool(rows)
        self.trouble = self._refusal or self.trouble
        if self._after == BEGINNING:
            self._try_again_at = self._clock.monotonic() + TRY_AGAIN
        self._after = behind(rows, self._after)
        return bool(acknowledged) or not self._silent

    async def _send(self, rows: Sequence[Unsent]) -> list[Unsent]:
        """Send lanes side by side and each lane's events one after the other. The rows that Kafka acknowledged."""
        queues: dict[tuple[str, int], list[Unsent]] = {}
        for row in rows:
            queues.setdefault((row.lane, row.seq if row.letter else 0), []).append(row)
        self._trouble.clear()
        sent = await asyncio.gather(*map(self._queue, queues.values()))
        acknowledged = [row for queue in sent for row in queue]
        for (topic, error), lanes in self._trouble.items():
            log.warning("outbox.failed", topic=topic, error=error, lanes=lanes, waiting=len(rows) - len(acknowledged))
        return acknowledged

    async def _queue(self, rows: Sequence[Unsent]) -> Sequence[Unsent]:
        """Send until one send fails: what stands behind that record must not be read before it. The rows sent."""
        for number, row in enumerate(rows):
            # The broker has just not answered another lane, or the worker ends.
            if self._silent or self._ended or self._is_unreadable(row):
                return rows[:number]
            try:
                await self._one(row)
            except Exception as error:  # noqa: BLE001 - the other lanes go on after every error
                if isinstance(error, BrokerUnavailable):
                    self._silent = True
                else:
                    self._refusal = str(error)
                telemetry.published(self._topic(row), acknowledged=False)
                self._trouble[self._topic(row), str(error)] += 1
                return rows[:number]
            telemetry.published(self._topic(row), acknowledged=True)
            telemetry.answered(row, self._clock)
        return rows

    def _is_unreadable(self, row: Unsent) -> bool:
        """Whether the row cannot be read. It holds its lane up, as it must not be overtaken, and is logged once."""
        if row.unreadable is not None and (row.letter, row.seq) not in self._unreadable:
            self._unreadable.add((row.letter, row.seq))
            log.error("outbox.not_understood", lane=row.lane, why=row.unreadable)
        return row.unreadable is not None

    async def _one(self, row: Unsent) -> None:
        """Send the row, smaller where the broker does not take its size: the same row in the same steps each time."""
        whole = Outgoing(row.key, row.value, row.headers)
        topic, outgoing = self._topic(row), whole
        while True:
            try:
                await self._sink.send(topic, outgoing)
            except TooLarge:
                smaller = (
                    fit_dead_letter(whole, record_size(outgoing) - 1)
                    if row.letter
                    else fit_event(whole, record_size(outgoing) // 2)
                )
                if record_size(smaller) >= record_size(outgoing):
                    raise
                outgoing = smaller
            else:
                return

    def _topic(self, row: Unsent) -> str:
        return self._topics.dead_letters if row.letter else self._topics.events


def behind(rows: Sequence[Unsent], after: tuple[int, int]) -> tuple[int, int]:
    """The highest sequence numbers of events and of dead letters up to here."""
    events, letters = ([row.seq for row in rows if row.letter is letter] for letter in (False, True))
    return max(events, default=after[0]), max(letters, default=after[1])
