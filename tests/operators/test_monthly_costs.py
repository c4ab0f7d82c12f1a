"""The cost of this month by day beside the month before: sums of exported usage, and both pictures of them."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.destinations import destination_in
from tests.support.standing import stand
from worker.cli.output.console import Piece
from worker.cli.output.spending.bullets import chart
from worker.files.conversion.exact_lines import UnreadableLines
from worker.files.conversion.layout import Layout
from worker.files.layout import Dataset, Unbilled
from worker.operators.invoices.bridge_picture import Caption
from worker.operators.usage.bullets import Bullet
from worker.operators.usage.bullets_picture import picture
from worker.operators.usage.monthly_costs import MonthCosts, TwoMonths, cumulative, monthly_costs

AT = datetime(2026, 11, 9, 12, tzinfo=UTC)
OLD, NEW = "20261107T101959Z-6b1f0c9d2a47", "20261109T101959Z-6b1f0c9d2a47"
LINES = [
    ("2026-11-03T00:00:00Z", "1000000000000.00000000000000000001"),
    ("2026-11-01T00:00:00", 2),
    ("2026-11-03T00:00:00Z", "-0.5"),
    ("2026-10-31T00:00:00Z", "1E-2"),
]
SUMS = ("2.01", "2.01", "1000000000001.51000000000000000001")
BULLET = Bullet("Contoso", Decimal(84), Decimal(118), Decimal("4213.87"), Decimal(5000), "EUR")


def month_of(first: date, *totals: str) -> MonthCosts:
    """A month with these sums by day."""
    return MonthCosts(first, NEW, tuple(map(Decimal, totals)))


NOVEMBER = month_of(date(2026, 11, 1), "100", "250.50", "420")
OCTOBER = month_of(date(2026, 10, 1), *(str(day * 90) for day in range(1, 32)))
BOTH = TwoMonths("EUR", NOVEMBER, OCTOBER)


def part(lines: Sequence[tuple[str, object]] = LINES) -> bytes:
    """A part as Microsoft sends it."""
    rows = [{"UsageDate": day, "BillingPreTaxTotal": cost, "BillingCurrency": "EUR"} for day, cost in lines]
    return gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode())


def unbilled(month: str, currency: str = "EUR", attributes: str = "full") -> Dataset:
    """Unbilled usage of the account."""
    return Dataset("contoso", "lines=usage", unbilled=Unbilled(month, currency), attributes=attributes)


@pytest.mark.parametrize("form", ["source", "parquet"])
async def test_the_cost_of_two_months_is_summed_exactly_from_the_newest_version(tmp_path: Path, form: str) -> None:
    """From Parquet where it is there, else from Microsoft's bytes. Other months and other partners do not count."""
    content = part()
    if form == "parquet":
        pytest.importorskip("pyarrow")
        from worker.files.conversion.part import write_part  # noqa: PLC0415 - it takes pyarrow

        (tmp_path / "source").write_bytes(content)
        write_part(tmp_path / "source", tmp_path / "table", 0, Layout("usage"))
        content = (tmp_path / "table").read_bytes()
    files, place = {f"{form}/part-00000": (form, content)}, tmp_path / "files"
    stand(place, unbilled("2026-11"), OLD, {"source/part-00000": ("source", part([("2026-11-01", 999)]))})
    stand(place, unbilled("2026-11", attributes="basic"), NEW, files)
    stand(place, unbilled("2026-10", "USD"), NEW, {"source/part-00000": ("source", part([("2026-10-02", "7")]))})
    stand(place, unbilled("2026-09"), NEW, files)
    stand(place, replace(unbilled("2026-11"), partner="fabrikam"), NEW, files)
    euros, dollars = await monthly_costs(destination_in(tmp_path), "contoso", AT)
    assert (euros.currency, euros.before, dollars.currency, dollars.present) == ("EUR", None, "USD", None)
    assert euros.present == MonthCosts(date(2026, 11, 1), NEW, tuple(map(Decimal, SUMS)))
    assert dollars.before is not None
    assert dollars.before.totals == (Decimal(0), Decimal(7))


@pytest.mark.parametrize("form", ["source", "parquet"])
async def test_a_damaged_part_is_said_to_be_so(tmp_path: Path, form: str) -> None:
    """In each format, and also if another program has cut it."""
    pytest.importorskip("pyarrow")
    stand(tmp_path / "files", unbilled("2026-11"), NEW, {"part": (form, part()[:-9])})
    with pytest.raises(UnreadableLines):
        await monthly_costs(destination_in(tmp_path), "contoso", AT)


async def test_without_an_export_there_is_no_cost_by_day(tmp_path: Path) -> None:
    """The destination may not even be there."""
    assert await monthly_costs(destination_in(tmp_path), "contoso", AT) == []


@pytest.mark.parametrize(
    ("costs", "totals"),
    [
        ({}, []),
        ({date(2026, 11, 2): "5"}, ["0", "5"]),
        ({None: "1", date(2026, 10, 31): "2", date(2026, 11, 1): "4"}, ["7"]),
        ({date(2026, 12, 1): "1"}, ["0"] * 29 + ["1"]),
    ],
)
def test_no_cost_is_left_out_of_the_month(costs: dict[date | None, str], totals: list[str]) -> None:
    """What is dated outside the month counts on its first or last day."""
    given = {day: Decimal(cost) for day, cost in costs.items()}
    assert cumulative(given, date(2026, 11, 1)) == tuple(map(Decimal, totals))


def text(line: Sequence[Piece]) -> str:
    """The characters of a line."""
    return "".join(piece if isinstance(piece, str) else piece[0] for piece in line)


def test_the_cost_by_day_stands_beside_the_bars_in_a_wide_terminal() -> None:
    """Below them at 80 columns, beside them at 160. No line is longer than the terminal, and both have all words."""
    narrow, wide = (chart([BULLET], [BOTH], most) for most in (80, 160))
    assert all(len(text(line)) <= 80 for line in narrow)
    assert all(len(text(line)) <= 160 for line in wide)
    assert len(narrow) == len(wide) + 2
    for lines in (narrow, wide):
        shown = "\n".join(map(text, lines))
        assert "2 790.00 EUR │" in shown
        assert "November 2026 up to day 3: 420.00 EUR" in shown
        assert "October 2026 up to day 3: 270.00 EUR" in shown
        assert shown.count("─") >= 31
    assert text(wide[0]).startswith("Contoso")
    assert "Cost by day, EUR" in text(wide[0])


@pytest.mark.parametrize("costs", [BOTH, TwoMonths("EUR", NOVEMBER, None), TwoMonths("JPY", None, OCTOBER)], ids=repr)
def test_the_picture_has_a_panel_with_the_currency_at_its_axis_and_the_versions_below(costs: TwoMonths) -> None:
    """A line for each exported month. Without an export the picture is as wide as the bars."""
    drawn = picture(Caption("Usage", "as of today"), [BULLET], [costs])
    tree = ET.fromstring(drawn)
    lines = tree.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == len(costs.months)
    assert f"0.00 {costs.currency}" in drawn
    assert all(f"{month.month:%Y-%m} version {NEW}" in drawn for month in costs.months)
    assert "as of today" in drawn
    alone = ET.fromstring(picture(Caption("Usage", "as of today"), [BULLET]))
    assert int(alone.attrib["width"]) < int(tree.attrib["width"])


def test_credits_below_zero_are_drawn_from_the_lowest_point() -> None:
    """A month can cost less than nothing."""
    month = month_of(date(2026, 11, 1), "-50", "-20", "30")
    assert "−50.00 EUR" in picture(Caption("Usage", ""), [], [TwoMonths("EUR", month, None)])
    lines = [text(line) for line in chart([], [TwoMonths("EUR", month, None)], 80)]
    assert "−50.00 EUR │" in "\n".join(lines)
    assert all(len(line) <= 80 for line in lines)
