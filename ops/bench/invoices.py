"""Invoices with lines and exact books, made by the formulas that Microsoft publishes.

Source of the formulas: Microsoft's page "Modern invoice reconciliation file". The subtotal of usage is
ROUNDDOWN(ROUNDDOWN(price * quantity, 2) * rate, 2), of seats ROUNDDOWN(price * rate, 2) * quantity; daily usage has ten
decimals.
"""

import gzip
import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

Line = dict[str, Any]
PARTNER = "aaaaaaaa-0000-4000-8000-000000000001"
MONTH, DAYS, END = "2026-10", 31, "2026-10-31"
CENT = Decimal("0.01")
UNITS = {"JPY": Decimal(1), "KRW": Decimal(1)}
METERS = [
    ("Virtual Machines", "Dsv5 Series", "D4s v5", "1 Hour", "Microsoft.Compute/virtualMachines"),
    ("Storage", "Premium SSD Managed Disks", "P10 LRS Disk", "1/Month", "Microsoft.Compute/disks"),
    ("Bandwidth", "Inter-Region", "Standard Data Transfer Out", "1 GB", "Microsoft.Storage/storageAccounts"),
    ("SQL Database", "Single Standard", "S3 DTUs", "1/Day", "Microsoft.Sql/servers"),
    ("Azure Monitor", "Log Analytics", "Data Ingestion", "1 GB", "Microsoft.OperationalInsights/workspaces"),
    ("Log Analytics Beyond", "", "Odd Thing", "100 GB Weeks", "Contoso.Odd/things"),
]
REGIONS = ["westeurope", "EASTUS2", "germanywestcentral", "moonbase1", ""]


def rounded_down(amount: Decimal, unit: Decimal = CENT) -> Decimal:
    """ROUNDDOWN of Microsoft's formulas: toward zero."""
    return (amount / unit).quantize(Decimal(1), ROUND_DOWN) * unit


@dataclass
class Book:
    """An invoice: its lines by our names, and what the document says."""

    id: str
    currency: str
    usage: list[Line] = field(default_factory=list)
    reconciliation: list[Line] = field(default_factory=list)
    total: Decimal = Decimal(0)
    tax: str = "none"
    tax_rate: Decimal = Decimal(0)

    @property
    def unit(self) -> Decimal:
        """The minor unit of the currency."""
        return UNITS.get(self.currency, CENT)

    def close(self) -> "Book":
        """Add up the document, with its tax."""
        for line in self.reconciliation:
            tax = line["subtotal"] * self.tax_rate if self.tax == "shown" else Decimal(0)
            line["taxTotal"] = (tax / self.unit).quantize(Decimal(1), ROUND_HALF_UP) * self.unit
            line["totalForCustomer"] = line["subtotal"] + line["taxTotal"]
        self.total = sum((line["totalForCustomer"] for line in self.reconciliation), Decimal(0))
        if self.tax == "hidden":
            tax = self.total * self.tax_rate
            self.total += (tax / self.unit).quantize(Decimal(1), ROUND_HALF_UP) * self.unit
        return self


def book(seed: int, *, usage_lines: int = 120, currency: str = "EUR", tax: str = "none", rate: str = "0.19") -> Book:
    """An invoice with tiers, earned credit, two pricing currencies, seats, reservations, credits and refunds."""
    chance = random.Random(seed)  # noqa: S311 - books, no secrets
    made = Book(f"G{seed:09}", currency, tax=tax, tax_rate=Decimal(rate))
    while len(made.usage) < usage_lines:
        customer = chance.randrange(1, 6)
        price = chance.choice(["EUR", "USD"]) if currency == "EUR" else currency
        _consumption(made, chance, customer, price, refund=chance.random() < 0.1)
    for number in range(chance.randrange(2, 5)):
        _purchase(made, chance, f"seat{number}")
    for number in range(chance.randrange(3)):
        _purchase(made, chance, f"reservation{number}")
    for number in range(chance.randrange(2)):
        _purchase(made, chance, f"credit{number}")
    return made.close()


def _common(made: Book, customer: int, price_in: str, chance: random.Random) -> Line:
    rate = Decimal(1) if price_in == made.currency else Decimal(chance.randrange(800_000, 1_200_000)).scaleb(-6)
    return {
        "partnerId": PARTNER,
        "customerId": f"c0000000-0000-4000-8000-{customer:012}",
        "customerName": f"Contoso Kunde {customer} GmbH",
        "customerDomainName": f"customer{customer}.onmicrosoft.com",
        "customerCountry": "DE",
        "invoiceNumber": made.id,
        "mpnId": "1234567",
        "resellerMpnId": chance.choice(["", "0", "7654321"]),
        "subscriptionId": f"d0000000-0000-4000-8000-{customer:012}",
        "subscriptionDescription": "Azure plan",
        "chargeStartDate": f"{MONTH}-01T00:00:00Z",
        "chargeEndDate": f"{END}T00:00:00Z",
        "publisherName": "Microsoft",
        "publisherId": "",
        "chargeType": "new",
        "pricingCurrency": price_in,
        "pcToBCExchangeRate": rate,
        "pcToBCExchangeRateDate": f"{MONTH}-01T00:00:00Z",
    }


def _consumption(made: Book, chance: random.Random, customer: int, price_in: str, *, refund: bool) -> None:
    """A meter of a plan: one to three tiers, each with its line in the reconciliation and its days of usage."""
    number = len(made.reconciliation) + 1
    category, sub, meter, unit, kind = METERS[chance.randrange(len(METERS))]
    common = _common(made, customer, price_in, chance) | {
        "productId": f"DZH318Z0{number:04}",
        "skuId": f"{chance.randrange(1, 99):04}",
        "availabilityId": "DZH318Z0BML6",
        "productName": sub or category,
        "skuName": f"{meter} - {sub}",
        "unitType": unit,
    }
    if refund:
        common["chargeType"] = chance.choice(["cancel", "Cancel"])
    earned = chance.choice([Decimal(0), Decimal("0.15")])
    credit = Decimal(1) if chance.random() < 0.05 else earned
    for _tier in range(chance.randrange(1, 4)):
        price = Decimal(chance.randrange(10**9)).scaleb(-chance.choice([9, 10, 12]))
        effective = price * (1 - credit)
        tier = common | {"unitPrice": price, "effectiveUnitPrice": effective}
        total = Decimal(0)
        for day in sorted(chance.sample(range(1, DAYS + 1), chance.randrange(1, 9))):
            quantity = Decimal(chance.randrange(1, 10**9)).scaleb(-6) * (-1 if refund else 1)
            total += quantity
            made.usage.append(_usage(tier, chance, day, quantity, (category, sub, meter, unit, kind), earned, credit))
            made.usage[-1]["billingCurrency"] = made.currency
        priced = rounded_down(effective * total, UNITS.get(price_in, CENT))
        made.reconciliation.append(
            {name: value for name, value in tier.items() if name != "partnerName"}
            | {
                "orderId": f"o{number}",
                "orderDate": "2026-01-04T17:59:52.9460102Z",
                "quantity": total,
                "billableQuantity": total,
                "subtotal": rounded_down(priced * tier["pcToBCExchangeRate"], made.unit),
                "currency": made.currency,
                "meterDescription": f"{category} - {meter}",
                "billingFrequency": "Monthly",
                "termAndBillingCycle": "",
                "priceAdjustmentDescription": '["15.0% Partner earned credit for services managed"]' if earned else "",
                "reservationOrderId": "",
                "creditReasonCode": "",
                "productQualifiers": "",
            }
        )


def _usage(
    tier: Line,
    chance: random.Random,
    day: int,
    quantity: Decimal,
    meter: tuple[str, ...],
    earned: Decimal,
    credit: Decimal,
) -> Line:
    category, sub, name, unit, kind = meter
    owner = int(tier["customerId"][-6:])
    place = (
        f"/subscriptions/E0000000-0000-4000-8000-{owner:012}/resourceGroups/RG{chance.randrange(9)}/providers/{kind}"
    )
    priced = tier["effectiveUnitPrice"] * quantity
    tenth = Decimal("1e-10")
    return tier | {
        "partnerName": "Contoso Partner",
        "usageDate": f"{MONTH}-{day:02}T00:00:00Z",
        "meterType": name,
        "meterCategory": category,
        "meterId": f"f0000000-0000-4000-8000-{chance.randrange(400):012}",
        "meterSubCategory": sub,
        "meterName": name,
        "meterRegion": "",
        "unitOfMeasure": unit,
        "resourceLocation": chance.choice(REGIONS),
        "consumedService": kind.split("/")[0],
        "resourceGroup": "RG1",
        "resourceUri": f"{place}/r-{chance.getrandbits(40):x}",
        "tags": chance.choice(["", '{"env":"prod","team":"Ümläut"}']),
        "additionalInfo": json.dumps(
            {"ServiceType": "Standard_D4s_v5", "VMName": None, "x": f"{chance.getrandbits(60):x}"}
        ),
        "serviceInfo1": "",
        "serviceInfo2": "",
        "quantity": quantity,
        "billingPreTaxTotal": (priced * tier["pcToBCExchangeRate"]).quantize(tenth, ROUND_HALF_UP),
        "pricingPreTaxTotal": priced.quantize(tenth, ROUND_HALF_UP),
        "entitlementId": f"E0000000-0000-4000-8000-{owner:012}",
        "entitlementDescription": "Production",
        "rateOfPartnerEarnedCredit": earned,
        "rateOfCredit": credit,
        "creditType": "Partner Earned Credit Applied" if earned else "Credit Not Applied",
        "benefitOrderId": "",
        "benefitId": "",
        "benefitType": "Charge",
    }


def _purchase(made: Book, chance: random.Random, kind: str) -> None:
    """A line that no usage explains: seats, a reservation, or a credit of the customer."""
    customer = chance.randrange(1, 6)
    price = Decimal(chance.randrange(100, 99_999)).scaleb(-2)
    line = _common(made, customer, made.currency, chance)
    quantity = Decimal(chance.randrange(1, 60))
    subtotal = rounded_down(price * line["pcToBCExchangeRate"], made.unit) * quantity
    if kind.startswith("credit"):
        subtotal = -rounded_down(price, made.unit)
    made.reconciliation.append(
        line
        | {
            "orderId": f"o-{kind}",
            "orderDate": "2026-01-04T17:59:52.9460102Z",
            "productId": f"CFQ7TTC0{kind[:4].upper()}",
            "skuId": "0002",
            "availabilityId": "CFQ7TTC0K5RQ",
            "productName": f"Product {kind}",
            "skuName": f"Sku {kind}",
            "subscriptionId": f"d1000000-0000-4000-8000-{chance.getrandbits(40):012x}",
            "chargeType": "customerCredit"
            if kind.startswith("credit")
            else chance.choice(["new", "renew", "cycleCharge"]),
            "unitPrice": price,
            "effectiveUnitPrice": price,
            "unitType": "",
            "quantity": quantity,
            "billableQuantity": quantity,
            "subtotal": subtotal,
            "currency": made.currency,
            "meterDescription": "",
            "billingFrequency": "Monthly",
            "termAndBillingCycle": "One-Year commitment for monthly/yearly billing",
            "priceAdjustmentDescription": "",
            "reservationOrderId": "99f246cf-ed96-41b4-b0cd-0aa43eb1fe91" if kind.startswith("reservation") else "",
            "creditReasonCode": "Service credit" if kind.startswith("credit") else "",
            "productQualifiers": "",
        }
    )


EXPORT_NAMES = {
    "unitOfMeasure": "Unit",
    "resellerMpnId": "Tier2MpnId",
    "totalForCustomer": "Total",
    "resourceUri": "ResourceURI",
    "benefitId": "BenefitID",
    "pcToBCExchangeRate": "PCToBCExchangeRate",
    "pcToBCExchangeRateDate": "PCToBCExchangeRateDate",
}
PERCENTAGES = {"rateOfPartnerEarnedCredit": "PartnerEarnedCreditPercentage", "rateOfCredit": "CreditPercentage"}


def on_the_wire(line: Mapping[str, Any], *, export: bool = True, numbers: str = "number") -> str:
    """The line as one line of JSON: names of an export (PascalCase) or of the API, numbers as numbers or texts."""
    members = []
    for name, value in line.items():
        wire = name
        if export:
            wire = PERCENTAGES.get(name) or EXPORT_NAMES.get(name) or name[0].upper() + name[1:]
        if isinstance(value, Decimal):
            number = value * 100 if export and name in PERCENTAGES else value
            written = f"{number:e}" if numbers == "exponent" else f"{number:f}"
            members.append(f'"{wire}":"{written}"' if numbers == "text" else f'"{wire}":{written}')
        else:
            members.append(f'"{wire}":{json.dumps(value)}')
    return "{" + ",".join(members) + "}"


def write_part(path: Path, lines: Iterable[str]) -> None:
    """Write these lines as Microsoft does: gzip, one JSON object a line."""
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=6) as file:
        for line in lines:
            file.write(line + "\n")


def comparison_job(made: Book, folder: Path, parts: Mapping[str, Iterable[Path]], month: str = MONTH) -> dict[str, Any]:
    """The job of the child that compares an invoice and writes its FOCUS dataset. `parts`: its lines by kind."""
    return {
        "partner": {"tenantId": PARTNER, "name": "Contoso Partner"},
        "invoice": {"id": made.id, "currency": made.currency, "total": str(made.total), "amendments": "0"},
        "month": month,
        "last": {},
        "tolerance": "0",
        "costs": str(folder / "costs.parquet"),
        **{name: str(folder / f"{name}.gz") for name in ("differences", "groups")},
        **{kind: {"paths": [str(path) for path in paths], "version": kind} for kind, paths in parts.items()},
    }
