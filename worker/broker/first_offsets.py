"""Where a new group begins. Decided once, before anybody joins, for the group and not for a partition.

The client's own `auto_offset_reset` decides for each partition whenever an offset is missing: with `latest` it skips
what was written while the worker was down before its first commit, what a partition got before the worker noticed it,
and what retention overtook. So here `latest` commits the ends once, and after that a missing offset always means: from
the oldest record that there is.
"""

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, IllegalGenerationError, UnknownMemberIdError

from worker.broker.admin import KafkaAdmin
from worker.broker.connection import (
    ANSWER_SECONDS,
    KafkaConfig,
    start_client,
    stop_client,
    translated_errors,
    within,
)
from worker.broker.consumer import Consumer
from worker.broker.port import NoCommittedOffsets, StartFrom

log = structlog.get_logger("azplan.broker")


async def ensure_first_offsets(config: KafkaConfig, topic: str, group: str, start_from: StartFrom) -> None:
    """Make sure that the group has a place to begin. Raises NoCommittedOffsets, TopicMissing and the usual errors."""
    admin = KafkaAdmin(config)
    await admin.start()
    try:
        partitions = await admin.partitions(topic)
        if start_from is StartFrom.EARLIEST or await admin.committed(group, topic):
            return
        if start_from is StartFrom.NONE:
            raise NoCommittedOffsets(
                f"the group {group} has no committed offset on {topic}, and AZPLAN_KAFKA__START_FROM is none. "
                "Set it to earliest (read what is still there) or latest (read only what is new) for the first start"
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
        # The group has members already: one of them started at the same time and was first.
        return False
    return True
