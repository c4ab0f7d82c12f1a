"""The rights of a user at a broker that checks rights, found without any change."""

from collections.abc import AsyncIterator, Iterator

import pytest

from ops.local.databases import run_apart
from ops.local.kafka import LocalKafka
from ops.local.topics import Topics
from ops.local.waiting import eventually
from tests.support.access import allow, forbid, guarded
from worker.broker.admin import KafkaAdmin
from worker.broker.kafka_clients import KafkaConfig
from worker.broker.rights import Right, RightTo

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """A broker that checks rights."""
    made = guarded(tmp_path_factory.mktemp("kafka"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def place(broker: LocalKafka) -> Topics:
    """Fresh topics on this broker."""
    fresh = Topics(broker.bootstrap_servers)
    run_apart(fresh.create())
    return fresh


@pytest.fixture
async def user(broker: LocalKafka) -> AsyncIterator[KafkaAdmin]:
    """A user with the given rights."""
    secured = broker.secured
    config = KafkaConfig(
        secured.bootstrap_servers, "SASL_SSL", "SCRAM-SHA-512", secured.username, secured.password, str(secured.ca_file)
    )
    admin = KafkaAdmin(config)
    await admin.start()
    yield admin
    await admin.stop()


def rights_of(place: Topics) -> list[Right]:
    """The rights that a worker needs on these topics."""
    return [
        Right(RightTo.READ, place.commands),
        Right(RightTo.COMMIT, place.group),
        Right(RightTo.WRITE, place.events),
        Right(RightTo.WRITE, place.dead_letters),
        Right(RightTo.WRITE_ONCE, "kafka-cluster"),
    ]


async def test_each_missing_right_is_found_without_any_change(
    broker: LocalKafka, place: Topics, user: KafkaAdmin
) -> None:
    """Each right is missing alone, then none, then all. No record is written, no offset committed, no group made."""
    rights = rights_of(place)
    assert await user.lacking(rights) == rights
    await allow(broker, rights)

    async def lacks(*expected: Right) -> bool:
        return await user.lacking(rights) == list(expected)

    await eventually(lacks, "all is allowed", within=10)
    for right in rights[:4]:
        await forbid(broker, [right])
        await eventually(lambda right=right: lacks(right), f"{right} is lacking", within=10)
        await allow(broker, [right])
        await eventually(lacks, "all is allowed", within=10)
    everybody = KafkaAdmin(KafkaConfig(broker.bootstrap_servers))
    await everybody.start()
    for topic in (place.commands, place.events, place.dead_letters):
        assert set((await everybody.ends(topic)).values()) == {0}
    assert await everybody.committed(place.group, place.commands) == {}
    await everybody.stop()
    await forbid(broker, rights)


async def test_a_broker_that_checks_no_rights_allows_everything(broker: LocalKafka, place: Topics) -> None:
    """A missing topic does not count as a missing right."""
    everybody = KafkaAdmin(KafkaConfig(broker.bootstrap_servers))
    await everybody.start()
    absent = [Right(RightTo.READ, "no.such.topic"), Right(RightTo.WRITE, "no.such.topic")]
    assert await everybody.lacking([*rights_of(place), *absent]) == []
    await everybody.stop()
