"""A verb is a guest on the journal: it makes no journal and changes no schema, even an older one."""

import sqlite3
from pathlib import Path

import pytest

from tests.journal.bench import Bench, accept, command, rows
from worker.assembly.parts import open_engine
from worker.clock import Clock
from worker.errors import JournalMissing, JournalRefused
from worker.journal.database import schema
from worker.journal.database.transactions import Transactions
from worker.journal.journal import Journal
from worker.settings.model import Journal as JournalSettings
from worker.settings.model import Settings

VERSION = "SELECT max(version) AS version FROM schema_version"
NEXT = "CREATE TABLE thing (id integer)"
NEWEST = schema.migrations()[-1][0]


async def look_in(url: str) -> list[dict[str, object]]:
    """The commands that a verb sees."""
    settings = Settings(journal=JournalSettings(url=url))
    journal = Journal(Transactions(open_engine(settings, Clock()), Clock()))
    try:
        await journal.open()
        return await rows(journal, "SELECT id FROM command")
    finally:
        await journal.close()


def files(folder: Path) -> list[str]:
    """The files of a folder."""
    return [path.name for path in folder.iterdir()]


async def test_a_guest_sees_the_commands_of_the_journal(bench: Bench) -> None:
    """The guest works beside the worker that has the journal open."""
    await accept(await bench.worker(), command("1"))
    assert await look_in(bench.url) == [{"id": "1"}]


async def test_a_guest_makes_no_journal(url: str, tmp_path: Path) -> None:
    """A guest makes neither a file nor a table, however often it looks. The error says that there is no journal yet."""
    for _ in range(2):
        with pytest.raises(JournalMissing, match=r"there is no journal at .* yet|no journal is in it yet"):
            await look_in(url)
    assert files(tmp_path) == []


async def test_a_guest_leaves_an_older_journal_as_it_is(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guest names both versions and says who upgrades the journal. The next worker does so."""
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
    """Rows of a newer azplan may mean something else than they seem to."""
    monkeypatch.setattr(schema, "migrations", lambda known=schema.migrations: [*known(), (NEWEST + 1, NEXT)])
    await bench.worker()
    monkeypatch.undo()
    with pytest.raises(
        JournalRefused, match=rf"schema version {NEWEST + 1}, and this azplan knows {NEWEST}: it was written by a newer"
    ):
        await look_in(bench.url)


async def test_a_guest_does_not_change_a_file_that_is_no_journal(tmp_path: Path) -> None:
    """The file of another program stays byte for byte unchanged."""
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE thing (id integer)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(JournalMissing):
        await look_in(f"sqlite:///{path}")
    assert path.read_bytes() == before
