"""Columns give back every value as it was written."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.journal.bench import record
from worker.journal.database.columns import digest, dump, dump_headers, dump_waits, load, load_headers, load_waits
from worker.journal.database.protocol import storable
from worker.journal.records import Waits

TEXT = st.text(st.characters(codec=None, categories=None))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_any_json_comes_back_and_is_text_that_every_database_holds(value: object) -> None:
    """Even U+0000 and halves of surrogate pairs come back."""
    text = dump(value)
    assert text.isascii()
    assert "\x00" not in text
    assert load(text) == value


@given(st.lists(st.tuples(TEXT, st.none() | st.binary(max_size=20)), max_size=6).map(tuple))
def test_headers_come_back_byte_for_byte(headers: tuple[tuple[str, bytes | None], ...]) -> None:
    """Order, repeats and missing values are kept."""
    assert load_headers(dump_headers(headers)) == headers


@given(TEXT)
def test_storable_text_is_left_alone_and_any_other_made_storable(text: str) -> None:
    """Each character that a database cannot hold becomes U+FFFD."""
    made = storable(text)
    assert made.encode("utf-8").decode("utf-8") == made
    assert "\x00" not in made
    assert len(made) == len(text)
    assert all(now == was or now == "\ufffd" for now, was in zip(made, text, strict=True))


def test_records_that_differ_in_anything_but_their_place_have_different_digests() -> None:
    """This holds when key and value have the same bytes in a row, and when one of them is missing instead of empty."""
    made = [
        record(b"ab", key=b"c", offset=1, headers=()),
        record(b"a", key=b"bc", offset=1, headers=()),
        record(b"ab", key=b"", offset=1, headers=()),
        record(b"ab", key=None, offset=1, headers=()),
        record(b"ab", key=b"c", offset=1, headers=(("h", b""),)),
        record(b"ab", key=b"c", offset=1, headers=(("h", None),)),
    ]
    assert len({digest(one) for one in made}) == len(made)
    assert digest(made[0]) == digest(record(b"ab", key=b"c", offset=2, headers=()))


def test_waits_of_another_version_are_read_as_far_as_they_are_known() -> None:
    """An unknown member is no reason to stop."""
    waits = Waits(count=2, said="retry", polls=1, since={"settling": 5})
    assert load_waits(dump_waits(waits)) == waits
    assert load_waits(json.dumps({"count": 3, "new": True})) == Waits(count=3)
    assert load_waits("{}") == Waits()
