"""The numbered migrations beside this file, applied to a database one after the other."""

from collections.abc import Iterable, Mapping
from importlib.resources import files

from worker.errors import JournalMissing, JournalRefused
from worker.journal.database.protocol import Transaction

TABLES = (
    "schema_version",
    "worker",
    "lane",
    "command",
    "step",
    "effect",
    "call",
    "note",
    "event",
    "dead_letter",
    "pause",
    "act",
    "meta",
    "plan",
    "plan_item",
    "chore",
    "forgotten_plan",
    "tenant",
    "account_name",
    "ceiling",
    "lag",
    "dataset",
    "dataset_version",
    "export",
    "export_part",
    "crossing",
)
"""All tables of a journal of the newest version."""

CORE = ("schema_version", "worker", "lane", "command", "step", "event", "dead_letter")
"""Tables that every version of a journal has."""

VERSION_TABLE = "CREATE TABLE schema_version (version integer PRIMARY KEY, applied_at {big} NOT NULL)"


def migrations() -> list[tuple[int, str]]:
    """All migrations, by number: `0001_start.sql` is number 1."""
    folder = files("worker.journal.database") / "migrations"
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return sorted((int(entry.name.split("_", 1)[0]), entry.read_text("utf-8")) for entry in found)


def statements(script: str, words: Mapping[str, str]) -> list[str]:
    """The statements of a migration in the database's own words."""
    return [part.strip() for part in script.format(**words).split(";\n") if part.strip()]


async def migrate(tx: Transaction, words: Mapping[str, str]) -> None:
    """Apply the missing migrations, inside the caller's transaction.

    Raises `JournalRefused` if the journal was written by a newer azplan.
    """
    present, known = await version(tx), migrations()
    refuse_newer(present, known[-1][0])
    if present == 0:
        await tx.run(VERSION_TABLE.format(**words))
    for number, script in known:
        if number > present:
            for statement in statements(script, words):
                await tx.run(statement)
            await tx.run("INSERT INTO schema_version (version, applied_at) VALUES (?, ?)", number, tx.now)


async def insist(tx: Transaction) -> None:
    """Change nothing and raise unless the journal has the newest schema of this azplan.

    Raises `JournalMissing` if there is no journal, `JournalRefused` if it is older or newer.
    """
    present, newest = await version(tx), migrations()[-1][0]
    if present == 0:
        raise JournalMissing("the database is there, but no journal is in it yet")
    refuse_newer(present, newest)
    if present < newest:
        raise JournalRefused(
            f"the journal has schema version {present}, and this azplan works on {newest}: it was written by an older "
            "azplan. `azplan run` of this version brings it up to date when it starts; until then use the older azplan."
        )


def refuse_newer(present: int, newest: int) -> None:
    """Raise `JournalRefused` if a newer azplan has migrated the journal."""
    if present > newest:
        raise JournalRefused(
            f"the journal has schema version {present}, and this azplan knows {newest}: "
            "it was written by a newer azplan. Run that version, or restore the journal from before the upgrade."
        )


async def version(tx: Transaction) -> int:
    """The version of the journal in the database; 0 if there is no journal.

    Raises `JournalRefused` if tables with the journal's names belong to another program.
    """
    found = {row["name"] for row in await tx.rows(tx.present, CORE)}
    if not found:
        return 0
    if missing := set(CORE) - found:
        raise JournalRefused(
            f"the database has the tables {listed(found)}, but no {listed(missing)}, so they are not a journal's: "
            "give the journal a database of its own (AZPLAN_JOURNAL__URL)."
        )
    rows = await tx.rows("SELECT max(version) AS version FROM schema_version")
    return int(rows[0]["version"])


def listed(names: Iterable[str]) -> str:
    """Names in alphabetical order, with commas."""
    return ", ".join(sorted(names))
