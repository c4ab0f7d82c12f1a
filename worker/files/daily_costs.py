"""What usage lines cost by day, read from a part of a version: Parquet, or JSON lines as Microsoft sent them."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

from worker.files.comparison.from_sources import rows_of
from worker.files.conversion.exact_lines import UnreadableLines, moment_in, number_in
from worker.files.conversion.process import extra_installed
from worker.files.conversion.totals import EXACT
from worker.files.layout import PARQUET, SOURCE
from worker.files.manifest import PublishedFile

DAY, COST = "usageDate", "billingPreTaxTotal"
AT_ONCE = 65_536

Costs = dict[date | None, Decimal]
"""Exact sums in the billing currency by the day of usage in UTC; None: lines that name no day."""


def readable(files: Iterable[PublishedFile]) -> list[PublishedFile]:
    """The files of a version that `costs_by_day` reads: Parquet where there is some and it can be read here."""
    parts = list(files)
    tables = [each for each in parts if each.format == PARQUET] if extra_installed() else []
    return tables or [each for each in parts if each.format == SOURCE]


def costs_by_day(path: Path, form: str, into: Costs) -> None:
    """Add the lines of a part to the sums. Raises `UnreadableLines` for a part that is damaged."""
    for row in _table(path) if form == PARQUET else rows_of(path, "usage"):
        cost = number_in(row.get(COST))
        if cost is not None:
            day = _day(row.get(DAY))
            into[day] = EXACT.add(into.get(day, Decimal(0)), cost)


def _table(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet part, with the two columns that matter."""
    try:
        with import_module("pyarrow.parquet").ParquetFile(path) as file:
            for batch in file.iter_batches(AT_ONCE, columns=[DAY, COST]):
                yield from batch.to_pylist()
    except (ValueError, OSError) as error:
        raise UnreadableLines(f"no Parquet file, or cut: {error}") from error


def _day(value: datetime | str | None) -> date | None:
    """The day of a cell or of a text on the wire."""
    at = moment_in(value)
    return None if at is None else at.astimezone(UTC).date()
