"""Which partitions this member of the group holds, since when, and what must not be forgotten about them."""

from collections.abc import Collection, Iterable, Mapping

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from worker.broker.port import Partition


class Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # the library has no types
    """Follows the group for one source, also over a consumer that is thrown away and made anew.

    The callbacks do nothing but note: the library waits for them while the whole group waits, and swallows what they
    raise.
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
        """What is held and paused."""
        return self.held & self._paused

    def follow(self, consumer: AIOKafkaConsumer) -> None:
        """From now on it is this consumer whose partitions these are."""
        self.end()
        self._consumer = consumer

    def end(self) -> None:
        """Nothing is held any more; what was read before commits nothing."""
        self.epoch += 1
        self.joined = False
        self.held = frozenset()
        self._floors.clear()

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """The group is rebalancing: with aiokafka every member gives up everything (there is no KIP-429)."""
        del revoked
        self.end()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """The group has settled; these are ours now, perhaps none."""
        self.epoch += 1
        self.rebalances += 1
        self.joined = True
        self.held = frozenset(Partition(*each) for each in assigned)
        # A new assignment knows nothing of the pauses of the last one.
        self._paused &= self.held
        if self._consumer is not None and self._paused:
            self._consumer.pause(*(TopicPartition(*each) for each in self._paused))

    def pause(self, partitions: Collection[Partition]) -> None:
        """Bring nothing from these; what is not held is left alone."""
        chosen = self.held.intersection(partitions)
        self._paused |= chosen
        if self._consumer is not None and chosen:
            self._consumer.pause(*(TopicPartition(*each) for each in chosen))

    def resume(self, partitions: Collection[Partition]) -> None:
        """Bring records from these again."""
        chosen = self.paused.intersection(partitions)
        self._paused -= chosen
        if self._consumer is not None and chosen:
            self._consumer.resume(*(TopicPartition(*each) for each in chosen))

    def committable(self, offsets: Mapping[Partition, int], epoch: int) -> dict[Partition, int]:
        """What of these may be committed: held under that very epoch, and never backwards.

        The broker takes an offset of an older assignment for a partition that came back meanwhile (aiokafka #929), and
        so would forget what was committed in between.
        """
        if epoch != self.epoch:
            return {}
        return {
            partition: offset
            for partition, offset in offsets.items()
            if partition in self.held and offset > self._floors.get(partition, -1)
        }

    def committed(self, offsets: Mapping[Partition, int], epoch: int) -> None:
        """The broker has taken these."""
        if epoch == self.epoch:
            for partition, offset in offsets.items():
                self._floors[partition] = max(offset, self._floors.get(partition, offset))

    def floor(self, partition: Partition) -> int | None:
        """The offset that was committed last under this assignment."""
        return self._floors.get(partition)
