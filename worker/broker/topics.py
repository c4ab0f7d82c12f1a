"""Topics as they should be, and how existing topics differ."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class WantedTopic:
    """A topic as it should be. With `retention` None, the broker's default or the topic's own value stays."""

    name: str
    partitions: int
    replication: int = -1
    retention: timedelta | None = None


@dataclass(frozen=True, slots=True)
class TopicChange:
    """A wanted topic, compared with the existing one."""

    wanted: WantedTopic
    partitions: int | None
    """How many partitions the topic has. None if the topic does not exist."""
    retention: timedelta | None
    """How long the topic keeps records. None if unknown or unlimited."""
    compacted: bool = False
    """Whether Kafka keeps only the newest record of each key. False also if unknown."""

    @property
    def creates(self) -> bool:
        """Whether `apply` creates the topic. An existing topic is never changed."""
        return self.partitions is None

    @property
    def differs(self) -> str | None:
        """How an existing topic differs from the wanted one, as the rest of a sentence. None if it does not differ."""
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
        """A fault of an existing topic, as the rest of a sentence. None if there is none."""
        if not self.compacted:
            return None
        return "is compacted: Kafka deletes all records of a customer except the newest"
