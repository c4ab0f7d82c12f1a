"""Which rights the user has at the broker, found out with requests that cannot change anything.

Kafka checks rights before anything else. So each right is tried with a partition, or as a member, that does not exist:
the broker answers either that the action is not allowed or that there is no such partition or member. The broker's own
list of allowed operations is not used: old brokers do not have it, and Azure Event Hubs does not give it.
"""

from collections.abc import Sequence
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.group import HeartbeatRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import InitProducerIdRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from worker.broker.kafka_clients import ANSWER_SECONDS, translated_errors, within
from worker.broker.rights import Right, RightTo

NOWHERE: Final = 2**31 - 1
"""The number of a partition that no topic has."""

_MAY_NOT: Final = (ClusterAuthorizationFailedError, GroupAuthorizationFailedError, TopicAuthorizationFailedError)


async def lacking(admin: AIOKafkaAdminClient, rights: Sequence[Right]) -> list[Right]:
    """The subset of `rights` that the user of `admin` lacks. Changes nothing.

    Raises BrokerUnavailable or BrokerRefused.
    """
    found = []
    for right in rights:
        with translated_errors(f"find out about the right to {right.operation} {right.name}"):
            if await within(_refused(admin, right), ANSWER_SECONDS):
                found.append(right)
    return found


async def _refused(admin: AIOKafkaAdminClient, right: Right) -> bool:
    match right.to:
        case RightTo.READ:
            codes = await _read(admin, right.name)
        case RightTo.WRITE:
            codes = await _write(admin, right.name)
        case RightTo.COMMIT:
            codes = await _be_a_member(admin, right.name)
        case RightTo.WRITE_ONCE:
            codes = await _begin_to_write(admin)
    return any(for_code(code) in _MAY_NOT for code in codes)


async def _read(admin: AIOKafkaAdminClient, topic: str) -> list[int]:
    answer = await _ask(admin, FetchRequest(0, 0, 1, READ_COMMITTED, [(topic, [(NOWHERE, 0, 1)])]))
    return [code for _, partitions in answer.topics for _, code, *_ in partitions]


async def _write(admin: AIOKafkaAdminClient, topic: str) -> list[int]:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1_000)
    builder.append(0, None, b"azplan check", None, [])
    records = [(topic, [(NOWHERE, bytes(builder.build()))])]
    answer = await _ask(admin, ProduceRequest(None, 1, int(ANSWER_SECONDS * 1000), records))
    return [code for _, partitions in answer.topics for _, code, *_ in partitions]


async def _be_a_member(admin: AIOKafkaAdminClient, group: str) -> list[int]:
    found = await _ask(admin, FindCoordinatorRequest(group, 0))
    if found.error_code:
        return [found.error_code]
    await admin._client.force_metadata_update()  # noqa: SLF001  # the client then knows the coordinator's address
    answer = await _ask(admin, HeartbeatRequest(group, 0, "azplan check"), found.coordinator_id)
    return [answer.error_code]


async def _begin_to_write(admin: AIOKafkaAdminClient) -> list[int]:
    answer = await _ask(admin, InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=0))
    return [answer.error_code]


async def _ask(admin: AIOKafkaAdminClient, request: Any, node: int | None = None) -> Any:
    client = admin._client  # noqa: SLF001  # the admin has no way to send these
    return await client.send(client.get_random_node() if node is None else node, request)
