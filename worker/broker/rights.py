"""Rights that a worker needs at the broker."""

from dataclasses import dataclass
from enum import StrEnum


class RightTo(StrEnum):
    """What a worker does at the broker, and needs a right for."""

    READ = "read"
    """Fetch records of a topic."""
    WRITE = "write"
    """Write records to a topic."""
    COMMIT = "commit"
    """Be a member of a group and commit its offsets."""
    WRITE_ONCE = "write once"
    """Write without doubles. From Kafka 2.8 on, whoever may write to any topic may do it."""


@dataclass(frozen=True, slots=True)
class Right:
    """A right that a worker needs: on a topic, on a group, or on the cluster."""

    to: RightTo
    name: str
    """Of the topic or the group; `kafka-cluster` for the cluster."""

    @property
    def operation(self) -> str:
        """Kafka's name for it."""
        names = {RightTo.COMMIT: "Read", RightTo.WRITE_ONCE: "IdempotentWrite"}
        return names.get(self.to, self.to.capitalize())

    @property
    def resource(self) -> str:
        """Kafka's name for what it is on."""
        return {RightTo.COMMIT: "group", RightTo.WRITE_ONCE: "cluster"}.get(self.to, "topic")
