"""Writes columns as Parquet: zstd, row groups of 65 536 lines, dictionaries for all columns but decimals.

The number of the line has no dictionary either, because each is another one.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP = 65_536
"""Lines. Small row groups cost 64 % more bytes."""


def row_groups(batches: Iterable[Any], schema: Any, part: int, take: Callable[[Any], object]) -> int:
    """Give the rows to `take` as tables of a row group each. Returns the number of all rows.

    Each row has the way back to the source: number of the part, number of the line. `schema` is that of the tables.
    Only one row group is in memory: `take` keeps none.
    """
    waiting: list[Any] = []
    rows = first = 0
    for batch in batches:
        left = batch
        while left.num_rows:
            some = left.slice(0, ROW_GROUP - rows)
            waiting.append(some)
            rows += some.num_rows
            left = left.slice(some.num_rows)
            if rows == ROW_GROUP:
                take(_numbered(waiting, schema, part, first))
                first, rows, waiting = first + rows, 0, []
    if rows:
        take(_numbered(waiting, schema, part, first))
    return first + rows


def _numbered(batches: list[Any], schema: Any, part: int, first: int) -> Any:
    table = pa.Table.from_batches(batches)
    rows = table.num_rows
    parts = pa.repeat(pa.scalar(part, pa.int32()), rows)
    lines = pa.arange(first, first + rows)
    return pa.table([*table.columns, parts, lines], schema=schema)


@contextmanager
def parquet_file(target: Path, schema: Any) -> Iterator[Any]:
    """A writer of the file `target`, whose method `write_table` writes one row group."""
    coded = [each.name for each in schema if not pa.types.is_decimal(each.type) and not pa.types.is_int64(each.type)]
    options = {"compression": "zstd", "use_dictionary": coded, "store_schema": False}
    with pq.ParquetWriter(target, schema, **options) as writer:
        yield writer
