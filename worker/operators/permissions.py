"""What has to be allowed or set at the broker, as the command that does it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from worker.broker.rights import Right, RightTo
from worker.settings.sections import Kafka

EVENT_HUBS: Final = "$ConnectionString"
"""The user's name at Azure Event Hubs, which knows claims and no access control lists."""
_DOING: Final[Mapping[RightTo, str]] = MappingProxyType(
    {
        RightTo.READ: "read the topic",
        RightTo.WRITE: "write to the topic",
        RightTo.COMMIT: "read and commit as the group",
        RightTo.WRITE_ONCE: "write without doubles (enable.idempotence) at the cluster",
    }
)


def needed(kafka: Kafka) -> list[Right]:
    """The rights of a worker, each on one thing."""
    return [
        Right(RightTo.READ, kafka.commands_topic),
        Right(RightTo.COMMIT, kafka.group_id),
        Right(RightTo.WRITE, kafka.events_topic),
        Right(RightTo.WRITE, kafka.dead_letters_topic),
        Right(RightTo.WRITE_ONCE, "kafka-cluster"),
    ]


def needless(right: Right, lacking: list[Right]) -> bool:
    """Whether a right comes by itself with others that are lacking too."""
    return right.to is RightTo.WRITE_ONCE and any(each.to is RightTo.WRITE for each in lacking)


def may_not(right: Right, kafka: Kafka) -> str:
    """A sentence about a right that is lacking."""
    return f"{principal(kafka)} may not {_DOING[right.to]} {right.name}"


def how_to_allow(right: Right, kafka: Kafka) -> str:
    """What gives the right."""
    if kafka.sasl_username == EVENT_HUBS:
        claim = "Send" if right.resource == "topic" and right.to is RightTo.WRITE else "Listen"
        return f"Give the policy of the connection string the claim {claim}, on the namespace or on that event hub."
    thing = "--cluster" if right.resource == "cluster" else f"--{right.resource} {right.name}"
    who = f"--allow-principal '{principal(kafka)}'"
    servers = kafka.bootstrap_servers
    return f"Allow it: kafka-acls --bootstrap-server {servers} --add {who} --operation {right.operation} {thing}"


def keep_all(topic: str) -> str:
    """What ends the compaction of a topic."""
    change = f"kafka-configs --alter --entity-type topics --entity-name {topic} --add-config cleanup.policy=delete"
    return f"Let it keep all records for their time: {change}"


def principal(kafka: Kafka) -> str:
    """Who the broker takes the worker for."""
    if kafka.sasl_username:
        return f"User:{kafka.sasl_username}"
    return "User:<subject of the certificate>" if kafka.certificate_file else "User:ANONYMOUS"
