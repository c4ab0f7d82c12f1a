"""The question of docs/finance.md to DuckDB finds the newest version of each invoice."""

import hashlib
import re
import subprocess
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from ops.bench.invoices import book
from tests.files.test_focus import dataset
from tests.files.validator_environment import environment
from worker.files.layout import POINTER, Dataset
from worker.files.manifest import canonical

PAGE = Path(__file__).parents[2] / "docs" / "finance.md"
SQL = re.findall(r"^```sql\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def published(place: Path, seed: int, month: datetime, version: str) -> Decimal:
    """Put the FOCUS dataset of an invoice where an export puts it. Returns the sum of its costs."""
    made = book(seed)
    folder = place / "azplan-files" / Dataset("contoso", "focus=1.2", invoice_id=made.id).version_folder(version)
    folder.mkdir(parents=True)
    _, rows = dataset(made, folder, month=f"{month:%Y-%m}")
    pointer = {"version": version, "manifestSha256": hashlib.sha256().hexdigest()}
    (folder.parent / POINTER).write_bytes(canonical(pointer))
    return sum((row["BilledCost"] for row in rows), Decimal(0))


def test_last_year_is_summed_by_duckdb(tmp_path: Path) -> None:
    """The newest version of each invoice counts once, to the last digit; other years do not."""
    environment()
    last_year = datetime.now().replace(month=6, day=1) - timedelta(days=365)  # noqa: DTZ005 - DuckDB's own day
    for version in ("20260601T000000Z-000000000000", "20260701T000000Z-000000000000"):
        first = published(tmp_path, 1, last_year, version)
    second = published(tmp_path, 2, last_year, "20260701T000000Z-000000000000")
    published(tmp_path, 3, last_year - timedelta(days=365), "20260701T000000Z-000000000000")
    code = "import duckdb, sys; print(duckdb.execute(sys.stdin.read()).fetchall())"
    ran = subprocess.run(
        [environment() / "bin" / "python", "-c", code],
        cwd=tmp_path,
        input=SQL[0],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    costs = [Decimal(text) for text in re.findall(r"Decimal\('([^']+)'\)", ran.stdout)]

    assert sum(costs) == first + second
    assert len(costs) > 3
