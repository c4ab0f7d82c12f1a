"""The products for sale: a small catalog with rotating availability ids.

Ids of the Azure plan and of the legacy Azure offer are those of the vendor's pages
(learn.microsoft.com partner-center/developer/create-azure-plan and get-a-list-of-availabilities-for-a-sku-by-customer).
"""

import hashlib
from dataclasses import KW_ONLY, dataclass, field
from typing import Literal

from ops.simulator.world import World

AZURE_PLAN_PRODUCT = "DZH318Z0BPS6"
AZURE_PLAN_SKU = "0001"
LEGACY_AZURE_PRODUCT = "9DEA7946-EC2C-441E-9FFD-E3B275F7E838"
LEGACY_AZURE_SKU = "MS-AZR-0145P"
RESERVATION_PRODUCT = "DZH318Z0BQ3Q"
LICENCE_PRODUCT = "CFQ7TTC0LH18"

Segment = Literal["commercial", "education"]
SEGMENTS: tuple[Segment, ...] = ("commercial", "education")

CURRENCIES = {
    "US": ("USD", "$"), "CA": ("CAD", "$"), "GB": ("GBP", "£"), "CH": ("CHF", "CHF"), "DE": ("EUR", "€"),
    "FR": ("EUR", "€"), "ES": ("EUR", "€"), "IT": ("EUR", "€"), "NL": ("EUR", "€"), "AT": ("EUR", "€"),
    "BE": ("EUR", "€"), "IE": ("EUR", "€"), "SE": ("SEK", "kr"), "NO": ("NOK", "kr"), "DK": ("DKK", "kr"),
    "PL": ("PLN", "zł"), "JP": ("JPY", "¥"), "AU": ("AUD", "$"), "NZ": ("NZD", "$"), "IN": ("INR", "₹"),
    "BR": ("BRL", "R$"), "MX": ("MXN", "$"), "KR": ("KRW", "₩"), "ZA": ("ZAR", "R"),
}  # fmt: skip
"""Countries with products for sale, and their currency."""


@dataclass(frozen=True)
class Sku:
    """A SKU of a product."""

    id: str
    title: str
    description: str
    billing_cycles: tuple[str, ...]
    prerequisites: tuple[str, ...]
    maximum: int = 1
    provisioning_variables: tuple[str, ...] = ()
    term: str | None = None


@dataclass(frozen=True)
class Product:
    """A product with its SKUs."""

    id: str
    title: str
    description: str
    type_id: str
    sub_type: str | None
    target_views: frozenset[str]
    skus: tuple[Sku, ...]
    reservation_scope: str | None = None
    fixed_ids: bool = False
    """True: no availability ids; the SKU id is the catalog item id."""


PRODUCTS: tuple[Product, ...] = (
    Product(
        AZURE_PLAN_PRODUCT,
        "Azure plan",
        "Pay for what you use of Azure",
        "Azure",
        None,
        frozenset({"microsoftazure"}),
        (
            Sku(
                AZURE_PLAN_SKU,
                "Microsoft Azure plan",
                "Microsoft Azure plan (MS-AZR-0017G)",
                ("one_time",),
                ("MicrosoftCustomerAgreement",),
            ),
        ),
    ),
    Product(
        LEGACY_AZURE_PRODUCT,
        "Microsoft Azure",
        "Azure offer for cloud solution providers",
        "Azure",
        None,
        frozenset({"microsoftazure", "azure"}),
        (Sku(LEGACY_AZURE_SKU, "Microsoft Azure", "MS-AZR-0145P", ("monthly",), ("MicrosoftCloudAgreement",)),),
        fixed_ids=True,
    ),
    Product(
        RESERVATION_PRODUCT,
        "Virtual Machines DSv2 Series",
        "Reserved virtual machines",
        "Azure",
        "VirtualMachines",
        frozenset({"azure", "azurereservations", "azurereservationsvm"}),
        (
            Sku(
                "00G1",
                "Reserved VM Instance, Standard_DS1_v2, US East, 1 Year",
                "Reserved VM Instance",
                ("one_time", "monthly"),
                ("InventoryCheck", "AzureSubscriptionRegistration"),
                100,
                ("Scope", "SubscriptionId", "Duration"),
                "P1Y",
            ),
        ),
        reservation_scope="azureplan",
    ),
    Product(
        LICENCE_PRODUCT,
        "Microsoft 365 Business Basic",
        "Mail, files and meetings",
        "OnlineServicesNCE",
        None,
        frozenset({"onlineservices"}),
        (
            Sku(
                "0001",
                "Microsoft 365 Business Basic",
                "Up to 300 seats",
                ("annual", "monthly"),
                ("MicrosoftCustomerAgreement",),
                300,
                term="P1Y",
            ),
        ),
    ),
)


@dataclass(frozen=True)
class Availability:
    """How a SKU is sold in a country and a segment, for a while."""

    id: str
    product: Product
    sku: Sku
    country: str
    segment: Segment
    _: KW_ONLY
    purchasable: bool = True

    @property
    def catalog_item_id(self) -> str:
        """The catalog item id, as a cart names it."""
        return self.sku.id if self.product.fixed_ids else f"{self.product.id}:{self.sku.id}:{self.id}"


@dataclass
class Shelf:
    """The availabilities of one moment."""

    world: World
    stale_too: bool = False
    """True: ids that were replaced a short while ago are found as well."""
    _seconds: float = field(init=False)

    def __post_init__(self) -> None:
        self._seconds = self.world.clock.lag(self.world.settings.availability_rotation)

    def of(self, product: Product, sku: Sku, country: str) -> list[Availability]:
        """Return the present availabilities. The first id cannot be bought, on purpose."""
        if country not in CURRENCIES:
            return []
        withdrawn = Availability(
            self._id(product, sku, country, "withdrawn"), product, sku, country, "commercial", purchasable=False
        )
        sold = [Availability(self._id(product, sku, country, s), product, sku, country, s) for s in reversed(SEGMENTS)]
        if product.id == AZURE_PLAN_PRODUCT and not self.world.settings.plan_for_sale:
            return [withdrawn]
        return [withdrawn, *sold]

    def find(self, product: Product, sku: Sku, country: str, availability_id: str) -> Availability | None:
        """Return the availability with this id, if it is still or was just on the shelf."""
        for edition in self._editions():
            for each in self.of(product, sku, country):
                segment = each.segment if each.purchasable else "withdrawn"
                if self._id(product, sku, country, segment, edition).lower() == availability_id.lower():
                    return each
        return None

    def _editions(self) -> list[str]:
        return [self._edition(), self._edition(back=self._seconds / 2)] if self.stale_too else [self._edition()]

    def _edition(self, back: float = 0.0) -> str:
        count = int((self.world.now - back) // self._seconds) if self._seconds > 0 else 0
        return f"{self.world.catalog_edition}.{count}"

    def _id(self, product: Product, sku: Sku, country: str, segment: str, edition: str | None = None) -> str:
        text = f"{product.id}/{sku.id}/{country}/{segment}/{edition or self._edition()}"
        digits = hashlib.sha256(text.encode()).digest()
        letters = "0123456789BCDFGHJKLMNPQRSTVWXZ"
        return "DZH318Z0" + "".join(letters[digit % len(letters)] for digit in digits[:4])


def find_product(product_id: str) -> Product | None:
    """Return a product by its id, in any case."""
    return next((each for each in PRODUCTS if each.id.lower() == product_id.lower()), None)


def find_sku(product: Product, sku_id: str) -> Sku | None:
    """Return a SKU of a product by its id, in any case."""
    return next((each for each in product.skus if each.id.lower() == sku_id.lower()), None)


def find_item(world: World, catalog_item_id: str, country: str) -> Availability | None:
    """Return what a catalog item id stands for in a country, unless it is unknown or stale."""
    if catalog_item_id.lower() == LEGACY_AZURE_SKU.lower():
        legacy = PRODUCTS[1]
        return Availability("", legacy, legacy.skus[0], country, "commercial")
    product_id, _, rest = catalog_item_id.partition(":")
    sku_id, _, availability_id = rest.partition(":")
    product = find_product(product_id)
    sku = find_sku(product, sku_id) if product else None
    if product is None or sku is None:
        return None
    return Shelf(world, stale_too=True).find(product, sku, country, availability_id)
