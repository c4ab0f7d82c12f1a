"""`azplan check` and `azplan topics plan` on a broker that checks rights, and on topics that lose records."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.local.databases import run_apart
from ops.local.kafka import LocalKafka
from ops.local.topics import Topics
from tests.cli.conftest import Azplan
from tests.support.access import allow, guarded
from worker.operators.setup.permissions import needed_rights
from worker.settings.model import load

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """A broker that checks rights."""
    made = guarded(tmp_path_factory.mktemp("kafka"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def place(broker: LocalKafka, clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> Topics:
    """Fresh topics on this broker, and settings of a user with only the granted rights."""
    fresh, secured = Topics(broker.bootstrap_servers), broker.secured
    run_apart(fresh.create())
    user = {
        "AZPLAN_KAFKA__BOOTSTRAP_SERVERS": secured.bootstrap_servers,
        "AZPLAN_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
        "AZPLAN_KAFKA__SASL_MECHANISM": "SCRAM-SHA-512",
        "AZPLAN_KAFKA__SASL_USERNAME": secured.username,
        "AZPLAN_KAFKA__SASL_PASSWORD": secured.password,
        "AZPLAN_KAFKA__CA_FILE": str(secured.ca_file),
    }
    for name, value in {**fresh.env, **user}.items():
        monkeypatch.setenv(name, value)
    return fresh


def found(azplan: Azplan, check: str) -> list[dict[str, Any]]:
    """The results of `azplan check` about one thing."""
    return [each for each in azplan("check", "--json").json if each["check"] == check]


def test_the_check_names_the_command_that_grants_each_missing_right(
    place: Topics, broker: LocalKafka, azplan: Azplan
) -> None:
    """A topic without rights is not called missing. With the rights all checks are good."""
    said = found(azplan, "rights")
    assert [each["result"] for each in said] == ["failed"] * 4
    assert [each["detail"] for each in said] == [
        f"User:azplan may not read the topic {place.commands}",
        f"User:azplan may not read and commit as the group {place.group}",
        f"User:azplan may not write to the topic {place.events}",
        f"User:azplan may not write to the topic {place.dead_letters}",
    ]
    wanted = f"--add --allow-principal 'User:azplan' --operation Read --group {place.group}"
    assert wanted in said[1]["advice"]
    assert found(azplan, "topics")[0]["result"] == "skipped"
    assert azplan("check").code == 78
    run_apart(allow(broker, needed_rights(load().kafka)))
    assert [each["result"] for each in found(azplan, "rights")] == ["ok"]
    assert [each["result"] for each in found(azplan, "topics")] == ["ok"]


def test_a_compacted_topic_is_warned_of(
    kafka_servers: str, clean_place: Path, azplan: Azplan, monkeypatch: Any
) -> None:
    """Kafka would delete all but the newest command of a customer before a worker has read them."""
    fresh = Topics(kafka_servers)
    run_apart(fresh.create(1, **{"cleanup.policy": "compact,delete"}))
    for name, value in fresh.env.items():
        monkeypatch.setenv(name, value)
    warnings = [each for each in found(azplan, "topics") if each["result"] == "warning"]
    assert warnings[0]["detail"].startswith(
        f"{fresh.commands} is compacted: Kafka deletes all records of a customer except the newest"
    )
    assert f"--entity-name {fresh.commands} --add-config cleanup.policy=delete" in warnings[0]["advice"]
    planned = azplan("topics", "plan", "--partitions", "1")
    assert f"{fresh.commands} is compacted" in " ".join(planned.err.split())
    assert all(each["warning"] for each in azplan("topics", "plan", "--json").json)


@pytest.mark.usefixtures("clean_place")
def test_a_topic_that_keeps_everything_is_not_warned_of(
    topics: Topics, azplan: Azplan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka compacts no topic by default."""
    for name, value in topics.env.items():
        monkeypatch.setenv(name, value)
    assert [each["result"] for each in found(azplan, "topics")] == ["ok"]
    assert [each["warning"] for each in azplan("topics", "plan", "--json").json] == [None] * 3
