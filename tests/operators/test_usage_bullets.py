"""Customers against their budgets: the bars, their axis, and both pictures."""

from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest

from events.messages.usage import UsageRecord
from worker.cli.output.spending.bullets import blocks
from worker.operators.invoices.bridge_picture import Caption
from worker.operators.sending.usage_reports import over, rows
from worker.operators.usage.bullets import axis_end, bullets
from worker.operators.usage.bullets_picture import picture


def customer(name: str, percent: str, budget: str | None = "100", **members: object) -> UsageRecord:
    """A record of a customer."""
    given = {"total": percent, "percent_used": percent, "currency": "EUR", "is_upgraded": True, **members}
    return UsageRecord(kind="customer", id=name, name=name, budget=budget, **given)  # type: ignore[arg-type]


RECORDS = [
    customer("calm", "10", last_modified="2026-06-16T00:00:00Z"),
    customer("none", "0", None),
    customer("over <&>", "120"),
    customer("near", "84.28", last_modified="2026-06-16T00:00:00Z"),
]


def test_the_largest_share_comes_first_and_a_customer_without_budget_not_at_all() -> None:
    """Sorted by share; a budget of 0 has no share."""
    found = bullets(rows([*RECORDS, customer("nought", "5", "0")], order="name"))
    assert [(each.name, str(each.used), each.is_over) for each in found] == [
        ("over <&>", "120", True),
        ("near", "84.28", False),
        ("calm", "10", False),
    ]
    assert [each.forecast for each in found] == [None, Decimal(169), Decimal(20)]


@pytest.mark.parametrize(("shares", "end"), [(["10"], 100), (["84", "120"], 120), (["9999"], 200), ([], 100)], ids=str)
def test_the_axis_ends_with_the_longest_bar_within_reason(shares: list[str], end: int) -> None:
    """At least at the budget, and at most at twice the budget."""
    assert axis_end(bullets(rows([customer(each, each) for each in shares], order="name"))) == end


def test_blocks_fill_the_terminal_and_no_more() -> None:
    """At 80 and at 160 columns. A forecast is a thin line, and what is over the budget is red."""
    found = bullets(rows(RECORDS, order="name"))
    for most in (80, 160):
        lines = [(f"{name}{bar}{told}", style) for name, (bar, style), told in blocks(found, most)]
        assert {len(line) for line, _ in lines} == {most}
        assert [style for _, style in lines] == ["red", "blue", "blue"]
        assert "╎" in lines[1][0]
        assert "120.0 %" in lines[0][0]
    assert blocks([], 80) == []


def test_the_picture_is_text_and_shapes() -> None:
    """Well-formed, with names escaped, a rectangle for each bar and a hairline for each forecast."""
    drawn = picture(Caption("Usage & budgets", "as of today"), bullets(rows(RECORDS, order="name")))
    tree = ET.fromstring(drawn)
    assert len(tree.findall("{http://www.w3.org/2000/svg}rect")) == 3
    assert drawn.count('class="hair"') == 2
    assert "over &lt;&amp;&gt;" in drawn
    assert "prefers-color-scheme:dark" in drawn


@pytest.mark.parametrize(("percent", "names"), [(None, 3), ("50", 2), ("84.28", 1), ("200", 0)])
def test_customers_over_a_share_are_those_above_it(percent: str | None, names: int) -> None:
    """Without a share: all that have a budget."""
    assert len(over(RECORDS, None if percent is None else Decimal(percent))) == names


def test_rows_are_in_the_asked_order() -> None:
    """Totals of several currencies are compared in US dollars, where Microsoft says them."""
    records = [
        customer("b", "5", total="100", total_usd="1"),
        customer("A", "9", total="1", total_usd="500"),
        customer("c", "1", None, total="50"),
    ]
    assert [row.name for row in rows(records, order="total")] == ["A", "c", "b"]
    assert [row.name for row in rows(records, order="share")] == ["A", "b", "c"]
    assert [row.name for row in rows(records, order="name", top=2)] == ["A", "b"]
