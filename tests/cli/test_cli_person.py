"""Who did something: every verb that changes something works under every user id and keeps the given name."""

import getpass
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from ops.local.databases import run_apart
from tests.cli.conftest import Azplan
from tests.cli.telling import tell
from worker.cli import person
from worker.cli.main import build

CHANGES = (
    ("pause", "--partner", "us", "--yes"),
    ("resume", "--all", "--yes"),
    ("commands", "cancel", "waits-1", "--yes"),
    ("commands", "resolve", "failed-1", "--applied", "--yes"),
    ("dead-letters", "archive", "--all", "--yes"),
    ("dead-letters", "restore", "--all", "--yes"),
    ("dead-letters", "redrive", "--all", "--yes"),
    ("replay", "plan", "--journal"),
    ("replay", "apply", "latest", "--re-emit", "--yes"),
    ("journal", "prune", "--yes"),
)
"""Every verb that writes into the journal, in an order in which each verb has something to do."""
ENDS = {"cancel": 5, "resolve": 5, "redrive": 69, "apply": 69}
"""Exit codes of verbs that miss a worker."""


@pytest.fixture
def journal(clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A journal with stories and without a living worker: no verb waits for one."""
    url = f"sqlite:///{clean_place / 'j.db'}"
    run_apart(tell(url))
    with closing(sqlite3.connect(clean_place / "j.db")) as database, database:
        database.execute("UPDATE worker SET expires_at = 0")
    monkeypatch.setenv("AZPLAN_JOURNAL__URL", url)
    return url


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user id of this process has no entry in the passwd file, as in a container under an arbitrary user id."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)

    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", unknown)
    monkeypatch.setattr("os.getuid", lambda: 12345)


@pytest.mark.usefixtures("journal", "nobody")
def test_every_verb_that_changes_something_works_without_a_passwd_entry(azplan: Azplan) -> None:
    """The person has already said yes, so a missing name may not stop the verb."""
    for words in CHANGES:
        ended = azplan(*words)
        assert ended.code == ENDS.get(words[1], 0), (words, ended.err)
        assert "KeyError" not in ended.err


@pytest.mark.usefixtures("journal", "nobody")
def test_a_user_without_a_name_is_told_by_number_and_host(azplan: Azplan) -> None:
    """The journal has `uid N@host`."""
    azplan("pause", "--partner", "us", "--yes")
    assert azplan("pause", "--list", "--json").json[0]["who"] == f"uid 12345@{socket.gethostname()}"


@pytest.mark.usefixtures("journal")
def test_who_is_the_word_then_the_environment_then_the_user(azplan: Azplan, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--who` counts before AZPLAN_OPERATOR, then the name of the user. A blank name counts as none."""
    monkeypatch.setattr(getpass, "getuser", lambda: "worker")
    azplan("pause", "--partner", "us", "--yes")
    azplan("pause", "--partner", "us", "--who", "  ", "--yes")
    monkeypatch.setenv(person.OPERATOR, "grace")
    azplan("pause", "--partner", "us", "--yes")
    azplan("pause", "--partner", "us", "--who", "ada", "--yes")
    user = f"worker@{socket.gethostname()}"
    assert [each["who"] for each in azplan("pause", "--list", "--json").json] == [user, user, "grace", "ada"]


@pytest.mark.usefixtures("journal")
def test_a_name_and_a_reason_are_kept_in_one_plain_line(azplan: Azplan) -> None:
    """The terminals of other people show this text."""
    azplan("pause", "--partner", "us", "--who", "a\x1b[2Jda\n", "--why", "first\nsecond\x9b31m", "--yes")
    kept = azplan("pause", "--list", "--json").json[0]
    assert (kept["who"], kept["why"]) == ("a\ufffd[2Jda", "first second\ufffd31m")
    ended = azplan("pause", "--partner", "us", "--why", "x" * 2_001, "--yes")
    assert (ended.code, "2000 at the most" in ended.err) == (2, True)


def test_every_verb_that_asks_for_a_reason_asks_for_the_person() -> None:
    """Reason and name belong together."""
    options = dict(_options(get_command(build()), ()))
    asking = {name for name, said in options.items() if "--why" in said}
    assert {"pause", "commands resolve", "journal rebuild", "replay apply"} <= asking
    assert [name for name in asking if "--who" not in options[name]] == []


def _options(command: Any, path: tuple[str, ...]) -> Any:
    for name, sub in getattr(command, "commands", {}).items():
        yield from _options(sub, (*path, name))
    yield " ".join(path), {each for parameter in command.params for each in parameter.opts}
