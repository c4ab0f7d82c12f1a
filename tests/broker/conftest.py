"""The port's implementations on the session's broker."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from ops.local.kafka import LocalKafka
from ops.local.topics import Topics
from worker.broker.admin import KafkaAdmin
from worker.broker.kafka_clients import KafkaConfig
from worker.broker.port import StartFrom
from worker.broker.sink import KafkaSink
from worker.broker.source import KafkaSource, Membership
from worker.clock import Clock

MakeSource = Callable[..., KafkaSource]


@pytest.fixture
def config(kafka_servers: str) -> KafkaConfig:
    """The address of the session's broker."""
    return KafkaConfig(kafka_servers)


@pytest.fixture
async def sink(config: KafkaConfig) -> AsyncIterator[KafkaSink]:
    """A started sink without a limit of its own: the broker refuses large records."""
    made = KafkaSink(replace(config, max_request_bytes=8_000_000))
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def admin(config: KafkaConfig) -> AsyncIterator[KafkaAdmin]:
    """A started admin."""
    made = KafkaAdmin(config)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def make_source(config: KafkaConfig, topics: Topics) -> AsyncIterator[MakeSource]:
    """Makes members of the test's group on the test's commands topic. They are stopped at the end."""
    members: list[KafkaSource] = []

    def make(start_from: StartFrom = StartFrom.EARLIEST, **more: float) -> KafkaSource:
        member = KafkaSource(config, Membership(topics.commands, topics.group, start_from), Clock(), **more)
        members.append(member)
        return member

    yield make
    for member in members:
        await member.stop()


@pytest.fixture
def own_config(own_kafka: LocalKafka) -> KafkaConfig:
    """The address of a broker that the test may break."""
    return KafkaConfig(own_kafka.bootstrap_servers)
