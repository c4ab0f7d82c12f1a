"""The journal's URL: valid URLs, and refused URLs with their messages. No password is ever shown."""

import traceback
from pathlib import Path

import pytest

from ops.local.azplan import azplan
from worker.redaction import Redactor
from worker.settings import reference
from worker.settings.journal_url import shown
from worker.settings.model import Settings, SettingsError, load

HEAD, TAIL = "Hauptteil9", "Schwanz7"
"""The parts of the password before and after the odd character. Neither may ever be visible."""
ODD = ("/", "#", "?", "[", "]", "@", "%", "%zz", " ", "/?#", "[x]/", "@@", ":/@", "1/2?3")
URL = "AZPLAN_JOURNAL__URL"


@pytest.fixture(autouse=True)
def _bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AZPLAN_SECRETS_DIR", str(tmp_path))


@pytest.mark.parametrize("odd", ODD)
def test_a_password_with_characters_that_are_not_encoded_is_refused_and_never_shown(
    odd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the setting and percent-encoding.

    The message, its traceback, `config show` and a log line that happens to hold the URL show no part of the password.
    """
    url = f"postgresql://azplan:{HEAD}{odd}{TAIL}@db.example/azplan"
    monkeypatch.setenv(URL, url)
    with pytest.raises(SettingsError) as caught:
        load()
    told = "".join(traceback.format_exception(caught.value)) + str(reference.effective())
    told += Redactor().text(f"cannot connect to {url}, says the library") if " " not in odd else ""
    assert URL in str(caught.value)
    assert "percent-encoding" in str(caught.value)
    assert "AZPLAN_JOURNAL__PASSWORD" in str(caught.value)
    assert HEAD not in told
    assert TAIL not in told


@pytest.mark.parametrize("odd", ["/", "@", "["])
def test_verbs_end_with_78_and_show_nothing_of_it(odd: str, tmp_path: Path) -> None:
    """The verbs run as processes, and the test reads all of their output."""
    settings = {URL: f"postgresql://azplan:{HEAD}{odd}{TAIL}@127.0.0.1:1/azplan"}
    for verb in (("commands", "list"), ("run",), ("config", "show"), ("check",)):
        ended = azplan(*verb, settings=settings, cwd=tmp_path)
        printed = ended.stdout + ended.stderr
        assert ended.returncode == 78, printed
        assert "percent-encoding" in printed
        assert HEAD not in printed
        assert TAIL not in printed


GOOD = (
    "postgresql://azplan:Haupt%2F%40%25teil:x!$&'()*+,;=~@db.example:6432/azplan?sslmode=verify-full",
    "postgresql://azplan@[::1]:5432/azplan",
    "postgresql://one:5432,two:5433/azplan?target_session_attrs=any",
    "postgresql:///azplan?host=/run/postgresql",
    "postgresql://%2Frun%2Fpostgresql/azplan",
    "postgresql://user%40tenant@db/azplan",
    "sqlite:///azplan.db",
    "sqlite:////var/lib/azplan/a#b.db",
)


@pytest.mark.parametrize("url", GOOD)
def test_good_urls_are_taken_and_shown_without_their_password(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything but the password is shown."""
    monkeypatch.setenv(URL, url)
    assert load().journal.url.get_secret_value() == url
    assert shown(url) == url.replace(":Haupt%2F%40%25teil:x!$&'()*+,;=~", ":********")
    assert "Haupt" not in str(reference.effective())


def test_a_password_in_the_options_is_not_shown() -> None:
    """PostgreSQL accepts a password among the options too."""
    assert HEAD not in shown(f"postgresql://db/azplan?password={HEAD}&sslmode=require")


def test_a_password_may_stand_beside_the_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password is unchanged, in the environment or in a secret file."""
    monkeypatch.setenv(URL, "postgresql://azplan@db/azplan")
    (tmp_path / "AZPLAN_JOURNAL__PASSWORD").write_text("p/w#1@[%41\n")
    password = load().journal.password
    assert password is not None
    assert password.get_secret_value() == "p/w#1@[%41"
    assert "p/w#1" not in str(reference.effective())


@pytest.mark.parametrize(
    ("url", "name", "why"),
    [
        ("postgresql://u:p@db/azplan", "password", "AZPLAN_JOURNAL__URL has a password"),
        ("postgresql://db/azplan?password=p", "password", "AZPLAN_JOURNAL__URL has a password"),
        ("sqlite:///azplan.db", "password", "names no PostgreSQL database"),
        ("sqlite:///azplan.db", "ca_file", "names no PostgreSQL database"),
    ],
)
def test_a_setting_that_would_not_be_used_is_refused(url: str, name: str, why: str) -> None:
    """Otherwise a person would believe in a setting without effect."""
    with pytest.raises(ValueError, match=f"AZPLAN_JOURNAL__{name.upper()} would not be used: .*{why}"):
        Settings.model_validate({"journal": {"url": url, name: "x"}})
