"""What people type to say which commands they mean, and what they are told when it cannot be."""

import pytest

from worker.cli.exits import Code, Stop
from worker.cli.selecting import chosen, offsets, span, wire_type

MORNING, EVENING = "2026-03-02T08:00:00Z", "2026-03-02T20:00:00+01:00"
NOON = 1_772_452_800_000_000  # 2026-03-02T12:00:00Z


def test_a_range_of_offsets_holds_its_last_one() -> None:
    """3:1000-1999 are a thousand records of partition 3."""
    assert offsets("3:1000-1999") == (3, range(1000, 2000))
    assert offsets("0:7-7") == (0, range(7, 8))


@pytest.mark.parametrize("text", ["", "3", "3:9-1", "3:-1-5", "a:1-2", "3:1-2-3"])
def test_what_is_no_range_of_offsets_is_said_with_an_example(text: str) -> None:
    """The answer shows how one is written."""
    with pytest.raises(Stop) as told:
        offsets(text)
    assert told.value.code is Code.USAGE
    assert "3:1000-1999" in (told.value.advice or "")


def test_a_span_holds_both_its_ends_and_is_open_where_nothing_was_said() -> None:
    """Instants have offsets from UTC, and count as what they mean."""
    assert span(MORNING, EVENING).holds(NOON)
    assert not span(EVENING, None).holds(NOON)
    assert not span(None, MORNING).holds(NOON)
    assert span("2026-03-02T12:00:00Z", "2026-03-02T12:00:00Z").holds(NOON)
    assert span(None, None).holds(0)


@pytest.mark.parametrize(("begin", "end"), [("yesterday", None), (None, "2026-03-02"), (EVENING, MORNING)])
def test_what_is_no_span_is_refused(begin: str | None, end: str | None) -> None:
    """Rather than replaying something else than was meant."""
    with pytest.raises(Stop) as told:
        span(begin, end)
    assert told.value.code is Code.USAGE


def test_types_customers_and_accounts_are_taken_in_any_case() -> None:
    """As people type them."""
    found = chosen("suspend-plan", "C0FFEE00-0000-4000-8000-000000000001", "Contoso")
    assert (found.type, found.customer, found.partner) == (
        "azplan.SuspendPlan.v1",
        "c0ffee00-0000-4000-8000-000000000001",
        "contoso",
    )


def test_a_type_that_is_none_is_refused_with_a_suggestion() -> None:
    """A selection that matches nothing by a typing error would look as if there were nothing to do."""
    with pytest.raises(Stop, match="no type of command"):
        wire_type("SuspendPlann")
