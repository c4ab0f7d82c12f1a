"""The figures of invoices: by the formulas of the reference, to the last digit, with and without planted faults."""

import gzip
import tracemalloc
from collections import defaultdict
from decimal import ROUND_DOWN, Decimal
from typing import Any

import pytest

from ops.simulator.invoice_lines.sequences import line_of
from ops.simulator.simulator import Simulator
from tests.simulator.billing import GraphCaller, summed

CENT = Decimal("0.01")
WIDE: dict[str, Any] = {
    "currency": "EUR",
    "pricing_currencies": ("USD", "EUR", "GBP"),
    "customers": 4,
    "usage_lines": 4000,
    "groups": 120,
    "seats": 9,
    "reservations": 4,
    "refunds": 3,
    "credits": 2,
}
Line = dict[str, Any]


def down(amount: Decimal) -> Decimal:
    """Round to the cent toward zero."""
    return amount.quantize(CENT, ROUND_DOWN)


def key(line: Line) -> tuple[str, ...]:
    """What usage and reconciliation have in common."""
    return tuple(str(line[name]) for name in ("CustomerId", "SubscriptionId", "ProductId", "SkuId"))


async def both(simulator: Simulator, **members: Any) -> tuple[list[Line], list[Line]]:
    """The usage lines and the lines of the reconciliation of a new invoice."""
    simulator.invoice(**{**WIDE, **members})
    graph = GraphCaller(simulator)
    return await graph.lines(await graph.manifest()), await graph.lines(await graph.manifest("reconciliation"))


async def test_every_line_follows_from_its_price_quantity_and_rate(simulator: Simulator) -> None:
    """Usage has ten decimals; consumption is rounded toward zero before and after the rate, seats once for each."""
    usage, reconciliation = await both(simulator)
    for line in usage:
        amount = line["EffectiveUnitPrice"] * line["Quantity"] * line["PCToBCExchangeRate"]
        assert line["BillingPreTaxTotal"] == amount.quantize(Decimal("1e-10"))
    for line in reconciliation:
        price, rate, quantity = line["EffectiveUnitPrice"], line["PCToBCExchangeRate"], line["BillableQuantity"]
        consumed = line["TermAndBillingCycle"] == "1 Month Usage"
        wanted = down(down(price * quantity) * rate) if consumed else down(price * rate) * quantity
        assert (line["Subtotal"], line["Total"]) == (wanted, wanted)
    assert {line["PricingCurrency"] for line in usage} == {"USD", "EUR", "GBP"}


async def test_usage_and_reconciliation_differ_by_rounding_alone(simulator: Simulator) -> None:
    """For each customer, plan, product and SKU the usage lies within the bound of the rounding."""
    usage, reconciliation = await both(simulator)
    used, bound = defaultdict[tuple[str, ...], Decimal](Decimal), defaultdict[tuple[str, ...], Decimal](Decimal)
    for line in usage:
        used[key(line)] += line["BillingPreTaxTotal"]
        bound[key(line)] += Decimal("5e-11")
    billed = defaultdict[tuple[str, ...], Decimal](Decimal)
    for line in reconciliation:
        if line["TermAndBillingCycle"] == "1 Month Usage":
            billed[key(line)] += line["Subtotal"]
            bound[key(line)] += CENT * (1 + line["PCToBCExchangeRate"])
    assert used.keys() == billed.keys()
    assert all(abs(used[each] - billed[each]) <= bound[each] for each in used)
    assert any(used[each] != billed[each] for each in used)


async def test_an_invoice_has_tiers_credits_refunds_and_what_no_usage_explains(simulator: Simulator) -> None:
    """Two tiers share a meter at two prices; credits and refunds are below zero; seats and reservations stand alone."""
    usage, reconciliation = await both(simulator)
    prices = defaultdict[tuple[str, ...], set[Decimal]](set)
    for line in usage:
        prices[key(line)].add(line["UnitPrice"])
    assert any(len(each) == 2 for each in prices.values())
    assert {line["CreditType"] for line in usage} == {
        "Credit Not Applied",
        "Azure Credit Applied",
        "Partner Earned Credit Applied",
    }
    below = {line["ChargeType"] for line in reconciliation if line["Subtotal"] < 0}
    assert below == {"customerCredit", "cancelImmediate", "removeQuantity"}
    alone = {key(line) for line in reconciliation} - {key(line) for line in usage}
    assert len(alone) == WIDE["seats"] + WIDE["reservations"] + WIDE["refunds"] + WIDE["credits"]
    assert {line["BenefitType"] for line in usage} == {"Charge", "SavingsPlan"}


@pytest.mark.parametrize("tax", ["none", "shown", "hidden"])
async def test_the_invoice_is_its_lines_and_its_tax(simulator: Simulator, tax: str) -> None:
    """Shown tax is in the lines; hidden tax is on the invoice alone; without tax the lines are the invoice."""
    _, lines = await both(simulator, tax=tax)
    books = simulator.figures("G000000001", "reconciliation")
    before, taxes = summed(lines, "Subtotal"), summed(lines, "TaxTotal")
    assert (taxes > 0) == (tax == "shown")
    hidden = (before * Decimal("0.19")).quantize(CENT) if tax == "hidden" else Decimal(0)
    assert books.invoice_total == before + taxes + hidden
    assert sum(each.total for each in books.totals) == summed(lines, "Total") == before + taxes


async def test_a_currency_without_cents_is_rounded_to_its_unit(simulator: Simulator) -> None:
    """With no decimals every amount of the reconciliation, its taxes and the invoice are whole."""
    _, lines = await both(simulator, currency="JPY", decimals=0, tax="shown")
    assert all(line[name] == int(line[name]) for line in lines for name in ("Subtotal", "TaxTotal", "Total"))
    total = simulator.figures("G000000001", "reconciliation").invoice_total
    assert total is not None
    assert total == summed(lines, "Total") == int(total)


@pytest.mark.parametrize("kind", ["missing", "doubled", "cent", "rate", "currency"])
@pytest.mark.parametrize("lines", ["usage", "reconciliation"])
async def test_a_planted_fault_is_in_the_lines_and_in_the_books(simulator: Simulator, kind: str, lines: str) -> None:
    """The blobs have the fault, the books count it, and the true books and the invoice are as without it."""
    planted = ({"kind": kind, "lines": lines, "line": 7},)
    usage, reconciliation = await both(simulator, planted=planted, blobs=3, usage_lines=400)
    found, name = (usage, "BillingPreTaxTotal") if lines == "usage" else (reconciliation, "Subtotal")
    books = simulator.figures("G000000001", lines)  # type: ignore[arg-type]
    true = simulator.figures("G000000001", lines, blobs=False, planted=False)  # type: ignore[arg-type]
    assert len(found) == books.rows == sum(blob.rows for blob in books.blobs)
    assert summed(found, name) == sum(total.before_tax for total in books.totals)
    differs = {"missing": (-1, False), "doubled": (1, False)}.get(kind, (0, False))
    assert books.rows - true.rows == differs[0]
    same = sum(each.before_tax for each in books.totals) == sum(each.before_tax for each in true.totals)
    assert same == (kind == "currency" or (kind == "rate" and lines == "reconciliation"))
    assert (len(books.totals) > len(true.totals)) == (kind == "currency")
    assert books.invoice_total == true.invoice_total


@pytest.mark.parametrize("lines", ["usage", "reconciliation"])
async def test_a_line_can_be_off_by_any_amount(simulator: Simulator, lines: str) -> None:
    """A planted amount is what the served lines differ by from the true ones."""
    simulator.invoice(**WIDE, planted=({"kind": "cent", "lines": lines, "line": 5, "amount": "-12.34"},))
    served, true = (
        simulator.figures("G000000001", lines, blobs=False, planted=planted)  # type: ignore[arg-type]
        for planted in (True, False)
    )
    off = sum(each.before_tax for each in served.totals) - sum(each.before_tax for each in true.totals)
    assert off == Decimal("-12.34")


async def test_usage_can_be_partial_for_a_while(simulator: Simulator) -> None:
    """Until a moment some lines are missing; then an export has them all, under another eTag."""
    planted = tuple({"kind": "doubled", "line": each} for each in range(7))
    simulator.invoice(usage_lines=1000, usage_after=60, usage_complete_after=3600, planted=planted, blobs=3)
    graph = GraphCaller(simulator)
    early = await graph.call("GET", await graph.begin())
    assert early.body["error"]["code"] == "5000"
    simulator.clock.advance(60)
    partial = await graph.manifest()
    few = await graph.lines(partial)
    assert 500 < len(few) < 700
    books = simulator.figures("G000000001")
    assert len(few) == books.rows == sum(blob.rows for blob in books.blobs)
    assert summed(few, "BillingPreTaxTotal") == sum(total.before_tax for total in books.totals)
    simulator.clock.advance(3540)
    whole = await graph.manifest()
    assert (len(await graph.lines(whole)), whole["eTag"] == partial["eTag"]) == (1007, False)


@pytest.mark.parametrize("lines", ["usage", "reconciliation", "aggregatedUsage"])
@pytest.mark.parametrize("numbers", ["number", "mixed"])
def test_a_line_follows_from_its_number(simulator: Simulator, lines: str, numbers: str) -> None:
    """The n-th line of a blob is the line that is computed alone, whatever else is in the blob."""
    planted = ({"kind": "doubled", "line": 3}, {"kind": "rate", "line": 9}, {"kind": "missing", "line": 12})
    invoice = simulator.invoice(**{**WIDE, "usage_lines": 700, "groups": 11, "blobs": 3, "planted": planted})
    simulator.change(line_numbers=numbers)
    simulator.figures(invoice.id, lines)  # type: ignore[arg-type]
    (release,) = simulator.world.ledger.releases.values()
    served = b"".join(gzip.decompress(release.write(blob).read_bytes()) for blob in range(len(release.names)))
    faults = {each.line: each for each in invoice.planted if each.lines == lines}
    wanted = [
        release.style(0).write(line_of(invoice, release.kind, number, faults.get(number)))
        for number in range(invoice.lines(release.kind))
        for _ in range({"missing": 0, "doubled": 2}.get(faults[number].kind, 1) if number in faults else 1)
    ]
    assert served.decode().splitlines() == wanted


async def test_the_same_seed_gives_the_same_bytes(simulator: Simulator) -> None:
    """Two simulators that were seeded alike hand out blobs with the same hashes."""
    simulator.invoice(**WIDE)
    hashes = [blob.sha256 for blob in simulator.figures("G000000001").blobs]
    simulator.reset()
    simulator.invoice(**WIDE)
    assert [blob.sha256 for blob in simulator.figures("G000000001").blobs] == hashes


async def test_sums_without_a_walk_are_those_of_a_walk(simulator: Simulator) -> None:
    """However many lines and groups there are, the books say what the lines add up to."""
    for number in range(40):
        members = {**WIDE, "usage_lines": 37 * number, "groups": 5 + number, "month": f"2026-{number % 12 + 1:02d}"}
        invoice = simulator.invoice(**members)
        books = simulator.figures(invoice.id, blobs=False)
        graph = GraphCaller(simulator)
        lines = await graph.lines(await graph.manifest(invoice=invoice.id))
        assert summed(lines, "BillingPreTaxTotal") == sum(each.before_tax for each in books.totals)


def test_ten_million_lines_are_counted_and_none_is_held(simulator: Simulator) -> None:
    """The books of ten million lines in forty blobs follow from the groups, and any line from its number."""
    invoice = simulator.invoice(usage_lines=10_000_000, groups=200, blobs=40, customers=100)
    tracemalloc.start()
    books = simulator.figures(invoice.id, blobs=False)
    last = line_of(invoice, "usage", 9_999_999)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    (release,) = simulator.world.ledger.releases.values()
    assert (books.rows, sum(release.rows(blob) for blob in range(40)), books.blobs) == (10_000_000, 10_000_000, [])
    assert (last["usageDate"][:7], last["quantity"] > 0) == ("2026-02", True)
    assert peak < 40_000_000
