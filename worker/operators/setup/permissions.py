"""The rights that a worker needs at the broker, and the commands that grant them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from worker.broker.rights import Right, RightTo
from worker.settings.all_settings import Kafka

EVENT_HUBS: Final = "$ConnectionString"
"""The user name of every client of Azure Event Hubs, which has claims instead of access control lists."""
_DOING: Final[Mapping[RightTo, str]] = MappingProxyType(
    {
        RightTo.READ: "read the topic",
        RightTo.WRITE: "write to the topic",
        RightTo.COMMIT: "read and commit as the group",
        RightTo.WRITE_ONCE: "write without doubles (enable.idempotence) at the cluster",
    }
)


def needed_rights(kafka: Kafka) -> list[Right]:
    """The rights that a worker needs, each on one resource."""
    return [
        Right(RightTo.READ, kafka.commands_topic),
        Right(RightTo.COMMIT, kafka.group_id),
        Right(RightTo.WRITE, kafka.events_topic),
        Right(RightTo.WRITE, kafka.dead_letters_topic),
        Right(RightTo.WRITE_ONCE, "kafka-cluster"),
    ]


def comes_with_others(right: Right, lacking: list[Right]) -> bool:
    """Whether a lacking right comes by itself when the other lacking rights are granted."""
    return right.to is RightTo.WRITE_ONCE and any(each.to is RightTo.WRITE for each in lacking)


def may_not(right: Right, kafka: Kafka) -> str:
    """A sentence that says which right is lacking."""
    return f"{principal(kafka)} may not {_DOING[right.to]} {right.name}"


def how_to_allow(right: Right, kafka: Kafka) -> str:
    """The command, or the claim at Azure Event Hubs, that grants the right."""
    if kafka.sasl_username == EVENT_HUBS:
        claim = "Send" if right.resource == "topic" and right.to is RightTo.WRITE else "Listen"
        return f"Give the policy of the connection string the claim {claim}, on the namespace or on that event hub."
    thing = "--cluster" if right.resource == "cluster" else f"--{right.resource} {right.name}"
    who = f"--allow-principal '{principal(kafka)}'"
    servers = kafka.bootstrap_servers
    return f"Allow it: kafka-acls --bootstrap-server {servers} --add {who} --operation {right.operation} {thing}"


def keep_all(topic: str) -> str:
    """The command that ends the compaction of a topic."""
    change = f"kafka-configs --alter --entity-type topics --entity-name {topic} --add-config cleanup.policy=delete"
    return f"Let it keep all records for their time: {change}"


def principal(kafka: Kafka) -> str:
    """The name by which the broker knows the worker."""
    if kafka.sasl_username:
        return f"User:{kafka.sasl_username}"
    return "User:<subject of the certificate>" if kafka.certificate_file else "User:ANONYMOUS"
