"""Usage, reconciliation and invoice are compared: every cent has a name, or is said to have none."""

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from ops.bench.invoices import Book, book, rounded_down
from worker.files.comparison.rules import InvoiceAmounts, Result, Status, compare
from worker.files.comparison.shape import all_differences, described
from worker.files.comparison.sums import USAGE_KEYS, Sums, group_of
from worker.files.comparison.tax_rate import LastRate, expected_tax

KINDS = ["none", "shown", "hidden"]
CURRENCIES = ["EUR", "USD", "JPY"]


def summed(made: Book) -> Sums:
    """The sums of the lines of this invoice."""
    sums = Sums()
    for line in made.usage:
        sums.add_usage(line, line["billingPreTaxTotal"])
    for line in made.reconciliation:
        sums.add_line(line)
    return sums


def found_in(made: Book, **known: LastRate) -> Result:
    """The comparison of this invoice."""
    return compare(summed(made), InvoiceAmounts(made.currency, made.total), known)


def last_rate(made: Book) -> dict[str, LastRate]:
    """What an invoice before this one said of the rate. Without tax it was 0; shown tax says nothing of it."""
    before = Decimal("48213.07")
    rate = {"none": Decimal(0), "hidden": made.tax_rate}
    if made.tax not in rate:
        return {}
    return {made.currency: LastRate(before, expected_tax(before, rate[made.tax], made.unit))}


@pytest.mark.parametrize("seed", range(200))
def test_no_false_alarm(seed: int) -> None:
    """Two hundred invoices that Microsoft's formulas made: all add up, and every consumption line is recomputed."""
    made = book(seed, tax=KINDS[seed % 3], currency=CURRENCIES[seed // 3 % 3])
    result = found_in(made, **(last_rate(made) if seed % 2 else {}))

    assert result.status is (Status.EQUAL_BEFORE_TAX if made.tax == "hidden" else Status.WITHIN_ROUNDING)
    assert result.differences == []
    figures = result.currencies[made.currency]
    assert figures.unexplained == 0
    assert figures.sums.recomputed["offByCent"] == figures.sums.recomputed["other"] == 0
    explained = figures.usage + figures.rounding + sum(figures.sums.not_in_usage.values())
    assert explained == figures.sums.before_tax
    assert abs(figures.rounding) <= figures.rounding_bound
    assert figures.sums.total + (figures.tax.amount if figures.tax else 0) == made.total


def _large(lines: list[dict[str, Any]], amount: str) -> list[dict[str, Any]]:
    return sorted(lines, key=lambda line: abs(line[amount]))[len(lines) // 2 :]


def _consumption(made: Book) -> list[dict[str, Any]]:
    return _large([line for line in made.reconciliation if line["meterDescription"]], "subtotal")


def usage_line_missing(made: Book, chance: random.Random) -> tuple[Status, Any]:
    """A day is not in the usage yet."""
    line = chance.choice([each for each in made.usage if each["billingPreTaxTotal"] > 20 * made.unit])
    made.usage.remove(line)
    return Status.INCOMPLETE, line


def partial_usage(made: Book, chance: random.Random) -> tuple[Status, Any]:
    """Only a part of the usage is there."""
    made.usage = [line for line in made.usage if chance.random() < 0.6]
    return Status.INCOMPLETE, None


def usage_line_doubled(made: Book, chance: random.Random) -> tuple[Status, Any]:
    """A line came twice."""
    line = chance.choice([each for each in made.usage if each["billingPreTaxTotal"] > 20 * made.unit])
    made.usage.append(line)
    return Status.DIFFERENT, line


def invoice_line_missing(made: Book, chance: random.Random) -> tuple[Status, Any]:
    """A consumption line is not in the reconciliation."""
    line = chance.choice([each for each in _consumption(made) if each["subtotal"] > 1])
    made.reconciliation.remove(line)
    return Status.DIFFERENT, line


def purchase_missing(made: Book, chance: random.Random) -> tuple[Status, Any]:
    """A purchase, which no usage explains, is not in the reconciliation."""
    line = chance.choice(
        [each for each in made.reconciliation if not each["meterDescription"] and each["subtotal"] > 0]
    )
    made.reconciliation.remove(line)
    return Status.DIFFERENT, None


def invoice_line_doubled(made: Book, chance: random.Random) -> tuple[Status, Any]:
    """A consumption line came twice: its usage looks short."""
    line = chance.choice([each for each in _consumption(made) if each["subtotal"] > 1])
    made.reconciliation.append(line)
    return Status.INCOMPLETE, line


def cent_off(made: Book, chance: random.Random) -> tuple[Status, Any]:
    """A line is off by the smallest amount there is."""
    line = chance.choice(_consumption(made))
    off = chance.choice([-1, 1]) * made.unit
    line["subtotal"] += off
    line["totalForCustomer"] += off
    return Status.DIFFERENT, None


def wrong_rate(made: Book, chance: random.Random) -> tuple[Status, Any]:
    """A line was changed into the billing currency at another rate."""
    line = chance.choice([each for each in _consumption(made) if each["subtotal"] > 5])
    rate = line["pcToBCExchangeRate"] * Decimal("0.8")
    priced = rounded_down(line["effectiveUnitPrice"] * line["billableQuantity"], Decimal("0.01"))
    off = rounded_down(priced * rate, made.unit) - line["subtotal"]
    line["subtotal"] += off
    line["totalForCustomer"] += off
    return Status.DIFFERENT, line


def foreign_currency(made: Book, chance: random.Random) -> tuple[Status, Any]:
    """A line says another currency."""
    line = chance.choice([each for each in _consumption(made) if each["subtotal"] > 1])
    line["currency"] = "GBP"
    return Status.DIFFERENT, line


FAULTS: list[Callable[[Book, random.Random], tuple[Status, Any]]] = [
    usage_line_missing,
    partial_usage,
    usage_line_doubled,
    invoice_line_missing,
    purchase_missing,
    invoice_line_doubled,
    cent_off,
    wrong_rate,
    foreign_currency,
]


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_every_planted_fault_is_found_and_named(fault: Callable[..., tuple[Status, Any]], seed: int) -> None:
    """With tax shown, hidden at a known rate, and without tax."""
    made = book(seed, tax=KINDS[seed % 3], currency=CURRENCIES[seed // 3 % 3], usage_lines=200)
    known = last_rate(made)
    expected, line = fault(made, random.Random(seed))
    result = found_in(made, **known)

    assert result.status is expected
    if line is not None:
        named = {each.group[:4] for each in result.differences}
        assert group_of(line, USAGE_KEYS)[:4] in named
    if fault is cent_off:
        named_lines = list(all_differences(result, summed(made)))
        assert [each["found"] for each in named_lines] == ["offByCent"]


def test_the_first_invoice_in_a_currency_says_that_its_rate_is_not_known() -> None:
    """There is nothing to compare the rate with yet."""
    made = book(5, tax="hidden")

    first, next_one = (described(found_in(made, **known))["currencies"][0] for known in ({}, last_rate(made)))
    assert [each["explained"][0]["rateKnown"] for each in (first, next_one)] == [False, True]
    assert {each["explained"][0]["rate"] for each in (first, next_one)} == {"0.190000"}


@pytest.mark.parametrize("off", ["0.01", "-0.01", "250.00"])
def test_a_hidden_tax_that_differs_from_the_last_rate_is_unexplained(off: str) -> None:
    """A missing purchase line or a cent too many would else pass as tax."""
    made = book(5, tax="hidden")
    made.total += Decimal(off)
    result = found_in(made, **last_rate(made))

    assert (result.status, result.currencies["EUR"].unexplained) == (Status.DIFFERENT, Decimal(off))


@pytest.mark.parametrize(
    ("before_tax", "tax"), [("0.02", "0.00"), ("0.50", "0.10"), ("0.00", "0.00"), ("-12.00", "0.00"), ("3.33", "0.63")]
)
def test_a_last_invoice_too_small_to_tell_its_rate_is_no_alarm(before_tax: str, tax: str) -> None:
    """Rounding to the cent hides the rate of a small tax; nothing was taxed where nothing was charged."""
    made = book(5, tax="hidden")
    result = found_in(made, EUR=LastRate(Decimal(before_tax), Decimal(tax)))

    assert (result.status, result.currencies["EUR"].unexplained) == (Status.EQUAL_BEFORE_TAX, 0)


def test_a_tolerance_is_an_amount_for_each_currency() -> None:
    """AZPLAN_COMPARE__TOLERANCE: up to this amount nothing is different."""
    made = book(5)
    made.total += Decimal("0.05")
    results = [
        compare(summed(made), InvoiceAmounts("EUR", made.total), last_rate(made), Decimal(tolerance)).status
        for tolerance in ("0.04", "0.05")
    ]

    assert results == [Status.DIFFERENT, Status.WITHIN_ROUNDING]


def test_a_credit_note_is_deducted_from_the_invoice() -> None:
    """Lines sum to the document with its amendments. What an amendment takes beyond the lines is unexplained."""
    made = book(5)
    note = Decimal("-12.30")
    with_note = compare(summed(made), InvoiceAmounts("EUR", made.total - note, note), {})
    without = compare(summed(made), InvoiceAmounts("EUR", made.total, note), {})

    assert [with_note.status, without.status] == [Status.WITHIN_ROUNDING, Status.DIFFERENT]
    assert [result.currencies["EUR"].unexplained for result in (with_note, without)] == [0, note]


def test_usage_and_lines_meet_whatever_the_case_of_their_ids() -> None:
    """Microsoft writes ids in any case, and customers as `org:` too."""
    made = book(5)
    for line in made.usage:
        line["customerId"] = f"org:{line['customerId'].upper()}"
        line["skuId"] = line["skuId"].lower()

    assert found_in(made).status is Status.WITHIN_ROUNDING


def test_no_usage_and_no_consumption_is_equal() -> None:
    """An invoice of seats only has nothing to wait for."""
    made = book(5)
    made.usage = []
    made.reconciliation = [line for line in made.reconciliation if not line["meterDescription"]]

    assert found_in(made.close()).status is Status.EQUAL


def test_the_shape_is_that_of_the_contract() -> None:
    """Names and order of the members; the parts of the sum are texts that add up."""
    shape = described(found_in(book(5, tax="hidden")))
    currency = shape["currencies"][0]

    assert list(shape) == ["status", "currencies", "differences"]
    assert list(currency) == [
        "currency",
        "invoice",
        "lines",
        "linesBeforeTax",
        "usage",
        "explained",
        "unexplained",
        "recomputed",
    ]
    amounts = {each["kind"]: Decimal(each["amount"]) for each in currency["explained"]}
    assert list(amounts) == ["tax", "rounding", "notInUsage"]
    assert Decimal(currency["usage"]) + sum(amounts.values()) == Decimal(currency["invoice"])
    assert all(isinstance(each["amount"], str) for each in currency["explained"])


def test_an_event_has_the_largest_differences_first() -> None:
    """All others are in the file beside the manifest."""
    made = book(5, usage_lines=6000)
    made.usage = []
    shape = described(found_in(made))
    beyond = [Decimal(each["beyondBound"]) for each in shape["differences"]]

    assert len(beyond) == 500
    assert beyond == sorted(beyond, reverse=True)
