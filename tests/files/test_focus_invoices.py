"""Invoices of the simulator, whose books nobody here has written, become FOCUS datasets that sum to them."""

import gzip
import json
import os
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ops.bench.invoices import Book, comparison_job
from ops.simulator.behaviour import Hostility, Settings
from ops.simulator.billing.figures import invoice_total, totals
from ops.simulator.billing.invoices import Invoice, LineKind
from ops.simulator.invoice_lines.sequences import line_of
from ops.simulator.simulator import Simulator, build
from tests.files.test_comparison import CURRENCIES, FAULTS, KINDS, last_rate
from worker.files.comparison.sums import LINE_KEYS, USAGE_KEYS, group_of
from worker.files.conversion.arrow_lines import schema
from worker.files.conversion.exact_lines import convert
from worker.files.conversion.layout import Layout
from worker.files.conversion.part import add_table
from worker.files.conversion.totals import Totals
from worker.files.focus.invoice import bill_of, invoice_job

INVOICES = int(os.environ.get("AZPLAN_TEST_INVOICES", "60"))
"""How many invoices; `make invoices` makes two hundred."""
PRICED_IN = {"EUR": ("USD", "EUR", "GBP"), "USD": ("USD", "CHF"), "JPY": ("JPY", "USD")}
SEEN = ["BilledCost", "BillingCurrency", "ChargeCategory", "InvoiceId", "x_AzplanRow"]


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    """A simulator that makes invoices, and is asked for nothing else."""
    return build(settings=Settings(hostility=Hostility.off()))


def seeded(simulator: Simulator, seed: int) -> tuple[Invoice, Book]:
    """An invoice with tiers, earned credit, full credits, refunds, seats and reservations: its books and its lines."""
    simulator.world.ledger.clear()
    currency, tax = CURRENCIES[seed // 3 % 3], KINDS[seed % 3]
    invoice = simulator.invoice(
        id=f"G{seed:09}",
        month=f"2026-{seed % 12 + 1:02}",
        currency=currency,
        pricing_currencies=PRICED_IN[currency],
        decimals=0 if currency == "JPY" else 2,
        customers=1 + seed % 3,
        usage_lines=30 + seed % 11,
        groups=12,
        seats=1 + seed % 4,
        reservations=seed % 3,
        refunds=seed % 2,
        credits=seed // 2 % 2,
        tax=tax,
    )
    usage, lines = ([line_of(invoice, kind, n) for n in range(invoice.lines(kind))] for kind in KINDS_OF_LINES)
    return invoice, Book(invoice.id, currency, usage, lines, invoice_total(invoice), tax, invoice.tax_rate)


KINDS_OF_LINES: tuple[LineKind, LineKind] = ("usage", "reconciliation")


def parquet_of(kind: str, lines: Iterable[dict[str, Any]]) -> Any:
    """The lines in the columns of a Parquet part."""
    lines = list(lines)
    layout = Layout(kind, wires=frozenset(name for line in lines for name in line))
    types = {name: layout.attribute(name).type for name in layout.wires}
    rows = [
        {"_part": 0, "_line": number, **{name: convert(value, types[name], None) for name, value in line.items()}}
        for number, line in enumerate(lines)
    ]
    return pa.Table.from_pylist(rows, schema=schema(layout))


def job_of(made: Book, month: str, folder: Path, **known: Any) -> dict[str, Any]:
    """The job of the child, with the Parquet parts of these lines in the folder."""
    for kind, lines in zip(KINDS_OF_LINES, (made.usage, made.reconciliation), strict=True):
        pq.write_table(parquet_of(kind, lines), folder / kind, compression="none", use_dictionary=False)
    last = {name: {"beforeTax": str(rate.before_tax), "tax": str(rate.tax)} for name, rate in known.items()}
    return comparison_job(made, folder, {kind: [folder / kind] for kind in KINDS_OF_LINES}, month) | {"last": last}


def billed(folder: Path, **where: str) -> dict[str, Decimal]:
    """The sums of `BilledCost` by currency, of the rows with these values."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in pq.read_table(folder / "costs.parquet", columns=SEEN, use_threads=False).to_pylist():
        if all(row[name] == value for name, value in where.items()):
            sums[row["BillingCurrency"]] += row["BilledCost"]
    return dict(sums)


@pytest.mark.parametrize("seed", range(INVOICES))
def test_an_invoice_of_the_simulator_is_the_sum_of_its_billed_cost(
    simulator: Simulator, tmp_path: Path, seed: int
) -> None:
    """To the cent, or the invoice before tax where the lines do not show it; tax, credits and usage each by itself.

    Sums by currency and kind of charge are those of the books, to the last digit.
    """
    invoice, made = seeded(simulator, seed)
    known = last_rate(made) if seed % 2 else {}
    done = invoice_job(job_of(made, invoice.month, tmp_path, **known))

    books = totals(invoice, "reconciliation")
    net, tax = sum(each.before_tax for each in books), sum(each.tax for each in books)
    assert billed(tmp_path) == {made.currency: made.total if made.tax != "hidden" else net}
    assert [Decimal(each["total"]) for each in done["focus"]["billedCost"]] == list(billed(tmp_path).values())
    assert (done["focus"]["complete"], done["focus"]["taxIncluded"]) == (True, made.tax == "shown")
    assert sum(billed(tmp_path, ChargeCategory="Tax").values()) == tax
    credits_ = sum(each.before_tax for each in books if each.charge_type == "customerCredit")
    assert sum(billed(tmp_path, ChargeCategory="Credit").values()) == credits_
    (usage,) = totals(invoice, "usage")
    assert billed(tmp_path, x_AzplanRow="usage") == {made.currency: usage.before_tax}
    for kind in KINDS_OF_LINES:
        told = Totals()
        add_table(told, pq.read_table(tmp_path / kind, use_threads=False))
        assert told.sums == {
            (each.currency, each.charge_type): {"rows": each.rows, "beforeTax": each.before_tax}
            | ({} if kind == "usage" else {"tax": each.tax, "total": each.total})
            for each in totals(invoice, kind)
        }


def test_the_name_of_a_partner_is_whole(tmp_path: Path) -> None:
    """Half a character in it is no character that a column can hold."""
    job = comparison_job(Book("G1", "EUR"), tmp_path, {"usage": [], "reconciliation": []})
    job["partner"] = {"tenantId": "t", "name": "Caf\ud83d"}

    assert bill_of(job).account_name == "Caf\ufffd"


@pytest.mark.parametrize("seed", range(INVOICES // 20))
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_dataset_is_not_complete_where_a_fault_is_planted(
    simulator: Simulator, tmp_path: Path, fault: Callable[..., tuple[Any, Any]], seed: int
) -> None:
    """Its sum is that of the lines, off by the usage of the groups that are apart, and by nothing else."""
    invoice, made = seeded(simulator, 1 + 5 * seed)
    known = last_rate(made)
    status, line = fault(made, random.Random(seed))
    done = invoice_job(job_of(made, invoice.month, tmp_path, **known))
    told = [json.loads(each) for each in gzip.decompress((tmp_path / "differences.gz").read_bytes()).splitlines()]

    assert (done["comparison"]["status"], done["focus"]["complete"]) == (status, False)
    expected: dict[str, Decimal] = defaultdict(Decimal)
    for each in made.reconciliation:
        expected[each["currency"]] += each["totalForCustomer"]
    for each in told:
        if each["found"] == "usageShort" or Decimal(each.get("usage", 0)):
            expected[each["currency"]] += Decimal(each["usage"]) - Decimal(each["lines"])
    assert billed(tmp_path) == expected
    if line is not None:
        keys = LINE_KEYS if "subtotal" in line else USAGE_KEYS
        named = {tuple(each[name] for name in ("customerId", "subscriptionId", "productId", "skuId")) for each in told}
        assert group_of(line, keys)[:4] in named
