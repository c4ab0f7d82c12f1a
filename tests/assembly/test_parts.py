"""Parts of a worker made from settings."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.support.harness import settings_of
from worker.assembly.parts import ages, kafka_config, lease, open_engine, policy, tenants_of
from worker.clock import Clock
from worker.journal.database.postgres.engine import PostgresEngine
from worker.journal.database.sqlite.engine import SqliteEngine


@pytest.mark.parametrize(
    ("url", "engine"),
    [("sqlite:///journal.db", SqliteEngine), ("postgresql://azplan@db.example/azplan", PostgresEngine)],
)
def test_the_url_of_the_journal_says_which_database_it_is(url: str, engine: type, tmp_path: Path) -> None:
    """Nothing is opened or created yet."""
    settings = settings_of(journal={"url": SecretStr(url)})
    assert isinstance(open_engine(settings, Clock()), engine)
    assert list(tmp_path.iterdir()) == []


def test_durations_become_seconds() -> None:
    """The parts get numbers, each in the unit of its part."""
    settings = settings_of(
        worker={"lease": timedelta(seconds=90), "heartbeat": timedelta(seconds=10)},
        waits={"settle": timedelta(seconds=60)},
        journal={"retention": timedelta(days=400), "detail_retention": timedelta(days=30)},
    )
    assert lease(settings).lease == 90
    assert policy(settings).settle == 60
    assert ages(settings).details < ages(settings).whole


def test_an_account_of_a_sandbox_has_no_budgets() -> None:
    """The setting says so: Microsoft documents no signal."""
    settings = settings_of(("one", "two"))
    settings.partners["two"] = settings.partners["two"].model_copy(update={"sandbox": True})
    assert {name: each.sandbox for name, each in policy(settings).accounts.items()} == {"one": False, "two": True}


def test_each_account_has_a_policy_of_its_own() -> None:
    """What an account's commands do is decided by the settings of that account."""
    settings = settings_of(("one", "two"))
    settings.partners["two"] = settings.partners["two"].model_copy(update={"attestation": "off"})
    found = {name: each.attestation for name, each in policy(settings).accounts.items()}
    assert found == {"one": "legacy", "two": "off"}


def test_brokers_and_tenants_are_those_of_the_settings() -> None:
    """The name of an account leads to its tenant id."""
    settings = settings_of(("contoso", "fabrikam"), kafka={"bootstrap_servers": "one:9092,two:9092"})
    assert kafka_config(settings).bootstrap_servers == "one:9092,two:9092"
    assert set(tenants_of(settings)) == {"contoso", "fabrikam"}
