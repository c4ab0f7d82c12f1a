"""Partner accounts made from settings."""

import os
from pathlib import Path

import pytest

from worker.assembly.accounts import account_of, open_accounts, unused_proxies
from worker.clock import Clock
from worker.settings.model import SettingsError, load

TENANT = "0d9b0b5e-7a3b-4a3c-9a64-6f2f3b1f6c01"
CLIENT = "6c1d5a3e-2f0b-4e57-8a06-3f9d9b8a7c02"


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file with the client secret of the only account."""
    settings = {
        "AZPLAN_SECRETS_DIR": str(tmp_path),
        "AZPLAN_PARTNERS__CONTOSO__TENANT_ID": TENANT,
        "AZPLAN_PARTNERS__CONTOSO__CLIENT_ID": CLIENT,
    }
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.environ", settings)
    file = tmp_path / "azplan_partners__contoso__client_secret"
    file.write_text("old\n")
    return file


def test_an_account_can_read_its_secret_again(secret: Path) -> None:
    """The secret of the start stays the same. A file that was replaced since is read when the account asks again."""
    identity = account_of("contoso", load().partners["contoso"]).identity
    secret.write_text("new\n")
    assert identity.client_secret == "old"
    assert identity.read_again is not None
    assert identity.read_again() == "new"


@pytest.mark.parametrize(
    ("remote", "warned"), [("BASE_URL", True), ("ARM_URL", True), ("GRAPH_URL", True), ("AUTHORITY", True), ("", False)]
)
def test_a_proxy_of_the_environment_is_noticed_for_every_address(
    secret: Path, monkeypatch: pytest.MonkeyPatch, remote: str, *, warned: bool
) -> None:
    """If one of the account's addresses is elsewhere, somebody may expect that the proxy is used."""
    for name in ("BASE_URL", "ARM_URL", "GRAPH_URL", "AUTHORITY"):
        place = "service.example" if name == remote else "localhost:1"
        monkeypatch.setitem(os.environ, f"AZPLAN_PARTNERS__CONTOSO__{name}", f"https://{place}")
    monkeypatch.setitem(os.environ, "HTTPS_PROXY", "http://127.0.0.1:1")
    assert [name for name, _ in unused_proxies(load())] == ["contoso"] * warned


def test_microsoft_graph_and_storage_have_their_settings(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setting reaches the client. Names of hosts are compared in lower case."""
    for name, value in {
        "GRAPH_URL": "http://localhost:9/v1.0/",
        "GRAPH_AUDIENCE": "https://graph.example",
        "GRAPH_REQUESTS_PER_MINUTE": "3",
        "STORAGE_HOSTS": " .Blob.Example , files.example,::1",
    }.items():
        monkeypatch.setitem(os.environ, f"AZPLAN_PARTNERS__CONTOSO__{name}", value)
    config = account_of("contoso", load().partners["contoso"])
    assert (config.graph_url, config.graph_requests_per_minute) == ("http://localhost:9/v1.0", 3)
    assert config.identity.at_graph().scopes == ["https://graph.example/.default"]
    assert config.storage_hosts == (".blob.example", "files.example", "::1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GRAPH_URL", "http://graph.example/v1.0"),
        ("GRAPH_URL", "graph.example"),
        ("GRAPH_REQUESTS_PER_MINUTE", "0"),
        ("STORAGE_HOSTS", "https://files.example"),
        ("STORAGE_HOSTS", "files.example:443"),
        ("STORAGE_HOSTS", "*.files.example"),
        ("STORAGE_HOSTS", "."),
        ("STORAGE_HOSTS", "files.example,,"),
    ],
)
def test_a_wrong_setting_of_them_is_refused(
    secret: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The message names the setting."""
    monkeypatch.setitem(os.environ, f"AZPLAN_PARTNERS__CONTOSO__{name}", value)
    with pytest.raises(SettingsError, match=f"AZPLAN_PARTNERS__CONTOSO__{name}"):
        load()


def test_a_file_of_authorities_that_is_missing_is_named(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the setting and the file."""
    monkeypatch.setitem(os.environ, "AZPLAN_PARTNERS__CONTOSO__CA_FILE", f"{secret}.pem")
    with pytest.raises(SettingsError, match=r"AZPLAN_PARTNERS__CONTOSO__CA_FILE .*\.pem cannot be used"):
        open_accounts(load(), Clock())
