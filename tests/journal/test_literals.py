"""Values in the text of a statement reach PostgreSQL as they are, whatever they contain."""

import asyncio
from typing import Any

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.journal.database.postgres.literals import inlined, literal
from worker.journal.database.protocol import storable

pytestmark = pytest.mark.postgres

SEPARATORS = ["'", "''", "\\", "\\'", "';--", "$1", "?", "$$", "E'", "\n", "/*", "\\x41", "{", "\u2028"]
TEXTS = st.lists(st.one_of(st.sampled_from(SEPARATORS), st.text(max_size=5)), max_size=8).map("".join).map(storable)
NUMBERS = st.integers(min_value=-(2**63), max_value=2**63 - 1)


async def _echo(url: str, rows: list[tuple[Any, ...]], setting: str) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"SET standard_conforming_strings = {setting}")
        await connection.execute("CREATE TEMP TABLE echo (n serial, a text, b bytea, c bigint, d text[])")
        insert = "INSERT INTO echo (a, b, c, d) VALUES (?, ?, ?, ?)"
        await connection.execute(";\n".join(inlined(insert, row) for row in rows))
        return [tuple(row) for row in await connection.fetch("SELECT a, b, c, d FROM echo ORDER BY n")]
    finally:
        await connection.close()


@pytest.mark.parametrize("setting", ["on", "off"])
def test_every_value_comes_back_as_it_was(postgres_url: str, setting: str) -> None:
    """This holds for quotes, backslashes and marks of comments, under both meanings that a server gives backslashes."""

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(TEXTS, st.binary(), NUMBERS, st.lists(TEXTS, max_size=3)), min_size=1, max_size=20))
    def check(rows: list[tuple[Any, ...]]) -> None:
        assert asyncio.run(_echo(postgres_url, rows, setting)) == rows

    check()


def test_a_statement_with_another_number_of_values_is_refused() -> None:
    """Nothing is sent that was not meant."""
    for values in ((), ("one", "two")):
        with pytest.raises(ValueError, match="argument"):
            inlined("UPDATE command SET code = ?", values)


def test_nothing_is_null_and_a_negative_number_is_no_comment() -> None:
    """Two minus signs in a row would begin a comment."""
    assert (literal(None), inlined("SELECT 1 -?", [-1])) == ("NULL", "SELECT 1 -(-1)")
