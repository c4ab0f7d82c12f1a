"""Topics as they should be, and how existing topics differ."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class WantedTopic:
    """A topic as it should be. `retention` None leaves the broker's default, and a topic's own value alone."""

    name: str
    partitions: int
    replication: int = -1
    retention: timedelta | None = None


@dataclass(frozen=True, slots=True)
class TopicChange:
    """What a wanted topic is, and what would be done about it."""

    wanted: WantedTopic
    partitions: int | None
    """How many there are; None where the topic does not exist."""
    retention: timedelta | None
    """How long it keeps records; None where that is not known or without end."""
    compacted: bool = False
    """Whether Kafka keeps the newest record of each key only; False also where that is not known."""

    @property
    def creates(self) -> bool:
        """The topic would be made. One that exists is never changed."""
        return self.partitions is None

    @property
    def differs(self) -> str | None:
        """How an existing topic differs from the wanted one, as a sentence, or None."""
        if self.partitions is None:
            return None
        found = []
        if self.partitions != self.wanted.partitions:
            found.append(f"has {self.partitions} partitions instead of {self.wanted.partitions}")
        if self.wanted.retention is not None and self.retention not in (None, self.wanted.retention):
            found.append(f"keeps records for {self.retention} instead of {self.wanted.retention}")
        return " and ".join(found) or None

    @property
    def warning(self) -> str | None:
        """What is wrong with an existing topic whatever was wanted, as a sentence, or None."""
        if not self.compacted:
            return None
        return "is compacted: Kafka deletes what it holds about a customer, but for the newest record"
