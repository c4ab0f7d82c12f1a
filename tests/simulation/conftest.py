"""Silence while the stories run; at the end, what happened in them."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.quiet import quiet


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How often what happened to whom."""
    happened: Counter[str] = Counter()
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "happened":
                happened.update(value)
    if happened:
        terminalreporter.section("what happened in the simulated stories")
        for what, number in sorted(happened.items()):
            terminalreporter.write_line(f"{number:6} {what}")
