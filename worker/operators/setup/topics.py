"""The three topics of a worker: planned and created. A topic that exists is never changed."""

from collections.abc import Sequence
from datetime import timedelta

from worker.broker.port import Admin
from worker.broker.topics import TopicChange, WantedTopic
from worker.settings.model import Settings


def wanted_topics(
    settings: Settings, *, partitions: int = 12, replication: int = -1, retention: timedelta | None = None
) -> Sequence[WantedTopic]:
    """The topics that the settings name. A `replication` of -1 and a `retention` of None are the broker's defaults."""
    kafka = settings.kafka
    names = (kafka.commands_topic, kafka.events_topic, kafka.dead_letters_topic)
    return tuple(WantedTopic(name, partitions, replication, retention) for name in names)


async def plan_topics(admin: Admin, wanted: Sequence[WantedTopic]) -> Sequence[TopicChange]:
    """Which of these topics exist, how they differ from what is wanted, and which would be created. Changes nothing.

    Raises `BrokerError`.
    """
    return await admin.plan(wanted)


async def create_topics(admin: Admin, changes: Sequence[TopicChange]) -> Sequence[str]:
    """Create the topics of this plan that do not exist; their names. Raises `BrokerError`."""
    missing = [change for change in changes if change.creates]
    if missing:
        await admin.apply(missing)
    return [change.wanted.name for change in missing]
