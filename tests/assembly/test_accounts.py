"""Partner accounts made from settings."""

import os
from pathlib import Path

import pytest

from worker.assembly.accounts import account_of, open_accounts
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


def test_a_file_of_authorities_that_is_missing_is_named(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the setting and the file."""
    monkeypatch.setitem(os.environ, "AZPLAN_PARTNERS__CONTOSO__CA_FILE", f"{secret}.pem")
    with pytest.raises(SettingsError, match=r"AZPLAN_PARTNERS__CONTOSO__CA_FILE .*\.pem cannot be used"):
        open_accounts(load(), Clock())
