"""What is said of lines is the same whether they are read for it or became Parquet."""

import hashlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ops.bench.invoices import book, on_the_wire, write_part
from worker.exports.line_facts import Facts
from worker.exports.line_files import count_lines, read_file
from worker.exports.parquet_parts import converted_facts
from worker.files.conversion.layout import Layout
from worker.files.conversion.part import write_part as convert
from worker.files.conversion.process import ConvertedPart

LINE = '{"BillingPreTaxTotal":1.5,"BillingCurrency":"eur","ChargeType":"new","UsageDate":"2026-10-05T00:00:00Z"}'


def both(folder: Path, lines: str, *texts: str, before: Layout | None = None) -> tuple[Facts, Facts | None]:
    """The facts of these lines: read, and from their conversion. `before`: the columns of the parts before them."""
    write_part(folder / "part.gz", texts)
    made = convert(folder / "part.gz", folder / "part.parquet", 0, before or Layout(lines))
    part = ConvertedPart(0, folder / "part.parquet", made.rows, made.layout, made.totals, made.way)
    return read_file(folder / "part.gz", lines).facts, converted_facts(lines, part)


def amounts(facts: Facts) -> list[dict[str, Any]]:
    """The sums, as numbers."""
    named = ("beforeTax", "tax", "total")
    return [{name: Decimal(each[name]) if name in named else each[name] for name in each} for each in facts.totals]


@pytest.mark.parametrize("lines", ["usage", "reconciliation"])
@pytest.mark.parametrize("tax", ["none", "shown"])
def test_a_conversion_says_what_reading_says(tmp_path: Path, lines: str, tax: str) -> None:
    """Rows, sums to the last digit, attributes and days are the same."""
    made = book(7, usage_lines=60, tax=tax)
    told = made.usage if lines == "usage" else made.reconciliation

    read, converted = both(tmp_path, lines, *map(on_the_wire, told))

    assert converted is not None
    assert (converted.rows, set(converted.columns), converted.notices) == (read.rows, set(read.columns), read.notices)
    assert amounts(converted) == amounts(read)
    assert converted.range == read.range


def test_amounts_that_are_written_in_other_ways_are_the_same_numbers(tmp_path: Path) -> None:
    """A conversion and a reading have one grammar of numbers."""
    texts = ('".50"', '"+0.50"', '"-.50"', '"2."', "1e1")

    read, converted = both(tmp_path, "usage", *(f'{{"BillingPreTaxTotal":{each}}}' for each in texts))

    assert converted is not None
    assert (read.notices, amounts(read)[0]["beforeTax"]) == ((), Decimal("12.5"))
    assert amounts(converted) == amounts(read)


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        ("reconciliation", '{"ProductId":"p","Amount":"10.00","TotalForCustomer":10,"Currency":"EUR"}'),
        ("usage", '{"BillingPreTaxTotal":1,"Currency":"EUR"}'),
    ],
)
def test_a_column_without_a_value_does_not_stand_in_for_the_attribute_of_a_line(
    tmp_path: Path, lines: str, line: str
) -> None:
    """Every version has the columns of its lines, also those that no line fills."""
    read, converted = both(tmp_path, lines, line)

    assert converted is not None
    assert amounts(converted) == amounts(read)
    assert read.totals[0]["currency"] == "EUR"


@pytest.mark.parametrize(
    "odd",
    [
        '{"BillingPreTaxTotal":"n/a","BillingCurrency":"EUR"}',
        '{"BillingPreTaxTotal":0.123456789012345678901,"BillingCurrency":"EUR"}',
        '{"BillingPreTaxTotal":"","BillingCurrency":"EUR"}',
        '{"BillingPreTaxTotal":1,"Subtotal":2,"BillingCurrency":"EUR"}',
        '{"BillingPreTaxTotal":1,"BillingCurrency":"EUR","Currency":"USD"}',
        '{"BillingPreTaxTotal":1,"UsageDate":"yesterday"}',
        '{"BillingPreTaxTotal":1,"OfferId":"legacy"}',
        '{"BillingPreTaxTotal":1,"chargeType":"' + "x" * 201 + '"}',
    ],
)
def test_what_is_unusual_is_read_for_its_facts(tmp_path: Path, odd: str) -> None:
    """A conversion has other rules for odd amounts, days and names: it says nothing of them."""
    read, converted = both(tmp_path, "usage", LINE, odd)

    assert read.rows == 2
    assert converted is None


def test_a_part_behind_one_with_an_odd_day_is_read_for_its_facts(tmp_path: Path) -> None:
    """All parts have the same columns: its days are texts too, and its conversion has no first and no last one."""
    write_part(tmp_path / "odd.gz", [LINE, '{"UsageDate":"yesterday"}'])
    odd = convert(tmp_path / "odd.gz", tmp_path / "odd.parquet", 0, Layout("usage"))

    read, converted = both(tmp_path, "usage", LINE, before=odd.layout)

    assert read.range == {"usageFrom": "2026-10-05", "usageTo": "2026-10-05"}
    assert converted is None


@pytest.mark.parametrize(
    ("content", "rows"),
    [([], 0), ([""], 0), (["{}"], 1), (["{}", "", " ", "{}"], 2), ([" {}", "{}\r"], 2), (['{"a":"\\n{"}'] * 3, 3)],
)
def test_lines_are_counted_without_reading_them(tmp_path: Path, content: list[str], rows: int) -> None:
    """Blank lines are none, and the hash is that of the file."""
    write_part(tmp_path / "part.gz", content)

    counted = count_lines(tmp_path / "part.gz")

    assert (counted.facts.rows, counted.only_counted) == (rows, True)
    assert counted.sha256 == hashlib.sha256((tmp_path / "part.gz").read_bytes()).hexdigest()
