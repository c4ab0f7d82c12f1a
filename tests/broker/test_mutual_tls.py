"""A broker that demands a certificate, and files that do not fit."""

from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from ops.local.kafka import LocalKafka
from ops.local.topics import Topics
from tests.broker.reading import read, write
from worker.broker.admin import KafkaAdmin
from worker.broker.kafka_clients import KafkaConfig
from worker.broker.port import BrokerRefused
from worker.broker.sink import KafkaSink
from worker.broker.source import KafkaSource, Membership
from worker.clock import Clock

pytestmark = pytest.mark.kafka


@pytest.fixture
def mutual(own_kafka: LocalKafka) -> KafkaConfig:
    """The listener that demands a certificate, and a certificate that this listener trusts."""
    place = own_kafka.mutual
    files = (str(each) for each in (place.ca_file, place.certificate_file, place.key_file))
    ca_file, certificate_file, key_file = files
    return KafkaConfig(
        place.bootstrap_servers, "SSL", ca_file=ca_file, certificate_file=certificate_file, key_file=key_file
    )


async def refusal(config: KafkaConfig) -> str:
    """The message for a person."""
    with pytest.raises(BrokerRefused) as error:
        await KafkaAdmin(config).start()
    return str(error.value)


async def test_a_certificate_carries_records(mutual: KafkaConfig, own_topics: Topics) -> None:
    """Sink, source and admin present the certificate."""
    sink, source = KafkaSink(mutual), KafkaSource(mutual, Membership(own_topics.commands, own_topics.group), Clock())
    await write(sink, own_topics.commands, b"secret")
    assert [each.value for each in await read(source, 1)] == [b"secret"]
    await source.stop()
    await sink.stop()


async def test_a_broker_that_misses_a_certificate_is_reported_with_the_setting(mutual: KafkaConfig) -> None:
    """A certificate that the broker does not trust gives the same message."""
    without = replace(mutual, certificate_file=None, key_file=None)
    assert "Check AZPLAN_KAFKA__CERTIFICATE_FILE and __KEY_FILE" in await refusal(without)


async def test_a_certificate_of_another_authority_is_reported_with_the_setting(
    mutual: KafkaConfig, tmp_path: Path
) -> None:
    """The broker gives no useful reason. The message names the presented files."""
    foreign = trustme.CA().issue_cert("worker.example.org", common_name="azplan")
    foreign.private_key_and_cert_chain_pem.write_to_path(tmp_path / "foreign.pem")
    both = str(tmp_path / "foreign.pem")
    shown = replace(mutual, certificate_file=both, key_file=both)
    assert "Check AZPLAN_KAFKA__CERTIFICATE_FILE and __KEY_FILE" in await refusal(shown)


async def test_files_that_cannot_be_used_are_named_each_with_its_reason(tmp_path: Path) -> None:
    """They are missing, no PEM, of another certificate, or encrypted. No verb asks on the terminal or shows a key."""
    ours, other = (trustme.CA().issue_cert(common_name=name) for name in ("azplan", "other"))
    certificate, key, strange, encrypted, text = (tmp_path / f"{name}.pem" for name in ("c", "k", "s", "e", "t"))
    ours.cert_chain_pems[0].write_to_path(certificate)
    ours.private_key_pem.write_to_path(key)
    other.private_key_pem.write_to_path(strange)
    text.write_text("hello")
    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    form, shut = serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    encrypted.write_bytes(loaded.private_bytes(serialization.Encoding.PEM, form, shut))

    async def told(certificate_file: Path, key_file: Path) -> str:
        return await refusal(
            KafkaConfig("127.0.0.1:9", "SSL", certificate_file=str(certificate_file), key_file=str(key_file))
        )

    gone = tmp_path / "gone.pem"
    certificates, keys = "AZPLAN_KAFKA__CERTIFICATE_FILE", "AZPLAN_KAFKA__KEY_FILE"
    assert await told(gone, key) == f"{certificates} {gone} cannot be read: No such file or directory"
    assert await told(certificate, gone) == f"{keys} {gone} cannot be read: No such file or directory"
    assert await told(certificate, tmp_path) == f"{keys} {tmp_path} cannot be read: Is a directory"
    assert await told(text, key) == f"{certificates} {text} holds no certificate in PEM"
    assert f"{keys} {text} holds no private key in PEM" in await told(certificate, text)
    assert await told(certificate, strange) == (
        f"{keys} {strange} does not belong to the certificate in {certificates} {certificate}"
    )
    assert f"{keys} {encrypted} is encrypted. Write the key without a passphrase" in await told(certificate, encrypted)
