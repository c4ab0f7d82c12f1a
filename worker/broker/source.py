"""Reads the commands topic with aiokafka 0.14 as one member of the group, and avoids the hazards of the library.

| hazard | what this module does |
|---|---|
| a cancelled poll ends the library's own supervision for good | a poll is a task of its own and is never cancelled |
| a poll ignores its timeout while the group rebalances | the poll keeps running, and the next call waits for it |
| two assignors send two join requests at every attempt | one assignor is configured |
| a commit without offsets, or for an old assignment, commits wrong offsets | explicit offsets, see `assignment` |
| `commit` retries forever | a deadline; a later batch commits these offsets and more |
| a slow rebalance callback expels the member | callbacks only take notes; members have a minute to rejoin |
| a consumer is stuck after trouble at the broker, without an error | compared with the topic's ends, then replaced |
| without any broker a poll returns no records and no error | an idle poll asks the broker, and raises its silence |
| a coordinator or fetcher that failed once fails every poll | after an error the client is replaced |
| a header name that is not UTF-8 fails every poll, and other records are lost | see `record_batches` |
| `stop` may hang | a deadline; after that the client is abandoned |
| offsets begin at `latest`, and are committed automatically | neither, see `first_offsets` and `consumer` |
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from aiokafka import TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError

from worker.broker.admin import KafkaAdmin
from worker.broker.first_offsets import ensure_first_offsets
from worker.broker.kafka_clients import (
    ANSWER_SECONDS,
    KafkaConfig,
    start_client,
    stop_client,
    translated_errors,
    within,
)
from worker.broker.port import Batch, BrokerError, BrokerRefused, BrokerUnavailable, Health, Lag, Partition, StartFrom
from worker.broker.reading.assignment import Assignment
from worker.broker.reading.memory_limited_consumer import Consumer
from worker.broker.reading.records import fetch_records
from worker.clock import Clock

JOIN_SECONDS: Final = 90.0
"""How long a start may take: a rebalancing group admits a new member only when all members have answered."""
GRACE_SECONDS: Final = 1.0
"""How much longer than its `wait` a poll may take before `poll` returns without it."""
WATCH_SECONDS: Final = 10.0
"""How often an idle consumer is checked."""
LOOK_SECONDS: Final = 5.0
"""How long each request of such a check may take."""
STUCK_SECONDS: Final = 120.0
"""After how long a stuck consumer is replaced."""

log = structlog.get_logger("azplan.broker")


@dataclass(frozen=True, slots=True)
class Membership:
    """The topic to read, and the group to be a member of."""

    topic: str
    group: str
    start_from: StartFrom = StartFrom.EARLIEST


class KafkaSource:
    """See `worker.broker.port.Source`."""

    def __init__(
        self, config: KafkaConfig, membership: Membership, clock: Clock, *, stuck_seconds: float = STUCK_SECONDS
    ) -> None:
        self._config = config
        self._membership = membership
        self._clock = clock
        self._stuck_seconds = stuck_seconds
        self._assignment = Assignment()
        self._consumer: Consumer | None = None
        self._joining = asyncio.Lock()
        self._polling: asyncio.Task[Batch] | None = None
        self._begun = self._stopped = False
        self._rebuilds = 0
        self._silence: str | None = None
        self._looked = self._well = clock.monotonic()
        self._positions: Mapping[Partition, int] = {}

    async def start(self) -> None:
        """Join the group."""
        self._stopped = False
        await self._joined()

    async def stop(self) -> None:
        """Leave the group."""
        self._stopped = True
        polling, self._polling = self._polling, None
        if polling is not None:
            # Only now may a poll be cancelled: its client is not used again.
            polling.cancel()
            await asyncio.wait({polling})
        await self._leave()

    async def poll(self, max_records: int, wait: float) -> Batch:
        """The next records."""
        if self._stopped:
            raise self._ended()
        if self._polling is None:
            self._polling = asyncio.create_task(self._read(max_records, wait), name="poll Kafka")
        await asyncio.wait({self._polling}, timeout=wait + GRACE_SECONDS)
        batch = await self._finished()
        polled = self._clock.monotonic()
        if batch.records:
            self._well, self._silence = polled, None
            return batch
        await self._watch()
        if self._silence is not None:
            raise BrokerUnavailable(f"Kafka does not answer: {self._silence}")
        return batch

    async def commit(self, offsets: Mapping[Partition, int], epoch: int) -> None:
        """Commit the offsets of partitions that are still held."""
        chosen = self._assignment.committable(offsets, epoch)
        if not chosen or self._consumer is None:
            return
        explicit = {TopicPartition(*partition): offset for partition, offset in chosen.items()}
        try:
            with translated_errors("commit offsets"):
                await within(self._commit(self._consumer, explicit), ANSWER_SECONDS)
        except _TakenAway as error:
            log.info("kafka.commit_came_too_late", reason=str(error))
            return
        self._assignment.committed(chosen, epoch)

    def pause(self, partitions: Collection[Partition]) -> None:
        """Return no records of these partitions."""
        self._assignment.pause(partitions)

    def resume(self, partitions: Collection[Partition]) -> None:
        """Return records of these partitions again."""
        self._assignment.resume(partitions)

    def paused(self) -> frozenset[Partition]:
        """The held partitions that are paused."""
        return self._assignment.paused

    def assignment(self) -> frozenset[Partition]:
        """The partitions that are held now."""
        return self._assignment.held

    async def lag(self) -> Mapping[Partition, Lag]:
        """How far each held partition has been read."""
        consumer, held = self._consumer, sorted(self._assignment.held)
        if consumer is None:
            return await self._lag_from_outside()
        tps = [TopicPartition(*each) for each in held]
        with translated_errors("read the ends of the topic"):
            ends = await within(consumer.newest(tps), ANSWER_SECONDS)
            readable = await within(consumer.end_offsets(tps), ANSWER_SECONDS) if tps else {}
            positions = await within(self._ask_positions(consumer, tps), ANSWER_SECONDS)
            committed = {each: await self._committed(consumer, each) for each in held}
        return {
            each: Lag(position=positions[tp], committed=committed[each], end=ends[tp], readable=readable[tp])
            for each, tp in zip(held, tps, strict=True)
        }

    async def _lag_from_outside(self) -> Mapping[Partition, Lag]:
        """The lag of the whole topic, while this member is not admitted: its records wait all the same."""
        place, admin = self._membership, KafkaAdmin(self._config)
        await admin.start()
        try:
            ends, firsts = await admin.ends(place.topic), await admin.beginnings(place.topic)
            try:
                committed = await admin.committed(place.group, place.topic)
            except BrokerRefused:
                committed = {}  # a user without the right to join the group may not see its offsets either
        finally:
            await admin.stop()
        return {
            each: Lag(committed.get(each, firsts[each]), committed.get(each), end, end) for each, end in ends.items()
        }

    def health(self) -> Health:
        """The health of this source."""
        return Health(self._assignment.rebalances, self._rebuilds)

    async def _joined(self) -> Consumer:
        async with self._joining:
            return self._consumer or await self._join()

    async def _join(self) -> Consumer:
        place = self._membership
        if not self._begun:
            await ensure_first_offsets(self._config, place.topic, place.group, place.start_from)
            self._begun = True
        consumer = Consumer(
            self._config,
            group_id=place.group,
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
            session_timeout_ms=15_000,
            heartbeat_interval_ms=3_000,
            rebalance_timeout_ms=60_000,
        )
        self._assignment.follow(consumer)
        consumer.subscribe([place.topic], listener=self._assignment)
        await start_client(consumer, self._config, JOIN_SECONDS)
        if self._stopped:
            await stop_client(consumer)
            raise self._ended()
        self._consumer, self._silence = consumer, None
        self._looked = self._well = self._clock.monotonic()
        return consumer

    def _ended(self) -> BrokerUnavailable:
        return BrokerUnavailable(f"reading {self._membership.topic} has ended")

    async def _leave(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._assignment.end()
        if consumer is not None:
            await stop_client(consumer)

    async def _read(self, max_records: int, wait: float) -> Batch:
        consumer = await self._joined()
        records = await fetch_records(consumer, max_records, wait)
        # No other task ran since the library returned the records, so they belong to this assignment.
        return Batch(tuple(records), self._assignment.epoch)

    async def _finished(self) -> Batch:
        if self._polling is None or not self._polling.done():
            return Batch((), self._assignment.epoch)
        polling, self._polling = self._polling, None
        try:
            with translated_errors(f"read {self._membership.topic}"):
                return polling.result()
        except BrokerError:
            await self._leave()
            raise

    async def _commit(self, consumer: Consumer, offsets: dict[TopicPartition, int]) -> None:
        try:
            await consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            raise _TakenAway(str(error)) from error

    async def _committed(self, consumer: Consumer, partition: Partition) -> int | None:
        offset = self._assignment.floor(partition)
        if offset is None:
            epoch = self._assignment.epoch
            offset = await within(consumer.committed(TopicPartition(*partition)), ANSWER_SECONDS)
            if offset is not None:
                self._assignment.committed({partition: offset}, epoch)
        return offset

    async def _ask_positions(self, consumer: Consumer, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {tp: await consumer.position(tp) for tp in tps}

    async def _watch(self) -> None:
        """Replace a consumer that returns no records although there are some (aiokafka #1154, #1037)."""
        now = self._clock.monotonic()
        if self._consumer is None or now - self._looked < WATCH_SECONDS:
            return
        self._looked = now
        if await self._is_well():
            self._well = now
        elif now - self._well >= self._stuck_seconds:
            self._rebuilds += 1
            log.warning("kafka.consumer_is_stuck", seconds=self._stuck_seconds, rebuilds=self._rebuilds)
            await self._leave()

    async def _is_well(self) -> bool:
        if not await self._answers() or not self._assignment.joined:
            return False
        try:
            lags = await within(self.lag(), LOOK_SECONDS)
        except (BrokerError, TimeoutError):
            return False
        before, self._positions = self._positions, {each: lag.position for each, lag in lags.items()}
        waiting = {each for each, lag in lags.items() if lag.position < lag.readable} - self._assignment.paused
        return not waiting or any(before.get(each) != self._positions[each] for each in waiting)

    async def _answers(self) -> bool:
        consumer = self._consumer
        if consumer is None:
            return False
        try:
            with translated_errors("ask for the topics"):
                await within(consumer.topics(), LOOK_SECONDS)
        except BrokerError as error:
            self._silence = str(error)
            return False
        self._silence = None
        return True


class _TakenAway(Exception):
    """Another member holds the partition by now."""
