"""Text and instants: the small rules below everything on the wire."""

import json
import sys
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.wire.instants import format_instant, parse_instant
from events.wire.text import counted, has_control_characters, json_text, printable, quoted, visible


@settings(deadline=None)
@given(st.text(st.characters()), st.integers(2, 50))
def test_printable_text_is_one_line_within_its_limit(text: str, limit: int) -> None:
    """The result can be logged, encoded and stored for any text, and is never longer than the limit."""
    line = printable(text, limit)

    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
    assert not has_control_characters(line)
    line.encode()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one\r\n\ttwo", "one two"),
        ("a\u2028b", "a b"),
        ("a\0b", "a\ufffdb"),
        ("\ud83d", "\ufffd"),
        ("0123456789", "0123456789"),
        ("01234567890", "012345678…"),
        ("01234567  890", "01234567…"),
        ("0" * 30, "000000000…"),
        ("0\n\n\n\n\n\n\n\n\n\n\n1", "0 1"),
        ("ä" * 10, "ä" * 10),
    ],
)
def test_printable_text_keeps_every_printable_character(text: str, line: str) -> None:
    """Breaks become a space, the unprintable a replacement character, and a cut an ellipsis; the limit here is 10."""
    assert printable(text, 10) == line


INK = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
"""Visible format characters: signs in front of Arabic and Kaithi numbers."""
HARMFUL = [
    character
    for character in map(chr, range(sys.maxunicode + 1))
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and ord(character) not in INK
]
"""Categories of Unicode's own table: controls, format characters, surrogates, separators of lines and paragraphs."""
FILLERS = "\u115f\u1160\u3164\uffa0"


def test_no_character_that_only_acts_or_hides_survives() -> None:
    """No escape sequence, C1 code, bidirectional control or character without width reaches a terminal."""
    assert {"\x1b", "\x9b", "\u202e", "\u2066", "\u200f", "\u061c", "\u200b", "\u2028", "\ufeff"} <= {*HARMFUL}
    survived = [
        f"U+{ord(each):04X}" for each in (*HARMFUL, *FILLERS) if visible(f"a{each}b") not in ("a\ufffdb", "a b")
    ]
    assert survived == []


@pytest.mark.parametrize(
    "text", ["Ünïcödé – 100 €", "日本語", "שלום", "مرحبا", "می\u200cخواهم", "👩\u200d💻", "naïve\u0301"]
)
def test_text_that_people_read_stays_as_it_is(text: str) -> None:
    """Scripts from right to left stay, and joiners stay if a script or an emoji needs them."""
    assert visible(text) == text


def test_json_stays_what_it_was_and_shows_nothing_harmful() -> None:
    """A program reads the same value. The characters are escapes in the JSON."""
    value = {"name": "|".join(HARMFUL), "ok": "Ünï שלום"}
    printed = json_text(value, 2)
    assert json.loads(printed) == value
    assert "Ünï שלום" in printed
    assert [each for each in HARMFUL if each in printed and each != "\n"] == []
    assert "\n" not in json_text(value)


def test_quoted_text_is_short() -> None:
    """A name that a sender chose is quoted and cut."""
    assert quoted("a\nb") == '"a b"'
    assert quoted("x" * 100) == f'"{"x" * 63}…"'


@settings(deadline=None)
@given(st.datetimes(timezones=st.timezones() | st.just(UTC)).filter(lambda instant: 1 < instant.year < 9999))
def test_an_instant_that_is_written_can_be_read(instant: datetime) -> None:
    """Writing and reading an instant gives the instant, in UTC."""
    read = parse_instant(format_instant(instant))

    assert read == instant.astimezone(UTC)
    assert read is not None
    assert read.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-03-01T00:00:00Z", 0),
        ("2026-03-01t00:00:00z", 0),
        ("2026-03-01T00:00:00-00:00", 0),
        ("2026-03-01T01:00:00+01:00", 0),
        ("2026-02-28T12:30:00-11:30", 0),
        ("2026-03-01T00:00:00.5Z", 0.5),
        ("2026-03-01T00:00:00.1234567Z", 0.123456),
        ("2026-03-01T00:00:00.000000000000Z", 0),
    ],
)
def test_instants_are_read_as_rfc_3339_writes_them(text: str, seconds: float) -> None:
    """Any offset and any number of digits is read."""
    assert parse_instant(text) == datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-03-01",
        "2026-03-01T00:00:00",
        "2026-03-01 00:00:00Z",
        "2026-03-01T00:00Z",
        "2026-03-01T00:00:00.Z",
        "2026-03-01T00:00:00+0100",
        "2026-03-01T00:00:00+24:00",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-03-01T24:00:01Z",
        "2026-03-01T23:59:60Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "2026-03-01T00:00:00Z\n",
        "２０２６-03-01T00:00:00Z",
        "2026-W09-7T00:00:00Z",
        "2026-03-01T00:00:00." + "0" * 100 + "Z",
    ],
)
def test_text_that_is_no_instant_is_none(text: str) -> None:
    """Local times, other formats and impossible days are not guessed."""
    assert parse_instant(text) is None


def test_a_naive_datetime_is_not_written() -> None:
    """Writing a naive datetime is a defect, and raises."""
    with pytest.raises(ValueError, match="naive"):
        format_instant(datetime(2026, 3, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 reservations"), (1, "1 reservation"), (2, "2 reservations"), (21, "21 reservations")]
)
def test_things_are_counted_as_people_do(number: int, words: str) -> None:
    """Only the number one has the singular."""
    assert counted(number, "reservation") == words
