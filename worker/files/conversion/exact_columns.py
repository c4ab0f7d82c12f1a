"""The lines of `exact_lines` as Arrow's columns, a few thousand at a time."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from worker.files.conversion.arrow_lines import ARROW
from worker.files.conversion.exact_lines import convert, lines
from worker.files.conversion.layout import Layout
from worker.files.lines import ValueType
from worker.partner_center.answers.exact_json import Members, whole_text

AT_ONCE = 4096
Cell = tuple[str, ValueType, Decimal | None]
"""The column of a value, its type, and the factor of the value."""


def exact_batches(path: Path, layout: Layout) -> Iterator[Any]:
    """The lines in the columns of the layout, which must fit all of them. Raises `UnreadableLines`."""
    left = lines(path)
    columns = layout.columns()
    cells: dict[str, Cell] = {}
    for wire in layout.wires:
        attribute = layout.attribute(wire)
        cells[wire] = attribute.name, columns[attribute.name], attribute.factor
    while some := list(islice(left, AT_ONCE)):
        rows = [_row(members, cells) for members in some]
        arrays = [pa.array([row.get(name) for row in rows], ARROW[each]) for name, each in columns.items()]
        yield pa.record_batch(arrays, names=list(columns))


def _row(members: Members, cells: Mapping[str, Cell]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for wire, raw in members.items():
        name, value_type, factor = cells[wire]
        value = (
            whole_text(raw)
            if value_type is ValueType.TEXT and factor is None and isinstance(raw, str)
            else convert(raw, value_type, factor)
        )
        if value is not None or name not in row:
            row[name] = value
    return row
