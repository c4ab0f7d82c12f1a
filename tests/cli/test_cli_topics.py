"""`azplan topics` on a real broker."""

import pytest

from ops.local.topics import Topics
from tests.cli.conftest import Azplan

pytestmark = pytest.mark.kafka


@pytest.fixture
def names(kafka_servers: str, clean_place: object, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of three topics that do not exist, in the settings."""
    fresh = Topics(kafka_servers)
    for name, value in fresh.env.items():
        monkeypatch.setenv(name, value)
    return [fresh.commands, fresh.events, fresh.dead_letters]


def test_plan_shows_missing_topics_and_changes_nothing(names: list[str], azplan: Azplan) -> None:
    """A second call prints the same plan."""
    for _ in range(2):
        planned = azplan("topics", "plan", "--partitions", "3", "--json")
        assert planned.code == 0
        assert [(each["topic"], each["action"]) for each in planned.json] == [(name, "create") for name in names]
    assert azplan("topics", "plan").out.count("make it with 12 partitions") == 3


def test_apply_without_a_yes_changes_nothing(names: list[str], azplan: Azplan) -> None:
    """Without a terminal, --yes is needed: the exit code is 2, and the plan is printed."""
    ended = azplan("topics", "apply", "--partitions", "3")
    assert ended.code == 2
    assert "--yes" in ended.err
    assert names[0] in ended.out
    assert all(each["action"] == "create" for each in azplan("topics", "plan", "--json").json)


def test_apply_makes_missing_topics_once(names: list[str], azplan: Azplan) -> None:
    """Partitions and retention are as configured. The second time there is nothing to do."""
    made = azplan("topics", "apply", "--partitions", "3", "--replication", "1", "--retention", "2d", "--yes")
    assert made.code == 0
    planned = azplan("topics", "plan", "--partitions", "3", "--retention", "2d", "--json").json
    assert [each["partitions"] for each in planned] == [3, 3, 3]
    assert [each["retentionSeconds"] for each in planned] == [172_800.0] * 3
    assert [each["difference"] for each in planned] == [None] * 3
    again = azplan("topics", "apply", "--partitions", "3", "--yes")
    assert again.code == 0
    assert "Nothing to do" in again.err


def test_a_topic_that_differs_is_left_as_it_is(names: list[str], azplan: Azplan) -> None:
    """The output names the difference. Only a person changes an existing topic."""
    azplan("topics", "apply", "--partitions", "2", "--replication", "1", "--yes")
    ended = azplan("topics", "apply", "--partitions", "5", "--yes")
    assert ended.code == 0
    assert "has 2 partitions instead of 5; left as it is" in ended.out
    assert [each["partitions"] for each in azplan("topics", "plan", "--json").json] == [2, 2, 2]


def test_a_refusal_by_the_broker_is_exit_code_78(
    names: list[str], azplan: Azplan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More copies than brokers is the operator's mistake. The message has the broker's words."""
    ended = azplan("topics", "apply", "--replication", "9", "--yes")
    assert ended.code == 78
    assert names[0] in ended.err


def test_without_a_broker_it_is_exit_code_69(azplan: Azplan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an answer nothing is planned."""
    monkeypatch.setenv("AZPLAN_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    for verb in ("plan", "apply"):
        ended = azplan("topics", verb)
        assert ended.code == 69
        assert "127.0.0.1:1" in ended.err
