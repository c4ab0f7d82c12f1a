"""From Kafka to the journal: poll, decide, write, and only then commit. An offset means "accepted", never "done".

One task polls and is never cancelled. No command in flight belongs to a partition: a rebalance ends nothing here.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from events.wire.dead_letter import record_size
from events.wire.record import Outgoing, Record
from events.wire.strict_json import LARGEST
from worker.broker.port import Batch, BrokerError, Partition, Source
from worker.clock import Clock
from worker.errors import JournalUnavailable
from worker.journal.intake_records import Intake, Taken
from worker.journal.journal import Journal
from worker.journal.processing.intake import without_bytes
from worker.runtime.dead_letter_storm import PROBE, Poison
from worker.runtime.intake_rules import IntakeRules, intake, refused_by_database
from worker.runtime.observability import telemetry
from worker.runtime.observability.readiness import Trouble
from worker.runtime.scheduler import Lanes

log = structlog.get_logger("azplan.consumer")

Offsets = dict[Partition, int]
"""For each partition the offset of the next record that the group is to read."""

DEAD = frozenset({Taken.DEAD_LETTER, Taken.REUSED, Taken.TOO_OLD})
"""What becomes of a record that is no command."""
MOST_RECORDS = 500
POLL_SECONDS = 1.0
PAUSE = 1.0

MOST_BLAMED = 2
"""Failures of a batch, while other writes go through, after which its dead letters are taken for too large."""


@dataclass(slots=True)
class Progress:
    """The state of the loop, by which liveness and readiness are judged. `at` is the last round's monotonic time."""

    at: float = 0.0
    held_back: bool = False
    trouble: Trouble | None = None
    """Why no record can be taken in; None where records are taken in."""


class Consumer:
    """The loop from Kafka to the journal."""

    def __init__(
        self,
        source: Source,
        journal: Journal,
        lanes: Lanes,
        rules: IntakeRules,
        clock: Clock,
        *,
        poison: Poison | None = None,
    ) -> None:
        self._source = source
        self._journal = journal
        self._lanes = lanes
        self._rules = rules
        self._clock = clock
        self._poison = poison or Poison(0, 1.0)
        self._stopping = False
        self._owed: Offsets = {}
        self._owed_under = 0
        self._poisoned: set[Partition] = set()
        self._topics: set[str] = set()
        self.progress = Progress(at=clock.monotonic())
        self.newest: dict[Partition, float] = {}
        """The timestamp of the newest record taken in from each partition, in Unix time."""
        self.accepted: Callable[[], None] = lambda: None
        """Called when records were written down: there are commands to run and events to send."""

    def stop(self) -> None:
        """Take no more records in. `run` ends after the poll under way."""
        self._stopping = True

    async def run(self) -> None:
        """Take records in until `stop`. Outlives a broker and a database that are down."""
        while not self._stopping:
            self.progress.at = self._clock.monotonic()
            try:
                await self._hold_back()
                most = PROBE if self._poison.probing else MOST_RECORDS
                batch = await self._source.poll(most, POLL_SECONDS)
            except (BrokerError, JournalUnavailable) as error:
                await self._trouble(error)
                continue
            telemetry.polled(self._clock)
            if batch.records:
                await self._take(batch)
            elif self._owed:
                await self._commit({}, batch.epoch)
            else:
                self._topics.update(partition.topic for partition in self._source.assignment())
                telemetry.committed(self._clock, self._topics)
            self.progress.trouble = None

    async def _take(self, batch: Batch) -> None:
        """Write the batch, however long the database takes; then commit."""
        items: list[Intake] = []
        blamed = 0
        while True:
            self.progress.at = self._clock.monotonic()
            try:
                items = items or self._decide(batch.records, await self._journal.repeated(batch.records))
                taken = await self._journal.accept(items, lambda item, why: refused_by_database(item, why, self._rules))
                break
            except JournalUnavailable as error:
                if self._stopping:
                    return  # not committed: the partition's next reader gets the records again
                blamed += await self._is_to_blame(items)
                if blamed >= MOST_BLAMED:
                    items = lightened(items)
                await self._trouble(error)
        telemetry.taken(items, taken)
        self._watch(batch.records, taken)
        self.accepted()
        self.newest.update(
            (Partition(each.topic, each.partition), each.timestamp / 1000)
            for each in batch.records
            if each.timestamp is not None
        )
        await self._commit(
            {Partition(each.topic, each.partition): each.offset + 1 for each in batch.records}, batch.epoch
        )

    async def _is_to_blame(self, items: Sequence[Intake]) -> bool:
        """Whether the batch may have failed for the size of a dead letter: another write goes through at the same time.

        A database may close the connection, or run out of memory, because of the size of a row.
        """
        if not any(map(is_heavy, items)):
            return False
        try:
            await self._journal.touch()
        except JournalUnavailable:
            return False
        return True

    def _decide(self, records: Sequence[Record], repeated: Sequence[str | None]) -> list[Intake]:
        now = self._journal.now()
        return [
            intake(record, now, self._rules) if known is None else Intake(record=record, repeats=known)
            for record, known in zip(records, repeated, strict=True)
        ]

    async def _commit(self, offsets: Offsets, epoch: int) -> None:
        """Commit these offsets and those that could not be committed before. The journal knows records read again."""
        owed = {**self._owed, **offsets} if epoch == self._owed_under else offsets
        self._owed, self._owed_under = owed, epoch
        try:
            await self._source.commit(owed, epoch)
        except BrokerError as error:
            log.warning("offsets.not_committed", error=str(error))
        else:
            self._owed = {}
            telemetry.committed(self._clock, {partition.topic for partition in owed})

    async def _hold_back(self) -> None:
        """Read nothing above `MAX_PENDING` runnable commands, and everything again below."""
        full = await self._lanes.pressure()
        assignment = self._source.assignment()
        held = assignment if full else self._poison.held(self._clock.monotonic(), assignment)
        self._source.pause(held)
        self._source.resume(self._source.paused() - held)
        self._say_poisoned()
        if full is not self.progress.held_back:
            log.info("intake.held_back" if full else "intake.resumed")
        self.progress.held_back = full

    def poisoned(self) -> list[str]:
        """Sentences about the partitions that are paused because they bring mostly dead letters."""
        return self._poison.complaints()

    def _watch(self, records: Sequence[Record], taken: Sequence[Taken]) -> None:
        """Pause a partition that brings mostly dead letters."""
        dead: dict[Partition, list[bool]] = {}
        for record, what in zip(records, taken, strict=True):
            dead.setdefault(Partition(record.topic, record.partition), []).append(what in DEAD)
        for partition, results in dead.items():
            if self._poison.took(partition, results, self._clock.monotonic()):
                seconds = self._poison.pauses()[partition]
                log.warning("partition.paused", topic=partition.topic, partition=partition.number, seconds=seconds)
        self._say_poisoned()

    def _say_poisoned(self) -> None:
        poisoned = set(self._poison.pauses())
        for partition in self._poisoned - poisoned:
            log.info("partition.resumed", topic=partition.topic, partition=partition.number)
        self._poisoned = poisoned
        telemetry.poisoned(len(poisoned))

    async def _trouble(self, error: Trouble) -> None:
        self.progress.trouble = error
        log.warning("intake.waiting", error=str(error))
        await asyncio.sleep(PAUSE)


def is_heavy(item: Intake) -> bool:
    """Whether the item is a dead letter that is larger than any command may be."""
    if item.letter is None:
        return False
    record = item.letter.source
    return record_size(Outgoing(record.key, record.value, record.headers)) > LARGEST


def lightened(items: Sequence[Intake]) -> list[Intake]:
    """The batch, without the bytes of dead letters that are larger than any command."""
    log.warning("intake.bytes_left_out", records=sum(map(is_heavy, items)))
    return [
        replace(item, letter=without_bytes(item.letter)) if item.letter is not None and is_heavy(item) else item
        for item in items
    ]
