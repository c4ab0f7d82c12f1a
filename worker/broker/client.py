"""The one way in which records are read from Kafka: aiokafka's consumer, with bounds that it does not have."""

from functools import partial
from types import FunctionType, MethodType
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.consumer import fetcher as library

from worker.broker.batches import Readable, Records
from worker.broker.connection import KafkaConfig, arguments
from worker.broker.inflating import Budget

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
        self.budget = Budget(config.max_inflated)
        self._made: Any = None
        super().__init__(**arguments(config), **READING, **more)

    @property
    def _fetcher(self) -> Any:
        return self._made

    @_fetcher.setter
    def _fetcher(self, made: Any) -> None:
        """The library makes its fetcher when it starts; from its first fetch on it is to parse with our classes."""
        if made is not None:
            # Its method is compiled against the names of its module. This one finds our classes there.
            ours = {"MemoryRecords": partial(Records, self.budget), "PartitionRecords": Readable}
            theirs = library.Fetcher._proc_fetch_request  # noqa: SLF001  # there is no public way
            parsing = FunctionType(theirs.__code__, {**vars(library), **ours})
            made._proc_fetch_request = MethodType(parsing, made)  # noqa: SLF001
        self._made = made
