"""SQL and transactions stay in the journal: all other code calls a method of `Journal` or `OperatorJournal`."""

import ast
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
JOURNAL = ROOT / "worker" / "journal"
FILLS_THE_JOURNAL = ROOT / "ops" / "bench" / "full_journal.py"
"""Makes millions of rows within the database, which no method of the journal is for. Nothing that ships imports it."""
OUTSIDE = [
    path
    for package in ("worker", "events", "ops")
    for path in sorted((ROOT / package).rglob("*.py"))
    if JOURNAL not in path.parents and path != FILLS_THE_JOURNAL
]

MIGRATIONS = {
    "0001_start": "af8dea18d5137974",
    "0002_tenants": "1ec86a5683f55c4c",
    "0003_forgetting": "9bba94329cd94585",
    "0004_foreign_states": "23de18c1cf3e6c31",
    "0005_ceiling": "a56f6d0c8788eb7e",
    "0006_lists_and_repeats": "c071585a1e68b52d",
    "0007_lag": "a51d60db2d5e96ec",
    "0008_files": "9dcf91a5c90de85d",
    "0009_newest_versions": "ac2769485c9f34d6",
}
"""The first digits of each migration's SHA-256. A new migration is added here; the others stay as they are."""

STATEMENT = re.compile(
    r"""\b(SELECT\s.+\sFROM\s|INSERT\s+INTO\s+\w|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s+\w|ORDER\s+BY\s+\w
        |(CREATE|DROP|ALTER)\s+(TABLE|INDEX)\s|WITH\s+RECURSIVE\s|PRAGMA\s+\w|state\s+(NOT\s+)?IN\s*\()""",
    re.DOTALL | re.VERBOSE,
)


def violations(source: str) -> Iterator[str]:
    """The lines of a module outside the journal that only the journal may have."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant | ast.JoinedStr) and STATEMENT.search(text(node)):
            yield f"{node.lineno}: SQL: {' '.join(text(node).split())[:60]}"
        elif isinstance(node, ast.arg) and node.arg.lstrip("_") == "tx":
            yield f"{node.lineno}: a parameter `tx`"
        elif isinstance(node, ast.Name) and node.id.lstrip("_") == "tx":
            yield f"{node.lineno}: the name `tx`"
        elif isinstance(node, ast.ImportFrom) and "Transaction" in {alias.name for alias in node.names}:
            yield f"{node.lineno}: `Transaction` is imported"
        elif isinstance(node, ast.Attribute) and node.attr == "transactions":
            yield f"{node.lineno}: the transactions behind a facade"


def text(node: ast.Constant | ast.JoinedStr) -> str:
    """The text of a string, with a question mark in place of each inserted value."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "?" for part in node.values)
    return node.value if isinstance(node.value, str) else ""


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: str(path.relative_to(ROOT)))
def test_sql_and_transactions_stay_in_the_journal(path: Path) -> None:
    """A caller says what data it needs. One package knows how to query the database."""
    assert list(violations(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "planted",
    [
        'rows = "SELECT uid FROM command WHERE id = ?"',
        'rows = f"""SELECT uid, {column}\n    FROM command"""',
        'change = "UPDATE command SET due_at = ?"',
        "OPEN = \"state IN ('accepted', 'waiting')\"",
        "found = journal.read(lambda tx: tx)",
        "async def look(tx): ...",
        "from worker.journal.database.protocol import Transaction",
        "found = journal.transactions.read(look)",
    ],
)
def test_a_planted_line_is_found(planted: str) -> None:
    """Each way of reaching past the two facades."""
    assert list(violations(planted))


def test_lists_of_states_are_written_once() -> None:
    """In `state_conditions`, from the states themselves; migrations are history and stay as they are."""
    named = {path.name for path in JOURNAL.rglob("*.py") if re.search(r"state (NOT )?IN ", path.read_text("utf-8"))}
    assert named == {"state_conditions.py"}


def test_each_migration_has_a_number_of_its_own() -> None:
    """Two of one number cannot both be the next step of a schema: no new journal could be made."""
    numbers = [path.name.partition("_")[0] for path in sorted((JOURNAL / "database" / "migrations").glob("*.sql"))]

    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_a_migration_that_journals_have_already_is_never_changed() -> None:
    """A journal does not apply it again: an index or a column that is added there would be missing in old journals."""
    folder = JOURNAL / "database" / "migrations"
    found = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in folder.glob("*.sql")}
    assert found == MIGRATIONS
