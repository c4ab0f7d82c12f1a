"""The numbered migrations beside this file, brought to a database one after the other."""

from collections.abc import Mapping
from importlib.resources import files

from worker.errors import JournalRefused
from worker.journal.sql import Transaction

VERSION_TABLE = "CREATE TABLE IF NOT EXISTS schema_version (version integer PRIMARY KEY, applied_at {big} NOT NULL)"


def migrations() -> list[tuple[int, str]]:
    """All migrations, by number: `0001_start.sql` is number 1."""
    folder = files("worker.journal") / "migrations"
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return sorted((int(entry.name.split("_", 1)[0]), entry.read_text("utf-8")) for entry in found)


def statements(script: str, words: Mapping[str, str]) -> list[str]:
    """The statements of a migration in the database's own words."""
    return [part.strip() for part in script.format(**words).split(";\n") if part.strip()]


async def migrate(tx: Transaction, words: Mapping[str, str]) -> None:
    """Apply what is missing, inside the caller's transaction.

    Raises `JournalRefused` where the journal was written by a newer azplan.
    """
    await tx.run(VERSION_TABLE.format(**words))
    rows = await tx.rows("SELECT coalesce(max(version), 0) AS version FROM schema_version")
    present = rows[0]["version"]
    known = migrations()
    if present > known[-1][0]:
        raise JournalRefused(
            f"the journal has schema version {present}, and this azplan knows {known[-1][0]}: "
            "it was written by a newer azplan. Run that version, or restore the journal from before the upgrade."
        )
    for version, script in known:
        if version > present:
            for statement in statements(script, words):
                await tx.run(statement)
            await tx.run("INSERT INTO schema_version (version, applied_at) VALUES (?, ?)", version, tx.now)
