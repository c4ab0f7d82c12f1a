"""Lines in forms that pages and samples of Microsoft show: comparison and dataset stay those of the invoice.

Every case is compared twice: from Parquet parts, and without Arrow from the source.
"""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ops.bench.invoices import Book, comparison_job, write_part
from worker.files.comparison.from_sources import compare_sources
from worker.files.conversion.layout import Layout
from worker.files.conversion.part import write_part as convert
from worker.files.conversion.totals import EXACT
from worker.files.focus.invoice import invoice_job
from worker.files.focus.services import service_of

Line = dict[str, Any]
USAGE: Line = {
    "customerId": "c1",
    "customerName": "Contoso",
    "subscriptionId": "s1",
    "productId": "P1",
    "skuId": "0001",
    "billingCurrency": "EUR",
    "billingPreTaxTotal": 5.355,
    "pricingPreTaxTotal": 5.95,
    "pricingCurrency": "USD",
    "pcToBCExchangeRate": 0.9,
    "unitPrice": 2,
    "effectiveUnitPrice": 1.7,
    "quantity": 3.5,
    "chargeType": "new",
    "usageDate": "2026-10-03T00:00:00Z",
    "unitOfMeasure": "1 Hour",
    "meterCategory": "Virtual Machines",
}
CONSUMED: Line = {
    "customerId": "c1",
    "customerName": "Contoso",
    "subscriptionId": "s1",
    "productId": "P1",
    "skuId": "0001",
    "currency": "EUR",
    "subtotal": 5.35,
    "taxTotal": 0,
    "totalForCustomer": 5.35,
    "pricingCurrency": "USD",
    "pcToBCExchangeRate": 0.9,
    "unitPrice": 2,
    "effectiveUnitPrice": 1.7,
    "quantity": 1,
    "billableQuantity": 3.5,
    "chargeType": "new",
    "meterDescription": "Virtual Machines - D4s v5",
    "productName": "Virtual Machines",
    "chargeStartDate": "2026-10-01T00:00:00Z",
    "chargeEndDate": "2026-10-31T00:00:00Z",
    "unitType": "1 Hour",
}
SEAT: Line = CONSUMED | {"productId": "S1", "meterDescription": "", "subtotal": 3, "totalForCustomer": 3}
LICENSE: Line = {
    "customerId": "C1",
    "customerName": "Contoso",
    "subscriptionId": "S1",
    "offerId": "offer",
    "offerName": "Mail",
    "chargeStartDate": "2026-10-01T00:00:00Z",
    "chargeEndDate": "2026-10-31T00:00:00Z",
    "chargeType": "Cycle fee",
    "unitPrice": 4,
    "quantity": 5,
    "amount": 20,
    "totalOtherDiscount": -1,
    "subtotal": 19,
    "tax": 3.61,
    "totalForCustomer": 22.61,
    "currency": "EUR",
    "mpnId": 1,
    "tier2MpnId": -1,
}
AZURE_BY_MONTH: Line = {
    "detailLineItemId": 1,
    "sku": "A",
    "consumedQuantity": 3,
    "listPrice": 2,
    "currency": "EUR",
    "pretaxCharges": 6,
    "taxAmount": 1.14,
    "postTaxTotal": 7.14,
    "chargeType": "ASSESS USAGE FEE FOR CURRENT CYCLE",
    "customerId": "C1",
    "customerCompanyName": "Contoso",
    "subscriptionId": "S9",
    "serviceName": "Virtual Machines",
    "unit": "Hours",
    "resourceGuid": "guid",
    "resourceName": "D4s",
    "chargeStartDate": "2026-10-01T00:00:00Z",
    "invoiceNumber": "D1",
}
AZURE_BY_DAY: Line = {
    "customerId": "C1",
    "subscriptionId": "S9",
    "usageDate": "2026-10-02T00:00:00Z",
    "meteredService": "VM",
    "resourceGuid": "guid",
    "unit": "Hours",
    "consumedQuantity": 3,
    "serviceName": "Virtual Machines",
}


def answered(folder: Path, usage: list[Line], lines: list[Line], total: str) -> tuple[dict[str, Any], list[Line]]:
    """What the job says of these lines and an invoice of this total in euros, and the rows of the dataset."""
    parts: dict[str, list[Path]] = {}
    sources: dict[str, list[Path]] = {}
    for kind, some in (("usage", usage), ("reconciliation", lines)):
        source, target = folder / f"{kind}.gz", folder / kind
        write_part(source, map(json.dumps, some))
        made = convert(source, target, 0, Layout(kind))
        parts[kind], sources[kind] = [target] if made.rows else [], [source]
    invoice = Book("G1", "EUR", total=Decimal(total))
    done = invoice_job(comparison_job(invoice, folder, parts))
    assert compare_sources(comparison_job(invoice, folder, sources))["comparison"] == done["comparison"]
    return done, pq.read_table(folder / "costs.parquet").to_pylist()


def billed(rows: list[Line]) -> Decimal:
    """The sum of `BilledCost`."""
    return sum((row["BilledCost"] for row in rows), Decimal(0))


def upper(line: Line) -> Line:
    """The line with names in capitals."""
    return {name.upper(): value for name, value in line.items()}


def with_texts(line: Line) -> Line:
    """The line with its numbers as texts with exponents."""
    return {n: f"{Decimal(str(v)):e}" if isinstance(v, int | float) else v for n, v in line.items()}


def without(line: Line, *names: str) -> Line:
    """The line without these members."""
    return {name: value for name, value in line.items() if name not in names}


def empty(line: Line, *names: str) -> Line:
    """The line with nothing in these members."""
    return line | dict.fromkeys(names, "") | {names[0]: None}


FACTORS = ("unitPrice", "billableQuantity", "pcToBCExchangeRate", "pricingCurrency", "chargeType", "customerName")


@pytest.mark.parametrize(
    ("usage", "line"),
    [
        (USAGE, CONSUMED),
        (upper(USAGE), upper(CONSUMED)),
        (with_texts(USAGE), with_texts(CONSUMED)),
        (without(USAGE, *FACTORS), without(CONSUMED, *FACTORS, "meterDescription", "taxTotal")),
        (empty(USAGE, *FACTORS), empty(CONSUMED, *FACTORS, "meterDescription", "taxTotal")),
        (USAGE | {"resellerMpnId": 0}, CONSUMED | {"resellerMpnId": 0, "productQualifiers": ["AddOn"]}),
        (USAGE, without(CONSUMED, "totalForCustomer") | {"Total": "5.35"}),
        (USAGE, without(CONSUMED, "totalForCustomer")),
        (USAGE | {"subscriptionId": None}, CONSUMED | {"subscriptionId": None}),
        (without(USAGE, "billingCurrency"), without(CONSUMED, "currency")),
        (USAGE | {"billingCurrency": "eur", "customerId": "org:C1"}, CONSUMED | {"currency": "Eur"}),
        (USAGE | {"usageDate": "03/10/2026"}, CONSUMED | {"chargeStartDate": "soon"}),
        (
            USAGE | {"customerName": "Caf\ud83d", "tags": r'{"owner":"Zo\ud83d"}', "\ud83d": "\udc00"},
            CONSUMED | {"customerName": "Caf\ud83d", "productName": "\ude00"},
        ),
        (USAGE | {"tags": '{"a":' + "[" * 3_000 + "]" * 3_000 + "}"}, CONSUMED),
    ],
)
def test_an_invoice_is_the_same_in_every_form_of_its_lines(tmp_path: Path, usage: Line, line: Line) -> None:
    """Names in any case, numbers as texts, absent and empty members, ids and currencies in any case, odd dates."""
    done, rows = answered(tmp_path, [usage], [line, SEAT], "8.35")

    assert done["comparison"]["status"] == "within_rounding"
    assert [each["currency"] for each in done["comparison"]["currencies"]] == ["EUR"]
    assert (done["focus"]["complete"], billed(rows)) == (True, Decimal("8.35"))
    assert {(row["BillingCurrency"], row["x_CustomerId"]) for row in rows} == {("EUR", "c1")}
    assert all(row["ChargePeriodStart"] < row["ChargePeriodEnd"] for row in rows)


@pytest.mark.parametrize(
    "odd",
    [
        {"unitPrice": "1e30"},
        {"billableQuantity": "1e40"},
        {"unitPrice": "1e15", "quantity": "1e15", "billableQuantity": "1e15"},
        {"unitOfMeasure": "99999999999999999999 GB", "unitType": "99999999999999999999 GB"},
        {"chargeEndDate": "9999-12-31T00:00:00Z", "usageDate": "9999-12-31T00:00:00Z"},
        {"quantity": "1e400", "billableQuantity": "1e400", "unitPrice": "1e-400"},
        {"quantity": "1e-400", "billableQuantity": "0.00000000000000000000000001", "effectiveUnitPrice": "1e400"},
    ],
)
def test_a_value_that_no_column_holds_costs_no_dataset(tmp_path: Path, odd: Line) -> None:
    """Amounts count; prices, quantities and dates are information."""
    done, rows = answered(tmp_path, [USAGE | odd], [CONSUMED, SEAT | odd], "8.35")

    assert (done["focus"]["complete"], billed(rows)) == (True, Decimal("8.35"))
    assert None not in {row[name] for row in rows for name in ("EffectiveCost", "PricingCurrencyEffectiveCost")}


def test_a_purchase_whose_dates_are_none_is_a_row_of_the_month(tmp_path: Path) -> None:
    """A date that nobody can read costs no dataset."""
    odd = dict.fromkeys(("chargeStartDate", "chargeEndDate", "pcToBCExchangeRateDate"), "later")
    done, rows = answered(tmp_path, [USAGE], [CONSUMED, SEAT | odd], "8.35")
    (seat,) = (row for row in rows if row["x_AzplanRow"] == "reconciliation")

    assert done["focus"]["complete"] is True
    assert (seat["ChargePeriodStart"], seat["ChargePeriodEnd"]) == (
        seat["BillingPeriodStart"],
        seat["BillingPeriodEnd"],
    )


@pytest.mark.parametrize("offset", ["Z", "", "+00:00", "+02:00", "+14:00", "-07:00"])
def test_a_day_is_the_day_that_is_written(tmp_path: Path, offset: str) -> None:
    """With any offset. A charge of this month that is given back corrects no other month."""
    first, last = f"2026-10-01T00:00:00{offset}", f"2026-10-31T00:00:00{offset}"
    back = {"chargeType": "cancel"}
    used = USAGE | back | {"usageDate": first, "billingPreTaxTotal": -5.355, "quantity": -3.5}
    line = CONSUMED | back | {"subtotal": -5.35, "totalForCustomer": -5.35, "billableQuantity": -3.5}
    seat = SEAT | back | {"chargeStartDate": first, "chargeEndDate": last, "subtotal": -3, "totalForCustomer": -3}
    _, rows = answered(tmp_path, [used], [line, seat], "-8.35")
    october, after = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)

    periods = {row["x_AzplanRow"]: (row["ChargePeriodStart"], row["ChargePeriodEnd"]) for row in rows}
    assert periods["usage"] == (october, october + timedelta(days=1))
    assert periods["reconciliation"] == (october, after)
    assert {row["ChargeClass"] for row in rows} == {None}


def test_a_date_that_nobody_can_read_takes_no_other_row_its_day(tmp_path: Path) -> None:
    """Each other row of the version keeps its days."""
    third = "2026-10-03T00:00:00Z"
    dated: Line = {"chargeStartDate": third, "chargeEndDate": third, "pcToBCExchangeRateDate": third}
    odd: Line = dict.fromkeys(("usageDate", *dated), "10/09/2026")
    usage = [USAGE | dated, USAGE | odd, USAGE | {"usageDate": "", "chargeType": "cancel"}]
    _, rows = answered(tmp_path, usage, [CONSUMED, SEAT | dated, SEAT | odd], "11.35")
    day, month = datetime(2026, 10, 3, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)

    named = ("ChargePeriodStart", "ChargePeriodEnd", "x_BillingExchangeRateDate")
    periods = [[row[name] for name in named] for row in rows if row["x_AzplanRow"] in ("usage", "reconciliation")]
    of_day, of_month = [day, day + timedelta(days=1), day], [month, datetime(2026, 11, 1, tzinfo=UTC), None]
    assert periods == [of_day, of_month, of_month, of_day, of_month]


@pytest.mark.parametrize("amount", ["1e18", "-1e18", "999999999999999999.999999999999999999999", "1e150"])
@pytest.mark.parametrize("name", ["taxTotal", "subtotal"])
def test_an_amount_that_no_column_holds_is_missing_in_the_dataset(tmp_path: Path, name: str, amount: str) -> None:
    """And the dataset says that it is not complete."""
    line = without(SEAT, "totalForCustomer") | {name: amount}
    others = Decimal("5.35" if name == "subtotal" else "8.35")
    done, rows = answered(tmp_path, [USAGE], [CONSUMED, line], str(EXACT.add(others, Decimal(amount))))

    assert (done["comparison"]["status"], done["focus"]["complete"]) == ("within_rounding", False)
    assert billed(rows) == others


@pytest.mark.parametrize(
    ("taxes", "included"),
    [([], False), ([0, 0], False), ([19, -19], True), ([19, 0], True), ([-19], True)],
)
def test_tax_is_included_where_a_row_has_it(tmp_path: Path, taxes: list[int], included: bool) -> None:
    """Also where the taxes of all customers are 0 together."""
    seats = [
        SEAT | {"customerId": f"c{number}", "taxTotal": tax, "totalForCustomer": 3 + tax}
        for number, tax in enumerate(taxes)
    ]
    whole = Decimal("5.35") + 3 * len(taxes) + sum(taxes)
    done, rows = answered(tmp_path, [USAGE], [CONSUMED, *seats], str(whole))

    assert (done["focus"]["taxIncluded"], done["focus"]["complete"], billed(rows)) == (included, True, whole)
    assert len([row for row in rows if row["ChargeCategory"] == "Tax"]) == len([tax for tax in taxes if tax])


@pytest.mark.parametrize("name", ["Contoso", " Contoso\t", "\u00a0Contoso\u3000", "  ", "", None])
def test_names_have_no_blanks_around_them(tmp_path: Path, name: str | None) -> None:
    """A customer has one name in rows of usage, of purchases, of rounding and of tax."""
    named = {"customerName": name, "publisherName": name}
    seat = SEAT | {"taxTotal": 1, "totalForCustomer": 4}
    _, rows = answered(tmp_path, [USAGE | named], [CONSUMED | named, seat | named], "9.35")

    assert {row["x_AzplanRow"] for row in rows} == {"usage", "reconciliation", "rounding", "tax"}
    assert {row["x_CustomerName"] for row in rows} == {(name or "").strip() or None}
    assert {row["PublisherName"] for row in rows} <= {(name or "").strip() or "Microsoft", "Microsoft"}


@pytest.mark.parametrize(
    ("reseller", "found"), [(0, None), ("0", None), (" 0 ", None), (-1, None), ("", None), (None, None), (17, "17")]
)
def test_a_reseller_of_0_is_none(tmp_path: Path, reseller: object, found: str | None) -> None:
    """In rows of usage and of purchases."""
    told = {"resellerMpnId": reseller}
    _, rows = answered(tmp_path, [USAGE | told], [CONSUMED | told, SEAT | told], "8.35")

    assert {row["x_ResellerId"] for row in rows if row["x_AzplanRow"] != "rounding"} == {found}


def test_usage_and_a_purchase_have_the_service_of_their_product(tmp_path: Path) -> None:
    """The official validator takes every word as a category."""
    _, rows = answered(tmp_path, [USAGE], [CONSUMED, SEAT], "8.35")
    named = ("x_AzplanRow", "ServiceName", "ServiceCategory", "ServiceSubcategory")

    assert {tuple(row[name] for name in named) for row in rows} == {
        (kind, "Virtual Machines", "Compute", "Virtual Machines") for kind in ("usage", "reconciliation", "rounding")
    }


@pytest.mark.parametrize("name", ["Virtual Machines", "virtual machines", " Storage ", "Quantum Tea", "Tax", "", None])
def test_a_service_has_one_category(tmp_path: Path, name: str | None) -> None:
    """In rows of usage, of purchases, of rounding and of tax: the official validator asks for it."""
    used, line, seat = USAGE | {"meterCategory": name}, CONSUMED | {"productName": name}, SEAT | {"productName": name}
    _, rows = answered(tmp_path, [used], [line, seat | {"taxTotal": 1, "totalForCustomer": 4}], "9.35")

    assert {row["x_AzplanRow"] for row in rows} == {"usage", "reconciliation", "rounding", "tax"}
    services = {(row["ServiceName"], row["ServiceCategory"], row["ServiceSubcategory"]) for row in rows}
    assert len({service[0] for service in services}) == len(services)
    assert all(service == service_of(service[0]) for service in services)


def test_a_purchase_is_one_beside_usage_by_quantity(tmp_path: Path) -> None:
    """Usage has reservations and savings plans by quantity, without cost."""
    by_quantity = USAGE | {"productId": "S1", "billingPreTaxTotal": 0}
    done, rows = answered(tmp_path, [USAGE, by_quantity], [CONSUMED, SEAT], "8.35")

    assert done["comparison"]["status"] == "within_rounding"
    assert (done["focus"]["complete"], billed(rows)) == (True, Decimal("8.35"))


@pytest.mark.parametrize(
    ("line", "category", "priced"),
    [
        (SEAT, "Purchase", True),
        (SEAT | {"creditReasonCode": "Promotion"}, "Purchase", True),
        (SEAT | {"creditReasonCode": "Promotion", "reservationOrderId": "r1"}, "Purchase", True),
        (SEAT | {"chargeType": "customerCredit"}, "Credit", False),
        (SEAT | {"chargeType": " CustomerCredit ", "creditReasonCode": "Promotion"}, "Credit", False),
        (SEAT | {"meterDescription": "Disks", "creditReasonCode": "Promotion"}, "Usage", True),
        (SEAT | {"meterDescription": "Disks", "chargeType": "customerCredit"}, "Credit", False),
    ],
)
def test_the_type_of_a_charge_says_that_it_is_a_credit(tmp_path: Path, line: Line, category: str, priced: bool) -> None:
    """A reason of a credit makes no credit of a purchase: it keeps its price and its quantity."""
    _, rows = answered(tmp_path, [USAGE], [CONSUMED, line], "8.35")
    (row,) = (row for row in rows if row["x_AzplanRow"] == "reconciliation")

    assert row["ChargeCategory"] == category
    assert [row[name] is not None for name in ("ListUnitPrice", "PricingQuantity")] == [priced, priced]


PLAN = {"benefitType": "SavingsPlan"}
EARNED = "Partner Earned Credit Applied"
UNIT = {"unitOfMeasure": "", "unitType": "100 GB", "quantity": 5}


@pytest.mark.parametrize(
    ("said", "column", "value"),
    [
        ({"creditType": EARNED}, "x_PartnerCreditApplied", True),
        ({"creditType": EARNED, "rateOfPartnerEarnedCredit": 0}, "x_PartnerCreditApplied", True),
        ({"creditType": "Credit Not Applied"}, "x_PartnerCreditApplied", False),
        ({"creditType": "Azure Credit Applied"}, "x_PartnerCreditApplied", None),
        ({"creditType": "Azure Credit Applied", "rateOfPartnerEarnedCredit": 0.15}, "x_PartnerCreditApplied", True),
        ({"rateOfPartnerEarnedCredit": 0.15}, "x_PartnerCreditApplied", True),
        ({"rateOfPartnerEarnedCredit": 0}, "x_PartnerCreditApplied", False),
        ({"hasPartnerEarnedCredit": True}, "x_PartnerCreditApplied", True),
        ({"hasPartnerEarnedCredit": False}, "x_PartnerCreditApplied", False),
        ({}, "x_PartnerCreditApplied", None),
        ({}, "x_PartnerCreditRate", None),
        (UNIT, "ConsumedQuantity", 500),
        (UNIT, "ConsumedUnit", "GB"),
        (UNIT, "PricingUnit", "100 GB"),
        (UNIT | {"unitOfMeasure": "1 Hour"}, "ConsumedUnit", "Hour"),
        (PLAN, "PricingCategory", "Committed"),
        (PLAN, "CommitmentDiscountId", None),
        (PLAN, "CommitmentDiscountType", None),
        (PLAN | {"benefitId": "b"}, "PricingCategory", "Committed"),
        (PLAN | {"benefitId": "b"}, "CommitmentDiscountId", "b"),
        (PLAN | {"benefitId": "b"}, "CommitmentDiscountType", "Savings Plan"),
        ({"benefitType": "Charge", "benefitId": "b"}, "PricingCategory", "Standard"),
        ({"unitPrice": None}, "ListCost", Decimal("5.355")),
        ({"quantity": None}, "ContractedCost", Decimal("5.355")),
        ({"unitPrice": "1e17", "quantity": "1e17"}, "ListCost", Decimal("5.355")),
        ({"availabilityId": "A"}, "SkuPriceId", "P1:0001:A"),
        ({"availabilityId": ""}, "SkuPriceId", "P1:0001"),
        ({"availabilityId": "A", "productId": "", "skuId": ""}, "SkuPriceId", None),
    ],
)
@pytest.mark.parametrize("kind", ["alone", "beside others"])
def test_a_usage_line_says_what_its_attributes_tell(
    tmp_path: Path, said: Line, column: str, value: object, kind: str
) -> None:
    """Basic attributes of an export have no rate of credit, no benefit, no availability, and another unit."""
    others = [USAGE | {"creditType": "x", "unitType": "2 TB", "availabilityId": "B", "benefitId": "c"}]
    _, rows = answered(tmp_path, [USAGE | said, *(others if kind != "alone" else [])], [CONSUMED], "5.35")

    assert rows[0][column] == value


def test_a_purchase_without_an_availability_has_the_price_of_its_sku(tmp_path: Path) -> None:
    """Its id has no empty end."""
    _, rows = answered(
        tmp_path, [USAGE], [CONSUMED, SEAT | {"availabilityId": " "}, SEAT | {"availabilityId": "A"}], "11"
    )

    assert [row["SkuPriceId"] for row in rows if row["x_AzplanRow"] == "reconciliation"] == ["S1:0001", "S1:0001:A"]


@pytest.mark.parametrize(
    ("kind", "amount", "day", "found"),
    [
        ("cancel", -3, "2026-09-30", "Correction"),
        ("Cancel", -3, "2026-11-01", "Correction"),
        ("cancel", -3, "2026-10-01", None),
        ("cancel", -3, "2026-10-31", None),
        ("cancel", 3, "2026-09-30", None),
        ("removeQuantity", -3, "2026-09-30", "Correction"),
        ("removeQuantity", -3, "2026-11-01", None),
        ("cancelImmediate", -3, "2026-09-30", "Correction"),
        ("cancelImmediate", -3, "2026-11-01", None),
        ("new", -3, "2026-09-30", None),
        ("cancel", -3, "", None),
    ],
)
def test_a_correction_belongs_to_another_month(
    tmp_path: Path, kind: str, amount: int, day: str, found: str | None
) -> None:
    """What is cancelled may belong to a month before or after, what else is given back to one before."""
    line = SEAT | {"chargeType": kind, "chargeStartDate": day, "subtotal": amount, "totalForCustomer": amount}
    used = USAGE | {"chargeType": kind, "usageDate": day, "billingPreTaxTotal": amount}
    _, rows = answered(tmp_path, [used], [CONSUMED, line], "8.35")
    classes = {row["x_AzplanRow"]: row["ChargeClass"] for row in rows}

    assert classes["reconciliation"] == found
    if kind.lower() == "cancel":
        assert classes["usage"] == found


@pytest.mark.parametrize("quantity", [1, -1])
@pytest.mark.parametrize("amount", [85, -85])
@pytest.mark.parametrize("kind", ["new", "customerCredit", "removeQuantity"])
def test_both_effective_costs_have_one_sign(tmp_path: Path, kind: str, amount: int, quantity: int) -> None:
    """What is given back can have the price and the quantity of what was bought."""
    priced = {"unitPrice": 100, "effectiveUnitPrice": 100, "billableQuantity": quantity, "pcToBCExchangeRate": 0.85}
    line = SEAT | priced | {"chargeType": kind, "subtotal": amount, "totalForCustomer": amount}
    _, rows = answered(tmp_path, [USAGE], [CONSUMED, line], str(Decimal("5.35") + amount))
    (row,) = (row for row in rows if row["x_AzplanRow"] == "reconciliation")

    costs = row["EffectiveCost"], row["PricingCurrencyEffectiveCost"]
    assert costs == (amount, 100 if amount > 0 else -100)


@pytest.mark.parametrize("bought", [{"productName": "Azure savings plan for compute"}, {"reservationOrderId": "r1"}])
def test_what_is_bought_for_later_has_no_cost_of_its_own_yet(tmp_path: Path, bought: Line) -> None:
    """The effective cost of reservations and savings plans is that of their use, as in Microsoft's own datasets."""
    _, rows = answered(tmp_path, [USAGE], [CONSUMED, SEAT | bought], "8.35")
    (row,) = (row for row in rows if row["x_AzplanRow"] == "reconciliation")

    costs = ("BilledCost", "EffectiveCost", "PricingCurrencyEffectiveCost")
    assert [row[name] for name in costs] == [3, 0, 0]


def test_a_legacy_invoice_is_the_sum_of_its_billed_cost(tmp_path: Path) -> None:
    """Its lines have other names for amounts, offers instead of products, and daily usage without any amount."""
    done, rows = answered(tmp_path, [AZURE_BY_DAY], [LICENSE, AZURE_BY_MONTH], "29.75")

    assert done["comparison"]["status"] == "equal"
    assert [each["currency"] for each in done["comparison"]["currencies"]] == ["EUR"]
    assert (done["focus"]["complete"], billed(rows)) == (True, Decimal("29.75"))
    assert done["focus"]["billedCost"] == [{"currency": "EUR", "total": "29.75"}]
    costs = {row["SkuId"]: row["BilledCost"] for row in rows if row["x_AzplanRow"] == "reconciliation"}
    assert costs == {"offer:": 19, ":A": 6}


def test_usage_without_an_amount_explains_nothing(tmp_path: Path) -> None:
    """Its line stands for itself, and the dataset waits for the amount."""
    done, rows = answered(tmp_path, [USAGE | {"billingPreTaxTotal": "5,355"}], [CONSUMED], "5.35")

    assert (done["comparison"]["status"], done["focus"]["complete"]) == ("incomplete", False)
    assert billed(rows) == Decimal("5.35")


def test_usage_below_zero_without_a_line_is_short(tmp_path: Path) -> None:
    """What is given back may be there before what was used."""
    back = USAGE | {"productId": "P7", "billingPreTaxTotal": -7}
    done, _ = answered(tmp_path, [USAGE, back], [CONSUMED], "5.35")

    assert done["comparison"]["status"] == "incomplete"
    assert [each["productId"] for each in done["comparison"]["differences"]] == ["P7"]


def test_a_dataset_with_another_sum_than_the_lines_is_not_complete(tmp_path: Path) -> None:
    """The total of a line may be something else than its amount and its tax."""
    done, rows = answered(tmp_path, [USAGE], [CONSUMED, SEAT | {"totalForCustomer": 4}], "9.35")

    assert done["comparison"]["status"] == "within_rounding"
    assert (done["focus"]["complete"], billed(rows)) == (False, Decimal("8.35"))
