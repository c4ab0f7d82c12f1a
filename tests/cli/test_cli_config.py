"""`azplan config show`."""

from pathlib import Path

import pytest

from tests.cli.conftest import Azplan


def test_it_shows_where_each_value_came_from(
    azplan: Azplan, clean_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sources are environment, file and default, in this order of precedence."""
    (clean_place / "azplan.toml").write_text('[kafka]\ngroup_id = "from-file"\ncommands_topic = "c"\n')
    monkeypatch.setenv("AZPLAN_KAFKA__GROUP_ID", "from-environment")
    found = {each["name"]: each for each in azplan("config", "show", "--json").json}
    assert found["AZPLAN_KAFKA__GROUP_ID"] == {
        "name": "AZPLAN_KAFKA__GROUP_ID",
        "value": "from-environment",
        "origin": "the environment",
    }
    assert found["AZPLAN_KAFKA__COMMANDS_TOPIC"]["origin"] == "azplan.toml"
    assert found["AZPLAN_KAFKA__EVENTS_TOPIC"]["origin"] == "default"


def test_secrets_are_masked(azplan: Azplan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a secret nor the password in a URL is printed."""
    monkeypatch.setenv("AZPLAN_PARTNERS__CONTOSO__CLIENT_SECRET", "planted-canary-1")
    monkeypatch.setenv("AZPLAN_KAFKA__SASL_PASSWORD", "planted-canary-2")
    monkeypatch.setenv("AZPLAN_JOURNAL__URL", "postgresql://azplan:planted-canary-3@db/azplan")
    for words in (("config", "show"), ("config", "show", "--json")):
        ended = azplan(*words)
        assert "planted-canary" not in ended.out + ended.err
        assert "AZPLAN_PARTNERS__CONTOSO__CLIENT_SECRET" in ended.out


def test_changed_leaves_the_defaults_out(azplan: Azplan, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--changed` shows only values that a person set."""
    monkeypatch.setenv("AZPLAN_WORKER__CONCURRENCY", "8")
    names = [each["name"] for each in azplan("config", "show", "--changed", "--json").json]
    assert names == ["AZPLAN_SECRETS_DIR", "AZPLAN_WORKER__CONCURRENCY"], "and where these tests keep secrets"


def test_settings_that_do_not_fit_are_shown_and_refused(azplan: Azplan, monkeypatch: pytest.MonkeyPatch) -> None:
    """The values in force are printed, which helps to find the mistake. The exit code is 78."""
    monkeypatch.setenv("AZPLAN_WAITS__SETTLE", "1")
    ended = azplan("config", "show", "--changed")
    assert ended.code == 78
    assert "AZPLAN_WAITS__SETTLE  1" in ended.out
    assert "must be at least AZPLAN_WORKER__CALL_TIMEOUT" in ended.err


def test_without_a_terminal_lines_are_plain(azplan: Azplan) -> None:
    """Columns are aligned, and nothing is cut, wrapped or coloured."""
    ended = azplan("config", "show")
    assert ended.out.splitlines()[0].split() == ["SETTING", "VALUE", "FROM"]
    assert "\x1b" not in ended.out
    assert not any(line.endswith(" ") for line in ended.out.splitlines())
