"""Invoices of the simulator, whose books nobody here has written, are compared as the files that they come in."""

import itertools
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ops.simulator.behaviour import Hostility, Settings
from ops.simulator.simulator import Simulator, build
from tests.simulator.billing import GraphCaller
from worker.files.comparison.from_sources import rows_of
from worker.files.comparison.rules import Found, InvoiceAmounts, Result, Status, compare
from worker.files.comparison.sums import Sums
from worker.files.comparison.tax_rate import LastRate

WIDE: dict[str, Any] = {"customers": 3, "usage_lines": 300, "groups": 24, "seats": 4, "reservations": 2, "refunds": 2}
CURRENCIES = {"EUR": ("USD", "EUR", "GBP"), "USD": ("USD",), "JPY": ("JPY", "USD")}


@pytest.fixture
def simulator() -> Simulator:
    """A simulator whose exports end at once."""
    return build(settings=Settings(hostility=Hostility.off(), export_queued=(0, 0), export_seconds=(0, 0)))


async def result_of(simulator: Simulator, folder: Path, last: dict[str, LastRate], **members: Any) -> Result:
    """The comparison of a new invoice, read from its blobs."""
    invoice = simulator.invoice(**(WIDE | members))
    graph = GraphCaller(simulator)
    sums = Sums()
    for lines in ("usage", "reconciliation"):
        manifest = await graph.manifest(lines, invoice.id)
        for number in range(manifest["blobCount"]):
            (folder / "blob").write_bytes((await graph.blob(manifest, number)).content)
            for row in rows_of(folder / "blob", lines):
                if lines == "usage":
                    sums.add_usage(row, row.get("billingPreTaxTotal"))
                else:
                    sums.add_line(row)
    figures = simulator.figures(invoice.id, "reconciliation")
    return compare(sums, InvoiceAmounts(invoice.currency, figures.invoice_total), last)


@pytest.mark.parametrize("numbers", ["number", "text", "mixed", "exponent"])
@pytest.mark.parametrize("keys", ["pascal", "camel"])
async def test_invoices_add_up_in_every_form_of_the_lines(
    simulator: Simulator, tmp_path: Path, keys: str, numbers: str
) -> None:
    """Both casings, both sets of names, and numbers of every form; three currencies; tax shown and hidden."""
    simulator.change(line_keys=keys, line_numbers=numbers, line_synonyms="api" if keys == "camel" else "export")
    for currency, tax in itertools.product(CURRENCIES, ["none", "shown", "hidden"]):
        members = {"currency": currency, "pricing_currencies": CURRENCIES[currency], "tax": tax}
        result = await result_of(simulator, tmp_path, {}, **members)

        assert result.differences == []
        assert result.currencies[currency].unexplained == 0
        assert result.currencies[currency].sums.recomputed["other"] == 0
        expected = Status.EQUAL_BEFORE_TAX if tax == "hidden" else Status.WITHIN_ROUNDING
        assert result.status is expected


PLANTED = [
    ("missing", "usage", Status.INCOMPLETE),
    ("doubled", "usage", Status.DIFFERENT),
    ("currency", "usage", Status.INCOMPLETE),
    ("missing", "reconciliation", Status.DIFFERENT),
    ("doubled", "reconciliation", Status.INCOMPLETE),
    ("cent", "reconciliation", Status.DIFFERENT),
    ("currency", "reconciliation", Status.DIFFERENT),
]


@pytest.mark.parametrize(("kind", "lines", "expected"), PLANTED)
@pytest.mark.parametrize("tax", ["none", "shown", "hidden"])
async def test_planted_faults_are_found(
    simulator: Simulator, tmp_path: Path, tax: str, kind: str, lines: str, expected: Status
) -> None:
    """In lines of consumption whose amount is above what rounding can do."""
    rate = Decimal("0.19") if tax == "hidden" else Decimal(0)
    last = {} if tax == "shown" else {"EUR": LastRate(Decimal(100_000), 100_000 * rate)}
    planted = {"currency": "EUR", "tax": tax, "seats": 0, "refunds": 0, "credits": 0, "reservations": 0}
    found = 0
    for line in range(0, 24, 3):
        fault = {"kind": kind, "lines": lines, "line": line}
        result = await result_of(simulator, tmp_path, last, **planted, planted=[fault])
        if result.status is expected:
            assert kind == "cent" or result.differences
            found += 1
        else:
            assert result.status in {Status.WITHIN_ROUNDING, Status.EQUAL_BEFORE_TAX}

    assert found >= (8 if kind == "cent" else 5)


async def test_a_wrong_rate_is_told_by_the_formula(simulator: Simulator, tmp_path: Path) -> None:
    """The amount of the line is right and its rate is not: the line is counted, and named in the file."""
    planted = [{"kind": "rate", "lines": "reconciliation", "line": 3}]
    sums = (await result_of(simulator, tmp_path, {}, currency="EUR", planted=planted)).currencies["EUR"].sums

    assert (sums.recomputed["other"], sums.recomputed["offByCent"]) == (1, 0)


async def test_partial_usage_is_incomplete(simulator: Simulator, tmp_path: Path) -> None:
    """Microsoft's usage may be partial for days after the invoice."""
    result = await result_of(simulator, tmp_path, {}, usage_complete_after=3600)

    assert result.status is Status.INCOMPLETE
    assert {each.found for each in result.differences} <= {Found.USAGE_SHORT, Found.USAGE_MISSING}
