"""Durations on the command line."""

from datetime import timedelta

import pytest
import typer

from worker.cli.durations import parse_duration
from worker.operators.wording.durations import spoken


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5_400),
        ("2d", 172_800),
        ("0.5s", 0.5),
        ("45", 45),
        ("PT10M", 600),
        ("P1D", 86_400),
        ("pt5m", 300),
    ],
)
def test_durations_are_read_as_people_write_them(text: str, seconds: float) -> None:
    """These are units, plain seconds and ISO 8601."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "soon", "10 minutes", "-5s", "0", "10x", "PT", "m10", "nan", "inf", "1e999"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    """The refusal shows how to write one."""
    with pytest.raises(typer.BadParameter, match="10m"):
        parse_duration(text)


@pytest.mark.parametrize(("seconds", "text"), [(0.5, "0.5 s"), (45, "45 s"), (600, "10 m"), (5_400, "1 h 30 m")])
def test_durations_are_printed_as_people_read_them(seconds: float, text: str) -> None:
    """A duration above a minute is never printed as a bare number of seconds."""
    assert spoken(timedelta(seconds=seconds)) == text
