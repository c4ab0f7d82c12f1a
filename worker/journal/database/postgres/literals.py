"""Values written into a statement, for statements that PostgreSQL takes together in one message.

A message of several statements has no place for values beside the text. Each value therefore becomes a constant. A text
is an escape string, which means the same under every setting of the server.
"""

from collections.abc import Sequence
from functools import lru_cache

from worker.journal.database.protocol import Value


@lru_cache(maxsize=1024)
def parts(sql: str) -> tuple[str, ...]:
    """The text of a statement around its values."""
    return tuple(sql.split("?"))


def inlined(sql: str, values: Sequence[Value | Sequence[str]]) -> str:
    """The statement with its values in the text. Raises ValueError if the number of values is another one."""
    around = parts(sql)
    words = [around[0]]
    for value, part in zip(values, around[1:], strict=True):
        words += (literal(value), part)
    return "".join(words)


def literal(value: Value | Sequence[str]) -> str:
    """A value as a constant. Texts must be storable: without U+0000 and lone surrogates."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "E'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
    if isinstance(value, bytes):
        return f"E'\\\\x{value.hex()}'::bytea"
    if isinstance(value, (int, float)):
        return f"({value!r})"
    return f"ARRAY[{', '.join(map(literal, value))}]::text[]"
