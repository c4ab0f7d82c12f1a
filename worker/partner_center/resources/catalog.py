"""The catalog: products, SKUs and availabilities, by country or for one customer.

Availability ids change over time, and so do catalog item ids: read them right before they are used.
"""

from collections.abc import Mapping
from typing import Annotated

from worker.partner_center.answers.resource import OR_EMPTY, OR_NONE, Collection, Flag, Id, Number, Resource, Text, Word
from worker.partner_center.operation import Auth, EffectClass, Operation
from worker.partner_center.paging import collect
from worker.partner_center.port import PartnerCenter
from worker.partner_center.resources.azure_products import is_azure_plan_item

DOCS = "https://learn.microsoft.com/partner-center/developer/"
MICROSOFT_AZURE = "MicrosoftAzure"
"""The target view with the Azure plan and the legacy offer."""


class ProductType(Resource):
    """The kind of a product."""

    id: Text = None
    display_name: Text = None


class Product(Resource):
    """A product."""

    id: Id
    title: Text = None
    description: Text = None
    product_type: Annotated[ProductType | None, OR_NONE] = None
    is_microsoft_product: Flag = None
    publisher_name: Text = None


class Sku(Resource):
    """A variant of a product. Its id is unique only inside the product."""

    id: Id
    product_id: Text = None
    title: Text = None
    description: Text = None
    minimum_quantity: Number = None
    maximum_quantity: Number = None
    is_trial: Flag = None
    supported_billing_cycles: Annotated[tuple[Word, ...], OR_EMPTY] = ()
    purchase_prerequisites: Annotated[tuple[Text, ...], OR_EMPTY] = ()


class Currency(Resource):
    """A currency."""

    code: Text = None
    symbol: Text = None


class Term(Resource):
    """A term of an availability."""

    id: Text = None
    duration: Text = None
    """ISO 8601, for example `P1M`."""
    billing_cycle: Word = None
    description: Text = None


class EmbeddedSku(Resource):
    """The SKU inside an availability. It may be incomplete."""

    supported_billing_cycles: Annotated[tuple[Word, ...], OR_EMPTY] = ()


class Availability(Resource):
    """The offer of a SKU in one country and segment."""

    id: Id
    product_id: Text = None
    sku_id: Text = None
    catalog_item_id: Text = None
    """The id of the item in a cart."""
    default_currency: Annotated[Currency | None, OR_NONE] = None
    segment: Word = None
    country: Text = None
    is_purchasable: Flag = None
    terms: Annotated[tuple[Term, ...], OR_EMPTY] = ()
    sku: Annotated[EmbeddedSku | None, OR_NONE] = None

    @property
    def is_azure_plan(self) -> bool:
        """Whether it offers an Azure plan."""
        return is_azure_plan_item(self.product_id or self.catalog_item_id)


LIST_PRODUCTS: Operation[Collection[Product]] = Operation(
    name="catalog.list_products",
    method="GET",
    path="/products",
    answer=Collection[Product],
    page=True,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-a-list-of-products",
)

LIST_PRODUCTS_BY_CUSTOMER: Operation[Collection[Product]] = Operation(
    name="catalog.list_products_by_customer",
    method="GET",
    path="/customers/{customer_id}/products",
    answer=Collection[Product],
    page=True,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-a-list-of-products-by-customer",
)

GET_PRODUCT: Operation[Product] = Operation(
    name="catalog.get_product",
    method="GET",
    path="/products/{product_id}",
    answer=Product,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-a-product-by-id",
)

GET_PRODUCT_BY_CUSTOMER: Operation[Product] = Operation(
    name="catalog.get_product_by_customer",
    method="GET",
    path="/customers/{customer_id}/products/{product_id}",
    answer=Product,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-a-product-by-id-by-customer",
)

LIST_SKUS: Operation[Collection[Sku]] = Operation(
    name="catalog.list_skus",
    method="GET",
    path="/products/{product_id}/skus",
    answer=Collection[Sku],
    page=True,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-a-list-of-skus-for-a-product",
)

LIST_SKUS_BY_CUSTOMER: Operation[Collection[Sku]] = Operation(
    name="catalog.list_skus_by_customer",
    method="GET",
    path="/customers/{customer_id}/products/{product_id}/skus",
    answer=Collection[Sku],
    page=True,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-a-list-of-skus-for-a-product-by-customer",
)

GET_SKU: Operation[Sku] = Operation(
    name="catalog.get_sku",
    method="GET",
    path="/products/{product_id}/skus/{sku_id}",
    answer=Sku,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-a-sku-by-id",
)

GET_SKU_BY_CUSTOMER: Operation[Sku] = Operation(
    name="catalog.get_sku_by_customer",
    method="GET",
    path="/customers/{customer_id}/products/{product_id}/skus/{sku_id}",
    answer=Sku,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-a-sku-by-id-by-customer",
)

LIST_AVAILABILITIES: Operation[Collection[Availability]] = Operation(
    name="catalog.list_availabilities",
    method="GET",
    path="/products/{product_id}/skus/{sku_id}/availabilities",
    answer=Collection[Availability],
    page=True,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-a-list-of-availabilities-for-a-sku",
)

LIST_AVAILABILITIES_BY_CUSTOMER: Operation[Collection[Availability]] = Operation(
    name="catalog.list_availabilities_by_customer",
    method="GET",
    path="/customers/{customer_id}/products/{product_id}/skus/{sku_id}/availabilities",
    answer=Collection[Availability],
    page=True,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-a-list-of-availabilities-for-a-sku-by-customer",
)

GET_AVAILABILITY: Operation[Availability] = Operation(
    name="catalog.get_availability",
    method="GET",
    path="/products/{product_id}/skus/{sku_id}/availabilities/{availability_id}",
    answer=Availability,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-an-availability-by-id",
)

GET_AVAILABILITY_BY_CUSTOMER: Operation[Availability] = Operation(
    name="catalog.get_availability_by_customer",
    method="GET",
    path="/customers/{customer_id}/products/{product_id}/skus/{sku_id}/availabilities/{availability_id}",
    answer=Availability,
    effect=EffectClass.READ,
    auth=Auth.EITHER,
    source=DOCS + "get-an-availability-by-id-by-customer",
)


async def list_products(center: PartnerCenter, country: str, *, target_view: str = MICROSOFT_AZURE) -> list[Product]:
    """The products in a country (ISO 3166-1 alpha-2). Refused with 400030 or 400036 for a view without access."""
    return await collect(center, LIST_PRODUCTS, {}, query={"country": country, "targetView": target_view})


async def list_products_by_customer(
    center: PartnerCenter, customer_id: str, *, target_view: str = MICROSOFT_AZURE
) -> list[Product]:
    """The products that a customer can buy."""
    path = {"customer_id": customer_id}
    return await collect(center, LIST_PRODUCTS_BY_CUSTOMER, path, query={"targetView": target_view})


async def get_product(center: PartnerCenter, product_id: str, country: str) -> Product:
    """A product. Refused with 400013 if there is none."""
    return await center.call(GET_PRODUCT, {"product_id": product_id}, query={"country": country})


async def get_product_by_customer(center: PartnerCenter, customer_id: str, product_id: str) -> Product:
    """A product for a customer. Refused with 400013 if there is none."""
    return await center.call(GET_PRODUCT_BY_CUSTOMER, {"customer_id": customer_id, "product_id": product_id})


async def list_skus(center: PartnerCenter, product_id: str, country: str) -> list[Sku]:
    """The SKUs of a product in a country."""
    return await collect(center, LIST_SKUS, {"product_id": product_id}, query={"country": country})


async def list_skus_by_customer(center: PartnerCenter, customer_id: str, product_id: str) -> list[Sku]:
    """The SKUs of a product that a customer can buy."""
    return await collect(center, LIST_SKUS_BY_CUSTOMER, {"customer_id": customer_id, "product_id": product_id})


async def get_sku(center: PartnerCenter, product_id: str, sku_id: str, country: str) -> Sku:
    """A SKU. Refused with 400018 if there is none."""
    return await center.call(GET_SKU, _sku(product_id, sku_id), query={"country": country})


async def get_sku_by_customer(center: PartnerCenter, customer_id: str, product_id: str, sku_id: str) -> Sku:
    """A SKU for a customer. Refused with 400018 if there is none."""
    return await center.call(GET_SKU_BY_CUSTOMER, {"customer_id": customer_id, **_sku(product_id, sku_id)})


async def list_availabilities(center: PartnerCenter, product_id: str, sku_id: str, country: str) -> list[Availability]:
    """The availabilities of a SKU in a country, in every segment except non-profit."""
    return await collect(center, LIST_AVAILABILITIES, _sku(product_id, sku_id), query={"country": country})


async def list_availabilities_by_customer(
    center: PartnerCenter, customer_id: str, product_id: str, sku_id: str
) -> list[Availability]:
    """The availabilities of a SKU for a customer."""
    path = {"customer_id": customer_id, **_sku(product_id, sku_id)}
    return await collect(center, LIST_AVAILABILITIES_BY_CUSTOMER, path)


async def get_availability(
    center: PartnerCenter, product_id: str, sku_id: str, availability_id: str, country: str
) -> Availability:
    """An availability. Refused with 400019 if there is none (any more)."""
    path = {**_sku(product_id, sku_id), "availability_id": availability_id}
    return await center.call(GET_AVAILABILITY, path, query={"country": country})


async def get_availability_by_customer(
    center: PartnerCenter, customer_id: str, product_id: str, sku_id: str, availability_id: str
) -> Availability:
    """An availability for a customer. Refused with 400019 if there is none (any more)."""
    path = {"customer_id": customer_id, **_sku(product_id, sku_id), "availability_id": availability_id}
    return await center.call(GET_AVAILABILITY_BY_CUSTOMER, path)


def _sku(product_id: str, sku_id: str) -> Mapping[str, str]:
    return {"product_id": product_id, "sku_id": sku_id}
