"""`azplan check`: everything that the worker needs, right and wrong."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.local.simulator import SimulatorProcess
from ops.local.topics import Topics
from tests.cli.conftest import Azplan, Ended

SECRET = "AZPLAN_PARTNERS__CONTOSO__CLIENT_SECRET"
CUSTOMER = "aaaaaaaa-0000-4000-8000-000000000001"
REFRESH_TOKEN_FILE = "AZPLAN_PARTNERS__CONTOSO__REFRESH_TOKEN_FILE"


@pytest.fixture(scope="module")
def partner_center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """A Partner Center to call."""
    simulator = SimulatorProcess(tmp_path_factory.mktemp("partner-center"))
    simulator.start()
    yield simulator
    simulator.stop()


@pytest.fixture
def set_up(clean_place: Path, monkeypatch: pytest.MonkeyPatch, partner_center: SimulatorProcess) -> pytest.MonkeyPatch:
    """A good partner account, and an address without a broker. Tests add other settings."""
    for name, value in partner_center.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AZPLAN_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    return monkeypatch


def results(ended: Ended) -> dict[str, str]:
    """The results of all checks."""
    return {each["check"]: each["result"] for each in ended.json}


def finding(ended: Ended, check: str) -> dict[str, Any]:
    """The result of one check."""
    (found,) = (each for each in ended.json if each["check"] == check)
    return dict(found)


@pytest.mark.kafka
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_with_everything_right_every_line_is_ok(
    database: str, topics: Topics, set_up: pytest.MonkeyPatch, azplan: Azplan, request: pytest.FixtureRequest
) -> None:
    """The exit code is 0, and each check says what it found."""
    url = request.getfixturevalue(f"{database}_url")
    for name, value in {**topics.env, "AZPLAN_JOURNAL__URL": url}.items():
        set_up.setenv(name, value)
    ended = azplan("check", "--json")
    assert ended.code == 0
    expected = [
        "settings",
        "broker",
        "topics",
        "rights",
        "journal",
        "files",
        "token",
        "call",
        "graph token",
        "graph call",
    ]
    # A test server may run without fsync. The check says so, and that is no failure.
    said = [each for each in ended.json if "fsync=off" not in each["detail"]]
    assert [(each["check"], each["result"]) for each in said] == [(check, "ok") for check in expected]
    assert all(each["advice"] is None for each in ended.json)
    assert finding(ended, "call")["partner"] == "contoso"
    assert "customers.list answered" in finding(ended, "call")["detail"]
    plain = azplan("check")
    assert plain.code == 0
    lines = [line.split()[:2] for line in plain.out.splitlines() if "fsync=off" not in line]
    assert [line for line in lines if line[:1] == ["ok"]] == [["ok", check.split()[0]] for check in expected]


@pytest.mark.kafka
def test_topics_that_are_missing_are_named_with_the_verb_that_makes_them(
    kafka_servers: str, set_up: pytest.MonkeyPatch, azplan: Azplan
) -> None:
    """A broker without topics is usual on the first day."""
    fresh = Topics(kafka_servers)
    for name, value in fresh.env.items():
        set_up.setenv(name, value)
    ended = azplan("check", "--json")
    assert ended.code == 69
    assert fresh.events in finding(ended, "topics")["detail"]
    assert "azplan topics apply" in finding(ended, "topics")["advice"]


def test_a_broker_that_does_not_answer_leaves_the_other_checks_alone(
    set_up: pytest.MonkeyPatch, azplan: Azplan
) -> None:
    """The other checks run. The failed one says why; the exit code is 69."""
    ended = azplan("check", "--json")
    assert ended.code == 69
    assert results(ended) == {
        "settings": "ok",
        "broker": "failed",
        "topics": "skipped",
        "rights": "skipped",
        "journal": "ok",
        "files": "ok",
        "token": "ok",
        "call": "ok",
        "graph token": "ok",
        "graph call": "ok",
    }
    assert "AZPLAN_KAFKA__BOOTSTRAP_SERVERS" in finding(ended, "broker")["advice"]


def test_a_wrong_secret_gives_no_token_and_names_the_setting_to_check(
    set_up: pytest.MonkeyPatch, azplan: Azplan
) -> None:
    """The output has the authority's own words and not the secret."""
    set_up.setenv(SECRET, "planted-canary-secret")
    ended = azplan("check", "--json")
    assert ended.code == 69
    assert (results(ended)["token"], results(ended)["call"]) == ("failed", "skipped")
    assert (results(ended)["graph token"], results(ended)["graph call"]) == ("skipped", "skipped")
    assert "AADSTS7000215" in finding(ended, "token")["detail"]
    assert "its value (not its id) into AZPLAN_PARTNERS__CONTOSO__CLIENT_SECRET" in finding(ended, "token")["advice"]
    assert "planted-canary" not in ended.out + ended.err


def test_a_certificate_that_is_not_trusted_is_not_the_secrets_fault(
    set_up: pytest.MonkeyPatch, azplan: Azplan, partner_center: SimulatorProcess
) -> None:
    """Nobody is told to sign in either: the remedy is the authority's file."""
    set_up.delenv("AZPLAN_PARTNERS__CONTOSO__CA_FILE")
    set_up.setenv(REFRESH_TOKEN_FILE, str(partner_center.refresh_token_file))
    ended = azplan("check", "--json")
    for check in ("token", "user token"):
        advice = finding(ended, check)["advice"]
        assert "AZPLAN_PARTNERS__CONTOSO__CA_FILE" in advice
        assert "Sign the user in" not in advice
        assert "secret" not in advice


def test_an_authority_whose_name_cannot_be_resolved_is_dns(set_up: pytest.MonkeyPatch, azplan: Azplan) -> None:
    """The advice names the host name and a proxy, and no secret."""
    set_up.setenv("AZPLAN_PARTNERS__CONTOSO__AUTHORITY", "https://nowhere.invalid/t")
    advice = finding(azplan("check", "--json"), "token")["advice"]
    assert "DNS" in advice
    assert "AZPLAN_PARTNERS__CONTOSO__PROXY" in advice


def test_a_proxy_that_is_not_there_is_named(set_up: pytest.MonkeyPatch, azplan: Azplan) -> None:
    """This holds for sign-in and for Partner Center. The proxy's password is never shown."""
    set_up.setenv("AZPLAN_PARTNERS__CONTOSO__PROXY", "http://u:planted-canary@127.0.0.1:1")
    set_up.setenv("AZPLAN_PARTNERS__CONTOSO__AUTHORITY", "https://login.example/t")
    ended = azplan("check", "--json")
    assert "Check AZPLAN_PARTNERS__CONTOSO__PROXY" in finding(ended, "token")["advice"]
    assert "planted-canary" not in ended.out + ended.err


def test_an_unused_proxy_of_the_environment_is_reported(set_up: pytest.MonkeyPatch, azplan: Azplan) -> None:
    """The line names the setting to use. Without an account that needs a proxy there is no line."""
    set_up.setenv("HTTPS_PROXY", "http://u:planted-canary@127.0.0.1:1")
    assert "proxy" not in results(azplan("check", "--json")), "everything is on this very machine"
    set_up.setenv("AZPLAN_PARTNERS__CONTOSO__AUTHORITY", "https://nowhere.invalid/t")
    ended = azplan("check", "--json")
    assert results(ended)["proxy"] == "warning"
    assert "HTTPS_PROXY is set, but azplan does not use it" in finding(ended, "proxy")["detail"]
    assert "AZPLAN_PARTNERS__CONTOSO__PROXY" in finding(ended, "proxy")["detail"]
    assert "planted-canary" not in ended.out + ended.err
    set_up.setenv("NO_PROXY", "nowhere.invalid")
    assert "proxy" not in results(azplan("check", "--json"))


def test_an_account_with_a_refresh_token_is_looked_at_with_both_tokens(
    set_up: pytest.MonkeyPatch, azplan: Azplan, partner_center: SimulatorProcess
) -> None:
    """A call that needs a user's token is made with one. The new refresh token is stored."""
    before = partner_center.refresh_token_file.read_text()
    set_up.setenv(REFRESH_TOKEN_FILE, str(partner_center.refresh_token_file))
    ended = azplan("check", "--json")
    expected = {"token": "ok", "call": "ok", "user token": "ok", "user call": "ok"}
    assert {check: result for check, result in results(ended).items() if check in expected} == expected
    assert "agreements.metadata answered" in finding(ended, "user call")["detail"]
    assert partner_center.refresh_token_file.read_text() != before


def test_a_dead_refresh_token_is_found_though_the_application_has_a_token(
    set_up: pytest.MonkeyPatch, azplan: Azplan, clean_place: Path
) -> None:
    """The check says what a person has to do, and does not show the token."""
    (clean_place / "refresh-token").write_text("planted-canary-refresh")
    set_up.setenv(REFRESH_TOKEN_FILE, str(clean_place / "refresh-token"))
    ended = azplan("check", "--json")
    assert ended.code == 69
    found = results(ended)
    assert (found["token"], found["call"], found["user token"], found["user call"]) == ("ok", "ok", "failed", "skipped")
    assert "AADSTS" in finding(ended, "user token")["detail"]
    assert REFRESH_TOKEN_FILE in finding(ended, "user token")["advice"]
    assert "planted-canary" not in ended.out + ended.err


def test_a_partner_center_that_cannot_be_reached_has_a_token_and_no_call(
    set_up: pytest.MonkeyPatch, azplan: Azplan
) -> None:
    """The check tells token and call apart."""
    set_up.setenv("AZPLAN_PARTNERS__CONTOSO__BASE_URL", "http://127.0.0.1:1")
    ended = azplan("check", "--json")
    assert (results(ended)["token"], results(ended)["call"]) == ("ok", "failed")
    assert "AZPLAN_PARTNERS__CONTOSO__BASE_URL" in finding(ended, "call")["advice"]


def test_a_missing_permission_at_microsoft_graph_is_a_warning(
    set_up: pytest.MonkeyPatch, azplan: Azplan, partner_center: SimulatorProcess
) -> None:
    """It names the permission and the command that needs it. Every other command works without."""
    for user in (None, str(partner_center.refresh_token_file)):
        if user is not None:
            set_up.setenv(REFRESH_TOKEN_FILE, user)
        partner_center.fault(
            "error_before", operation="graph.*", status=403, code="Authorization_RequestDenied", count=None
        )
        ended = azplan("check", "--json")
        partner_center.calm()
        assert (results(ended)["graph token"], results(ended)["graph call"]) == ("ok", "warning")
        assert "ExportInvoiceLines" in finding(ended, "graph call")["detail"]
        assert "Authorization_RequestDenied" in finding(ended, "graph call")["detail"]
        assert "PartnerBilling.Read.All" in finding(ended, "graph call")["advice"]
        assert "with a new id" not in finding(ended, "graph call")["advice"], "there is no command yet"


def test_a_token_that_microsoft_graph_refuses_names_the_audience(set_up: pytest.MonkeyPatch, azplan: Azplan) -> None:
    """The call of Partner Center is well: its audience is another setting."""
    set_up.setenv("AZPLAN_PARTNERS__CONTOSO__GRAPH_AUDIENCE", "https://api.partnercenter.microsoft.com")
    ended = azplan("check", "--json")
    found = results(ended)
    assert (found["call"], found["graph token"], found["graph call"]) == ("ok", "failed", "skipped")
    assert "AZPLAN_PARTNERS__CONTOSO__GRAPH_AUDIENCE" in finding(ended, "graph token")["advice"]


def test_an_audience_that_the_tenant_lacks_names_the_setting_of_microsoft_graph(
    set_up: pytest.MonkeyPatch, azplan: Azplan
) -> None:
    """The advice of the sign-in is about the audience that was asked for."""
    set_up.setenv("AZPLAN_PARTNERS__CONTOSO__GRAPH_AUDIENCE", "https://nowhere.example")
    advice = finding(azplan("check", "--json"), "graph token")["advice"]
    assert "AZPLAN_PARTNERS__CONTOSO__GRAPH_AUDIENCE" in advice


def test_a_microsoft_graph_that_cannot_be_reached_has_a_token_and_no_call(
    set_up: pytest.MonkeyPatch, azplan: Azplan
) -> None:
    """The check tells token and call apart, and names the setting with the address."""
    set_up.setenv("AZPLAN_PARTNERS__CONTOSO__GRAPH_URL", "http://127.0.0.1:1/v1.0")
    ended = azplan("check", "--json")
    assert (results(ended)["graph token"], results(ended)["graph call"]) == ("ok", "failed")
    assert "AZPLAN_PARTNERS__CONTOSO__GRAPH_URL" in finding(ended, "graph call")["advice"]


def test_a_ca_file_that_is_not_there_is_a_wrong_setting(set_up: pytest.MonkeyPatch, azplan: Azplan) -> None:
    """Exit code 78 counts before 69."""
    set_up.setenv("AZPLAN_PARTNERS__CONTOSO__CA_FILE", "/absent/ca.pem")
    ended = azplan("check", "--json")
    assert ended.code == 78
    detail = "AZPLAN_PARTNERS__CONTOSO__CA_FILE /absent/ca.pem cannot be used: No such file or directory"
    assert finding(ended, "token")["detail"] == detail


def test_without_a_partner_account_it_says_which_settings_make_one(
    clean_place: Path, azplan: Azplan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker without an account could only refuse commands."""
    monkeypatch.setenv("AZPLAN_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    ended = azplan("check", "--json")
    assert ended.code == 78
    assert "AZPLAN_PARTNERS__<NAME>__TENANT_ID" in finding(ended, "token")["advice"]


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"AZPLAN_PARTNERS__CONTOSO__CA_FILE": "/absent/ca.pem"},
        {"AZPLAN_PARTNERS__CONTOSO__TENANT_ID": None, "AZPLAN_PARTNERS__CONTOSO__CLIENT_ID": None, SECRET: None},
        {"AZPLAN_WORKER__CONCURRENCY": "many"},
    ],
    ids=["everything is right", "the account cannot be used", "there is no account", "the settings are wrong"],
)
def test_a_check_that_cannot_be_made_is_named_and_skipped(
    changed: dict[str, str | None], set_up: pytest.MonkeyPatch, azplan: Azplan
) -> None:
    """A program that reads the findings meets the same checks each time, also those of a customer."""
    every = {each["check"] for each in azplan("check", "--customer", CUSTOMER, "--json").json}
    if any(value is None for value in changed.values()):
        for name in [name for name in os.environ if name.startswith("AZPLAN_PARTNERS__")]:
            set_up.delenv(name)
    for name, value in changed.items():
        if value is not None:
            set_up.setenv(name, value)
    ended = azplan("check", "--customer", CUSTOMER, "--json")
    assert {each["check"] for each in ended.json} == every
    assert {"graph call", "CreateAzurePlan", "customer"} <= every


def test_wrong_settings_are_all_named_and_nothing_else_is_looked_at(
    clean_place: Path, azplan: Azplan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code is 78, and the output names every mistake at once."""
    monkeypatch.setenv("AZPLAN_KAFKA__GROUPID", "x")
    monkeypatch.setenv("AZPLAN_WORKER__CONCURRENCY", "many")
    ended = azplan("check", "--json")
    assert ended.code == 78
    detail = finding(ended, "settings")["detail"]
    assert "AZPLAN_KAFKA__GROUPID" in detail
    assert "AZPLAN_WORKER__CONCURRENCY" in detail
    assert set(results(ended).values()) == {"failed", "skipped"}


@pytest.mark.parametrize(
    ("url", "code", "result", "text"),
    [
        ("sqlite:///new.db", 69, "ok", "`azplan run` makes"),
        ("sqlite:////absent/folder/new.db", 78, "failed", "/absent/folder"),
        ("sqlite:///text.db", 78, "failed", "text.db"),
        ("postgresql://azplan:planted-canary@127.0.0.1:1/azplan", 69, "failed", "PostgreSQL"),
    ],
)
def test_the_journal_is_looked_at_and_never_made(
    url: str, code: int, result: str, text: str, set_up: pytest.MonkeyPatch, azplan: Azplan, clean_place: Path
) -> None:
    """The check leaves no file behind, refuses a file that is no journal, and shows no password."""
    (clean_place / "text.db").write_text("this is no database, however long it is " * 50)
    set_up.setenv("AZPLAN_JOURNAL__URL", url)
    ended = azplan("check", "--json")
    assert ended.code == code
    found = finding(ended, "journal")
    assert found["result"] == result
    assert text in found["detail"]
    assert "planted-canary" not in ended.out
    assert not (clean_place / "new.db").exists()


def test_a_journal_that_is_reached_without_a_proved_server_is_warned_about(
    set_up: pytest.MonkeyPatch, azplan: Azplan
) -> None:
    """The warning has a line of its own, even if the database does not answer. A warning is no failure."""
    set_up.setenv("AZPLAN_JOURNAL__URL", "postgresql://azplan:planted-canary@0.0.0.0:1/azplan")
    ended = azplan("check", "--json")
    lines = [each for each in ended.json if each["check"] == "journal"]
    assert [each["result"] for each in lines] == ["failed", "warning"]
    assert "sslmode=verify-full" in lines[1]["detail"]
    assert "planted-canary" not in ended.out


def test_the_destination_of_files_is_tried_and_left_as_it_was(
    set_up: pytest.MonkeyPatch, azplan: Azplan, tmp_path: Path
) -> None:
    """A file is created, read and deleted there, and no other file is touched."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_bytes(b"kept")
    set_up.setenv("AZPLAN_FILES__URL", f"file://{tmp_path}/out")
    ended = azplan("check", "--json")
    assert finding(ended, "files")["result"] == "ok"
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == ["mine"]


def test_a_destination_that_takes_no_file_is_a_wrong_setting(
    set_up: pytest.MonkeyPatch, azplan: Azplan, tmp_path: Path
) -> None:
    """A file stands where the folder should be. The finding says which setting to correct."""
    (tmp_path / "out").write_bytes(b"")
    set_up.setenv("AZPLAN_FILES__URL", f"file://{tmp_path}/out")
    ended = azplan("check", "--json")
    assert ended.code == 78
    assert finding(ended, "files")["result"] == "failed"
    assert "AZPLAN_FILES__URL" in finding(ended, "files")["advice"]
