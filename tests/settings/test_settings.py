"""Settings: their sources, their valid values, and the messages about wrong ones."""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from worker.settings.model import Settings, SettingsError, load
from worker.settings.reference import described, effective, table
from worker.settings.sources import value_now

TENANT = "0d9b0b5e-7a3b-4a3c-9a64-6f2f3b1f6c01"
CLIENT = "6c1d5a3e-2f0b-4e57-8a06-3f9d9b8a7c02"
CONTOSO = {
    "AZPLAN_PARTNERS__CONTOSO__TENANT_ID": TENANT,
    "AZPLAN_PARTNERS__CONTOSO__CLIENT_ID": CLIENT,
    "AZPLAN_PARTNERS__CONTOSO__CLIENT_SECRET": "not-for-anybodys-eyes",
}


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # An empty folder, no secrets, and none of the settings from the environment of the test run.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secrets").mkdir()
    monkeypatch.setattr("os.environ", {"AZPLAN_SECRETS_DIR": str(tmp_path / "secrets")})


def given(monkeypatch: pytest.MonkeyPatch, settings: Mapping[str, str]) -> None:
    """Set variables of the environment."""
    for name, value in settings.items():
        monkeypatch.setitem(os.environ, name, value)


def problems_of(monkeypatch: pytest.MonkeyPatch, settings: Mapping[str, str]) -> tuple[str, ...]:
    """The text of the error about these variables."""
    given(monkeypatch, settings)
    with pytest.raises(SettingsError) as error:
        load()
    return error.value.problems


DEFAULTS = {
    "CONFIG_FILE": "azplan.toml",
    "SECRETS_DIR": "/run/secrets",
    "KAFKA__BOOTSTRAP_SERVERS": "localhost:9092",
    "KAFKA__GROUP_ID": "azplan-worker",
    "KAFKA__COMMANDS_TOPIC": "azplan.commands.v1",
    "KAFKA__EVENTS_TOPIC": "azplan.events.v1",
    "KAFKA__DEAD_LETTERS_TOPIC": "azplan.dead-letters.v1",
    "KAFKA__SECURITY_PROTOCOL": "PLAINTEXT",
    "KAFKA__SASL_MECHANISM": "",
    "KAFKA__SASL_USERNAME": "",
    "KAFKA__SASL_PASSWORD": "",
    "KAFKA__CA_FILE": "",
    "KAFKA__CERTIFICATE_FILE": "",
    "KAFKA__KEY_FILE": "",
    "KAFKA__MAX_REQUEST_BYTES": "1000000",
    "KAFKA__MAX_INFLATED": "67108864",
    "KAFKA__START_FROM": "earliest",
    "JOURNAL__URL": "sqlite:///azplan.db",
    "JOURNAL__PASSWORD": "",
    "JOURNAL__CA_FILE": "",
    "JOURNAL__RETENTION": "P400D",
    "JOURNAL__DETAIL_RETENTION": "P30D",
    "PARTNERS__<NAME>__TENANT_ID": "",
    "PARTNERS__<NAME>__CLIENT_ID": "",
    "PARTNERS__<NAME>__CLIENT_SECRET": "",
    "PARTNERS__<NAME>__CERTIFICATE_FILE": "",
    "PARTNERS__<NAME>__FEDERATED_TOKEN_FILE": "",
    "PARTNERS__<NAME>__BASE_URL": "https://api.partnercenter.microsoft.com",
    "PARTNERS__<NAME>__AUTHORITY": "",
    "PARTNERS__<NAME>__AUDIENCE": "https://api.partnercenter.microsoft.com",
    "PARTNERS__<NAME>__CA_FILE": "",
    "PARTNERS__<NAME>__PROXY": "",
    "PARTNERS__<NAME>__REFRESH_TOKEN_FILE": "",
    "PARTNERS__<NAME>__ATTESTATION": "legacy",
    "PARTNERS__<NAME>__REQUESTS_PER_MINUTE": "500",
    "PARTNERS__<NAME>__CANCEL_THROUGH": "partner_center",
    "PARTNERS__<NAME>__ARM_URL": "https://management.azure.com",
    "PARTNERS__<NAME>__ARM_AUDIENCE": "https://management.azure.com",
    "PARTNERS__<NAME>__ARM_REQUESTS_PER_MINUTE": "600",
    "PARTNERS__<NAME>__GRAPH_URL": "https://graph.microsoft.com/v1.0",
    "PARTNERS__<NAME>__GRAPH_AUDIENCE": "https://graph.microsoft.com",
    "PARTNERS__<NAME>__GRAPH_REQUESTS_PER_MINUTE": "10",
    "PARTNERS__<NAME>__STORAGE_HOSTS": ".blob.core.windows.net,.dfs.core.windows.net",
    "PARTNERS__<NAME>__SANDBOX": "false",
    "WORKER__CONCURRENCY": "64",
    "WORKER__MAX_PENDING": "2000",
    "WORKER__DRAIN_TIMEOUT": "45",
    "WORKER__LEASE": "60",
    "WORKER__HEARTBEAT": "5",
    "WORKER__CALL_TIMEOUT": "40",
    "WORKER__POISON_WINDOW": "200",
    "WORKER__POISON_SHARE": "0.5",
    "WORKER__VALIDATE_ONLY": "false",
    "WAITS__FIRST": "5",
    "WAITS__MAX": "300",
    "WAITS__ORDER_DEADLINE": "P1D",
    "WAITS__UPGRADE_DEADLINE": "P2D",
    "WAITS__EXPORT_DEADLINE": "21600",
    "WAITS__EXPORT_FIRST": "30",
    "WAITS__EXPORT_MAX": "300",
    "WAITS__DATA_FIRST": "3600",
    "WAITS__DATA_MAX": "43200",
    "WAITS__DATA_DEADLINE": "P10D",
    "WAITS__SETTLE": "300",
    "WAITS__ORDER_LIST_LAG": "900",
    "WAITS__CUSTOMER_LAG": "120",
    "WAITS__QUOTE_AGE": "600",
    "RETRIES__FIRST": "1",
    "RETRIES__MAX": "600",
    "RETRIES__ATTEMPTS": "10",
    "HTTP__HOST": "127.0.0.1",
    "HTTP__PORT": "8080",
    "METRICS__HOST": "127.0.0.1",
    "METRICS__PORT": "9464",
    "LOG__LEVEL": "info",
    "LOG__FORMAT": "auto",
    "FILES__URL": "file:azplan-files",
    "FILES__FORMATS": "",
    "FILES__FOCUS_VERSION": "1.2",
    "FILES__CONCURRENCY": "1",
    "FILES__DOWNLOADS": "4",
    "FILES__SCRATCH": "",
    "FILES__KEEP_UNBILLED": "7",
    "FILES__TRUST_ETAG": "true",
    "FILES__RECORDS_IN_EVENTS": "10000",
    "COMPARE__TOLERANCE": "0",
}


def test_the_names_and_defaults_are_those_that_other_teams_rely_on() -> None:
    """No setting appears, vanishes or changes its default without this table being changed."""
    assert {each.name.removeprefix("AZPLAN_"): each.default for each in described()} == DEFAULTS


def test_every_setting_says_what_it_means() -> None:
    """The table of docs/settings.md has a meaning in every row."""
    assert all(each.meaning for each in described())
    assert table().count("\n") == len(DEFAULTS) + 1


def test_the_worker_needs_no_setting_to_be_configured() -> None:
    """Without any setting, the defaults are valid."""
    assert load() == Settings()


# --- sources ----------------------------------------------------------------------------------------------------------


def test_the_environment_wins_over_secrets_over_the_file_over_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each source gives only the values that the sources before it do not have."""
    given(monkeypatch, {"AZPLAN_LOG__LEVEL": "debug"})
    (tmp_path / "secrets" / "AZPLAN_LOG__LEVEL").write_text("error")
    (tmp_path / "secrets" / "AZPLAN_LOG__FORMAT").write_text("json\n")
    (tmp_path / "azplan.toml").write_text('[log]\nlevel = "error"\nformat = "console"\n[http]\nport = 81\n')
    settings = load()
    assert (settings.log.level, settings.log.format) == ("debug", "json")
    assert (settings.http.port, settings.metrics.port) == (81, 9464)


def test_a_secret_in_a_file_has_the_name_of_its_variable_in_any_case(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Docker writes secret files in lower case, other tools in other cases.

    A trailing newline is no part of the secret.
    """
    given(monkeypatch, {name: value for name, value in CONTOSO.items() if not name.endswith("SECRET")})
    (tmp_path / "secrets" / "azplan_partners__contoso__client_secret").write_text("s3cret\r\n")
    secret = load().partners["contoso"].client_secret
    assert secret is not None
    assert secret.get_secret_value() == "s3cret"


@pytest.mark.parametrize(
    "name",
    [
        "azplan-partners--contoso--client-secret",
        "AZPLAN-Partners--Contoso--Client-Secret",
        "azplan_partners--contoso--client-secret",
        "azplan-partners__contoso__client_secret",
    ],
)
def test_a_secret_may_be_named_with_hyphens(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Azure Key Vault needs that: `--` for `__` and `-` for `_`, in any case."""
    given(monkeypatch, {key: value for key, value in CONTOSO.items() if not key.endswith("SECRET")})
    (tmp_path / "secrets" / name).write_text("s3cret\n")
    (tmp_path / "secrets" / "azplan-kafka--group-id").write_text("my-group")
    (tmp_path / "secrets" / "azplan-tls.crt").write_text("somebody else's")
    secret = load().partners["contoso"].client_secret
    assert secret is not None
    assert secret.get_secret_value() == "s3cret"
    assert load().kafka.group_id == "my-group"
    assert value_now(("partners", "contoso", "client_secret")) == "s3cret"
    (origin,) = (each.origin for each in effective() if each.name.endswith("CONTOSO__CLIENT_SECRET"))
    assert origin.endswith(name)


def test_an_account_whose_name_has_hyphens_gets_its_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The name may contain hyphens. If two accounts fit, the setting is refused and not guessed."""
    given(monkeypatch, {"AZPLAN_PARTNERS__MY-CO__TENANT_ID": TENANT, "AZPLAN_PARTNERS__MY-CO__CLIENT_ID": CLIENT})
    (tmp_path / "secrets" / "azplan-partners--my-co--client-secret").write_text("s3cret")
    assert list(load().partners) == ["my-co"]
    (problem,) = problems_of(monkeypatch, {"AZPLAN_PARTNERS__MY_CO__TENANT_ID": TENANT})
    assert "may belong to the account my-co or my_co. Use underscores in its name" in problem


def test_two_names_of_one_setting_must_agree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The message names both and quotes no content. Equal contents are accepted."""
    given(monkeypatch, {key: value for key, value in CONTOSO.items() if not key.endswith("SECRET")})
    first = tmp_path / "secrets" / "azplan-partners--contoso--client-secret"
    second = tmp_path / "secrets" / "azplan_partners__contoso__client_secret"
    first.write_text("canary-1")
    second.write_text("canary-1\n")
    assert load().partners["contoso"].client_secret is not None
    second.write_text("canary-2")
    (problem,) = problems_of(monkeypatch, {})
    assert f"{first} and {second} are two names of AZPLAN_PARTNERS__CONTOSO__CLIENT_SECRET" in problem
    assert "Keep one of them" in problem
    assert "canary" not in problem
    with pytest.raises(SettingsError):
        effective()
    first.write_text("")
    assert load().partners["contoso"].client_secret is not None, "an empty one counts as not written"


def test_two_spellings_of_one_variable_must_agree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Names are compared without case in the environment, in the file and among the secrets."""
    (problem,) = problems_of(monkeypatch, {"AZPLAN_KAFKA__GROUP_ID": "a", "azplan_kafka__group_id": "b"})
    assert "AZPLAN_KAFKA__GROUP_ID in the environment and azplan_kafka__group_id in the environment are two" in problem
    given(monkeypatch, {"azplan_kafka__group_id": "a"})
    assert load().kafka.group_id == "a"
    (tmp_path / "azplan.toml").write_text("[http]\nport = 81\nPort = 82\n")
    (problem,) = problems_of(monkeypatch, {})
    assert "two names of AZPLAN_HTTP__PORT" in problem


def test_files_of_others_among_the_secrets_are_left_alone(tmp_path: Path) -> None:
    """A mounted folder has other things too: other names, folders, links to nowhere."""
    folder = tmp_path / "secrets"
    (folder / "kubernetes.io").mkdir()
    (folder / "password").write_bytes(b"\xff\xfe")
    (folder / "AZPLAN_LICENCE").write_text("x")
    (folder / "AZPLAN_LOG__LEVEL").symlink_to(folder / "nowhere")
    assert load() == Settings()


def test_an_account_is_one_account_however_its_name_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Variables in capitals and a file in mixed case describe the same partner."""
    given(monkeypatch, CONTOSO)
    (tmp_path / "azplan.toml").write_text("[partners.Contoso]\nrequests_per_minute = 30\n")
    settings = load()
    assert list(settings.partners) == ["contoso"]
    assert settings.partners["contoso"].requests_per_minute == 30


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files pass empty values for settings that nobody set."""
    given(monkeypatch, {"AZPLAN_KAFKA__CA_FILE": "", "AZPLAN_LOG__LEVEL": ""})
    assert load() == Settings()


def test_a_file_may_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """AZPLAN_CONFIG_FILE replaces azplan.toml of the current folder. The named file must exist."""
    (tmp_path / "other.toml").write_text('[kafka]\nbootstrap_servers = ["a:1", "b:2"]\n')
    given(monkeypatch, {"AZPLAN_CONFIG_FILE": str(tmp_path / "other.toml")})
    assert load().kafka.bootstrap_servers == "a:1,b:2"
    (missing,) = problems_of(monkeypatch, {"AZPLAN_CONFIG_FILE": str(tmp_path / "gone.toml")})
    assert missing == f"AZPLAN_CONFIG_FILE is {tmp_path / 'gone.toml'}, which is not a file."


def test_a_broken_file_is_named_with_the_place_of_the_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TOML that cannot be parsed stops the start."""
    (tmp_path / "azplan.toml").write_text("[kafka\n")
    (problem,) = problems_of(monkeypatch, {})
    assert problem.startswith("azplan.toml is not valid TOML: ")
    assert "line 1" in problem


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("AZPLAN_KAFKA__GRUOP_ID", "AZPLAN_KAFKA__GROUP_ID"),
        ("AZPLAN_KAFKAA__GROUP_ID", "AZPLAN_KAFKA__GROUP_ID"),
        ("AZPLAN_PARTNERS__CONTOSO__TENANTID", "AZPLAN_PARTNERS__CONTOSO__TENANT_ID"),
        ("azplan_worker__leese", "AZPLAN_WORKER__LEASE"),
    ],
)
def test_a_mistyped_name_is_an_error_with_a_suggestion(
    name: str, suggestion: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ignored setting would be worse than a worker that does not start."""
    (problem,) = problems_of(monkeypatch, {name: "x"})
    assert problem == f"{name.upper()} (from the environment) is not a setting. Did you mean {suggestion}?"


def test_a_name_that_resembles_none_says_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message lists the names of the section, or else the verb that lists all names."""
    known, unknown = problems_of(monkeypatch, {"AZPLAN_LOG__ZZZZ": "x", "AZPLAN_ZZ__QQQQQQQQQQQQQQQQQQ": "x"})
    assert known.endswith("Settings of that section: AZPLAN_LOG__LEVEL, AZPLAN_LOG__FORMAT.")
    assert "azplan config show" in unknown


def test_a_mistyped_name_in_the_file_or_among_the_secrets_is_an_error_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The message names the place of the mistake."""
    (tmp_path / "azplan.toml").write_text("[kafka]\nbootstrap_server = 'a:1'\n")
    (tmp_path / "secrets" / "azplan_kafka__sasl_pasword").write_text("x")
    secret, file = problems_of(monkeypatch, {})
    assert secret.endswith("sasl_pasword) is not a setting. Did you mean AZPLAN_KAFKA__SASL_PASSWORD?")
    assert file.endswith("(from azplan.toml) is not a setting. Did you mean AZPLAN_KAFKA__BOOTSTRAP_SERVERS?")


def test_names_without_two_underscores_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tools may use the prefix, even with the name of a section and any text."""
    given(monkeypatch, {"AZPLAN_TEST_KAFKA": "x", "AZPLAN_CI": "1", "AZPLAN_KAFKA": "no json", "AZPLANX__Y": "z"})
    assert load() == Settings()


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("40", timedelta(seconds=40)),
        ("0.5", timedelta(seconds=0.5)),
        ("PT5M", timedelta(minutes=5)),
        ("p1d", timedelta(days=1)),
        ("P1DT12H", timedelta(hours=36)),
    ],
)
def test_durations_are_seconds_or_iso_8601(text: str, duration: timedelta, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both forms mean the same everywhere."""
    given(monkeypatch, {"AZPLAN_WAITS__ORDER_DEADLINE": text})
    assert load().waits.order_deadline == duration


@pytest.mark.parametrize("text", ["0", "-1", "5x", "1:30", "inf", "nan", "1e300", "P", "-PT1S"])
def test_a_value_that_is_no_duration_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a length of time above zero is a duration."""
    (problem,) = problems_of(monkeypatch, {"AZPLAN_WAITS__ORDER_DEADLINE": text})
    assert problem.startswith("AZPLAN_WAITS__ORDER_DEADLINE (from the environment) must be ")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("KAFKA__BOOTSTRAP_SERVERS", "broker", "must be host:port, several with commas; 'broker' is not."),
        ("KAFKA__BOOTSTRAP_SERVERS", "https://broker:1", "must be host:port, several with commas; 'https:/"),
        ("KAFKA__EVENTS_TOPIC", "a topic", "has characters or a form that are not allowed."),
        ("KAFKA__START_FROM", "middle", "must be 'earliest', 'latest' or 'none'."),
        ("KAFKA__SECURITY_PROTOCOL", "TLS", "must be 'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT' or 'SASL_SSL'."),
        ("JOURNAL__URL", "postgres://h/d", "must begin with postgresql:// (postgres:// is not understood)."),
        ("JOURNAL__URL", "mysql://h/d", "must be sqlite:///azplan.db or postgresql://user:password@host/database."),
        ("JOURNAL__URL", "sqlite://azplan.db", "must name a file: sqlite:///azplan.db or sqlite:////absolute/path.db."),
        ("JOURNAL__URL", "sqlite:///:memory:", "must name a file: sqlite:///azplan.db or sqlite:////absolute/path.db."),
        ("JOURNAL__URL", "postgresql://h/", "must name a database: postgresql://user:password@host/database."),
        ("WORKER__CONCURRENCY", "0", "must be greater than or equal to 1."),
        ("WAITS__FIRST", "0", "must be greater than 0 seconds."),
        ("WORKER__POISON_SHARE", "1.5", "must be less than or equal to 1."),
        ("WORKER__VALIDATE_ONLY", "perhaps", "must be a valid boolean, unable to interpret input."),
        ("HTTP__PORT", "99999", "must be less than or equal to 65535."),
    ],
)
def test_a_wrong_value_is_told_what_it_should_be(
    name: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the setting, its source and the expected form."""
    (problem,) = problems_of(monkeypatch, {f"AZPLAN_{name}": value})
    assert problem.startswith(f"AZPLAN_{name} (from the environment) {sentence}")


@pytest.mark.parametrize(
    "url",
    ["sqlite:///azplan.db", "sqlite:////var/lib/azplan.db", "postgresql://u:p@h/d", "postgresql://h:5433/d?ssl=on"],
)
def test_the_forms_of_a_journal_url(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative and an absolute file, and a server with and without credentials and options."""
    given(monkeypatch, {"AZPLAN_JOURNAL__URL": url})
    assert load().journal.url.get_secret_value() == url


@pytest.mark.parametrize("url", ["http://127.0.0.1:8081", "http://localhost", "http://[::1]:1", "https://pc.example/"])
def test_plain_http_is_for_this_machine_only(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http is allowed for loopback hosts. A slash at the end is removed."""
    given(monkeypatch, {**CONTOSO, "AZPLAN_PARTNERS__CONTOSO__BASE_URL": url})
    assert load().partners["contoso"].base_url == url.rstrip("/")


@pytest.mark.parametrize("url", ["http://pc.example", "http://127.0.0.1.example", "http://localhost.example"])
def test_plain_http_to_another_machine_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens never cross a network in the clear."""
    (problem,) = problems_of(monkeypatch, {**CONTOSO, "AZPLAN_PARTNERS__CONTOSO__BASE_URL": url})
    assert problem.endswith("must begin with https:// (plain http is accepted for loopback hosts only).")


def test_the_authority_is_the_tenants_and_always_https(monkeypatch: pytest.MonkeyPatch) -> None:
    """A configured authority replaces the default. Plain http is refused even on a loopback host."""
    given(monkeypatch, CONTOSO)
    assert load().partners["contoso"].authority_url == f"https://login.microsoftonline.com/{TENANT}"
    (problem,) = problems_of(monkeypatch, {"AZPLAN_PARTNERS__CONTOSO__AUTHORITY": "http://localhost/x"})
    assert problem.endswith("must begin with https://.")


# --- values that must fit together ------------------------------------------------------------------------------------


def test_a_lease_outlives_a_call_and_two_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a write could be under way in a lane that another worker has taken."""
    given(monkeypatch, {"AZPLAN_WORKER__LEASE": "50"})
    assert load().worker.lease == timedelta(seconds=50)
    (problem,) = problems_of(monkeypatch, {"AZPLAN_WORKER__LEASE": "49.9"})
    assert problem == (
        "AZPLAN_WORKER__LEASE must be at least AZPLAN_WORKER__CALL_TIMEOUT plus two AZPLAN_WORKER__HEARTBEAT: "
        "49.9 is less than 40 + 2 * 5 seconds."
    )


@pytest.mark.parametrize(
    ("key", "short", "waits", "than"),
    [
        ("RETENTION", "PT47H", "AZPLAN_WAITS__UPGRADE_DEADLINE", "169200 is less than 172800"),
        ("DETAIL_RETENTION", "PT47H", "AZPLAN_WAITS__UPGRADE_DEADLINE", "169200 is less than 172800"),
        ("DETAIL_RETENTION", "P2D", "AZPLAN_WAITS__ORDER_DEADLINE", "172800 is less than 259200"),
        (
            "RETENTION",
            "P2D",
            "AZPLAN_WAITS__SETTLE plus AZPLAN_WAITS__ORDER_LIST_LAG",
            "172800 is less than 346500",
        ),
    ],
)
def test_nothing_is_forgotten_while_it_may_be_waited_for(
    monkeypatch: pytest.MonkeyPatch, key: str, short: str, waits: str, than: str
) -> None:
    """Retention is no shorter than the longest wait. The message names both."""
    longer = {"AZPLAN_WAITS__ORDER_DEADLINE": "P3D"} if "ORDER_DEADLINE" in waits else {}
    longer |= {"AZPLAN_WAITS__SETTLE": "P4D"} if "SETTLE" in waits else {}
    other = {"AZPLAN_JOURNAL__DETAIL_RETENTION": short} if key == "RETENTION" else {}
    problems = problems_of(monkeypatch, {f"AZPLAN_JOURNAL__{key}": short, **longer, **other})
    assert problems[0] == (
        f"AZPLAN_JOURNAL__{key} must be at least {waits}: {than} seconds. "
        "The journal must keep a command while the command may still wait."
    )
    given(monkeypatch, {f"AZPLAN_JOURNAL__{name}": "P5D" for name in ("RETENTION", "DETAIL_RETENTION")})
    assert load().journal.retention == timedelta(days=5)


def test_a_short_retention_shortens_the_waits_for_exports_that_nobody_has_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that were valid before there were these waits stay valid. A wait that is set must fit, as any other."""
    short = {"RETENTION": "1800", "DETAIL_RETENTION": "600"}
    given(monkeypatch, {f"AZPLAN_JOURNAL__{name}": value for name, value in short.items()})
    given(monkeypatch, {f"AZPLAN_WAITS__{name}_DEADLINE": "60" for name in ("ORDER", "UPGRADE")})
    given(monkeypatch, {"AZPLAN_WAITS__ORDER_LIST_LAG": "60"})
    assert load().deadlines()["data"] == load().deadlines()["export"] == timedelta(minutes=10)
    settings = {f"AZPLAN_JOURNAL__{name}": "P5D" for name in short} | {"AZPLAN_WAITS__DATA_DEADLINE": "P10D"}
    problem, _ = problems_of(monkeypatch, settings)
    assert "AZPLAN_WAITS__DATA_DEADLINE: 432000 is less than 864000" in problem


def test_settling_takes_at_least_a_calls_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request may arrive for as long as its call may take."""
    (problem,) = problems_of(monkeypatch, {"AZPLAN_WAITS__SETTLE": "PT0.5M"})
    assert problem == "AZPLAN_WAITS__SETTLE must be at least AZPLAN_WORKER__CALL_TIMEOUT: 30 is less than 40 seconds."


def test_a_password_that_would_not_be_used_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the worker would connect without SASL, and nobody would notice."""
    (problem,) = problems_of(monkeypatch, {"AZPLAN_KAFKA__SASL_PASSWORD": "hunter22"})
    assert problem == (
        "AZPLAN_KAFKA__SASL_PASSWORD would not be used: AZPLAN_KAFKA__SECURITY_PROTOCOL is PLAINTEXT. "
        "Set that to SASL_SSL, or remove AZPLAN_KAFKA__SASL_PASSWORD."
    )


def test_sasl_names_everything_that_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """One start shows all missing settings."""
    problems = problems_of(monkeypatch, {"AZPLAN_KAFKA__SECURITY_PROTOCOL": "sasl_ssl"})
    missing = [problem.partition(" is missing")[0] for problem in problems]
    assert missing == [f"AZPLAN_KAFKA__SASL_{key}" for key in ("MECHANISM", "USERNAME", "PASSWORD")]


def test_the_three_topics_are_three(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that reads its own events would never end."""
    (problem,) = problems_of(monkeypatch, {"AZPLAN_KAFKA__EVENTS_TOPIC": "azplan.commands.v1"})
    assert "must be different topics" in problem


@pytest.mark.parametrize("extra", [{}, {"CLIENT_SECRET": "s" * 8, "CERTIFICATE_FILE": "c.pem"}])
def test_an_account_has_one_credential(extra: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """None and two are both refused."""
    settings = {"TENANT_ID": TENANT, "CLIENT_ID": CLIENT, **extra}
    (problem,) = problems_of(
        monkeypatch, {f"AZPLAN_PARTNERS__FABRIKAM__{key}": value for key, value in settings.items()}
    )
    assert problem == (
        "AZPLAN_PARTNERS__FABRIKAM needs exactly one of CLIENT_SECRET, CERTIFICATE_FILE and FEDERATED_TOKEN_FILE."
    )


def test_a_verb_that_does_not_call_microsoft_needs_no_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person who sends commands gives the account's name and ids. Two credentials are a mistake there too."""
    account = {"TENANT_ID": TENANT, "CLIENT_ID": CLIENT}
    given(monkeypatch, {f"AZPLAN_PARTNERS__FABRIKAM__{key}": value for key, value in account.items()})
    assert load(calling=False).partners["fabrikam"].client_secret is None
    two = {"CLIENT_SECRET": "s" * 8, "CERTIFICATE_FILE": "c.pem"}
    given(monkeypatch, {f"AZPLAN_PARTNERS__FABRIKAM__{key}": value for key, value in two.items()})
    with pytest.raises(SettingsError, match="exactly one of"):
        load(calling=False)


@pytest.mark.parametrize("tenant", [TENANT, TENANT.upper()])
def test_two_accounts_of_one_tenant_are_refused(tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Case does not matter. Two such accounts would buy everything twice, and call twice as much."""
    given(monkeypatch, CONTOSO)
    other = {"TENANT_ID": tenant, "CLIENT_ID": CLIENT, "CLIENT_SECRET": "s" * 8}
    (problem,) = problems_of(monkeypatch, {f"AZPLAN_PARTNERS__FABRIKAM__{key}": text for key, text in other.items()})
    assert problem == (
        "AZPLAN_PARTNERS__CONTOSO__TENANT_ID and AZPLAN_PARTNERS__FABRIKAM__TENANT_ID are the same tenant: two "
        "accounts of one tenant would buy everything twice. Remove one of them; an account can be renamed at "
        "any time."
    )


def test_a_domain_name_is_no_tenant_id_beside_another_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """The domain name may belong to the other account's tenant. Without another account the name is accepted."""
    given(monkeypatch, CONTOSO)
    given(monkeypatch, {"AZPLAN_PARTNERS__CONTOSO__TENANT_ID": "contoso.com"})
    assert load().partners["contoso"].tenant_id == "contoso.com"
    other = {"TENANT_ID": TENANT, "CLIENT_ID": CLIENT, "CLIENT_SECRET": "s" * 8}
    (problem,) = problems_of(monkeypatch, {f"AZPLAN_PARTNERS__FABRIKAM__{key}": text for key, text in other.items()})
    assert problem == (
        "AZPLAN_PARTNERS__CONTOSO__TENANT_ID must be the tenant's GUID if several accounts are configured: azplan "
        "cannot tell whether contoso.com is the tenant of another account."
    )


def test_all_mistakes_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown name, a missing one, a wrong value and values that do not fit each other are in one error."""
    problems = problems_of(
        monkeypatch,
        {
            "AZPLAN_KAFKA__GRUOP_ID": "x",
            "AZPLAN_PARTNERS__CONTOSO__CLIENT_SECRET": "not-for-anybodys-eyes",
            "AZPLAN_LOG__LEVEL": "loud",
            "AZPLAN_WORKER__LEASE": "20",
        },
    )
    assert [problem.split()[0] for problem in problems] == [
        "AZPLAN_KAFKA__GRUOP_ID",
        "AZPLAN_PARTNERS__CONTOSO__TENANT_ID",
        "AZPLAN_PARTNERS__CONTOSO__CLIENT_ID",
        "AZPLAN_LOG__LEVEL",
        "AZPLAN_WORKER__LEASE",
    ]


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_no_secret_shows_in_settings_errors_or_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets are neither in their own text, nor in the list for people, nor in an error."""
    secrets = ["not-for-anybodys-eyes", "database-pass", "hunter22"]
    url = f"postgresql://azplan:{secrets[1]}@db/azplan"
    given(monkeypatch, {**CONTOSO, "AZPLAN_JOURNAL__URL": url})
    shown = repr(load()) + repr(effective())
    error = "\n".join(
        problems_of(monkeypatch, {"AZPLAN_KAFKA__SASL_PASSWORD": secrets[2], "AZPLAN_LOG__LEVEL": "loud"})
    )
    assert "postgresql://azplan:********@db/azplan" in shown
    assert [secret for secret in secrets if secret in shown + error] == []


def test_attestation_is_legacy_or_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """`AZPLAN_PARTNERS__<NAME>__ATTESTATION` chooses the way for one account; another word is refused."""
    given(monkeypatch, {**CONTOSO, "AZPLAN_PARTNERS__CONTOSO__ATTESTATION": "OFF"})
    assert load().partners["contoso"].attestation == "off"
    (problem,) = problems_of(monkeypatch, {**CONTOSO, "AZPLAN_PARTNERS__CONTOSO__ATTESTATION": "enhanced"})
    assert problem.startswith("AZPLAN_PARTNERS__CONTOSO__ATTESTATION")


def test_the_list_says_where_each_value_came_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The source is environment, secret file, configuration file or default, for each setting and each account."""
    given(monkeypatch, {**CONTOSO, "AZPLAN_LOG__LEVEL": "debug"})
    (tmp_path / "azplan.toml").write_text("[http]\nport = 81\n")
    listed = {each.name: (each.value, each.origin) for each in effective()}
    assert listed["AZPLAN_LOG__LEVEL"] == ("debug", "the environment")
    assert listed["AZPLAN_HTTP__PORT"] == ("81", "azplan.toml")
    assert listed["AZPLAN_WAITS__MAX"] == ("300", "default")
    assert listed["AZPLAN_SECRETS_DIR"] == (str(tmp_path / "secrets"), "the environment")
    assert listed["AZPLAN_CONFIG_FILE"] == ("azplan.toml", "default")
    assert listed["AZPLAN_PARTNERS__CONTOSO__CLIENT_SECRET"] == ("********", "the environment")
    assert len(listed) == len(DEFAULTS)


def test_the_list_can_be_had_when_the_settings_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is when a person needs the list most."""
    given(monkeypatch, {"AZPLAN_LOG__LEVEL": "loud"})
    assert ("loud", "the environment") in [(each.value, each.origin) for each in effective()]


@pytest.mark.parametrize("url", ["http://proxy:3128", "http://u:p%40ss@proxy:3128/", "HTTP://u@[::1]:3128"])
def test_a_proxy_is_a_url_with_a_port(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """User and password are percent-encoded. No list of the settings shows the password."""
    given(monkeypatch, {**CONTOSO, "AZPLAN_PARTNERS__CONTOSO__PROXY": url})
    proxy = load().partners["contoso"].proxy
    assert proxy is not None
    assert proxy.get_secret_value() == url.replace("HTTP", "http").rstrip("/")
    (shown,) = (each.value for each in effective() if each.name.endswith("__PROXY"))
    assert "p%40ss" not in shown
    assert shown.startswith(("http://", "HTTP://"))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("proxy:3128", "must be http://host:port"),
        ("https://proxy:3128", "by CONNECT"),
        ("socks5://proxy:1080", "by CONNECT"),
        ("http://proxy", "must be http://host:port"),
        ("http://proxy:3128/path", "must be http://host:port"),
        ("http://u:canary@ss@proxy:3128", "percent-encoded"),
        ("http://u:canary/ss@proxy:3128", "percent-encoded"),
        ("http://u:canary%ss@proxy:3128", "percent-encoded"),
        ("http://u:canary#ss@proxy:3128", "percent-encoded"),
    ],
)
def test_a_proxy_that_cannot_be_one(url: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message explains the form of the setting and quotes no part of the password."""
    (problem,) = problems_of(monkeypatch, {**CONTOSO, "AZPLAN_PARTNERS__CONTOSO__PROXY": url})
    assert problem.startswith("AZPLAN_PARTNERS__CONTOSO__PROXY (from the environment) must be http://")
    assert words in problem
    assert "canary" not in problem
    (shown,) = (each.value for each in effective() if each.name.endswith("__PROXY"))
    assert "ss@" not in shown


def test_a_secret_is_read_as_it_is_now(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file may have been replaced since the start. A variable of the environment stays unchanged and counts first."""
    path = ("partners", "contoso", "client_secret")
    file = tmp_path / "secrets" / "azplan_partners__contoso__client_secret"
    file.write_text("old\n")
    assert value_now(path) == "old"
    monkeypatch.setitem(os.environ, "AZPLAN_PARTNERS__CONTOSO__TENANT_ID", TENANT)
    monkeypatch.setitem(os.environ, "AZPLAN_PARTNERS__CONTOSO__CLIENT_ID", CLIENT)
    file.write_text("new\n")
    assert value_now(path) == "new"
    file.write_bytes(b"\xff")
    assert value_now(path) is None
    given(monkeypatch, CONTOSO)
    file.unlink()
    assert value_now(path) == "not-for-anybodys-eyes"


@pytest.mark.parametrize(("given_one", "missing"), [("CERTIFICATE", "KEY"), ("KEY", "CERTIFICATE")])
def test_mutual_tls_needs_certificate_and_key(given_one: str, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the two files alone is refused at the start. Both are refused without TLS."""
    one = {f"AZPLAN_KAFKA__{given_one}_FILE": "/tls/worker.pem"}
    (problem,) = problems_of(monkeypatch, {"AZPLAN_KAFKA__SECURITY_PROTOCOL": "SSL", **one})
    assert problem.startswith(f"AZPLAN_KAFKA__{missing}_FILE is missing: AZPLAN_KAFKA__{given_one}_FILE is set")
    unused, _ = problems_of(monkeypatch, {**one, "AZPLAN_KAFKA__SECURITY_PROTOCOL": "PLAINTEXT"})
    assert f"AZPLAN_KAFKA__{given_one}_FILE would not be used: " in unused


@pytest.mark.parametrize(("text", "number"), [("5000000", 5_000_000), ("64 MiB", 64 * 1024**2), ("8MB", 8_000_000)])
def test_bytes_may_have_a_unit(text: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that is no size is refused."""
    given(monkeypatch, {"AZPLAN_KAFKA__MAX_INFLATED": text})
    assert load().kafka.max_inflated == number
    (problem,) = problems_of(monkeypatch, {"AZPLAN_KAFKA__MAX_INFLATED": "much"})
    assert "must be a number of bytes, such as 1000000 or 64 MiB" in problem


@pytest.mark.parametrize(
    "url",
    [
        "file:azplan-files", "file:///srv/azplan", "s3://bucket/prefix", "s3://bucket", "gs://bucket/a/b", "az://container/p",
        "abfss://container@account.dfs.core.windows.net/prefix",
    ],
)  # fmt: skip
def test_files_go_to_a_folder_or_to_a_container(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slash at the end changes nothing."""
    given(monkeypatch, {**CONTOSO, "AZPLAN_FILES__URL": f"{url}/"})
    assert load().files.url == url


@pytest.mark.parametrize(
    "url",
    [
        "file:", "file://host/share", "/srv/files", "https://account.blob.core.windows.net/c?sv=1&sig=geheim123",
        "s3://key:geheim123@bucket/p", "az://container/p?sig=geheim123", "s3://bucket/../x y", "abfss://container/p", "ftp://x/y",
    ],
)  # fmt: skip
def test_another_address_of_files_is_refused_and_never_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signature in it must not be seen: keys belong into the cloud's own variables."""
    given(monkeypatch, {**CONTOSO, "AZPLAN_FILES__URL": url})
    with pytest.raises(SettingsError) as refused:
        load()
    assert "AZPLAN_FILES__URL" in str(refused.value)
    assert "geheim123" not in str(refused.value) + str(effective())


def test_formats_are_a_list_in_the_order_of_their_making(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without doubles. Another word is refused."""
    given(monkeypatch, {**CONTOSO, "AZPLAN_FILES__FORMATS": "focus, Source,source"})
    assert load().files.formats == "source,focus"
    given(monkeypatch, {"AZPLAN_FILES__FORMATS": "source,csv"})
    with pytest.raises(SettingsError, match="source, parquet, focus"):
        load()


def test_a_version_of_focus_that_is_not_written_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not silently written as the other version."""
    given(monkeypatch, {**CONTOSO, "AZPLAN_FILES__FOCUS_VERSION": "1.4"})
    with pytest.raises(SettingsError, match=r"must be 1\.2: azplan does not write FOCUS 1\.4 yet"):
        load()
