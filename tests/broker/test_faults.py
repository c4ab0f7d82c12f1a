"""A broker that dies, freezes or comes back, and credentials that are wrong."""

import asyncio
from pathlib import Path

import pytest

from events.wire.record import Outgoing
from ops.local.kafka import LocalKafka
from ops.local.topics import Topics
from ops.local.waiting import eventually
from tests.broker.reading import behind, poll, read, write
from worker.broker.admin import KafkaAdmin
from worker.broker.kafka_clients import KafkaConfig
from worker.broker.port import BrokerRefused, BrokerUnavailable
from worker.broker.sink import KafkaSink
from worker.broker.source import KafkaSource, Membership
from worker.clock import Clock
from worker.redaction import redact

pytestmark = pytest.mark.kafka


def source_of(config: KafkaConfig, topics: Topics, **more: float) -> KafkaSource:
    """A member of the test's group."""
    return KafkaSource(config, Membership(topics.commands, topics.group), Clock(), **more)


async def test_a_killed_broker_loses_nothing_that_was_acknowledged(
    own_kafka: LocalKafka, own_config: KafkaConfig, own_topics: Topics
) -> None:
    """Source and sink survive SIGKILL and restart of the broker: the same objects go on with their offsets."""
    sink, source = KafkaSink(own_config, delivery_seconds=5), source_of(own_config, own_topics)
    await write(sink, own_topics.commands, b"before", partition=0)
    first = await read(source, 1)
    await source.commit(behind(first), (await poll(source)).epoch)
    await asyncio.to_thread(own_kafka.kill)
    with pytest.raises(BrokerUnavailable):
        await write(sink, own_topics.commands, b"during", partition=0)
    await poll(source, patient=True)
    await asyncio.to_thread(own_kafka.start)
    await eventually(lambda: _writes(sink, own_topics.commands), "the sink writes again", within=60)
    values = [each.value for each in await read(source, 1, within=60, patient=True)]
    assert values[-1] == b"after"
    assert b"before" not in values
    await source.stop()
    await sink.stop()


async def test_records_that_were_given_up_are_not_delivered_behind_newer_ones(
    own_kafka: LocalKafka, own_config: KafkaConfig, own_topics: Topics
) -> None:
    """Sends that timed out at a frozen broker do not arrive later. Their callers have sent the records again."""
    sink, topic = KafkaSink(own_config, delivery_seconds=2), own_topics.events
    await write(sink, topic, b"before", partition=0)
    await asyncio.to_thread(own_kafka.pause)
    late = [sink.send(topic, Outgoing(b"k", b"late", ()), partition=0) for _ in range(20)]
    results = await asyncio.gather(*late, return_exceptions=True)
    assert {type(each) for each in results} == {BrokerUnavailable}
    await asyncio.to_thread(own_kafka.resume)
    await eventually(lambda: _writes(sink, topic), "the sink writes again", within=60)
    source = KafkaSource(own_config, Membership(topic, own_topics.group), Clock())
    values = [each.value for each in await read(source, 2)]
    for _ in range(4):
        values += [each.value for each in (await poll(source)).records]
    assert values[0] == b"before"
    assert b"late" not in values[values.index(b"after") :]
    await source.stop()
    await sink.stop()


async def _writes(sink: KafkaSink, topic: str) -> bool:
    try:
        await write(sink, topic, b"after", partition=0)
    except BrokerUnavailable:
        return False
    return True


async def test_a_frozen_broker_holds_nobody(own_kafka: LocalKafka, own_config: KafkaConfig, own_topics: Topics) -> None:
    """Poll, lag and stop return within seconds without any answer."""
    source = source_of(own_config, own_topics)
    await source.start()
    await asyncio.to_thread(own_kafka.pause)
    async with asyncio.timeout(20):
        assert (await source.poll(10, 0.5)).records == ()
        await source.stop()
    await asyncio.to_thread(own_kafka.resume)


async def test_a_stuck_source_is_replaced(own_config: KafkaConfig, own_topics: Topics) -> None:
    """If there are records and a poll returns none, the client is replaced, and the new one returns them."""
    sink, source = KafkaSink(own_config), source_of(own_config, own_topics, stuck_seconds=1.0)
    await source.start()
    # The fetcher's task dies, as happens in production. The library goes on as if it were still running.
    consumer = source._consumer
    consumer._fetcher._fetch_task.cancel()
    await write(sink, own_topics.commands, b"1", partition=0)
    source._looked -= 60
    values = [each.value for each in await read(source, 1, within=60)]
    assert values == [b"1"]
    assert source.health().rebuilds == 1
    await source.stop()
    await sink.stop()


async def test_an_address_without_a_broker_is_named() -> None:
    """Source, sink and admin name the servers that they tried."""
    nowhere = KafkaConfig("127.0.0.1:9")
    for part in (KafkaSink(nowhere), KafkaAdmin(nowhere), KafkaSource(nowhere, Membership("t", "g"), Clock())):
        async with asyncio.timeout(10):
            with pytest.raises(BrokerUnavailable, match=r"no Kafka broker answers at 127\.0\.0\.1:9: "):
                await part.start()
        await part.stop()


@pytest.fixture
def secured(own_kafka: LocalKafka) -> KafkaConfig:
    """The listener with TLS and SASL."""
    place = own_kafka.secured
    return KafkaConfig(
        place.bootstrap_servers, "SASL_SSL", "SCRAM-SHA-512", place.username, place.password, str(place.ca_file)
    )


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_tls_and_sasl_carry_records(mechanism: str, secured: KafkaConfig, own_topics: Topics) -> None:
    """Each mechanism reads and writes. Azure Event Hubs speaks PLAIN over TLS."""
    config = KafkaConfig(
        secured.bootstrap_servers, "SASL_SSL", mechanism, secured.sasl_username, secured.sasl_password, secured.ca_file
    )
    sink, source = KafkaSink(config), source_of(config, own_topics)
    await write(sink, own_topics.commands, b"secret")
    assert [each.value for each in await read(source, 1)] == [b"secret"]
    await source.stop()
    await sink.stop()


async def test_a_wrong_password_is_refused_and_not_shown(secured: KafkaConfig) -> None:
    """The message names the settings. It has neither password, and redaction leaves it whole."""
    wrong = KafkaConfig(
        secured.bootstrap_servers, "SASL_SSL", "SCRAM-SHA-512", secured.sasl_username, "wr0ng-password", secured.ca_file
    )
    with pytest.raises(BrokerRefused, match=r"refuses the sign-in: .*Check AZPLAN_KAFKA__SASL_") as error:
        await KafkaAdmin(wrong).start()
    assert "wr0ng-password" not in str(error.value) + repr(wrong)
    assert redact(str(error.value)) == str(error.value)


async def test_an_authority_that_is_not_trusted_is_named(secured: KafkaConfig) -> None:
    """Without the CA file the certificate is refused, and the message names the setting."""
    system = KafkaConfig(secured.bootstrap_servers, "SASL_SSL", "PLAIN", "u", "p")
    with pytest.raises(
        BrokerRefused, match=r"TLS with Kafka at .* fails: CERTIFICATE_VERIFY_FAILED.*AZPLAN_KAFKA__CA_FILE"
    ):
        await KafkaAdmin(system).start()


async def test_a_ca_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing and malformed files are both refused."""
    broken = tmp_path / "ca.pem"
    broken.write_text("no certificate")
    for file in (broken, tmp_path / "gone.pem"):
        with pytest.raises(BrokerRefused, match=rf"AZPLAN_KAFKA__CA_FILE {file} cannot be used: "):
            await KafkaAdmin(KafkaConfig("127.0.0.1:9", "SSL", ca_file=str(file))).start()
