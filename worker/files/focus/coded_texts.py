"""Columns of texts in which each different text stands once: work on a text is done once, and few texts are in memory.

A column is Arrow's array of places in a list of different texts. Parquet stores texts in the same way.
"""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

PLACE = pa.int32()
CODED = pa.dictionary(PLACE, pa.string())
AT_ONCE = 4_096
"""Texts that are Python values at once."""
BLANKS = "".join(character for number in range(0x3001) if (character := chr(number)).isspace())
"""What Python's `strip` removes."""
NOWHERE = pa.scalar(None, PLACE)


def coded(texts: Any) -> Any:
    """A column of texts, coded. Each text of the result is another one."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    return texts if texts.type == CODED else texts.cast(pa.string()).dictionary_encode()


def constant(text: str | None, rows: int) -> Any:
    """A column with one text in each row; None is none."""
    places = pa.nulls(rows, PLACE) if text is None else pa.repeat(pa.scalar(0, PLACE), rows)
    return pa.DictionaryArray.from_arrays(places, pa.array([] if text is None else [text], pa.string()))


def changed(column: Any, change: Callable[[str | None], Any], arrow_type: Any = None) -> Any:
    """The column with each different text changed once; null is changed too. Coded, unless `arrow_type` is given."""
    made, texts = arrow_type or pa.string(), column.dictionary
    values = [
        pa.array([change(text) for text in texts.slice(begin, AT_ONCE).to_pylist()], made)
        for begin in range(0, len(texts), AT_ONCE)
    ]
    whole = pa.concat_arrays([*values, pa.array([change(None)], made)])
    return _from(_filled(column), whole) if arrow_type is None else whole.take(_filled(column))


def trimmed(column: Any) -> Any:
    """The column without blanks around its texts, and with null in place of empty texts."""
    texts = pc.utf8_trim(column.dictionary, characters=BLANKS)
    return _from(column.indices, pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts))


def lower(column: Any) -> Any:
    """The column in lower case."""
    return _from(column.indices, pc.utf8_lower(column.dictionary))


def where(condition: Any, column: Any) -> Any:
    """The column where the condition holds, and null elsewhere."""
    return _from(pc.if_else(condition, column.indices, NOWHERE), column.dictionary)


def first(*columns: Any) -> Any:
    """In each row the text of the first of these columns that has one."""
    places, before = [], 0
    for column in columns:
        places.append(pc.add(column.indices, pa.scalar(before, PLACE)))
        before += len(column.dictionary)
    return _from(pc.coalesce(*places), pa.concat_arrays([column.dictionary for column in columns]))


def joined(left: Any, right: Any, join: Callable[[str, str], str | None]) -> Any:
    """The texts of two columns joined, each different pair once; null counts as empty."""
    lefts, rights = ([*column.dictionary.to_pylist(), ""] for column in (left, right))
    pairs = pc.add(
        pc.multiply(_filled(left).cast(pa.int64()), pa.scalar(len(rights), pa.int64())),
        _filled(right).cast(pa.int64()),
    ).dictionary_encode()
    places = (divmod(pair, len(rights)) for pair in pairs.dictionary.to_pylist())
    return _from(pairs.indices, pa.array([join(lefts[one], rights[other]) for one, other in places], pa.string()))


def _filled(column: Any) -> Any:
    """The places of the column, with the one behind the last in place of null."""
    return pc.fill_null(column.indices, pa.scalar(len(column.dictionary), PLACE))


def _from(places: Any, values: Any) -> Any:
    """The column of these texts at these places. Coded again, because equal texts would make wrong Parquet."""
    again = values.dictionary_encode()
    return pa.DictionaryArray.from_arrays(again.indices.take(places), again.dictionary)
