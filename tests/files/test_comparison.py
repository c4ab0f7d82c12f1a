"""Usage, reconciliation and invoice are compared: every cent has a name, or is said to have none."""

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from ops.bench.invoices import Book, book, rounded_down
from worker.files.comparison.rules import InvoiceAmounts, Result, Status, compare
from worker.files.comparison.shape import all_differences, breakdown, described
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


@pytest.mark.parametrize(
    ("last", "now"),
    [
        (("110.00", "9.76"), ("100000.00", "8875.00")),  # 8.875 %
        (("60.00", "5.33"), ("98211.35", "8716.26")),
        (("123.45", "18.49"), ("50000.00", "7487.50")),  # 14.975 %
        (("1000.00", "190.00"), ("98211.35", "18660.16")),
        (("98211.35", "18660.16"), ("0.02", "0.00")),
    ],
)
def test_one_rate_of_tax_is_no_alarm_whatever_the_amounts(last: tuple[str, str], now: tuple[str, str]) -> None:
    """Rates may have three decimals of a percent, which the tax of a small invoice does not show."""
    assert LastRate(Decimal(last[0]), Decimal(last[1])).agrees(Decimal(now[0]), Decimal(now[1]), Decimal("0.01"))


@pytest.mark.parametrize("cents", ["0.01", "-0.01"])
@pytest.mark.parametrize("last", [("1000.00", "190.00"), ("98211.35", "18660.16"), ("400.00", "76.00")])
def test_a_cent_beside_a_sure_rate_is_no_tax(last: tuple[str, str], cents: str) -> None:
    """A rate of two decimals is hardly ever found by chance."""
    tax = Decimal("190.00") + Decimal(cents)
    assert not LastRate(Decimal(last[0]), Decimal(last[1])).agrees(Decimal(1000), tax, Decimal("0.01"))


def usage_line(sku: str, amount: str, charge: str = "new") -> dict[str, Any]:
    """Usage of one customer."""
    keys = {"customerId": "c", "subscriptionId": "s", "productId": "p", "skuId": sku, "billingCurrency": "EUR"}
    return {**keys, "chargeType": charge, "billingPreTaxTotal": Decimal(amount)}


def invoice_line(sku: str, amount: str, charge: str = "new", **members: Any) -> dict[str, Any]:
    """A consumption line of the same customer."""
    keys = {"customerId": "c", "subscriptionId": "s", "productId": "p", "skuId": sku, "currency": "EUR"}
    amounts = {"subtotal": Decimal(amount), "taxTotal": Decimal(0), "totalForCustomer": Decimal(amount)}
    return {**keys, "chargeType": charge, "meterDescription": "meter", **amounts, **members}


def sums_of(usage: list[dict[str, Any]], lines: list[dict[str, Any]]) -> Sums:
    """The sums of these lines."""
    sums = Sums()
    for row in usage:
        sums.add_usage(row, row["billingPreTaxTotal"])
    for row in lines:
        sums.add_line(row)
    return sums


def test_usage_is_divided_by_its_own_kind_of_charge() -> None:
    """Usage lines say what they are: usage and a cancellation of the same meter stay apart."""
    usage = [
        usage_line("1", "60"),
        usage_line("1", "40"),
        usage_line("1", "-20", "cancel"),
        usage_line("2", "5", "new"),
    ]
    lines = [invoice_line("1", "100"), invoice_line("1", "-20", "cancel"), invoice_line("2", "5", "renew")]

    found = {(row["skuId"], row["chargeType"]): row["usage"] for row in breakdown(sums_of(usage, lines))}

    assert found == {
        ("1", "new"): "100.00",
        ("1", "cancel"): "-20.00",
        ("2", "new"): "5.00",
        ("2", "renew"): "0.00",
    }


def test_usage_below_a_cent_may_have_no_line_and_counts_in_the_bound() -> None:
    """Microsoft rounds it down to nothing. Together such groups are never more than their bound."""
    sums = sums_of([usage_line(f"{number}", "0.0099") for number in range(200)], [])
    result = compare(sums, InvoiceAmounts("EUR", Decimal(0)), {})
    figures = result.currencies["EUR"]

    assert result.status is Status.WITHIN_ROUNDING
    assert (figures.rounding, figures.rounding_bound >= Decimal("1.98")) == (Decimal("-1.98"), True)


def test_a_purchase_with_a_reason_for_a_credit_is_no_credit() -> None:
    """What a line is follows from its kind of charge: a promotion has a reason too."""
    sums = sums_of([], [invoice_line("1", "1000", meterDescription="", creditReasonCode="Promotion")])
    assert sums.currencies["EUR"].not_in_usage == {"seats": Decimal(1000)}


def test_a_number_among_texts_may_have_spaces_around_it() -> None:
    """A column that holds another text is read cell by cell."""
    sums = sums_of([usage_line("1", "30")], [invoice_line("1", "30", subtotal=" 30 ", totalForCustomer="30 ")])
    assert compare(sums, InvoiceAmounts("EUR", Decimal(30)), {}).status is Status.EQUAL


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
