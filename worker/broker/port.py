"""What the worker needs of a broker, in the worker's own words, and what can go wrong with it.

BrokerError
├── BrokerUnavailable    no answer, or not yet; trying again later is right
├── BrokerRefused        the broker says no (credentials, permissions, a setting); trying again says no again
├── TopicMissing         a topic is not there; the message says how to make it
├── NoCommittedOffsets   the group is new and the settings say that a new group must not begin by itself
└── TooLarge             the broker does not take a record of this size
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
    """Something about the broker. The message says what was tried and what to do; it holds no secret."""


class BrokerUnavailable(BrokerError):
    """The broker did not answer, or not yet. Whether the last request took effect is not known."""


class BrokerRefused(BrokerError):
    """The broker says no: wrong credentials, a missing permission, or something it does not support."""


class TopicMissing(BrokerError):
    """A topic that is needed does not exist."""


class NoCommittedOffsets(BrokerError):
    """The group has no committed offset and `StartFrom.NONE` forbids it to begin by itself."""


class TooLarge(BrokerError):
    """The broker takes no record of this size on that topic. Sending it again changes nothing."""


class StartFrom(StrEnum):
    """Where a group begins that never committed an offset on the topic."""

    EARLIEST = "earliest"
    LATEST = "latest"
    NONE = "none"


class Partition(NamedTuple):
    """One partition of a topic."""

    topic: str
    number: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What one poll brought.

    `epoch` is the assignment under which the records were read: it counts up whenever partitions come or go. An offset
    is committed together with it, so that a batch of an assignment that has ended commits nothing.
    """

    records: tuple[Record, ...]
    epoch: int


@dataclass(frozen=True, slots=True)
class Lag:
    """Where reading of a partition stands, as offsets."""

    position: int
    """The offset that is read next."""
    committed: int | None
    """The offset that was committed last under this assignment, or that the group had at its start."""
    end: int
    """The offset that the next record of the topic will get."""
    readable: int
    """The offset up to which records may be read now: a transaction that was never ended keeps all behind it back."""

    @property
    def messages(self) -> int:
        """How many records are not committed yet."""
        return max(0, self.end - (self.position if self.committed is None else self.committed))


@dataclass(frozen=True, slots=True)
class Health:
    """How the source fares. Counters only grow."""

    last_poll: float | None
    """The clock's monotonic seconds when a poll last returned, None before the first."""
    last_commit: float | None
    """The same of the last commit that the broker acknowledged."""
    rebalances: int
    """Assignments that were received."""
    rebuilds: int
    """Times the client was thrown away and made anew, because records were there and it brought none."""


class Source(Protocol):
    """Reads the commands topic as one member of a consumer group. One task polls; nothing else reads."""

    async def start(self) -> None:
        """Join the group and return when the broker has let this member in.

        Raises BrokerUnavailable, BrokerRefused, TopicMissing or NoCommittedOffsets. After BrokerUnavailable it may be
        called again.
        """

    async def stop(self) -> None:
        """Leave the group. Never raises and never takes longer than a few seconds, whatever the broker does."""

    async def poll(self, max_records: int, wait: float) -> Batch:
        """The next records, in the order of offsets within each partition; none after `wait` seconds.

        Never to be cancelled: `stop` ends it. May take some seconds longer than `wait`, and returns nothing, while
        the group is rebalancing. Raises BrokerUnavailable or BrokerRefused; polling on is right after the first.
        """

    async def commit(self, offsets: Mapping[Partition, int], epoch: int) -> None:
        """Commit, for each partition, the offset of the next record to be read by the group.

        Only partitions that are still held under that epoch are committed, and never backwards; what was taken away
        meanwhile is somebody else's to commit. Raises BrokerUnavailable when the broker did not say yes.
        """

    def pause(self, partitions: Collection[Partition]) -> None:
        """Bring nothing from these partitions until `resume`. What is not held is left alone.

        A pause outlasts a rebalance that gives the partition back, and ends with one that does not.
        """

    def resume(self, partitions: Collection[Partition]) -> None:
        """Bring records from these partitions again."""

    def paused(self) -> frozenset[Partition]:
        """Partitions that are held and paused."""

    def assignment(self) -> frozenset[Partition]:
        """Partitions that this member holds now; empty while the group is rebalancing."""

    async def lag(self) -> Mapping[Partition, Lag]:
        """Where each held partition stands, asked of the broker. Raises BrokerUnavailable."""

    def health(self) -> Health:
        """How the source fares, from memory."""


@dataclass(frozen=True, slots=True)
class Ack:
    """Where Kafka put a record."""

    partition: Partition
    offset: int


class Sink(Protocol):
    """Writes records. What was acknowledged is on all in-sync replicas."""

    async def start(self) -> None:
        """Connect. Raises BrokerUnavailable or BrokerRefused; may be called again."""

    async def stop(self) -> None:
        """Close. Never raises and never takes longer than a few seconds."""

    async def send(self, topic: str, record: Outgoing, *, partition: int | None = None) -> Ack:
        """Write one record and return when Kafka has acknowledged it.

        Without `partition` the key decides, as in the Java client. Calls that begin one after the other reach a
        partition in that order. Raises BrokerUnavailable (it may have been written all the same; the next call is made
        with a new client where that is needed), TooLarge, TopicMissing or BrokerRefused.
        """


class Admin(Protocol):
    """Looks at topics and offsets from outside the group. Takes no part in it and commits nothing.

    Every method raises BrokerUnavailable or BrokerRefused, and TopicMissing where it names a topic that is not there.
    """

    async def start(self) -> None:
        """Connect; may be called again after BrokerUnavailable."""

    async def stop(self) -> None:
        """Close. Never raises and never takes longer than a few seconds."""

    async def ping(self) -> int:
        """One light question; the answer is the number of brokers."""

    async def plan(self, wanted: Sequence[WantedTopic]) -> list[TopicChange]:
        """What `apply` would do for these topics. Changes nothing."""

    async def apply(self, changes: Sequence[TopicChange]) -> None:
        """Make the topics that are missing."""

    async def lacking(self, rights: Sequence[Right]) -> list[Right]:
        """Those of these rights that this user does not have, found out without changing anything."""

    async def partitions(self, topic: str) -> tuple[Partition, ...]:
        """The partitions of a topic, in order."""

    async def committed(self, group: str, topic: str) -> Mapping[Partition, int]:
        """The offsets that a group has committed on a topic; partitions without one are left out."""

    async def beginnings(self, topic: str) -> Mapping[Partition, int]:
        """The offset of the oldest record that each partition still has."""

    async def ends(self, topic: str) -> Mapping[Partition, int]:
        """The offset that the next record of each partition will get."""

    async def offsets_at(self, topic: str, instant: datetime) -> Mapping[Partition, int]:
        """For each partition the offset of the first record of that instant or later; its end where there is none."""

    def read(self, ranges: Mapping[Partition, range]) -> AsyncIterator[Record]:
        """The records of these ranges of offsets that still exist, in order within each partition.

        A range that reaches beyond the end of its partition ends there. Nothing is read ahead without bound.
        """
