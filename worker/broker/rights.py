"""Rights that a worker needs at the broker."""

from dataclasses import dataclass
from enum import StrEnum


class RightTo(StrEnum):
    """Actions at the broker that need a right."""

    READ = "read"
    """Fetch records of a topic."""
    WRITE = "write"
    """Write records to a topic."""
    COMMIT = "commit"
    """Be a member of a group and commit its offsets."""
    WRITE_ONCE = "write once"
    """Write idempotently. From Kafka 2.8 on, every user with the right to write to a topic has this right."""


@dataclass(frozen=True, slots=True)
class Right:
    """A right that a worker needs on a topic, a group or the cluster."""

    to: RightTo
    name: str
    """Name of the topic or the group; `kafka-cluster` for the cluster."""

    @property
    def operation(self) -> str:
        """Kafka's name of the action."""
        names = {RightTo.COMMIT: "Read", RightTo.WRITE_ONCE: "IdempotentWrite"}
        return names.get(self.to, self.to.capitalize())

    @property
    def resource(self) -> str:
        """Kafka's name of the kind of resource: `topic`, `group` or `cluster`."""
        return {RightTo.COMMIT: "group", RightTo.WRITE_ONCE: "cluster"}.get(self.to, "topic")
