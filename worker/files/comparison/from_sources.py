"""Compares source parts without Arrow: a program of a child process, for installations without the extra `finance`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from worker.files.comparison.job import compared
from worker.files.comparison.shape import not_compared
from worker.files.comparison.sums import Sums
from worker.files.conversion.child import answer
from worker.files.conversion.exact_lines import lines, number_in, text_of
from worker.files.conversion.layout import Layout
from worker.files.lines import ValueType, is_legacy


def rows_of(path: Path, kind: str) -> Iterator[dict[str, Any]]:
    """The lines of a source part by our names: texts, also for numbers. Raises `UnreadableLines`."""
    layout: Layout | None = None
    names: dict[str, Any] = {}
    for members in lines(path):
        layout = layout or Layout(kind, legacy=is_legacy(list(members), kind))
        row: dict[str, Any] = {}
        for wire, value in members.items():
            if wire not in names:
                names[wire] = layout.attribute(wire)
            if value not in (None, ""):
                row[names[wire].name] = (
                    number_in(text_of(value)) if names[wire].type is ValueType.DECIMAL else text_of(value)
                )
        yield row


def compare_sources(job: Mapping[str, Any]) -> dict[str, Any]:
    """The job: compare the source parts of an invoice. Without its amount nothing is compared."""
    if job["invoice"] is None:
        return {"comparison": not_compared(), "focus": None}
    sums = Sums(currency=job["invoice"]["currency"].upper())
    for path in job["usage"]["paths"]:
        for row in rows_of(Path(path), "usage"):
            sums.add_usage(row, row.get("billingPreTaxTotal"))
    for path in job["reconciliation"]["paths"]:
        for row in rows_of(Path(path), "reconciliation"):
            sums.add_line(row)
    return {"comparison": compared(sums, job).shape, "focus": None}


if __name__ == "__main__":
    answer(compare_sources)
