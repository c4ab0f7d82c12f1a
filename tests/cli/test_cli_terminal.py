"""The command line at a terminal: colour, tables, questions."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ops.local.azplan import environment
from ops.local.topics import Topics

ROOT = Path(__file__).parents[2]
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7]|38;[0-9;]+)m")


def at_a_terminal(
    folder: Path, *words: str, settings: dict[str, str], typed: str = "", columns: int = 100
) -> tuple[int, str]:
    """Run a verb with a terminal on all three streams. Returns its exit code and everything shown."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "worker.cli", *words],
        env=environment({"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": str(columns), **settings}),
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.write(ours, typed.encode())
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the process has closed its side
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return process.wait(30), shown.decode()


def test_a_terminal_gets_colour_and_tables(tmp_path: Path) -> None:
    """Colour shows states and results too."""
    code, shown = at_a_terminal(tmp_path, "check", settings={"AZPLAN_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    assert code == 78
    assert COLOUR.search(shown)
    _, table = at_a_terminal(tmp_path, "config", "show", settings={})
    assert "──" in table


def test_no_color_is_respected(tmp_path: Path) -> None:
    """NO_COLOR removes all colour from all output (https://no-color.org)."""
    settings = {"AZPLAN_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1", "NO_COLOR": "1"}
    for words in (["check"], ["config", "show"], ["--help"], ["errors", "explain", "zzz"]):
        _, shown = at_a_terminal(tmp_path, *words, settings=settings)
        assert not COLOUR.search(shown), words


@pytest.mark.kafka
@pytest.mark.parametrize(("typed", "code", "left"), [("n\n", 1, 3), ("\n", 1, 3), ("y\n", 0, 0)])
def test_a_verb_that_changes_something_asks_first(
    typed: str, code: int, left: int, kafka_servers: str, tmp_path: Path
) -> None:
    """The plan comes first, then the question. Every answer but yes changes nothing."""
    fresh = Topics(kafka_servers)
    words = ("topics", "apply", "--partitions", "1", "--replication", "1")
    ended, shown = at_a_terminal(tmp_path, *words, settings=fresh.env, typed=typed)
    assert ended == code
    assert shown.index(fresh.commands) < shown.index("Make 3 topics")
    _, planned = at_a_terminal(tmp_path, "topics", "plan", "--json", settings=fresh.env)
    assert planned.count('"create"') == left
