"""One source part becomes one Parquet part: the fast way, or the slow way where the fast one raises."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from worker.files.conversion import arrow_lines
from worker.files.conversion.child import answer
from worker.files.conversion.exact_columns import exact_batches
from worker.files.conversion.exact_lines import Facts, facts, number_in
from worker.files.conversion.layout import Layout
from worker.files.conversion.parquet import parquet_file, row_groups
from worker.files.conversion.totals import AMOUNTS, CURRENCIES, DAYS, Totals

SAMPLE = 50
"""Lines that are read first, to learn what the wire calls the attributes."""
SUMS = pa.decimal256(76, 20)


@dataclass(slots=True)
class Written:
    """A part as it was made: its rows, the layout that it needed, its sums."""

    rows: int
    layout: Layout
    totals: Totals
    way: str
    """`fast` or `exact`."""


def write_part(source: Path, target: Path | None, ordinal: int, layout: Layout, *, exact: bool = False) -> Written:
    """Write the lines of `source` to `target` (None: only read and sum them). Zero lines make no file.

    `exact`: only the slow way, because the fast one ended the process. Raises `UnreadableLines`.
    """
    found = Facts() if exact else facts(source, layout, SAMPLE)
    wide = found.layout(layout)
    types = None if exact else arrow_lines.read_types(found, wide)
    if types is not None:
        try:
            return _write(arrow_lines.batches(source, types, wide), target, ordinal, wide, "fast")
        except arrow_lines.Unusual:
            found = Facts()
    found = facts(source, layout)
    wide = found.layout(layout)
    types = None if exact else arrow_lines.read_types(found, wide)
    if types is not None and found.kinds:
        try:
            return _write(arrow_lines.batches(source, types, wide), target, ordinal, wide, "fast")
        except arrow_lines.Unusual:
            types = None
    return _write(exact_batches(source, wide), target, ordinal, wide, "exact")


def _write(batches: Iterator[Any], target: Path | None, ordinal: int, layout: Layout, way: str) -> Written:
    schema = arrow_lines.schema(layout)
    written = Written(0, layout, Totals(), way)
    if target is None:
        written.rows = row_groups(batches, schema, ordinal, partial(add_table, written.totals))
        return written
    unfinished = target.with_suffix(".unfinished")
    with parquet_file(unfinished, schema) as writer:

        def write(table: Any) -> None:
            add_table(written.totals, table)
            writer.write_table(table)

        written.rows = row_groups(batches, schema, ordinal, write)
    if written.rows:
        unfinished.replace(target)
    else:
        unfinished.unlink()
    return written


def add_table(totals: Totals, table: Any) -> None:
    """Add the rows of this table of lines to the sums."""
    names = table.schema.names
    chosen = {name: next((each for each in columns if each in names), None) for name, columns in AMOUNTS.items()}
    present = {name: column for name, column in chosen.items() if column is not None}
    currency = next((name for name in CURRENCIES if name in names), None)
    keys = {"currency": currency, "kind": "chargeType" if "chargeType" in names else None}
    texts = [name for name, column in present.items() if pa.types.is_string(table.schema.field(column).type)]
    grouped = {name: table.column(key) if key else pa.nulls(table.num_rows, pa.string()) for name, key in keys.items()}
    table_of = pa.table(grouped | {name: table.column(column) for name, column in present.items()})
    if texts:
        for row in table_of.to_pylist():
            totals.add(row["currency"], row["kind"], 1, {name: number_in(row[name]) for name in present})
    else:
        for name in present:
            at = table_of.schema.get_field_index(name)
            table_of = table_of.set_column(at, name, table_of.column(name).cast(SUMS))
        wanted: Iterable[tuple[Any, str]] = [([], "count_all"), *((name, "sum") for name in present)]
        for row in table_of.group_by(["currency", "kind"], use_threads=False).aggregate(wanted).to_pylist():
            amounts = {name: row[f"{name}_sum"] for name in present}
            totals.add(row["currency"], row["kind"], row["count_all"], amounts)
    for name in DAYS:
        if name in names and pa.types.is_timestamp(table.schema.field(name).type):
            totals.add_days(name, pc.min_max(table.column(name)).as_py().values())


def part_job(job: Mapping[str, Any]) -> dict[str, Any]:
    """The job `part` of the child: make one part, and say what came of it."""
    target = None if job["target"] is None else Path(job["target"])
    layout = Layout.of(job["layout"])
    written = write_part(Path(job["source"]), target, job["ordinal"], layout, exact=job["exact"])
    return {
        "rows": written.rows,
        "layout": written.layout.plain(),
        "totals": written.totals.plain(),
        "way": written.way,
    }


if __name__ == "__main__":
    answer(part_job)
