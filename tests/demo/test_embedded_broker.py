"""The limits of the demo's broker: azplan works around them, or explains them in a sentence."""

from datetime import UTC, datetime

import pytest

from events.wire.record import Outgoing
from ops.demo.embedded_broker import EmbeddedBroker
from worker.broker.admin import KafkaAdmin
from worker.broker.kafka_clients import KafkaConfig
from worker.broker.port import BrokerUnavailable
from worker.broker.sink import KafkaSink
from worker.broker.topics import WantedTopic

TOPIC = "commands"


def at(milliseconds: int) -> datetime:
    """An instant by Kafka's clock."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


async def test_offsets_are_found_by_time_though_the_broker_knows_no_times() -> None:
    """The broker answers that there is no such record. The records themselves have their times."""
    broker = EmbeddedBroker([TOPIC])
    config = KafkaConfig(broker.bootstrap_servers)
    sink, admin = KafkaSink(config), KafkaAdmin(config)
    await sink.start()
    await admin.start()
    try:
        for number in range(5):
            await sink.send(TOPIC, Outgoing(b"one key", str(number).encode(), ()))
        records = [
            record async for record in admin.read({each: range(end) for each, end in (await admin.ends(TOPIC)).items()})
        ]
        (partition,) = {record.partition for record in records}
        times = [record.timestamp or 0 for record in records]
        for asked in (times[0] - 1, times[2], times[4], times[4] + 1):
            found = {each.number: offset for each, offset in (await admin.offsets_at(TOPIC, at(asked))).items()}
            expected = next((record.offset for record in records if (record.timestamp or 0) >= asked), 5)
            assert found[partition] == expected
            assert {offset for number, offset in found.items() if number != partition} == {0}
    finally:
        await admin.stop()
        await sink.stop()


async def test_a_topic_that_cannot_be_made_is_a_sentence() -> None:
    """A cluster without a controller makes no topics.

    A real one chooses a controller within seconds; this broker never does.
    """
    broker = EmbeddedBroker([TOPIC])
    admin = KafkaAdmin(KafkaConfig(broker.bootstrap_servers))
    await admin.start()
    try:
        changes = await admin.plan([WantedTopic("other", 1)])
        with pytest.raises(BrokerUnavailable, match=r"has no controller.* try again.*the demo's"):
            await admin.apply(changes)
    finally:
        await admin.stop()
