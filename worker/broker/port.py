"""The port to a broker: what the worker needs of Kafka, as protocols and data, and the errors that can be raised.

BrokerError
├── BrokerUnavailable    no answer, or not yet; try again later
├── BrokerRefused        the broker refuses (credentials, permissions, a setting); trying again does not help
├── TopicMissing         a topic does not exist; the message says how to create it
├── NoCommittedOffsets   the group is new, and the settings forbid a new group to choose its own beginning
└── TooLarge             the broker accepts no record of this size
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from events.wire.record import Headers, Outgoing, Record
from worker.broker.rights import Right
from worker.broker.topics import TopicChange, WantedTopic

__all__ = [
    "Ack",
    "Admin",
    "Batch",
    "BrokerError",
    "BrokerRefused",
    "BrokerUnavailable",
    "Headers",
    "Health",
    "Lag",
    "NoCommittedOffsets",
    "Outgoing",
    "Partition",
    "Record",
    "Sink",
    "Source",
    "StartFrom",
    "TooLarge",
    "TopicMissing",
]


class BrokerError(Exception):
    """A failure of the broker. The message says what was tried and what to do next. It holds no secret."""


class BrokerUnavailable(BrokerError):
    """The broker did not answer, or not yet. The last request may have taken effect."""


class BrokerRefused(BrokerError):
    """The broker refuses: wrong credentials, a missing permission, or a feature that it does not support."""


class TopicMissing(BrokerError):
    """A needed topic does not exist."""


class NoCommittedOffsets(BrokerError):
    """The group has no committed offset, and `StartFrom.NONE` forbids it to choose its own beginning."""


class TooLarge(BrokerError):
    """The broker accepts no record of this size on that topic. Sending the record again does not help."""


class StartFrom(StrEnum):
    """Where a group begins to read if it has never committed an offset on the topic."""

    EARLIEST = "earliest"
    LATEST = "latest"
    NONE = "none"


class Partition(NamedTuple):
    """One partition of a topic."""

    topic: str
    number: int


@dataclass(frozen=True, slots=True)
class Batch:
    """The records of one poll.

    `epoch` numbers the assignment under which the records were read: it grows whenever partitions are assigned or
    revoked. An offset is committed together with its epoch. So a batch of an ended assignment commits nothing.
    """

    records: tuple[Record, ...]
    epoch: int


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a partition has been read, as offsets."""

    position: int
    """The offset of the next record to read."""
    committed: int | None
    """The offset committed last under this assignment, or by the group before it. None if there is none."""
    end: int
    """The offset that the next record of the partition will get."""
    readable: int
    """The offset up to which records can be read now. An unfinished transaction blocks all records behind it."""

    @property
    def messages(self) -> int:
        """How many records are not committed."""
        return max(0, self.end - (self.position if self.committed is None else self.committed))


@dataclass(frozen=True, slots=True)
class Health:
    """Health of a source. Counters only grow."""

    rebalances: int
    """How many assignments this member received."""
    rebuilds: int
    """How often the Kafka client was replaced because it returned no records although there were some."""


class Source(Protocol):
    """Reads the commands topic as one member of a consumer group. One task polls; nothing else reads."""

    async def start(self) -> None:
        """Join the group. Returns when the broker has admitted this member.

        Raises BrokerUnavailable, BrokerRefused, TopicMissing or NoCommittedOffsets. May be called again after
        BrokerUnavailable.
        """

    async def stop(self) -> None:
        """Leave the group. Never raises, and returns within a few seconds whatever the broker does."""

    async def poll(self, max_records: int, wait: float) -> Batch:
        """The next records, in the order of offsets within each partition. Empty if none come within `wait` seconds.

        The caller must not cancel a poll: `stop` ends it. While the group rebalances, a poll may take some seconds
        longer than `wait` and returns no records. Raises BrokerUnavailable (poll again) or BrokerRefused.
        """

    async def commit(self, offsets: Mapping[Partition, int], epoch: int) -> None:
        """Commit, for each partition, the offset of the next record that the group must read.

        Commits only partitions that are still held under that epoch, and never a lower offset than before. A partition
        that was revoked meanwhile is left to its new owner. Raises BrokerUnavailable if the broker did not acknowledge.
        """

    def pause(self, partitions: Collection[Partition]) -> None:
        """Return no records of these partitions until `resume`. Partitions that are not held are ignored.

        A pause survives a rebalance that gives the partition back. It ends with a rebalance that does not.
        """

    def resume(self, partitions: Collection[Partition]) -> None:
        """Return records of these partitions again."""

    def paused(self) -> frozenset[Partition]:
        """The held partitions that are paused."""

    def assignment(self) -> frozenset[Partition]:
        """The partitions that this member holds now. Empty while the group rebalances."""

    async def lag(self) -> Mapping[Partition, Lag]:
        """How far each held partition has been read. Asks the broker. Raises BrokerUnavailable."""

    def health(self) -> Health:
        """The health of this source. Asks nobody."""


@dataclass(frozen=True, slots=True)
class Ack:
    """Where Kafka stored a record."""

    partition: Partition
    offset: int


class Sink(Protocol):
    """Writes records. An acknowledged record is on all in-sync replicas."""

    async def start(self) -> None:
        """Connect. May be called again. Raises BrokerUnavailable or BrokerRefused."""

    async def stop(self) -> None:
        """Close. Never raises and never takes longer than a few seconds."""

    async def send(self, topic: str, record: Outgoing, *, partition: int | None = None) -> Ack:
        """Write one record. Returns when Kafka has acknowledged it.

        Without `partition` the key decides, as in the Java client. Calls that begin one after the other reach a
        partition in that order. Raises TooLarge, TopicMissing, BrokerRefused, or BrokerUnavailable: then the record may
        have been written all the same, and the next call uses a new client if it needs one.
        """


class Admin(Protocol):
    """Reads topics and offsets without being a member of the group. Commits nothing.

    Every method can raise BrokerUnavailable or BrokerRefused, and TopicMissing if it is given a topic.
    """

    async def start(self) -> None:
        """Connect. May be called again after BrokerUnavailable."""

    async def stop(self) -> None:
        """Close. Never raises and never takes longer than a few seconds."""

    async def ping(self) -> int:
        """The number of brokers, by one cheap request."""

    async def plan(self, wanted: Sequence[WantedTopic]) -> list[TopicChange]:
        """What `apply` would do for these topics. Changes nothing."""

    async def apply(self, changes: Sequence[TopicChange]) -> None:
        """Create the missing topics. Existing topics are not changed."""

    async def lacking(self, rights: Sequence[Right]) -> list[Right]:
        """The subset of `rights` that this user lacks. Changes nothing."""

    async def partitions(self, topic: str) -> tuple[Partition, ...]:
        """The partitions of a topic, in ascending order."""

    async def committed(self, group: str, topic: str) -> Mapping[Partition, int]:
        """The offsets that a group has committed on a topic, without partitions that have none."""

    async def beginnings(self, topic: str) -> Mapping[Partition, int]:
        """For each partition, the offset of the oldest record that is still there."""

    async def ends(self, topic: str) -> Mapping[Partition, int]:
        """For each partition, the offset that the next record will get."""

    async def offsets_at(self, topic: str, instant: datetime) -> Mapping[Partition, int]:
        """For each partition, the offset of the first record of `instant` or later, else the partition's end."""

    def read(self, ranges: Mapping[Partition, range]) -> AsyncIterator[Record]:
        """The records in these ranges of offsets that still exist, in order within each partition.

        A range beyond the end of its partition is cut there. Read-ahead is bounded.
        """
