"""An invoice, or the lines of a month that are not billed yet: what it is made of, never its lines themselves."""

import calendar
import hashlib
import zlib
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Literal

LineKind = Literal["usage", "reconciliation", "aggregatedUsage"]
FIRST_EXPORTED_MONTH = {"usage": "2022-09", "reconciliation": "2024-02"}
CENT = Decimal("0.01")
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
RATES = {
    "USD": Decimal(1),
    "EUR": Decimal("0.8571428571"),
    "GBP": Decimal("0.7436"),
    "CHF": Decimal("0.88125"),
    "JPY": Decimal("149.85"),
}
"""What a US dollar is in a currency, made up."""


@dataclass(frozen=True)
class Planted:
    """A fault in the data, for those who compare."""

    kind: Literal["missing", "doubled", "cent", "rate", "currency"]
    lines: LineKind = "usage"
    line: int = 0
    """Number of the line, counted from 0 without planted faults."""
    amount: Decimal | None = None
    """What ``cent`` adds; None: the smallest amount of the currency."""


@dataclass(frozen=True)
class Buyer:
    """A customer as lines name it."""

    id: str
    name: str
    domain: str
    country: str
    plan: str
    """Id of its Azure plan, a subscription at Partner Center."""
    entitlement: str
    """Id of an Azure subscription under the plan."""


@dataclass(frozen=True, eq=False)
class Invoice:
    """An invoice of new commerce (``G``), of legacy commerce (``D``), or a month that is not billed yet."""

    id: str
    partner: str
    partner_id: str
    made_at: float
    month: str = "2026-02"
    """The month whose usage it bills, ``yyyy-mm``."""
    period: Literal["current", "previous"] | None = None
    """Set: these lines are not billed yet."""
    currency: str = "USD"
    pricing_currencies: tuple[str, ...] = ("USD",)
    """Currencies of the prices; another than ``currency`` has an exchange rate."""
    decimals: int = 2
    """How many decimals amounts of the reconciliation have: 0 for yen, if Microsoft rounds so."""
    customers: int = 3
    usage_lines: int = 60
    groups: int = 12
    """Lines of consumption in the reconciliation; tiers, earned credit and full credit are among them."""
    seats: int = 3
    reservations: int = 2
    refunds: int = 1
    credits: int = 1
    """Numbers of further lines of the reconciliation, which no usage explains."""
    tax: Literal["none", "shown", "hidden"] = "none"
    """Hidden: only the invoice has it, the lines say 0."""
    tax_rate: Decimal = Decimal("0.19")
    blobs: int = 1
    """Blobs of an export of usage."""
    reconciliation_blobs: int = 1
    amendments: tuple[Decimal, ...] = ()
    """Amounts of adjustment notes; invoice and notes together are the lines."""
    document_type: str = "invoice"
    status: str = "active"
    paid: Decimal = Decimal(0)
    receipts: tuple[str, ...] = ()
    last_day: int = 0
    """The last day of the month with usage; 0: its end."""
    usage_after: float = 0.0
    """Seconds after seeding until there is any usage: before, exports fail with 5000 and pages are empty."""
    usage_complete_after: float = 0.0
    """Seconds after seeding until the usage is whole."""
    partial_share: Decimal = Decimal("0.6")
    """Share of the lines before."""
    reconciliation_after: float = 0.0
    planted: tuple[Planted, ...] = ()
    version: int = 1
    """Counts up with every new version of the data."""
    content: int = 0
    """Counts up with every version whose lines differ."""
    buyers: tuple[Buyer, ...] = field(default=(), repr=False)

    @cached_property
    def fingerprint(self) -> str:
        """What the bytes of its lines follow from, without the time of its making."""
        members = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "made_at"}
        return hashlib.sha256(repr(members).encode()).hexdigest()

    @property
    def minor(self) -> Decimal:
        """The smallest amount of its currency."""
        return Decimal(1).scaleb(-self.decimals)

    @property
    def legacy(self) -> bool:
        """True: legacy commerce, which Graph knows nothing about."""
        return self.id.upper().startswith("D")

    @property
    def number(self) -> str:
        """The invoice number in lines: empty while nothing is billed."""
        return "" if self.period else self.id

    @property
    def first_day(self) -> date:
        """The first day of the month."""
        year, month = self.month.split("-")
        return date(int(year), int(month), 1)

    @property
    def days(self) -> int:
        """The number of days of the month."""
        return calendar.monthrange(self.first_day.year, self.first_day.month)[1]

    @property
    def seed(self) -> int:
        """What its prices and quantities are drawn from: never its version."""
        return zlib.crc32(f"{self.id}:{self.month}:{self.currency}".encode())

    @property
    def days_used(self) -> int:
        """The number of days with usage."""
        return min(self.last_day, self.days) or self.days

    @property
    def reconciliation_lines(self) -> int:
        """The number of lines of the reconciliation, without planted faults."""
        return self.groups + self.seats + self.reservations + self.refunds + self.credits

    def lines(self, kind: LineKind) -> int:
        """Return the number of lines of a kind, without planted faults."""
        return {"usage": self.usage_lines, "aggregatedUsage": self.groups}.get(kind, self.reconciliation_lines)

    def blob_count(self, kind: LineKind) -> int:
        """Return the number of blobs of an export of a kind."""
        return self.blobs if kind == "usage" else self.reconciliation_blobs

    def rate(self, pricing_currency: str) -> Decimal:
        """Return what one unit of a pricing currency is in the billing currency, ten decimals."""
        if pricing_currency == self.currency:
            return Decimal(1)
        return (usd_worth(self.currency) / usd_worth(pricing_currency)).quantize(Decimal("1e-10"))

    def is_there(self, kind: LineKind, at: float) -> bool:
        """Tell whether lines of a kind can be had at an instant."""
        return at >= self.made_at + (self.usage_after if kind == "usage" else self.reconciliation_after)

    def is_old(self, kind: LineKind) -> bool:
        """Tell whether lines of a kind are too old for exports: only Partner Center has them."""
        return self.month < FIRST_EXPORTED_MONTH.get(kind, "")

    def is_complete(self, kind: LineKind, at: float) -> bool:
        """Tell whether no line of a kind is missing any more at an instant."""
        return kind != "usage" or at >= self.made_at + self.usage_complete_after

    def data_version(self, kind: LineKind, at: float) -> str:
        """Return what the version of the data is known by: the form of an eTag."""
        state = "" if self.is_complete(kind, at) else "-partial"
        text = f"{self.id}:{kind}:{self.version}{state}"
        return f"{zlib.crc32(text.encode()):08x}{self.version:04x}{state}"


def usd_worth(currency: str) -> Decimal:
    """Return what a US dollar is in a currency; unknown ones are as good as a dollar."""
    return RATES.get(currency.upper(), Decimal(1))


def draw(seed: int, *what: object) -> int:
    """Return a number of 32 bits that follows from a seed and names: always the same."""
    return zlib.crc32(":".join(str(each) for each in what).encode(), seed)


def down(amount: Decimal, unit: Decimal = CENT) -> Decimal:
    """Round to a smallest amount toward zero, as ROUNDDOWN does."""
    return amount.quantize(unit, ROUND_DOWN)


def nearest(amount: Decimal, unit: Decimal = CENT) -> Decimal:
    """Round to the nearest smallest amount, as taxes are."""
    return amount.quantize(unit, ROUND_HALF_UP)


def share_of(whole: int, parts: int, number: int) -> tuple[int, int]:
    """Return begin and end of one of `parts` near-equal parts of ``range(whole)``."""
    each, more = divmod(whole, parts)
    begin = number * each + min(number, more)
    return begin, begin + each + (number < more)


def part_with(whole: int, parts: int, index: int) -> int:
    """Return the number of the part that holds an index: the inverse of ``share_of``."""
    each, more = divmod(whole, parts)
    border = more * (each + 1)
    return index // (each + 1) if index < border else more + (index - border) // each
