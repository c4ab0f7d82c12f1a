"""Silence while workers die by the hundred; at the end, the number of points at which they did."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.quiet import quiet


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many deaths each handler has survived."""
    deaths: Counter[str] = Counter()
    for report in terminalreporter.stats.get("passed", []):
        deaths.update(dict(report.user_properties).get("deaths", {}))
    if deaths:
        terminalreporter.section("points at which a worker died")
        for what, number in sorted(deaths.items()):
            terminalreporter.write_line(f"{number:6} {what}")
