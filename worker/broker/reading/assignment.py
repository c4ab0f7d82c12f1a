"""The partitions that this member of the group holds: epoch, pauses, and offsets committed so far."""

from collections.abc import Collection, Iterable, Mapping

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from worker.broker.port import Partition


class Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # the library has no types
    """Tracks the assignment of one source, also when its consumer is replaced by a new one.

    The callbacks only take notes: the library waits for them while the whole group waits, and hides their exceptions.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self.rebalances = 0
        self.joined = False
        self.held: frozenset[Partition] = frozenset()
        self._paused: set[Partition] = set()
        self._floors: dict[Partition, int] = {}
        self._consumer: AIOKafkaConsumer | None = None

    @property
    def paused(self) -> frozenset[Partition]:
        """The held partitions that are paused."""
        return self.held & self._paused

    def follow(self, consumer: AIOKafkaConsumer) -> None:
        """Track the assignment of this consumer from now on."""
        self.end()
        self._consumer = consumer

    def end(self) -> None:
        """Hold no partition any more. Offsets of records read before are no longer committed."""
        self.epoch += 1
        self.joined = False
        self.held = frozenset()
        self._floors.clear()

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """The group is rebalancing: in aiokafka every member gives up all partitions (no KIP-429)."""
        del revoked
        self.end()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """The rebalance is over: this member holds these partitions now, perhaps none."""
        self.epoch += 1
        self.rebalances += 1
        self.joined = True
        self.held = frozenset(Partition(*each) for each in assigned)
        # The consumer forgets its pauses at each new assignment.
        self._paused &= self.held
        if self._consumer is not None and self._paused:
            self._consumer.pause(*(TopicPartition(*each) for each in self._paused))

    def pause(self, partitions: Collection[Partition]) -> None:
        """Fetch no records of these partitions. Partitions that are not held are ignored."""
        chosen = self.held.intersection(partitions)
        self._paused |= chosen
        if self._consumer is not None and chosen:
            self._consumer.pause(*(TopicPartition(*each) for each in chosen))

    def resume(self, partitions: Collection[Partition]) -> None:
        """Fetch records of these partitions again."""
        chosen = self.paused.intersection(partitions)
        self._paused -= chosen
        if self._consumer is not None and chosen:
            self._consumer.resume(*(TopicPartition(*each) for each in chosen))

    def committable(self, offsets: Mapping[Partition, int], epoch: int) -> dict[Partition, int]:
        """The subset of `offsets` that may be committed: held under that epoch, and higher than the last commit.

        The broker accepts an offset of an older assignment if the partition came back meanwhile (aiokafka #929). It
        would then lose the commits made in between.
        """
        if epoch != self.epoch:
            return {}
        return {
            partition: offset
            for partition, offset in offsets.items()
            if partition in self.held and offset > self._floors.get(partition, -1)
        }

    def committed(self, offsets: Mapping[Partition, int], epoch: int) -> None:
        """Note that the broker has acknowledged these offsets."""
        if epoch == self.epoch:
            for partition, offset in offsets.items():
                self._floors[partition] = max(offset, self._floors.get(partition, offset))

    def floor(self, partition: Partition) -> int | None:
        """The offset that was committed last under this assignment. None if there is none."""
        return self._floors.get(partition)
