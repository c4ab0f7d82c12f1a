"""The bridge of an invoice: steps that add up, as blocks, as a table, and as a picture."""

import re
from decimal import Decimal
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from rich.cells import cell_len

from worker.cli.output.spending.bridge import blocks, lines
from worker.operators.invoices.bridge import Kind, bridge, percent
from worker.operators.invoices.bridge_picture import WIDTH, Caption, picture
from worker.operators.invoices.svg import MARGIN

TAX = {"kind": "tax", "amount": "18660.16", "rate": "0.190000", "rateKnown": True}
ROUNDING = {"kind": "rounding", "amount": "-18.9682031142", "bound": "163.4200001", "groups": 812}
OUTSIDE = {
    "kind": "notInUsage",
    "amount": "27026.20",
    "parts": [
        {"kind": "credits", "amount": "-500.00"},
        {"kind": "reservations", "amount": "7526.20"},
        {"kind": "seats", "amount": "20000.00"},
    ],
}
WELL: dict[str, Any] = {
    "currency": "EUR",
    "invoice": "116871.51",
    "lines": "98211.35",
    "linesBeforeTax": "98211.35",
    "usage": "71204.1182031142",
    "explained": [TAX, ROUNDING, OUTSIDE],
    "unexplained": "0.00",
}
APART = WELL | {"usage": "61204.1182031142", "unexplained": "812.50", "invoice": "117684.01"}
ROWS = {"usage": 1_000_204, "reconciliation": 8_123}


@pytest.mark.parametrize("currency", [WELL, APART], ids=["well", "apart"])
def test_each_step_begins_where_the_one_before_it_ended(currency: dict[str, Any]) -> None:
    """The last change ends at the invoice, so nothing is between the steps."""
    steps = bridge(currency)

    for before, step in pairwise(steps):
        assert step.begins == (0 if step.kind is Kind.SUM else before.ends)
    assert steps[-1].amount == steps[-2].ends == Decimal(currency["invoice"])
    standing = next(step for step in steps if step.label == "reconciliation lines")
    assert standing.ends == steps[steps.index(standing) - 1].ends


def test_what_nobody_can_explain_is_a_step_of_its_own() -> None:
    """It is there with 0 where all is well; usage and lines that are apart are one only where they are."""
    well, apart = ({step.label: step.amount for step in bridge(each)} for each in (WELL, APART))

    assert (well["unexplained"], apart["unexplained"]) == (0, Decimal("812.50"))
    assert "usage and lines apart" not in well
    assert apart["usage and lines apart"] == 10_000


def test_tax_of_the_lines_is_a_step() -> None:
    """Where the lines show the tax, the document adds none."""
    shown = WELL | {"lines": "116871.51", "explained": [ROUNDING, OUTSIDE]}
    labels = [step.label for step in bridge(shown)]

    assert labels[-4:] == ["tax of the lines", "reconciliation lines", "unexplained", "invoice"]


@pytest.mark.parametrize(("rate", "words"), [("0.190000", "19.0 %"), ("0.081250", "8.125 %"), ("0.200000", "20.0 %")])
def test_a_rate_has_one_decimal_or_its_own(rate: str, words: str) -> None:
    """The files have six decimals of the fraction."""
    assert percent(rate) == words


@pytest.mark.parametrize("most", [80, 160])
def test_the_table_fits_the_terminal_and_its_points_are_below_each_other(most: int) -> None:
    """All digits of usage are shown, in groups of three on both sides of the point."""
    told = ["".join(text for text, _ in line) for line in lines(bridge(WELL), ROWS, most)]

    assert max(map(cell_len, told)) <= most
    assert len({line.index(".") for line in told}) == 1
    assert "71 204.118 203 114 2" in told[0]
    assert "1 000 204" in told[0]
    assert "−18.968 203 114 2" in told[1]
    assert "(bound ±163.43)" in told[1]
    assert ("(reservations, seats, credits)" in told[2]) is (most == 160)
    assert told[-1].endswith("  unexplained 0.00")


@pytest.mark.parametrize("most", [80, 160])
def test_the_blocks_fill_the_terminal(most: int) -> None:
    """A sum begins at the left, a change where the one before it ended."""
    told = ["".join(text for text, _ in line) for line in blocks(bridge(WELL), "EUR", most)]

    assert {cell_len(line) for line in told} == {most}
    starts = [line.find("█") for line in told if "█" in line]
    assert starts[0] == min(starts)
    assert told[-1].count("█") > told[0].count("█")


@pytest.mark.parametrize("currency", [WELL, APART], ids=["well", "apart"])
def test_the_picture_is_one_of_text_and_bars(currency: dict[str, Any]) -> None:
    """A bar for each step that is not 0, inside the picture; red only where something is unexplained."""
    steps = bridge(currency)
    drawn = picture(Caption("G016907411 <&>", "version 1, as of today"), [("EUR", steps)])
    root = ET.fromstring(drawn)
    bars = list(root.iter("{http://www.w3.org/2000/svg}rect"))

    assert len(bars) == sum(step.amount != 0 for step in steps)
    assert all(
        float(bar.attrib["x"]) >= 0 and float(bar.attrib["x"]) + float(bar.attrib["width"]) <= 720 for bar in bars
    )
    assert ('class="alarm"' in drawn) is (currency is APART)
    assert re.search(r"116.871\.51 EUR|117.684\.01 EUR", drawn)


def test_a_picture_has_a_ground_and_a_margin_of_its_own_on_light_and_on_dark() -> None:
    """A browser shows a picture alone on white and without a margin, and light words on white cannot be read."""
    drawn = picture(Caption("G016907411", "version 1"), [("EUR", bridge(WELL))])
    light, dark = drawn.split("prefers-color-scheme:dark")
    root = ET.fromstring(drawn)
    left, top, wide, tall = map(float, root.attrib["viewBox"].split())

    assert ("svg{background:#fff}" in light, "svg{background:#0d1117}" in dark) == (True, True)
    assert (left, top) == (-MARGIN, -MARGIN)
    assert (wide, tall) == (float(root.attrib["width"]), float(root.attrib["height"]))
    assert wide == WIDTH + 2 * MARGIN


LARGE = {
    name: f"{Decimal(WELL[name]) * 10**8:f}" for name in ("usage", "lines", "linesBeforeTax", "invoice", "unexplained")
}


def test_long_amounts_and_notes_touch_neither_a_bar_nor_the_edge() -> None:
    """Amounts of a currency without cents have many digits: the axis becomes shorter."""
    rounding = ROUNDING | {"amount": "-1896820311.42", "bound": "16342000010"}
    outside = {"kind": "notInUsage", "amount": "2702620000000", "parts": [{"kind": "seats", "amount": "2702620000000"}]}
    tax = TAX | {"amount": "1866016000000", "rateKnown": False}
    drawn = picture(
        Caption("KRW", "version 1"), [("KRW", bridge(WELL | LARGE | {"explained": [tax, rounding, outside]}))]
    )
    bars = [each for each in ET.fromstring(drawn).iter() if each.tag.endswith("rect")]
    texts = [each for each in ET.fromstring(drawn).iter() if each.tag.endswith("}text")]
    amounts = [each for each in texts if each.get("class") == "value"]
    notes = [each for each in texts if (each.text or "").startswith(("bound", "19.0"))]

    assert [each.text for each in notes] == ["bound ±16 342 000 010.00", "19.0 %, first seen"]
    assert all(float(each.attrib["x"]) + 7 * len(each.text or "") <= 720 for each in notes)
    begin = min(float(each.attrib["x"]) - 8 * len(each.text or "") for each in amounts)
    assert max(float(bar.attrib["x"]) + float(bar.attrib["width"]) for bar in bars) < begin


def test_the_amounts_at_the_axis_do_not_touch() -> None:
    """Where the least amount is just below 0, 0 has its line and no words."""
    outside = {"kind": "notInUsage", "amount": "995", "parts": [{"kind": "reservations", "amount": "-5"}]}
    outside["parts"] = [{"kind": "reservations", "amount": "-5"}, {"kind": "seats", "amount": "1000"}]
    amounts = dict.fromkeys(("lines", "linesBeforeTax", "invoice"), "995") | {"usage": "0"}
    drawn = picture(Caption("G1", "version 1"), [("EUR", bridge(WELL | amounts | {"explained": [outside]}))])

    assert re.findall(r">([^<]*) EUR</text>", drawn) == ["−5.00", "995.00"]
