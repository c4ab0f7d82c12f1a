"""Counts of many tests, added up at the end of a run."""

from collections import Counter

import pytest

TOTALS = {
    "deaths": "points at which a worker died",
    "happened": "what happened in the simulated stories",
}
"""The test property under which a test gives its counts, and the heading of these counts."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the sums over all processes of the run."""
    for wanted, heading in TOTALS.items():
        counts: Counter[str] = Counter()
        for report in terminalreporter.stats.get("passed", []):
            for name, value in report.user_properties:
                if name == wanted:
                    counts.update(value)
        if counts:
            terminalreporter.section(heading)
            for what, number in sorted(counts.items()):
                terminalreporter.write_line(f"{number:6} {what}")
