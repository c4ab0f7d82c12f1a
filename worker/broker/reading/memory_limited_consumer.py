"""The Kafka consumer that reads all records: aiokafka's consumer, with a limit on decompressed bytes."""

from collections.abc import Collection
from functools import partial
from types import FunctionType, MethodType
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer import fetcher as library
from aiokafka.consumer.fetcher import READ_UNCOMMITTED, OffsetResetStrategy
from aiokafka.errors import LeaderNotAvailableError, NoError, for_code
from aiokafka.protocol.offset import OffsetRequest

from worker.broker.kafka_clients import KafkaConfig, client_arguments
from worker.broker.reading.decompression import InflateBudget
from worker.broker.reading.record_batches import FetchedBatches, FetchedRecords

LATEST: Final = OffsetResetStrategy.LATEST

READING: Final[dict[str, Any]] = {
    # Only explicit commits. By default the library commits every record that it has returned.
    "enable_auto_commit": False,
    # A command in an aborted transaction does not count as sent.
    "isolation_level": "read_committed",
    # If retention deleted an offset, continue with the oldest record. By default the library would skip all records.
    "auto_offset_reset": "earliest",
    # Bytes of fetched records that a client may hold in memory.
    "fetch_max_bytes": 16 * 1024 * 1024,
}


class Consumer(AIOKafkaConsumer):  # type: ignore[misc]  # the library has no types
    """aiokafka's consumer with the options `READING`. `budget` limits what the batches of one poll inflate to."""

    def __init__(self, config: KafkaConfig, **more: Any) -> None:
        self.budget = InflateBudget(config.max_inflated)
        self._made: Any = None
        super().__init__(**client_arguments(config), **READING, **more)

    async def newest(self, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """For each partition, the offset that the next record will get, also behind unfinished transactions.

        The library's `end_offsets` stops before unfinished transactions, as reading does.
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
        """Make the library's fetcher parse with the classes of `record_batches`. The library assigns it at start."""
        if made is not None:
            # The method looks its classes up in the globals of its module. The copy gets globals with our classes.
            ours = {"MemoryRecords": partial(FetchedBatches, self.budget), "PartitionRecords": FetchedRecords}
            theirs = library.Fetcher._proc_fetch_request  # noqa: SLF001  # there is no public way
            parsing = FunctionType(theirs.__code__, {**vars(library), **ours})
            made._proc_fetch_request = MethodType(parsing, made)  # noqa: SLF001
        self._made = made
