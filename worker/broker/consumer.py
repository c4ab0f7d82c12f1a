"""The one way in which records are read from Kafka: aiokafka's consumer, with bounds that it does not have."""

from collections.abc import Collection
from functools import partial
from types import FunctionType, MethodType
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer import fetcher as library
from aiokafka.consumer.fetcher import READ_UNCOMMITTED, OffsetResetStrategy
from aiokafka.errors import LeaderNotAvailableError, NoError, for_code
from aiokafka.protocol.offset import OffsetRequest

from worker.broker.connection import KafkaConfig, client_arguments
from worker.broker.decompression import InflateBudget
from worker.broker.record_batches import FetchedBatches, FetchedRecords

LATEST: Final = OffsetResetStrategy.LATEST

READING: Final[dict[str, Any]] = {
    # Offsets are committed by us, explicitly, or not at all (the library's default commits what it handed out).
    "enable_auto_commit": False,
    # A command of a transaction that was rolled back was never sent.
    "isolation_level": "read_committed",
    # Where an offset is gone (retention), what is still there comes next. The library's default would skip it all.
    "auto_offset_reset": "earliest",
    # What a client may hold in memory beside what it has handed out.
    "fetch_max_bytes": 16 * 1024 * 1024,
}


class Consumer(AIOKafkaConsumer):  # type: ignore[misc]  # the library has no types
    """Reads as everybody of us reads. `budget` is what the compressed batches of one poll may inflate to."""

    def __init__(self, config: KafkaConfig, **more: Any) -> None:
        self.budget = InflateBudget(config.max_inflated)
        self._made: Any = None
        super().__init__(**client_arguments(config), **READING, **more)

    async def newest(self, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset that the next record of each will get, also behind transactions that were never ended.

        The library's `end_offsets` ends before these, as reading does.
        """
        asked: dict[int, dict[str, list[tuple[int, int]]]] = {}
        for place in places:
            leader = self._client.cluster.leader_for_partition(place)
            if leader in (None, -1):
                raise LeaderNotAvailableError(place)
            asked.setdefault(leader, {}).setdefault(place.topic, []).append((place.partition, LATEST))
        found = {}
        for leader, topics in asked.items():
            answer = await self._client.send(leader, OffsetRequest(-1, READ_UNCOMMITTED, list(topics.items())))
            for topic, partitions in answer.topics:
                for number, code, _, offset in partitions:
                    if for_code(code) is not NoError:
                        raise for_code(code)(TopicPartition(topic, number))
                    found[TopicPartition(topic, number)] = int(offset)
        return found

    @property
    def _fetcher(self) -> Any:
        return self._made

    @_fetcher.setter
    def _fetcher(self, made: Any) -> None:
        """The library makes its fetcher when it starts; from its first fetch on it is to parse with our classes."""
        if made is not None:
            # Its method is compiled against the names of its module. This one finds our classes there.
            ours = {"MemoryRecords": partial(FetchedBatches, self.budget), "PartitionRecords": FetchedRecords}
            theirs = library.Fetcher._proc_fetch_request  # noqa: SLF001  # there is no public way
            parsing = FunctionType(theirs.__code__, {**vars(library), **ours})
            made._proc_fetch_request = MethodType(parsing, made)  # noqa: SLF001
        self._made = made
