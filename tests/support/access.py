"""A Kafka that checks the rights of its users, and the access lists that grant these rights."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest

from ops.local.kafka import USER, LocalKafka
from worker.broker.rights import Right

_RESOURCES = {"topic": 2, "group": 3, "cluster": 4}
_OPERATIONS = {"Read": 3, "Write": 4, "Describe": 8, "IdempotentWrite": 12}
_LITERAL, _ALLOW = 3, 3


def guarded(folder: Path) -> LocalKafka:
    """A broker that allows its user only what the access lists grant. A client on the plain listener may do all."""
    return LocalKafka(
        folder,
        authorizer_class_name="org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        super_users="User:ANONYMOUS",
    )


async def allow(broker: LocalKafka, rights: Iterable[Right]) -> None:
    """Grant these rights to the user."""
    await _change(broker, [CreateAclsRequest(*_entry(right)) for right in rights])


async def forbid(broker: LocalKafka, rights: Iterable[Right]) -> None:
    """Withdraw these rights from the user."""
    await _change(broker, [DeleteAclsRequest(*_entry(right)) for right in rights])


def _entry(right: Right) -> tuple[Any, ...]:
    resource, operation = _RESOURCES[right.resource], _OPERATIONS[right.operation]
    return resource, right.name, _LITERAL, f"User:{USER}", "*", operation, _ALLOW


async def _change(broker: LocalKafka, requests: list[Any]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    await admin.start()
    try:
        for request in requests:
            answer = await admin._send_to_controller(request)
            results = answer.creation_responses if hasattr(answer, "creation_responses") else answer.filter_responses
            assert all(each[0] == 0 for each in results), answer
    finally:
        await admin.close()
