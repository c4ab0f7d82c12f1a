"""Reads lines with Arrow: fast, and raises for everything unusual.

Arrow decodes JSON in C++ and makes decimals from the text of numbers and strings. Two traps, both measured with
pyarrow 26: decimal128 wraps around in silence where a number has 20 or more digits before the point, so numbers are
read with 256 bits and then narrowed, which checks; and bytes that are not UTF-8 pass unless a column is validated.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from worker.files.conversion.exact_lines import Facts, Unfit, timestamp_of
from worker.files.conversion.layout import LINE, PART, Layout
from worker.files.lines import Attribute, ValueType

DECIMAL = pa.decimal128(38, 20)
WIDE = pa.decimal256(76, 20)
ARROW: Mapping[ValueType, Any] = {
    ValueType.DECIMAL: DECIMAL,
    ValueType.TIMESTAMP: pa.timestamp("us", tz="UTC"),
    ValueType.TEXT: pa.string(),
}
BLOCK = 2 << 20
"""Bytes that Arrow decodes at once; it holds some forty times as many. A longer line is one for the slow way."""
TEXT_KINDS = frozenset({"text", "empty", "null"})

Unusual = (pa.ArrowException, Unfit, UnicodeError, OverflowError)
"""What the fast way raises for lines that the slow way may read."""


def schema(layout: Layout) -> Any:
    """Arrow's schema of a Parquet part of this layout."""
    fields = [(name, ARROW[value_type]) for name, value_type in layout.columns().items()]
    return pa.schema([*fields, (PART, pa.int32()), (LINE, pa.int64())])


def read_types(facts: Facts, layout: Layout) -> dict[str, Any] | None:
    """How Arrow should read each name on the wire. None if only the slow way can read lines with these facts."""
    types = {}
    columns = layout.columns()
    for wire in sorted(layout.wires | set(facts.kinds)):
        attribute = layout.attribute(wire)
        types[wire] = _read_type(columns[attribute.name], attribute, facts.kinds.get(wire, set()) - {"null"})
        if types[wire] is None:
            return None
    return None if facts.doubled else types


def _read_type(column: ValueType, attribute: Attribute, kinds: set[str]) -> Any:
    if column is ValueType.DECIMAL:
        return WIDE if kinds <= {"integer", "fraction", "text"} else None
    if kinds <= TEXT_KINDS:
        return pa.string() if attribute.factor is None else None
    if column is ValueType.TEXT and len(kinds) == 1:
        return {"integer": pa.int64(), "boolean": pa.bool_()}.get(*kinds)
    return None


def batches(path: Path, types: Mapping[str, Any], layout: Layout) -> Iterator[Any]:
    """The lines in the columns of the layout, some thousand at a time. Raises one of `Unusual`."""
    names = {wire: layout.attribute(wire) for wire in types}
    read = pj.ReadOptions(block_size=BLOCK, use_threads=False)
    parse = pj.ParseOptions(explicit_schema=pa.schema(list(types.items())), unexpected_field_behavior="error")
    with pa.CompressedInputStream(pa.OSFile(str(path)), "gzip") as stream:
        for batch in pj.open_json(stream, read_options=read, parse_options=parse):
            found: dict[str, list[Any]] = {}
            for wire, values in zip(batch.schema.names, batch.columns, strict=True):
                attribute = names[wire]
                found.setdefault(attribute.name, []).append(_typed(values, attribute.type, attribute.factor))
            yield pa.record_batch(
                [_one(found.get(name, []), ARROW[each], batch.num_rows) for name, each in layout.columns().items()],
                names=list(layout.columns()),
            )


def _typed(values: Any, value_type: ValueType, factor: Decimal | None) -> Any:
    if value_type is ValueType.DECIMAL:
        if factor is not None:
            exact = pa.scalar(factor, pa.decimal256(3, 2))
            values = pc.multiply(values.cast(pa.decimal256(60, 20)), exact)
        return values.cast(DECIMAL)
    if value_type is ValueType.TIMESTAMP:
        return _moments(values)
    if values.type == pa.string():
        values.validate(full=True)
        return values
    return values.cast(pa.string())


def _moments(values: Any) -> Any:
    """Timestamps of texts. A file has few different ones."""
    coded = values.dictionary_encode()
    moments = [timestamp_of(text) for text in coded.dictionary.to_pylist()]
    return pa.array(moments, ARROW[ValueType.TIMESTAMP]).take(coded.indices)


def _one(columns: list[Any], arrow_type: Any, rows: int) -> Any:
    """One column of those that the wire has under several names. Two different values in one line are unusual."""
    if not columns:
        return pa.nulls(rows, arrow_type)
    whole = columns[0]
    for other in columns[1:]:
        if pc.any(pc.not_equal(whole, other)).as_py():
            raise Unfit("one line has two names for one attribute, and two values")
        whole = pc.coalesce(whole, other)
    return whole
