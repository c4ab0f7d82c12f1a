"""A broker in memory: topics, partitions, groups with rebalances, for workers in one process. No protocol, no sockets.

The broker keeps to `worker.broker.port` and to Kafka's promises there: order within a partition; offsets committed only
under the current assignment; everything not committed delivered again to the next holder of the partition.
"""

import asyncio
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from events.wire.dead_letter import record_size
from events.wire.record import Outgoing, Record
from worker.broker.port import Ack, Batch, BrokerUnavailable, Health, Lag, Partition, TooLarge, TopicMissing
from worker.clock import Clock


class MemoryBroker:
    """Topics and groups. While `down`, every call fails as at a broker that cannot be reached."""

    def __init__(self, clock: Clock, topics: Mapping[str, int], *, largest: int = 1_048_576) -> None:
        """`topics`: partitions by name. `largest`: the most bytes of key, value and headers that a record may have."""
        self._clock = clock
        self._largest = largest
        self._topics: dict[str, list[list[Record]]] = {name: [[] for _ in range(n)] for name, n in topics.items()}
        self._groups: dict[str, _Group] = defaultdict(_Group)
        self._arrived = {name: asyncio.Condition() for name in topics}
        self.down = False

    # ---- what tests do

    async def write(
        self, topic: str, record: Outgoing, *, partition: int | None = None, timestamp: int | None = None
    ) -> Ack:
        """Append a record, as any producer may do."""
        self.answer()
        partitions = self._topics.get(topic)
        if partitions is None:
            raise TopicMissing(f"the topic {topic} does not exist")
        if record_size(record) > self._largest:
            raise TooLarge(f"{record_size(record)} bytes are too large for {topic}")
        number = zlib.crc32(record.key or b"") % len(partitions) if partition is None else partition
        now = int(self._clock.now().timestamp() * 1000) if timestamp is None else timestamp
        log = partitions[number]
        log.append(Record(topic, number, len(log), now, record.key, record.value, record.headers))
        async with self._arrived[topic]:
            self._arrived[topic].notify_all()
        return Ack(Partition(topic, number), len(log) - 1)

    @contextmanager
    def reachable(self) -> Iterator[None]:
        """In this block the broker answers every producer at once."""
        self.down, down = False, self.down
        try:
            yield
        finally:
            self.down = down

    def records(self, topic: str) -> list[Record]:
        """Everything on a topic, partition by partition."""
        return [record for log in self._topics[topic] for record in log]

    def committed(self, group: str) -> Mapping[Partition, int]:
        """The offsets that a group has committed."""
        return dict(self._groups[group].committed)

    def rewind(self, group: str, topic: str) -> None:
        """Let the group read a topic again from its beginning, as after `kafka-consumer-groups --reset-offsets`."""
        for number in range(len(self._topics[topic])):
            self._groups[group].committed.pop(Partition(topic, number), None)
        self.rebalance(group)

    def rebalance(self, group: str) -> None:
        """Assign the group's partitions again. Several members change their partitions."""
        self._groups[group].rotation += 1
        self._assign(group)

    # ---- what its clients do

    def answer(self) -> None:
        """Raise if the broker is down."""
        if self.down:
            raise BrokerUnavailable("the broker does not answer")

    def join(self, group: str, member: "MemorySource") -> None:
        """Add a member to a group."""
        self._groups[group].members.append(member)
        self._assign(group)

    def leave(self, group: str, member: "MemorySource") -> None:
        """Remove a member, whether it left in good order or was silent for too long."""
        if member in self._groups[group].members:
            self._groups[group].members.remove(member)
            member.assigned(())
            self._assign(group)

    def read(self, partition: Partition, offset: int, limit: int) -> list[Record]:
        """Records of a partition from an offset on."""
        return self._topics[partition.topic][partition.number][offset : offset + limit]

    def end(self, partition: Partition) -> int:
        """The offset that the next record will get."""
        return len(self._topics[partition.topic][partition.number])

    def group(self, name: str) -> "_Group":
        """A group's state."""
        return self._groups[name]

    async def arrival(self, topic: str, within: float) -> None:
        """Return when a record may have arrived on a topic, or after this many seconds."""
        try:
            async with asyncio.timeout(within), self._arrived[topic]:
                await self._arrived[topic].wait()
        except TimeoutError:
            return

    def _assign(self, name: str) -> None:
        group = self._groups[name]
        if not group.members:
            return
        topics = sorted({member.topic for member in group.members})
        partitions = [Partition(topic, number) for topic in topics for number in range(len(self._topics[topic]))]
        count = len(group.members)
        for index, member in enumerate(group.members):
            place = (index + group.rotation) % count
            member.assigned([each for at, each in enumerate(partitions) if at % count == place])


@dataclass
class _Group:
    members: list["MemorySource"] = field(default_factory=list)
    committed: dict[Partition, int] = field(default_factory=dict)
    rotation: int = 0


class MemorySource:
    """See `worker.broker.port.Source`."""

    def __init__(self, broker: MemoryBroker, topic: str, group: str) -> None:
        self.topic = topic
        self._broker = broker
        self._group = group
        self._positions: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._epoch = 0
        self._stopped = False

    async def start(self) -> None:
        """Join the group."""
        self._broker.answer()
        self._broker.join(self._group, self)

    async def stop(self) -> None:
        """Leave the group."""
        self._stopped = True
        self.vanish()

    def vanish(self) -> None:
        """Disappear without a word. The group notices at once; a real group notices some seconds later."""
        self._broker.leave(self._group, self)

    async def poll(self, max_records: int, wait: float) -> Batch:
        """The next records. Waits for the first."""
        self._broker.answer()
        records = self._next(max_records)
        if not records and not self._stopped:
            await self._broker.arrival(self.topic, wait)
            self._broker.answer()
            records = self._next(max_records)
        return Batch(tuple(records), self._epoch)

    async def commit(self, offsets: Mapping[Partition, int], epoch: int) -> None:
        """Commit the offsets of partitions still held under that epoch."""
        self._broker.answer()
        if epoch != self._epoch:
            return
        committed = self._broker.group(self._group).committed
        for partition, offset in offsets.items():
            if partition in self._positions:
                committed[partition] = max(offset, committed.get(partition, 0))

    def pause(self, partitions: Collection[Partition]) -> None:
        """Bring no records from these partitions."""
        self._paused |= set(partitions) & set(self._positions)

    def resume(self, partitions: Collection[Partition]) -> None:
        """Bring records from these partitions again."""
        self._paused -= set(partitions)

    def paused(self) -> frozenset[Partition]:
        """Partitions that are held and paused."""
        return frozenset(self._paused & set(self._positions))

    def assignment(self) -> frozenset[Partition]:
        """Partitions that are held now."""
        return frozenset(self._positions)

    async def lag(self) -> Mapping[Partition, Lag]:
        """The lag of each held partition."""
        self._broker.answer()
        committed = self._broker.group(self._group).committed
        return {
            partition: Lag(position, committed.get(partition), self._broker.end(partition), self._broker.end(partition))
            for partition, position in self._positions.items()
        }

    def health(self) -> Health:
        """The health of the source."""
        return Health(rebalances=self._epoch, rebuilds=0)

    def assigned(self, partitions: Collection[Partition]) -> None:
        """The group gives these partitions to this member.

        Reading goes on from the offsets that the group has committed.
        """
        committed = self._broker.group(self._group).committed
        self._positions = {partition: committed.get(partition, 0) for partition in partitions}
        self._paused &= set(self._positions)
        self._epoch += 1

    def _next(self, most: int) -> list[Record]:
        found: list[Record] = []
        for partition in sorted(self._positions):
            if partition in self._paused:
                continue
            records = self._broker.read(partition, self._positions[partition], most - len(found))
            self._positions[partition] += len(records)
            found.extend(records)
        return found


class MemorySink:
    """See `worker.broker.port.Sink`."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def start(self) -> None:
        """Connect."""
        self._broker.answer()

    async def stop(self) -> None:
        """Close."""

    async def send(self, topic: str, record: Outgoing, *, partition: int | None = None) -> Ack:
        """Write one record."""
        return await self._broker.write(topic, record, partition=partition)
