"""A person's actions need no terminal: a page can call the same functions, on both databases."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ops.local.databases import run_apart
from tests.cli.telling import tell
from tests.journal.bench import Bench, accept, poison

ROOT = Path(__file__).parents[2]


async def prepare(url: str) -> None:
    """Five commands and a dead letter of workers that no longer run."""
    await tell(url)
    async with Bench(url) as bench:
        one = await bench.worker()
        await accept(one, poison())
        await one.transactions.write(lambda tx: tx.run("UPDATE worker SET expires_at = 0"))


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_every_function_of_the_operators_works_without_a_terminal(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """typer, rich and click cannot be imported in that process, and nothing is printed."""
    url = str(request.getfixturevalue(f"{database}_url"))
    run_apart(prepare(url))
    ours = {name: value for name, value in os.environ.items() if not name.upper().startswith("AZPLAN_")}
    settings = {
        "AZPLAN_SECRETS_DIR": str(tmp_path),
        "AZPLAN_JOURNAL__URL": url,
        "AZPLAN_FILES__URL": f"file://{tmp_path}/files",
        "AZPLAN_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9",
        "AZPLAN_PARTNERS__US__TENANT_ID": "5e11e500-0000-4000-8000-000000000001",
        "AZPLAN_PARTNERS__US__CLIENT_ID": "5e11e500-0000-4000-8000-000000000002",
        "AZPLAN_PARTNERS__US__CLIENT_SECRET": "secret",
        "AZPLAN_PARTNERS__US__AUTHORITY": "https://127.0.0.1:9",
        "AZPLAN_PARTNERS__US__BASE_URL": "https://127.0.0.1:9",
    }
    ended = subprocess.run(
        [sys.executable, "-m", "tests.operators.page"],
        env=ours | settings,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert (ended.stdout, ended.stderr) == ("", "")
