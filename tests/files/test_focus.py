"""Lines of an invoice become a FOCUS 1.2 dataset whose `BilledCost` sums to the invoice."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ops.bench.invoices import Book, book, comparison_job, on_the_wire, write_part
from worker.files.comparison.currency_units import rounded_down
from worker.files.conversion.layout import Layout
from worker.files.conversion.part import write_part as convert
from worker.files.conversion.totals import EXACT
from worker.files.focus.invoice import invoice_job
from worker.files.focus.regions import region_of
from worker.files.focus.services import SERVICES, service_of
from worker.files.focus.texts import exclusive_end, price_details, resource_type, tags
from worker.files.focus.units import unit_of


def job_of(made: Book, folder: Path) -> dict[str, Any]:
    """The job of this invoice, with its Parquet parts in the folder."""
    parts = {}
    for kind, lines in (("usage", made.usage), ("reconciliation", made.reconciliation)):
        source, target = folder / f"{kind}.gz", folder / f"{kind}.parquet"
        write_part(source, [on_the_wire(line) for line in lines])
        convert(source, target, 0, Layout(kind))
        parts[kind] = [target] if target.exists() else []
    return comparison_job(made, folder, parts)


def dataset(
    made: Book, folder: Path, *, unbilled: bool = False, month: str = "2026-10"
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the job says, and the rows of the dataset."""
    job = job_of(made, folder) | {"month": month}
    done = invoice_job(job | {"invoice": None} if unbilled else job)
    return done, pq.read_table(folder / "costs.parquet").to_pylist()


@pytest.mark.parametrize("seed", range(9))
def test_the_sum_of_billed_cost_is_the_invoice(tmp_path: Path, seed: int) -> None:
    """To the cent, with tax where the lines show it, else before tax; and every amount of usage is untouched."""
    made = book(seed, tax=["none", "shown", "hidden"][seed % 3], currency=["EUR", "USD", "JPY"][seed // 3 % 3])
    done, rows = dataset(made, tmp_path)

    whole = sum(row["BilledCost"] for row in rows)
    assert whole == sum(line["totalForCustomer"] for line in made.reconciliation)
    assert [Decimal(each["total"]) for each in done["focus"]["billedCost"]] == [whole]
    assert (done["focus"]["complete"], done["focus"]["taxIncluded"]) == (True, made.tax == "shown")
    assert done["focus"]["rows"] == len(rows)
    usage = [row["BilledCost"] for row in rows if row["x_AzplanRow"] == "usage"]
    assert usage == [line["billingPreTaxTotal"] for line in made.usage]


def test_rounding_has_rows_of_its_own_within_the_bound(tmp_path: Path) -> None:
    """One row for each group whose lines and usage are apart; its charge is an adjustment."""
    _, rows = dataset(book(5), tmp_path)
    rounding = [row for row in rows if row["x_AzplanRow"] == "rounding"]

    assert rounding
    assert {row["ChargeCategory"] for row in rounding} == {"Adjustment"}
    assert all(abs(row["BilledCost"]) <= Decimal("0.07") for row in rounding)


def test_tax_has_a_row_for_each_customer(tmp_path: Path) -> None:
    """Their sum is the tax of the lines."""
    made = book(5, tax="shown")
    _, rows = dataset(made, tmp_path)
    taxes = {row["x_CustomerId"]: row["BilledCost"] for row in rows if row["ChargeCategory"] == "Tax"}

    assert len(taxes) == len({line["customerId"] for line in made.reconciliation if line["taxTotal"]})
    assert sum(taxes.values()) == sum(line["taxTotal"] for line in made.reconciliation)


def test_nothing_is_filled_up(tmp_path: Path) -> None:
    """Where usage is missing the dataset is not complete, and its sum is short by just that usage."""
    made = book(5)
    line = next(each for each in made.usage if each["billingPreTaxTotal"] > 50)
    made.usage.remove(line)
    done, rows = dataset(made, tmp_path)

    assert (done["comparison"]["status"], done["focus"]["complete"]) == ("incomplete", False)
    short = made.total - sum(row["BilledCost"] for row in rows)
    assert abs(short - line["billingPreTaxTotal"]) < Decimal("0.07")


def test_lines_whose_usage_is_not_there_stand_for_themselves(tmp_path: Path) -> None:
    """A consumption line without any usage in its group is a row of the reconciliation."""
    made = book(5)
    made.usage = []
    done, rows = dataset(made, tmp_path)

    assert done["focus"]["complete"] is False
    assert sum(row["BilledCost"] for row in rows) == made.total


def test_reservations_are_paid_now_and_used_later(tmp_path: Path) -> None:
    """As in Microsoft's own dataset, the effective cost of their purchase is 0."""
    _, rows = dataset(book(5), tmp_path)
    bought = [row for row in rows if row["CommitmentDiscountType"] == "Reservation"]

    assert bought
    assert {(row["EffectiveCost"], row["PricingCategory"], row["ChargeCategory"]) for row in bought} == {
        (Decimal(0), "Committed", "Purchase")
    }


def test_prices_are_products_in_the_billing_currency(tmp_path: Path) -> None:
    """Price times rate, and price times quantity, to 18 decimals and more."""
    made = book(5)
    _, rows = dataset(made, tmp_path)
    for line, row in zip(made.usage, rows, strict=False):
        price = rounded_down(line["unitPrice"] * line["pcToBCExchangeRate"], Decimal("1e-18"))
        assert abs(row["ListUnitPrice"] - price) <= Decimal("1e-18")
        cost = EXACT.multiply(row["ListUnitPrice"], row["PricingQuantity"])
        assert abs(EXACT.subtract(row["ListCost"], cost)) <= Decimal("1e-20")
        assert row["PricingCurrencyListUnitPrice"] == line["unitPrice"]
        assert (row["x_AzplanPart"], row["ChargePeriodStart"].day) == (0, int(line["usageDate"][8:10]))


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("1 Hour", (1, "Hour", "Hour")),
        ("100 GB", (100, "GB", "100 GB")),
        ("10K", (10_000, "Units", "10000 Units")),
        ("1M", (1_000_000, "Units", "1000000 Units")),
        ("1/Month", (1, "Units/Month", "Units/Month")),
        ("1 GB/Month", (1, "GB/Month", "GB/Month")),
        ("10,000 Transactions", (10_000, "Transactions", "10000 Transactions")),
        ("1,000,000", (1_000_000, "Units", "1000000 Units")),
        ("1,00 GB", (1, "GB", "GB")),
        ("10000s", (10_000, "Units", "10000 Units")),
        ("1000s Calls", (1_000, "Calls", "1000 Calls")),
        ("10 Seconds", (10, "Seconds", "10 Seconds")),
        ("10 Sessions", (10, "Sessions", "10 Sessions")),
        ("100 Hours", (100, "Hours", "100 Hours")),
        ("10 GB Hours", (10, "GB-Hours", "GB-Hours")),
        ("1 Compute Hour - 4core", (1, "Compute Hour", "Compute Hour")),
        ("", (1, "Units", "Units")),
        (None, (1, "Units", "Units")),
    ],
)
def test_units_are_written_as_focus_does(text: str | None, unit: tuple[int, str, str]) -> None:
    """A block of units, the name of one, and the name of the priced unit."""
    assert unit_of(text) == unit


def test_services_and_regions_have_names_or_keep_their_own() -> None:
    """Nothing unknown is dropped."""
    assert service_of("virtual machines") == ("Virtual Machines", "Compute", "Virtual Machines")
    assert service_of("Quantum Tea") == ("Quantum Tea", "Other", "Other (Other)")
    assert service_of(None)[0] == "Other"
    assert len(SERVICES) >= 120
    assert [region_of(text) for text in ("EASTUS2", "West Europe", "Moon Base", "", None)] == [
        ("eastus2", "East US 2"),
        ("westeurope", "West Europe"),
        ("moonbase", "Moon Base"),
        (None, None),
        (None, None),
    ]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('{"env":"prod"}', '{"env":"prod"}'),
        ('"env": "prod"', '{"env":"prod"}'),
        ('{"a":{"b":1}}', '{"a":"{\\"b\\": 1}"}'),
        ("{}", None),
        ("", None),
        ("not JSON", None),
        (r'{"owner":"Zo\ud83d"}', '{"owner":"Zo\ufffd"}'),
        (r'{"\ud83d":{"a":"\udc00"}}', '{"\ufffd":"{\\"a\\": \\"\ufffd\\"}"}'),
        (r'{"\ud83d":1,"\ud83e":2}', '{"\ufffd":2}'),
        ('{"a":' + "[" * 3_000 + "]" * 3_000 + "}", None),
    ],
)
def test_tags_are_an_object_of_texts(text: str, written: str | None) -> None:
    """Microsoft writes them with or without braces."""
    assert tags(text) == written


def test_details_of_a_price_have_names_of_our_own() -> None:
    """FOCUS reserves other names."""
    assert price_details('{"ServiceType":"Standard_D4s_v5","VMName":null,"Cores":4,"Ratio":0.10}') == (
        '{"x_ServiceType":"Standard_D4s_v5","x_VMName":null,"x_Cores":4,"x_Ratio":"0.10"}'
    )


def test_a_resource_has_the_type_of_its_last_provider() -> None:
    """Also where resources are nested, and where the path names none."""
    assert (
        resource_type("/subscriptions/x/resourceGroups/r/providers/Microsoft.Compute/disks/d")
        == "Microsoft.Compute/disks"
    )
    assert resource_type("odd") == "Other"


@pytest.mark.parametrize(
    ("start", "end", "after"),
    [
        ("2026-10-01", "2026-10-31", "2026-11-01"),
        ("2026-10-01", "2026-11-01", "2026-11-01"),
        ("2026-05-20", "2026-06-19", "2026-06-20"),
        ("2026-10-05", "2026-10-05", "2026-10-06"),
        ("2026-10-15", "2026-11-01", "2026-11-01"),
        ("2026-12-15", "2027-01-01", "2027-01-01"),
        ("2026-10-02", "2026-11-01", "2026-11-02"),
        ("2026-10-15", "2027-11-01", "2027-11-02"),
        ("2026-10-01", "2026-10-31T23:59:59", "2026-11-01"),
        ("2026-10-05", "2026-10-05T23:59:59.999999", "2026-10-06"),
        ("2026-09-15", "2026-10-15T23:59:59", "2026-10-16"),
        ("2026-10-15", "9999-12-31T23:59:59", "9999-12-31T23:59:59"),
    ],
)
def test_a_charge_ends_before_a_moment(start: str, end: str, after: str) -> None:
    """Microsoft names the last day, or the day after it. The 1st of November ends a month that begins on the 2nd."""
    moments = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end, after)]
    assert exclusive_end(*moments[:2]) == moments[2]
