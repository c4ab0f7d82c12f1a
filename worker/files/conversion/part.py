"""One source part becomes one Parquet part: the fast way, or the slow way where the fast one raises."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from worker.files.amounts import AMOUNTS, CURRENCIES
from worker.files.conversion import arrow_lines
from worker.files.conversion.child import answer
from worker.files.conversion.exact_columns import exact_batches
from worker.files.conversion.exact_lines import Facts, facts, number_in
from worker.files.conversion.layout import Layout
from worker.files.conversion.parquet import parquet_file, row_groups
from worker.files.conversion.totals import DAYS, Totals

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
    """Add the rows of this table of lines to the sums. The first attribute of a sum with an amount is that of a row."""
    names = table.schema.names
    amounts = {name: columns for name, each in AMOUNTS.items() if (columns := _filled(table, each))}
    keys = {"currency": _filled(table, CURRENCIES), "kind": _filled(table, ("chargeType",))}
    nothing = pa.nulls(table.num_rows, pa.string())
    grouped = {name: _first(columns) if columns else nothing for name, columns in keys.items()}
    if any(pa.types.is_string(column.type) for columns in amounts.values() for column in columns):
        _add_texts(totals, grouped, amounts)
    else:
        sums = {name: _first(columns).cast(SUMS) for name, columns in amounts.items()}
        wanted: Iterable[tuple[Any, str]] = [([], "count_all"), *((name, "sum") for name in sums)]
        by_group = pa.table(grouped | sums).group_by([*grouped], use_threads=False).aggregate(wanted)
        for row in by_group.to_pylist():
            totals.add(row["currency"], row["kind"], row["count_all"], {name: row[f"{name}_sum"] for name in sums})
    for name in DAYS:
        if name in names and pa.types.is_timestamp(table.schema.field(name).type):
            totals.add_days(name, pc.min_max(table.column(name)).as_py().values())


def _filled(table: Any, names: Iterable[str]) -> list[Any]:
    """The columns of these names that have a value."""
    columns = [table.column(name) for name in names if name in table.schema.names]
    return [column for column in columns if column.null_count < len(column)]


def _first(columns: list[Any]) -> Any:
    """The first value of each row in these columns. One column is itself, and not copied."""
    return columns[0] if len(columns) == 1 else pc.coalesce(*columns)


def _add_texts(totals: Totals, keys: Mapping[str, Any], amounts: Mapping[str, list[Any]]) -> None:
    """Add the rows one by one, because a column of amounts is text."""
    cells = {(name, at): column for name, columns in amounts.items() for at, column in enumerate(columns)}
    rows = zip(*(column.to_pylist() for column in (*keys.values(), *cells.values())), strict=True)
    for currency, kind, *values in rows:
        found: dict[str, Decimal | None] = dict.fromkeys(amounts)
        for (name, _), value in zip(cells, values, strict=True):
            if found[name] is None:
                found[name] = number_in(value)
        totals.add(currency, kind, 1, found)


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
