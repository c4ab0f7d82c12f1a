"""A verb is a guest on the journal: it makes none and changes no schema, also where that is older than itself."""

import sqlite3
from pathlib import Path

import pytest

from tests.journal.bench import Bench, accept, command, rows
from worker.clock import Clock
from worker.errors import JournalMissing, JournalRefused
from worker.journal.database import schema
from worker.journal.database.transactions import Transactions
from worker.journal.journal import Journal
from worker.settings.build import open_engine
from worker.settings.model import Journal as JournalSettings
from worker.settings.model import Settings

VERSION = "SELECT max(version) AS version FROM schema_version"
NEXT = "CREATE TABLE thing (id integer)"
NEWEST = schema.migrations()[-1][0]


async def look_in(url: str) -> list[dict[str, object]]:
    """What a verb sees of the commands."""
    settings = Settings(journal=JournalSettings(url=url))
    journal = Journal(Transactions(open_engine(settings, Clock()), Clock()))
    try:
        await journal.open()
        return await rows(journal, "SELECT id FROM command")
    finally:
        await journal.close()


def files(folder: Path) -> list[str]:
    """What lies in a folder."""
    return [path.name for path in folder.iterdir()]


async def test_a_guest_sees_what_is_there(bench: Bench) -> None:
    """Beside the worker that has the journal open."""
    await accept(await bench.worker(), command("1"))
    assert await look_in(bench.url) == [{"id": "1"}]


async def test_a_guest_makes_no_journal(url: str, tmp_path: Path) -> None:
    """Neither a file nor a table, however often a guest looks: the error says that there is none yet."""
    for _ in range(2):
        with pytest.raises(JournalMissing, match=r"there is no journal at .* yet|no journal is in it yet"):
            await look_in(url)
    assert files(tmp_path) == []


async def test_a_guest_leaves_an_older_journal_as_it_is(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says which versions they are and who brings the journal up to date; the next worker does."""
    here = await bench.worker()
    monkeypatch.setattr(schema, "migrations", lambda known=schema.migrations: [*known(), (NEWEST + 1, NEXT)])
    with pytest.raises(
        JournalRefused, match=rf"schema version {NEWEST}, and this azplan works on {NEWEST + 1}.*`azplan run`"
    ):
        await look_in(bench.url)
    assert await rows(here, VERSION) == [{"version": NEWEST}]
    await bench.worker("two")
    assert await look_in(bench.url) == []
    assert await rows(here, VERSION) == [{"version": NEWEST + 1}]


async def test_a_guest_refuses_a_newer_journal(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a newer azplan wrote may mean something else than it seems to."""
    monkeypatch.setattr(schema, "migrations", lambda known=schema.migrations: [*known(), (NEWEST + 1, NEXT)])
    await bench.worker()
    monkeypatch.undo()
    with pytest.raises(
        JournalRefused, match=rf"schema version {NEWEST + 1}, and this azplan knows {NEWEST}: it was written by a newer"
    ):
        await look_in(bench.url)


async def test_a_guest_does_not_change_a_file_that_is_no_journal(tmp_path: Path) -> None:
    """Somebody's database stays byte for byte what it was."""
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE thing (id integer)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(JournalMissing):
        await look_in(f"sqlite:///{path}")
    assert path.read_bytes() == before
