"""The first offsets of a new group: decided once for the whole group, before the first member joins.

The library's `auto_offset_reset` decides for each partition, whenever an offset is missing. With `latest` it skips
records that were written while the worker was down before its first commit, records of a new partition that the worker
has not noticed yet, and records behind an offset that retention has deleted. So here `latest` commits the ends of all
partitions once. After that a missing offset always means: begin with the oldest record.
"""

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, IllegalGenerationError, UnknownMemberIdError

from worker.broker.admin import KafkaAdmin
from worker.broker.kafka_clients import (
    ANSWER_SECONDS,
    KafkaConfig,
    start_client,
    stop_client,
    translated_errors,
    within,
)
from worker.broker.port import NoCommittedOffsets, StartFrom
from worker.broker.reading.memory_limited_consumer import Consumer

log = structlog.get_logger("azplan.broker")


async def ensure_first_offsets(config: KafkaConfig, topic: str, group: str, start_from: StartFrom) -> None:
    """Commit the first offsets of the group if it needs them. Raises NoCommittedOffsets and the errors of `Admin`."""
    admin = KafkaAdmin(config)
    await admin.start()
    try:
        partitions = await admin.partitions(topic)
        if start_from is StartFrom.EARLIEST or await admin.committed(group, topic):
            return
        if start_from is StartFrom.NONE:
            raise NoCommittedOffsets(
                f"the group {group} has no committed offset on {topic}, and AZPLAN_KAFKA__START_FROM is none. "
                "For the first start set it to earliest (read all records that are still there) or latest (read only "
                "new records)"
            )
        ends = await admin.ends(topic)
    finally:
        await admin.stop()
    await _commit(config, group, {TopicPartition(*partition): ends[partition] for partition in partitions})


async def _commit(config: KafkaConfig, group: str, offsets: dict[TopicPartition, int]) -> None:
    consumer = Consumer(config, group_id=group)
    await start_client(consumer, config)
    try:
        consumer.assign(list(offsets))
        with translated_errors(f"commit the first offsets of group {group}"):
            began = await within(_unless_others_did(consumer, offsets), ANSWER_SECONDS)
        log.info("kafka.group_begins_at_the_end" if began else "kafka.group_began_already", group=group)
    finally:
        await stop_client(consumer)


async def _unless_others_did(consumer: Consumer, offsets: dict[TopicPartition, int]) -> bool:
    try:
        await consumer.commit(offsets)
    except (CommitFailedError, IllegalGenerationError, UnknownMemberIdError):
        # The group has members already: another worker started at the same time and was first.
        return False
    return True
