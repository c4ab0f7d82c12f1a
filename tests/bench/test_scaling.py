"""`ops/bench/scaling.py` and `ops/bench/memory.py`: what they print, and when they fail."""

import pytest

from ops.bench.memory import grown, mixed
from ops.bench.scaling import table


def test_the_table_compares_the_largest_journal_with_the_smallest() -> None:
    """A ratio of one: a hundred times the commands cost nothing."""
    sizes = [
        {"commands": number, "rows": {"command": number}, "bytes": {"command": number * 800}, "milliseconds": {"x": ms}}
        for number, ms in ((100_000, 2.0), (10_000_000, 3.0))
    ]
    lines = table(sizes)

    assert lines[0].split()[-3:] == ["100,000", "10,000,000", "ratio"]
    assert lines[1].split() == ["x", "2.0", "3.0", "1.50"]
    assert lines[-1].split() == ["command", "10,000,000", "8.00", "800"]


@pytest.mark.parametrize(
    ("last", "has_grown"),
    [(100e6, False), (117e6, False), (119e6, True), (300e6, True)],
)
def test_memory_that_grows_fails_the_measurement(last: float, has_grown: bool) -> None:
    """A tenth and 8 MB are noise of the allocator."""
    assert grown({20_000: int(100e6), 200_000: int(last)}) is has_grown


def test_one_command_of_ten_is_a_purchase() -> None:
    """Two are refused after a look, seven for their data; each belongs to a customer of its own."""
    commands = list(mixed(100))

    assert sum(one.type == "CreateAzurePlan" and not one.data for one in commands) == 10
    assert sum(one.type == "ReactivatePlan" for one in commands) == 20
    assert sum("country" in one.data for one in commands) == 70
    assert len({one.customer for one in commands}) == 100
