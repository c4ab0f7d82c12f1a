"""Text from outside at a terminal: no text of Microsoft, a sender or another person is printed raw."""

import json
import logging
import sqlite3
import unicodedata
from contextlib import closing
from pathlib import Path

import pytest
import structlog

from ops.local.databases import run_apart
from tests.cli.conftest import Azplan, Ended
from tests.cli.telling import tell
from worker.logs import configure

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\u2066\u200b\u2028forged\nforged\x7f"
"""Sets the title, clears the screen, changes the colour, reverses the text, hides a character, begins a line."""
COLUMNS = {
    "command": ("source", "correlation_id", "reason"),
    "step": ("name",),
    "effect": ("key",),
    "call": ("operation", "status", "request_id", "correlation_id", "code"),
    "note": ("kind", "detail", "reason"),
    "dead_letter": ("code", "detail", "topic"),
    "act": ("who", "why", "verb", "result"),
    "plan": ("who", "why"),
    "plan_item": ("detail",),
    "pause": ("who", "why"),
    "worker": ("name", "version"),
}
"""Every column of text that a verb shows."""
VERBS = (
    ("commands", "list"),
    ("commands", "show", "waits-1"),
    ("commands", "show", "behind-1"),
    ("commands", "show", "failed-1"),
    ("commands", "cancel", "waits-1"),
    ("commands", "cancel", "--type", "SuspendPlan"),
    ("commands", "resolve", "failed-1", "--applied"),
    ("dead-letters", "list"),
    ("dead-letters", "list", "--type", "SuspendPlan"),
    ("dead-letters", "show", "1"),
    ("dead-letters", "archive", "1"),
    ("dead-letters", "redrive", "1"),
    ("journal", "stats"),
    ("journal", "prune"),
    ("pause", "--list"),
    ("pause", "--all"),
    ("resume", "--all"),
    ("replay", "plan", "--journal"),
    ("replay", "apply", "latest"),
    ("commands", "show", HOSTILE),
    ("commands", "list", "--customer", HOSTILE),
    ("errors", "explain", HOSTILE),
    ("contract", HOSTILE),
)


@pytest.fixture
def journal(clean_place: Path, monkeypatch: pytest.MonkeyPatch, azplan: Azplan) -> None:
    """A journal of an older azplan, which kept every text unchanged."""
    url = f"sqlite:///{clean_place / 'j.db'}"
    run_apart(tell(url))
    monkeypatch.setenv("AZPLAN_JOURNAL__URL", url)
    azplan("pause", "--partner", "us", "--yes")
    azplan("replay", "plan", "--journal")
    with closing(sqlite3.connect(clean_place / "j.db")) as database, database:
        for table, columns in COLUMNS.items():
            for column in columns:
                database.execute(f"UPDATE {table} SET {column} = coalesce({column}, '') || ?", (HOSTILE,))
        for number, value in database.execute("SELECT seq, value FROM event").fetchall():
            data = {
                name: f"{each}{HOSTILE}" if isinstance(each, str) else each for name, each in json.loads(value).items()
            }
            database.execute("UPDATE event SET value = ? WHERE seq = ?", (json.dumps(data).encode(), number))
        database.execute("UPDATE step SET details = ?", (json.dumps({"cart_id": HOSTILE}),))
        database.execute("UPDATE dead_letter SET value = ?, key = ?", (HOSTILE.encode(), HOSTILE.encode()))


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize("words", VERBS, ids=lambda words: " ".join(words[:2]))
def test_no_verb_prints_characters_that_a_terminal_would_obey(words: tuple[str, ...], azplan: Azplan) -> None:
    """This holds for lines and JSON, on both streams."""
    plain = azplan(*words)
    assert harmful(plain) == set()
    assert "something went wrong" not in plain.err
    assert harmful(azplan(*words, "--json")) == set()


@pytest.mark.usefixtures("journal")
def test_text_from_outside_begins_no_line(azplan: Azplan) -> None:
    """A person would believe a forged line."""
    for words in VERBS[:10]:
        ended = azplan(*words)
        assert not [line for line in (ended.out + ended.err).splitlines() if line.startswith("forged")], words


@pytest.mark.usefixtures("journal")
def test_bytes_that_came_from_outside_are_not_written_to_a_terminal(
    azplan: Azplan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file or a program gets the original bytes. A person is told to name one of the two."""
    monkeypatch.setattr("worker.cli.verbs.dead_letters.at_terminal", lambda: True)
    ended = azplan("dead-letters", "show", "1", "--export", "-")
    assert (ended.code, ended.out) == (2, "")
    assert "Name a file, or use a pipe." in ended.err


def test_log_lines_for_a_terminal_hold_nothing_that_it_would_obey(capsys: pytest.CaptureFixture[str]) -> None:
    """A library quotes the words of a server, and a traceback the words of an exception."""
    configure("info", "console")
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        logging.getLogger("azplan.test").exception("said %s", HOSTILE)
    structlog.get_logger("azplan.test").info("said", what=HOSTILE, many=[HOSTILE])
    assert harmful(Ended(0, "", capsys.readouterr().err)) == set()


def harmful(ended: Ended) -> set[str]:
    """The characters of the output that a terminal would obey instead of showing."""
    printed = (ended.out + ended.err).replace("\n", "")
    return {each for each in printed if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
